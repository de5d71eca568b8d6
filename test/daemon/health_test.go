//go:build linux

package daemon

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// checked makes and starts a container with a health check.
func (b *bench) checked(t *testing.T, name string, check container.HealthConfig) string {
	t.Helper()
	made, err := b.docker.ContainerCreate(t.Context(), client.ContainerCreateOptions{
		Name:       name,
		Config:     &container.Config{Image: acctest.Busybox, Cmd: []string{"sleep", "1000"}, Healthcheck: &check},
		HostConfig: &container.HostConfig{NetworkMode: "none"},
	})
	if err == nil {
		_, err = b.docker.ContainerStart(t.Context(), made.ID, client.ContainerStartOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
	return made.ID
}

// hear waits for as many events of an action, and returns the containers they are of, in the order they came.
func (b *bench) hear(t *testing.T, action string, since time.Time, n int) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	stream := b.docker.Events(ctx, client.EventsListOptions{
		Since: fmt.Sprintf("%d.%09d", since.Unix(), since.Nanosecond()), Filters: make(client.Filters).Add("event", action),
	})
	var all []string
	for len(all) < n {
		select {
		case m := <-stream.Messages:
			all = append(all, m.Actor.Attributes["name"])
		case err := <-stream.Err:
			t.Fatalf("%v: %d of %d events %q: %q", err, len(all), n, action, all)
		}
	}
	return all
}

func (b *bench) health(t *testing.T, id string) *container.Health {
	t.Helper()
	found, err := b.docker.ContainerInspect(t.Context(), id, client.ContainerInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return found.Container.State.Health
}

// TestHealthSurvives: containers stay as healthy as they are while the daemon is killed again and again, and are probed
// by each new one. What the killed daemon's probes have left running is ended.
func TestHealthSurvives(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const each = 5
	began := time.Now()
	ids, want := map[string]string{}, map[string]container.HealthStatus{}
	for n := range each {
		for status, command := range map[container.HealthStatus]string{container.Healthy: "true", container.Unhealthy: "false"} {
			name := fmt.Sprintf("%s-%d", status, n)
			ids[name] = b.checked(t, name, container.HealthConfig{Test: []string{"CMD", command}, Interval: 300 * time.Millisecond, Retries: 2})
			want[name] = status
		}
	}
	// One whose probe hangs, and would for ever.
	probe := napper()
	hung := b.checked(t, "hung", container.HealthConfig{
		Test:     []string{"CMD-SHELL", "test ! -e /hang && touch /hang || exec " + strings.Join(probe, " ")},
		Interval: 300 * time.Millisecond, Timeout: time.Hour,
	})
	b.hear(t, "health_status: healthy", began, each+1)
	b.hear(t, "health_status: unhealthy", began, each)
	settled := time.Now()
	cut := 0
	for range 4 {
		first, ok := nap(t, probe)
		if ok {
			cut++
		}
		b.SignalDaemon(t, syscall.SIGKILL)
		b.StartDaemon(t)
		restarted := time.Now()
		for name, id := range ids {
			if got := b.health(t, id); got.Status != want[name] || len(got.Log) == 0 {
				t.Errorf("%s after a kill: %+v", name, got)
			}
		}
		heard := map[string]bool{}
		for n := 2 * each; len(heard) < 2*each; n++ { // each has been probed since
			for _, name := range b.hear(t, "exec_die", restarted, n) {
				if want[name] != "" {
					heard[name] = true
				}
			}
		}
		if now, runs := nap(t, probe); ok && runs && now == first {
			t.Error("the probe of a killed daemon still runs")
		}
	}
	if cut == 0 {
		t.Error("no probe was cut off")
	}
	if got := b.health(t, hung); got.Status != container.Healthy || got.FailingStreak != 0 {
		t.Errorf("a probe that was cut off counts: %+v", got)
	}
	changes := b.docker.Events(t.Context(), client.EventsListOptions{
		Since: strconv.FormatInt(settled.Unix()+1, 10), Until: strconv.FormatInt(time.Now().Unix(), 10),
		Filters: make(client.Filters).Add("event", "health_status"),
	})
	for done := false; !done; {
		select {
		case m := <-changes.Messages:
			t.Errorf("%s: %s, though nothing has changed", m.Actor.Attributes["name"], m.Action)
		case <-changes.Err:
			done = true
		}
	}
}

// napper is a command that sleeps for a time of its own, by which the host's process is found whatever namespace it is in.
func napper() []string { return []string{"sleep", strconv.FormatInt(1e6+rand.Int64N(1e9), 10)} }

// nap is the process of a napper on the host, false when there is none.
func nap(t *testing.T, command []string) (pid int, ok bool) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Join(command, "\x00") + "\x00"
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil && string(text) == want {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			if err != nil {
				t.Fatal(err)
			}
			return pid, true
		}
	}
	return 0, false
}

