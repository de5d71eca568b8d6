//go:build linux

package daemon

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"golang.org/x/sync/errgroup"
)

const (
	survivors = 100
	kills     = 20
	// batches of batch lines, one a second, are what each container writes: they outlive the kills.
	batches, batch = 25, 20
)

// TestSurvival: a hundred containers write numbered lines while the daemon is killed twenty times. None of them
// restarts, no line is missing or doubled, every exit code is right, also of those that end while no daemon is there.
func TestSurvival(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	b := newBench(t)
	ids, codes := make([]string, survivors), make([]int64, survivors)
	group, ctx := errgroup.WithContext(t.Context())
	group.SetLimit(8)
	for i := range survivors {
		codes[i] = int64(i % 5 * 10)
		// A quarter ends in the middle of the kills.
		rounds := batches
		if i%4 == 0 {
			rounds = 3 + i%17
		}
		group.Go(func() (err error) {
			script := fmt.Sprintf("n=0; r=0; while [ $r -lt %d ]; do i=0; while [ $i -lt %d ]; do echo $n; n=$((n+1)); i=$((i+1)); done; r=$((r+1)); sleep 1; done; exit %d", rounds, batch, codes[i])
			ids[i], err = b.run(ctx, fmt.Sprintf("survivor-%d-%d", i, rounds), &container.HostConfig{NetworkMode: "none"}, "sh", "-c", script)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	began := b.started(t, ids)
	for range kills {
		b.SignalDaemon(t, syscall.SIGKILL)
		b.StartDaemon(t)
	}
	after := b.started(t, ids)
	for i, id := range ids {
		code, err := b.wait(t.Context(), id)
		if err != nil || code != codes[i] {
			t.Errorf("container %d: exit code %d (%v), want %d", i, code, err, codes[i])
		}
		if began[i] != after[i] {
			t.Errorf("container %d: started at %s, after the kills %s", i, began[i], after[i])
		}
		text, err := b.logs(t.Context(), id)
		if err != nil {
			t.Error(err)
			continue
		}
		if want := numbers(b.lines(t, id)); text != want {
			t.Errorf("container %d: %d bytes of log, want %d: %s", i, len(text), len(want), firstDifference(text, want))
		}
	}
}

// lines is how many a container was told to write, from its name.
func (b *bench) lines(t *testing.T, id string) int {
	t.Helper()
	found, err := b.docker.ContainerInspect(t.Context(), id, client.ContainerInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	rounds, err := strconv.Atoi(found.Container.Name[strings.LastIndexByte(found.Container.Name, '-')+1:])
	if err != nil {
		t.Fatal(err)
	}
	if found.Container.RestartCount != 0 {
		t.Errorf("%s: restarted %d times", found.Container.Name, found.Container.RestartCount)
	}
	return rounds * batch
}

// started is when each container's process began.
func (b *bench) started(t *testing.T, ids []string) []string {
	t.Helper()
	all := make([]string, len(ids))
	for i, id := range ids {
		found, err := b.docker.ContainerInspect(t.Context(), id, client.ContainerInspectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		all[i] = found.Container.State.StartedAt
	}
	return all
}

func numbers(n int) string {
	var out strings.Builder
	for i := range n {
		out.WriteString(strconv.Itoa(i))
		out.WriteByte('\n')
	}
	return out.String()
}

func firstDifference(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("line %d is %q, want %q", i, a[i], b[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(a), len(b))
}

// TestRestartPolicyWithoutDaemon: a container that must be restarted is, while there is no daemon, and the next one
// counts it.
func TestRestartPolicyWithoutDaemon(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id, err := b.run(t.Context(), "", &container.HostConfig{NetworkMode: "none", RestartPolicy: container.RestartPolicy{Name: "on-failure", MaximumRetryCount: 3}},
		"sh", "-c", "echo run; sleep 0.3; exit 3")
	if err != nil {
		t.Fatal(err)
	}
	b.SignalDaemon(t, syscall.SIGKILL)
	b.StartDaemon(t)
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	// Waiting ends with each run, and begins anew while the container waits for its restart.
	found, err := b.docker.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	for ; err == nil && found.Container.State.Running; found, err = b.docker.ContainerInspect(ctx, id, client.ContainerInspectOptions{}) {
		if code, err := b.wait(ctx, id); err != nil || code != 3 {
			t.Fatalf("exit code %d (%v), want 3", code, err)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	text, err := b.logs(ctx, id)
	if err != nil || strings.Count(text, "run\n") != 4 || found.Container.RestartCount != 3 {
		t.Errorf("log %q (%v), restart count %d: want 4 runs", text, err, found.Container.RestartCount)
	}
}
