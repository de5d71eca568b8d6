//go:build linux

package containers

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"

	"github.com/cleat-dev/cleat/api/errs"
)

func TestLife(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.run(script("echo out; echo err >&2; cat /etc/hostname; echo $FROM; exit 3"), nil)
	if code := b.end(id); code != 3 {
		t.Errorf("exit code %d", code)
	}
	out := strings.Fields(b.output(id))
	slices.Sort(out) // two pipes: which is read first is not said
	want := []string{id[:12], "err", "image", "out"}
	slices.Sort(want)
	if diff := cmp.Diff(want, out); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
	in, err := b.Inspect(t.Context(), id, true)
	must(t, err)
	if in.State.Status != "exited" || in.State.ExitCode != 3 || in.State.Running || in.State.Pid != 0 || in.State.FinishedAt == "" || *in.SizeRootFs < 1<<20 {
		t.Errorf("state %+v, size %d", in.State, *in.SizeRootFs)
	}
	if diff := cmp.Diff([]string{"create", "start", "die"}, b.actions(id)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if started, err := b.Start(t.Context(), id, nil); err != nil || !started {
		t.Fatal(started, err)
	}
	if code := b.end(id); code != 3 {
		t.Errorf("second run: exit code %d", code)
	}
	must(t, b.Remove(t.Context(), id[:12], RemoveOptions{}))
	if _, err := b.Inspect(t.Context(), id, false); !errors.Is(err, errs.ErrNotFound) || err.Error() != "No such container: "+id {
		t.Errorf("removed: %v", err)
	}
}

func TestStopAndKill(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ctx := t.Context()
	id := b.run(script("trap 'exit 5' TERM; echo up; while :; do sleep 1; done"), off())
	if started, err := b.Start(ctx, id, nil); started || err != nil {
		t.Errorf("second start: %v, %v", started, err)
	}
	b.waitOutput(id, "up")
	five := 5
	if stopped, err := b.Stop(ctx, id, StopOptions{Timeout: &five}); !stopped || err != nil {
		t.Errorf("stop: %v, %v", stopped, err)
	}
	if stopped, err := b.Stop(ctx, id, StopOptions{}); stopped || err != nil {
		t.Errorf("second stop: %v, %v", stopped, err)
	}
	if code := b.end(id); code != 5 {
		t.Errorf("exit code %d", code)
	}
	if ran, err := b.Kill(ctx, id, ""); ran || !errors.Is(err, errs.ErrConflict) {
		t.Errorf("kill of a stopped one: %v, %v", ran, err)
	}
	if _, err := b.Start(ctx, id, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Kill(ctx, id, "nonsense"); !errors.Is(err, errs.ErrInvalid) {
		t.Errorf("bad signal: %v", err)
	}
	if ran, err := b.Kill(ctx, id, ""); !ran || err != nil {
		t.Errorf("kill: %v, %v", ran, err)
	}
	if code := b.end(id); code != 137 {
		t.Errorf("exit code %d", code)
	}
	must(t, b.Restart(ctx, id, StopOptions{}))
	zero := 0
	must(t, b.Restart(ctx, id, StopOptions{Timeout: &zero}))
	want := "create start kill die stop start kill die start restart kill die stop start restart"
	got := strings.Join(b.actions(id), " ")
	got = strings.ReplaceAll(got, "kill kill", "kill") // the second of stop, when the first came to nothing
	if got != want {
		t.Errorf("events %s, want %s", got, want)
	}
	if err := b.Remove(ctx, id, RemoveOptions{}); !errors.Is(err, errs.ErrConflict) {
		t.Errorf("remove of a running one: %v", err)
	}
	must(t, b.Remove(ctx, id, RemoveOptions{Force: true}))
}

// waitOutput waits for a text in a container's log.
func (b *bench) waitOutput(id, text string) {
	b.t.Helper()
	_, write, err := b.Logs(id, LogOptions{Stdout: true, Stderr: true, Follow: true})
	must(b.t, err)
	w := &waiter{text: text}
	if err := write(b.t.Context(), w); !errors.Is(err, errFound) {
		b.t.Fatalf("%q is not in the output: %v", text, err)
	}
}

var errFound = errors.New("found")

type waiter struct {
	text string
	got  []byte
}

func (w *waiter) Write(p []byte) (int, error) {
	w.got = append(w.got, p...)
	if strings.Contains(string(w.got), w.text) {
		return 0, errFound
	}
	return len(p), nil
}

func TestFailedStart(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	before := b.volumes.count()
	for name, c := range map[string]struct {
		config *container.Config
		host   *container.HostConfig
		code   int
		class  error
		text   string
	}{
		"no such command":   {config: &container.Config{Image: "busybox:1", Cmd: []string{"nonsense"}}, code: 127, class: errs.ErrInvalid, text: "executable file not found in $PATH"},
		"no such file":      {config: &container.Config{Image: "busybox:1", Cmd: []string{"/nonsense"}}, code: 127, class: errs.ErrInvalid, text: "no such file or directory"},
		"not executable":    {config: &container.Config{Image: "busybox:1", Cmd: []string{"/etc/passwd"}}, code: 126, class: errs.ErrInvalid, text: "permission denied"},
		"no such user":      {config: &container.Config{Image: "busybox:1", User: "nobodyelse", Cmd: []string{"sh"}}, code: 128, class: errs.ErrInvalid, text: "nobodyelse"},
		"network of nobody": {config: script("true"), host: &container.HostConfig{NetworkMode: "container:stopped"}, code: 128, class: errs.ErrConflict, text: "non running container"},
	} {
		if name == "network of nobody" {
			if _, err := b.Create(t.Context(), NewContainer{Name: "stopped", Config: script("true")}); err != nil {
				t.Fatal(err)
			}
		}
		id := b.make(c.config, c.host)
		for range 2 { // a failed start leaves a container that can be started again
			_, err := b.Start(t.Context(), id, nil)
			if !errors.Is(err, c.class) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("%s: %v", name, err)
			}
		}
		in, err := b.Inspect(t.Context(), id, false)
		must(t, err)
		if in.State.ExitCode != c.code || in.State.Running || !strings.Contains(in.State.Error, c.text) {
			t.Errorf("%s: state %+v", name, in.State)
		}
	}
	if n := b.volumes.count(); n != before {
		t.Errorf("%d volumes, before %d", n, before)
	}
}

func TestAutoRemove(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	host := off()
	host.AutoRemove = true
	config := script("exit 4")
	config.Volumes = map[string]struct{}{"/data": {}}
	id := b.make(config, host)
	if b.volumes.count() != 1 {
		t.Errorf("%d volumes", b.volumes.count())
	}
	wait, err := b.Wait(id, container.WaitConditionRemoved)
	must(t, err)
	if _, err := b.Start(t.Context(), id, nil); err != nil {
		t.Fatal(err)
	}
	if code, _, err := wait(t.Context()); code != 4 || err != nil {
		t.Errorf("wait: %d, %v", code, err)
	}
	if b.volumes.count() != 0 {
		t.Errorf("%d volumes are left", b.volumes.count())
	}
}

func TestRestartPolicy(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	host := off()
	host.RestartPolicy = container.RestartPolicy{Name: "on-failure", MaximumRetryCount: 2}
	id := b.run(script("echo run; exit 7"), host)
	must(t, b.mustGet(id).until(t.Context(), func(r *record) bool { return !r.State.alive() && r.State.Starts == 3 }))
	in, err := b.Inspect(t.Context(), id, false)
	must(t, err)
	if in.RestartCount != 2 || in.State.ExitCode != 7 || in.State.Restarting {
		t.Errorf("restarts %d, state %+v", in.RestartCount, in.State)
	}
	if got := b.output(id); got != "run\nrun\nrun\n" {
		t.Errorf("output %q", got)
	}
	host = off()
	host.RestartPolicy.Name = "always"
	id = b.run(script("exit 1"), host)
	c := b.mustGet(id)
	must(t, c.until(t.Context(), func(r *record) bool { return r.State.Restarting && r.Restarts > 1 }))
	if stopped, err := b.Stop(t.Context(), id, StopOptions{}); !stopped || err != nil {
		t.Errorf("stop while it waits for its restart: %v, %v", stopped, err)
	}
	if st := c.record().State; st.alive() || !st.ByHand {
		t.Errorf("state %+v", st)
	}
}

func (b *bench) mustGet(id string) *ctr {
	b.t.Helper()
	c, ok := b.index.get(id)
	if !ok {
		b.t.Fatalf("no container %s", id)
	}
	return c
}

func TestSurvival(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	lives := b.run(script("trap 'exit 6' TERM; echo up; while :; do sleep 0.1; done"), nil)
	dies := b.run(script("trap 'exit 9' TERM; echo up; while :; do sleep 0.1; done"), nil)
	b.waitOutput(lives, "up")
	b.waitOutput(dies, "up")
	address := b.mustGet(lives).record().Endpoints["bridge"].IPAddress
	pid := b.mustGet(dies).record().State.Pid
	n := instances.Load()
	b.shut()
	signalPid(t, pid)
	waitGone(t, pid)
	b.open(n)
	b.service()
	must(t, b.Reconcile(t.Context()))
	if st := b.mustGet(dies).record().State; st.alive() || st.ExitCode != 9 {
		t.Errorf("died while the daemon was dead: %+v", st)
	}
	r := b.mustGet(lives).record()
	if !r.State.Running || r.State.Starts != 1 || r.Endpoints["bridge"].IPAddress != address {
		t.Errorf("lives: %+v, %+v", r.State, r.Endpoints["bridge"])
	}
	ten := 10
	if stopped, err := b.Stop(t.Context(), lives, StopOptions{Timeout: &ten}); !stopped || err != nil {
		t.Errorf("stop: %v, %v", stopped, err)
	}
	if code := b.end(lives); code != 6 {
		t.Errorf("exit code %d", code)
	}
	if diff := cmp.Diff([]string{"create", "start", "die"}, b.actions(dies)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// within fails the test when what it waits for takes too long.
const within = 30 * time.Second

// TestOutOfMemory: that the kernel killed a container's process is told once, by whoever hears of it first.
func TestOutOfMemory(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	host := off()
	host.Memory, host.MemorySwap = 16<<20, 16<<20
	for range 3 {
		id := b.run(script("exec dd if=/dev/zero of=/dev/null bs=64M count=1"), host)
		must(t, b.mustGet(id).until(t.Context(), func(r *record) bool { return !r.State.alive() }))
		if st := b.mustGet(id).record().State; !st.OOMKilled || st.ExitCode != 137 {
			t.Fatalf("state %+v", st)
		}
		b.OnOOM(id) // late
		if diff := cmp.Diff([]string{"create", "start", "oom", "die"}, b.actions(id)); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	}
}
