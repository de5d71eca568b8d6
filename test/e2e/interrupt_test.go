package e2e

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	apiclient "github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/internal/acctest"
	"github.com/cleat-dev/cleat/reconcile/ownership"
	"github.com/cleat-dev/cleat/test/proxy"
)

// queued are containers that are made one after the other, so that there is a middle.
const queued = `
resource "docker_container" "first" {
  name        = "cleat-queue-0"
  image       = "busybox:1"
  command     = ["sleep", "10000"]
  stop_signal = "SIGKILL"
}

resource "docker_container" "second" {
  name        = "cleat-queue-1"
  image       = "busybox:1"
  command     = ["sleep", "10000"]
  stop_signal = "SIGKILL"
  depends_on  = [docker_container.first]
}

resource "docker_container" "rest" {
  count       = 6
  name        = "cleat-queue-${count.index + 2}"
  image       = "busybox:1"
  command     = ["sleep", "10000"]
  stop_signal = "SIGKILL"
  depends_on  = [docker_container.second]
}
`

var queuedObjects = []string{
	"docker_container.first", "docker_container.rest[0]", "docker_container.rest[1]", "docker_container.rest[2]",
	"docker_container.rest[3]", "docker_container.rest[4]", "docker_container.rest[5]", "docker_container.second",
}

// TestInterrupt interrupts an apply once its first container runs: what runs is finished, nothing new is begun, the
// lock is released, the exit code is 130, and the next apply does the rest.
func TestInterrupt(t *testing.T) {
	hosted(t, func(t *testing.T, e *acctest.Engine) {
		p := newCleat(t, e, "cleat-queue", queued)
		ctx, cancel := context.WithTimeout(t.Context(), commandTimeout)
		defer cancel()
		starts := p.starts(ctx, t)
		var out strings.Builder
		cmd := p.command(ctx, &out, "apply", "-auto-approve", "-parallelism=1")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		waitFor(ctx, t, "the first start", starts)
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // the code tells
		if code := cmd.ProcessState.ExitCode(); code != 130 {
			t.Fatalf("exit %d, want 130\n%s", code, out.String())
		}
		owned := p.owned(t)
		if len(owned) == 0 || len(owned) >= len(queuedObjects) {
			t.Fatalf("after the interrupt there are %v, want some of the containers and no lock\n%s", owned, out.String())
		}
		p.running(t, len(owned))
		p.apply(t)
		p.settled(t, queuedObjects)
		p.destroy(t)
		if left := p.owned(t); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
}

// running demands that so many containers of the project are there and run.
func (p *project) running(t *testing.T, want int) {
	t.Helper()
	list, err := p.engine.Client(t).ContainerList(t.Context(), client.ContainerListOptions{
		All: true, Filters: make(client.Filters).Add("label", ownership.LabelProject+"="+p.name()),
	})
	if err != nil {
		t.Fatal(err)
	}
	things := slices.DeleteFunc(list.Items, func(c container.Summary) bool { return c.Labels[ownership.LabelLedger] != "" })
	for _, c := range things {
		if c.State != container.StateRunning {
			t.Errorf("container %s is %s", c.Names[0], c.State)
		}
	}
	if len(things) != want {
		t.Errorf("%d containers, want %d", len(things), want)
	}
}

// TestInterruptTwice: the second interrupt ends the program at once; its lock is stale then, and the next apply breaks
// it and does the rest.
func TestInterruptTwice(t *testing.T) {
	t.Parallel()
	e := acctest.NewDockerd(t)
	// Stopping this one takes longer than anything else here, so there is time for a second interrupt.
	p := newCleat(t, e, "cleat-slow", `
resource "docker_container" "slow" {
  name    = "cleat-slow"
  image   = "busybox:1"
  command = ["sh", "-c", "trap '' TERM; while :; do sleep 1; done"]
}
`)
	p.apply(t)
	p.configure(t, "resource \"docker_volume\" \"v\" {\n  name = \"cleat-slow\"\n}\n")
	ctx, cancel := context.WithTimeout(t.Context(), commandTimeout)
	defer cancel()
	stream := e.Client(t).Events(ctx, client.EventsListOptions{Filters: make(client.Filters).Add("container", "cleat-slow").Add("event", "kill")})
	out := &told{word: "nterrupt", heard: make(chan struct{})}
	cmd := p.command(ctx, out, "apply", "-auto-approve")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(ctx, t, "the signal of the stop", stream.Messages)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	select {
	case <-out.heard: // two signals at once may be one
	case <-ctx.Done():
		t.Fatalf("nothing is said of the interrupt:\n%s", out)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 {
		t.Fatalf("exit %d, want 130\n%s", code, out)
	}
	p.apply(t)
	p.settled(t, []string{"docker_volume.v"})
	p.destroy(t)
	if left := p.owned(t); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// told is what a program prints, and whether it said a word yet.
type told struct {
	word  string
	heard chan struct{}

	mu  sync.Mutex
	all strings.Builder
}

func (w *told) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := strings.Contains(w.all.String(), w.word)
	n, err := w.all.Write(b)
	if !before && strings.Contains(w.all.String(), w.word) {
		close(w.heard)
	}
	return n, err
}

func (w *told) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.all.String()
}

// TestInterruptWaiting interrupts an apply that waits for the lock: nothing is changed, and the lock is its holder's.
func TestInterruptWaiting(t *testing.T) {
	t.Parallel()
	e := acctest.NewDockerd(t)
	p := newCleat(t, e, "cleat-wait", "resource \"docker_volume\" \"v\" {\n  name = \"cleat-wait\"\n}\n")
	lock, err := ownership.TakeLock(t.Context(), newOwnershipClient(t, e), p.name(), ownership.NewHolder("apply"))
	if err != nil {
		t.Fatal(err)
	}
	before := p.owned(t)
	ctx, cancel := context.WithTimeout(t.Context(), commandTimeout)
	defer cancel()
	watches := make(chan string, 10)
	between, err := proxy.Start(filepath.Join(t.TempDir(), "sock"), e.Host, func(r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/events") {
			watches <- r.URL.Path
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = between.Close() })
	var out strings.Builder
	cmd := p.command(ctx, &out, "apply", "-auto-approve", "-lock-timeout=1m")
	cmd.Env = append(cmd.Env, "DOCKER_HOST="+between.Host)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(ctx, t, "the wait for the lock", watches)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 {
		t.Errorf("exit %d, want 130\n%s", code, out.String())
	}
	if after := p.owned(t); strings.Join(after, " ") != strings.Join(before, " ") {
		t.Errorf("there were %v, now there are %v", before, after)
	}
	if err := lock.Cleanup(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// newOwnershipClient is an engine as lock and ledger use it.
func newOwnershipClient(t *testing.T, e *acctest.Engine) *apiclient.Client {
	t.Helper()
	c, err := apiclient.New(t.Context(), apiclient.Config{Host: e.Host})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}