// TestHealthRestartPolicy: a run begun by the restart policy begins its health anew, also while no daemon is there.
func TestHealthRestartPolicy(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	began, command := time.Now(), napper()
	made, err := b.docker.ContainerCreate(t.Context(), client.ContainerCreateOptions{
		Name: "again",
		Config: &container.Config{
			Image: acctest.Busybox, Cmd: command,
			Healthcheck: &container.HealthConfig{Test: []string{"CMD", "true"}, Interval: 300 * time.Millisecond},
		},
		HostConfig: &container.HostConfig{NetworkMode: "none", RestartPolicy: container.RestartPolicy{Name: "always"}},
	})
	if err == nil {
		_, err = b.docker.ContainerStart(t.Context(), made.ID, client.ContainerStartOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
	b.hear(t, "health_status: healthy", began, 1)
	pid, ok := nap(t, command)
	if !ok {
		t.Fatal("the container's process is not found")
	}
	b.SignalDaemon(t, syscall.SIGKILL)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	b.StartDaemon(t)
	b.hear(t, "health_status: healthy", began, 2)
	var all []string
	stream := b.docker.Events(t.Context(), client.EventsListOptions{
		Since: "1", Filters: make(client.Filters).Add("container", made.ID).Add("event", "die", "start", "health_status"),
	})
	for len(all) < 5 {
		select {
		case m := <-stream.Messages:
			all = append(all, string(m.Action))
		case err := <-stream.Err:
			t.Fatal(err)
		}
	}
	want := []string{"start", "health_status: healthy", "die", "start", "health_status: healthy"}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Error(diff)
	}
}

// TestInitFlag: --init gives an init to containers that do not say whether they want one. It is ready for signals when
// the start has been answered, whenever that is, and costs little.
func TestInitFlag(t *testing.T) {
	t.Parallel()
	b := newBench(t, "--init")
	no := false
	for name, host := range map[string]*container.HostConfig{"unasked": {NetworkMode: "none"}, "declined": {NetworkMode: "none", Init: &no}} {
		id, err := b.run(t.Context(), name, host, "cat", "/proc/1/comm")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.wait(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		text, err := b.logs(t.Context(), id)
		if want := map[string]string{"unasked": "docker-init\n", "declined": "cat\n"}[name]; text != want || err != nil {
			t.Errorf("%s: process 1 is %q (%v), want %q", name, text, err, want)
		}
	}
	const times = 20
	for n := range times {
		id, err := b.run(t.Context(), fmt.Sprintf("signal-%d", n), &container.HostConfig{NetworkMode: "none"}, "sleep", "1000")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.docker.ContainerKill(t.Context(), id, client.ContainerKillOptions{Signal: "TERM"}); err != nil {
			t.Fatal(err)
		}
		if code, err := b.wait(t.Context(), id); code != 143 || err != nil {
			t.Errorf("start %d: exit code %d (%v), want 143, the command's", n, code, err)
		}
	}
	command := napper()
	if _, err := b.run(t.Context(), "idle", &container.HostConfig{NetworkMode: "none"}, command...); err != nil {
		t.Fatal(err)
	}
	pid, ok := nap(t, append([]string{"/sbin/docker-init", "--"}, command...))
	if !ok {
		t.Fatal("the init is not found")
	}
	const most = 1200 // kB; 0.7 MB on a quiet machine
	kB := private(t, pid)
	t.Logf("an idle init has %d kB of its own", kB)
	if kB > most {
		t.Errorf("an idle init has %d kB of its own, want at most %d", kB, most)
	}
}

// private is how much memory a process has for itself, in kB.
func private(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "smaps_rollup"))
	if err != nil {
		t.Fatal(err)
	}
	sum := 0
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "Private_") {
			n, err := strconv.Atoi(strings.Fields(line)[1])
			if err != nil {
				t.Fatal(err)
			}
			sum += n
		}
	}
	return sum
}
