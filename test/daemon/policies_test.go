//go:build linux

package daemon

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/acctest"
)

// lives are containers of every policy, some never started, some stopped by hand.
var lives = []struct {
	name, policy     string
	remove           bool
	started, stopped bool
}{
	{name: "plain", started: true},
	{name: "always", policy: "always", started: true},
	{name: "always-stopped", policy: "always", started: true, stopped: true},
	{name: "unless", policy: "unless-stopped", started: true},
	{name: "unless-stopped", policy: "unless-stopped", started: true, stopped: true},
	{name: "unless-new", policy: "unless-stopped"},
	{name: "remove", remove: true, started: true},
	{name: "remove-new", remove: true},
}

// states are the states of all containers by name.
func (b *bench) states(t *testing.T) map[string]string {
	t.Helper()
	all, err := b.docker.ContainerList(t.Context(), client.ContainerListOptions{All: true})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, c := range all.Items {
		found[strings.TrimPrefix(c.Names[0], "/")] = string(c.State)
	}
	return found
}

// TestPolicies: what runs, stays stopped and is removed when the daemon starts again: after its own end, after one in which
// containers ended without it, and after one of the host.
func TestPolicies(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, l := range lives {
		b.live(t, l.name, l.policy, l.remove, l.started, l.stopped)
	}
	want := map[string]string{"plain": "running", "always": "running", "always-stopped": "running", "unless": "running", "unless-stopped": "exited",
		"unless-new": "created", "remove": "running", "remove-new": "created"}
	check := func(when string) {
		t.Helper()
		if diff := cmp.Diff(want, b.states(t)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
	}
	b.SignalDaemon(t, syscall.SIGTERM)
	b.StartDaemon(t)
	check("after a restart")

	b.SignalDaemon(t, syscall.SIGKILL)
	for _, name := range []string{"plain", "remove"} {
		if err := os.WriteFile(b.fifo(name), []byte("end"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b.StartDaemon(t)
	if code, err := b.wait(t.Context(), "plain"); err != nil || code != 0 {
		t.Error("plain:", code, err)
	}
	gone := b.docker.ContainerWait(t.Context(), "remove", client.ContainerWaitOptions{Condition: container.WaitConditionRemoved})
	select {
	case <-gone.Result:
	case err := <-gone.Error:
		if !errors.Is(err, errs.ErrNotFound) { // it may be before we ask
			t.Error("remove:", err)
		}
	}
	want["plain"] = "exited"
	delete(want, "remove")
	check("after ends the daemon did not see")

	before := time.Now()
	b.Kill(t)
	b.Restart(t)
	b.cameUp(t, before, "always", "always-stopped", "unless")
	check("after the host's restart")
}

// cameUp waits until containers have started.
func (b *bench) cameUp(t *testing.T, since time.Time, names ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	told := b.docker.Events(ctx, client.EventsListOptions{Since: since.Format(time.RFC3339Nano), Filters: make(client.Filters).Add("event", "start")})
	for len(names) > 0 {
		select {
		case m := <-told.Messages:
			names = slices.DeleteFunc(names, func(name string) bool { return name == m.Actor.Attributes["name"] })
		case err := <-told.Err:
			t.Fatalf("%v did not come up: %v", names, err)
		}
	}
}

// fifo is what a container waits to read from.
func (b *bench) fifo(name string) string { return filepath.Join(b.Dir(), name) }

// live makes a container that runs until something is written to its fifo.
func (b *bench) live(t *testing.T, name, policy string, remove, started, stopped bool) {
	t.Helper()
	err := unix.Mkfifo(b.fifo(name), 0o600)
	var made client.ContainerCreateResult
	if err == nil {
		made, err = b.docker.ContainerCreate(t.Context(), client.ContainerCreateOptions{
			Name:   name,
			Config: &container.Config{Image: acctest.Busybox, Cmd: []string{"cat", "/files/" + name}, StopSignal: "SIGKILL"},
			HostConfig: &container.HostConfig{NetworkMode: "none", AutoRemove: remove, Binds: []string{b.Dir() + ":/files"},
				RestartPolicy: container.RestartPolicy{Name: container.RestartPolicyMode(policy)}},
		})
	}
	if err == nil && started {
		_, err = b.docker.ContainerStart(t.Context(), made.ID, client.ContainerStartOptions{})
	}
	if err == nil && stopped {
		_, err = b.docker.ContainerStop(t.Context(), made.ID, client.ContainerStopOptions{})
	}
	if err != nil {
		t.Fatal(name, err)
	}
}
