package e2e

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/acctest"
	"github.com/cleat-dev/cleat/reconcile/ownership"
)

// raced is a project of everything that can be made twice by accident.
const raced = `
resource "docker_network" "net" {
  name = "cleat-race"
}

resource "docker_volume" "data" {
  count = 2
  name  = "cleat-race-${count.index}"
}

resource "docker_container" "node" {
  count       = 4
  name        = "cleat-race-${count.index}"
  image       = "busybox:1"
  command     = ["sleep", "10000"]
  stop_signal = "SIGKILL"

  networks_advanced {
    name = docker_network.net.name
  }

  volumes {
    volume_name    = docker_volume.data[count.index % 2].name
    container_path = "/data"
  }
}

resource "docker_tag" "alias" {
  source_image = "busybox:1"
  target_image = "cleat-race/busybox:1"
}

output "nodes" {
  value = docker_container.node[*].name
}
`

var racedObjects = []string{
	"cleat-ledger-cleat-race",
	"docker_container.node[0]", "docker_container.node[1]", "docker_container.node[2]", "docker_container.node[3]",
	"docker_network.net", "docker_volume.data[0]", "docker_volume.data[1]",
}

// TestRace applies one project 32 times at once. One at a time has the lock: one makes everything, the others find
// it made, all of them end well, and the engine has every object once.
func TestRace(t *testing.T) {
	hosted(t, func(t *testing.T, e *acctest.Engine) {
		racers := 32
		if e.Name == "podman" {
			racers = 8
		}
		p := newCleat(t, e, "cleat-race", raced)
		ctx, cancel := context.WithTimeout(t.Context(), commandTimeout)
		defer cancel()
		watching, stop := context.WithCancel(ctx)
		seen := p.created(watching, t)
		var (
			mu      sync.Mutex
			outputs []string
			all     sync.WaitGroup
		)
		for range racers {
			all.Go(func() {
				code, out := p.run(ctx, "apply", "-auto-approve", "-lock-timeout=3m")
				mu.Lock()
				defer mu.Unlock()
				if outputs = append(outputs, out); code != 0 {
					t.Errorf("exit %d\n%s", code, lastLines(out, 20))
				}
			})
		}
		all.Wait()
		p.settled(t, racedObjects)
		made := slices.DeleteFunc(slices.Clone(outputs), func(out string) bool { return !regexp.MustCompile(`\b8 added`).MatchString(out) })
		idle := slices.DeleteFunc(slices.Clone(outputs), func(out string) bool { return !strings.Contains(out, "No changes") })
		if len(made) != 1 || len(idle) != racers-1 {
			t.Errorf("%d applies made everything and %d found it made, want 1 and %d", len(made), len(idle), racers-1)
		}
		p.destroy(t)
		if left := p.owned(t); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
		stop()
		creates := map[string]int{}
		for name := range seen {
			creates[name]++
		}
		// Every racer had the lock once, and the destroy.
		lock := ownership.LockName(p.name())
		if creates[lock] != racers+1 {
			t.Errorf("the lock was taken %d times, want %d", creates[lock], racers+1)
		}
		for name, n := range creates {
			if strings.HasPrefix(name, "cleat-race-") && n != 1 {
				t.Errorf("container %s was created %d times", name, n)
			}
		}
	})
}

// created are the names of all containers that are created, until the context ends.
func (p *project) created(ctx context.Context, t *testing.T) <-chan string {
	t.Helper()
	stream := p.engine.Client(t).Events(ctx, client.EventsListOptions{
		Since:   "0",
		Filters: make(client.Filters).Add("type", string(events.ContainerEventType)).Add("event", "create"),
	})
	names := make(chan string, 1000)
	go func() {
		defer close(names)
		for {
			select {
			case e := <-stream.Messages:
				if name := e.Actor.Attributes["name"]; strings.Contains(name, p.name()) {
					names <- name
				}
			case <-stream.Err:
				return
			}
		}
	}()
	return names
}

// TestLockTimeout waits for a lock that is held no longer than it is told to, and says who holds it.
func TestLockTimeout(t *testing.T) {
	hosted(t, func(t *testing.T, e *acctest.Engine) {
		p := newCleat(t, e, "cleat-held", `resource "docker_volume" "v" { name = "cleat-held" }`)
		c := e.Client(t)
		plain := newOwnershipClient(t, e)
		holder := ownership.NewHolder("apply")
		holder.User = "somebody"
		lock, err := ownership.TakeLock(t.Context(), plain, p.name(), holder)
		if err != nil {
			t.Fatal(err)
		}
		out := p.must(t, 1, "apply", "-auto-approve")
		for _, want := range []string{"locked", "somebody", "cleat unlock", "-lock-timeout"} {
			if !strings.Contains(out, want) {
				t.Errorf("the refusal does not say %q:\n%s", want, out)
			}
		}
		begun := time.Now()
		p.must(t, 1, "apply", "-auto-approve", "-lock-timeout=2s")
		if waited := time.Since(begun); waited < 2*time.Second {
			t.Errorf("waited %s for the lock, told to wait 2s", waited)
		}
		if _, err := c.VolumeInspect(t.Context(), "cleat-held", client.VolumeInspectOptions{}); err == nil {
			t.Error("the volume was made without the lock")
		}
		if err := lock.Unlock(t.Context()); err != nil {
			t.Fatal(err)
		}
		p.apply(t)
		p.destroy(t)
	})
}
