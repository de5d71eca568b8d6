//go:build linux

package containers

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/runtime"
)

// session is a client's end of an attach; the other end is the service's.
type client struct {
	*net.UnixConn
	t    testing.TB
	over chan error
}

func (b *bench) attach(id string, o AttachOptions) *client {
	b.t.Helper()
	ours, theirs, err := runtime.Pair()
	must(b.t, err)
	c := &client{UnixConn: ours.(*net.UnixConn), t: b.t, over: make(chan error, 1)}
	go func() { c.over <- b.Attach(b.t.Context(), id, theirs, nil, o) }()
	b.t.Cleanup(func() { ours.Close() })
	return c
}

// all reads to the end.
func (c *client) all() string {
	c.t.Helper()
	raw, err := io.ReadAll(c)
	must(c.t, err)
	must(c.t, <-c.over)
	return string(raw)
}

func TestAttach(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	config := script("cat; echo done")
	config.OpenStdin, config.StdinOnce, config.AttachStdin, config.AttachStdout = true, true, true, true
	id := b.make(config, off())
	early := b.attach(id, AttachOptions{Stream: true, Stdin: true, Stdout: true, Stderr: true})
	_, err := early.Write([]byte("before the start\n"))
	must(t, err)
	must(t, early.CloseWrite()) // a client that only has its input behind it stays
	b.waitPending(id, 1)
	left := b.attach(id, AttachOptions{Stream: true, Stdout: true})
	b.waitPending(id, 2)
	must(t, left.Close()) // one that is gone is forgotten
	must(t, <-left.over)
	b.waitPending(id, 1)
	if _, err := b.Start(t.Context(), id, nil); err != nil {
		t.Fatal(err)
	}
	if got := unframe([]byte(early.all())); got != "before the start\ndone\n" {
		t.Errorf("session: %q", got)
	}
	if code := b.end(id); code != 0 {
		t.Errorf("exit code %d", code)
	}
	past := b.attach(id, AttachOptions{Logs: true, Stdout: true})
	if got := unframe([]byte(past.all())); got != "before the start\ndone\n" {
		t.Errorf("logs: %q", got)
	}
	waiting := b.attach(id, AttachOptions{Stream: true, Stdout: true})
	b.waitPending(id, 1)
	must(t, b.Remove(t.Context(), id, RemoveOptions{}))
	if got := waiting.all(); got != "" {
		t.Errorf("session of a container that never started again: %q", got)
	}
}

// waitPending waits for the number of clients that wait for a start.
func (b *bench) waitPending(id string, n int) {
	b.t.Helper()
	c := b.mustGet(id)
	for range 1_000_000 {
		c.mu.Lock()
		got := len(c.pending)
		c.mu.Unlock()
		if got == n {
			return
		}
		yield()
	}
	b.t.Fatalf("not %d clients are waiting", n)
}

func TestTerminal(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	config := script("read line; echo got $line; read never")
	config.OpenStdin, config.Tty = true, true
	id := b.run(config, off())
	c := b.attach(id, AttachOptions{Stream: true, Stdin: true, Stdout: true, DetachKeys: "ctrl-x,q"})
	must(t, b.Resize(t.Context(), id, 40, 100))
	_, err := c.Write([]byte("hello\n"))
	must(t, err)
	var got bytes.Buffer
	for !strings.Contains(got.String(), "got hello") {
		buf := make([]byte, 100)
		n, err := c.Read(buf)
		must(t, err)
		got.Write(buf[:n])
	}
	_, err = c.Write([]byte("\x18q"))
	must(t, err)
	c.all()
	if !b.mustGet(id).record().State.Running {
		t.Error("detaching ended the container")
	}
	must(t, b.Remove(t.Context(), id, RemoveOptions{Force: true}))
	if err := b.Resize(t.Context(), id, 1, 1); !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("resize: %v", err)
	}
}

func TestPauseTopStatsUpdate(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ctx := t.Context()
	id := b.run(script("sleep 1000 & while :; do sleep 1000; done"), nil)
	must(t, b.Pause(ctx, id))
	if err := b.Pause(ctx, id); !errors.Is(err, errs.ErrConflict) {
		t.Errorf("second pause: %v", err)
	}
	if in, err := b.Inspect(ctx, id, false); err != nil || in.State.Status != "paused" || !in.State.Running || !in.State.Paused {
		t.Errorf("%+v, %v", in.State, err)
	}
	if _, err := b.AttachInfo(id, AttachOptions{}); !errors.Is(err, errs.ErrConflict) {
		t.Errorf("attach to a paused one: %v", err)
	}
	must(t, b.Unpause(ctx, id))
	if err := b.Unpause(ctx, id); !errors.Is(err, errs.ErrInternal) {
		t.Errorf("second unpause: %v", err)
	}
	for _, args := range []string{"", "aux"} {
		top, err := b.Top(ctx, id, args)
		must(t, err)
		last := len(top.Titles) - 1
		if len(top.Processes) < 2 || !slices.ContainsFunc(top.Processes, func(row []string) bool { return row[last] == "sleep 1000" && row[0] == "root" }) {
			t.Errorf("top %s: %v", args, top)
		}
	}
	top, err := b.Top(ctx, id, "-o pid,args")
	must(t, err)
	if diff := cmp.Diff([]string{"PID", "COMMAND"}, top.Titles); diff != "" || len(top.Processes) < 2 {
		t.Errorf("top: %v", top)
	}
	var samples []container.StatsResponse
	enough := errors.New("enough")
	err = b.Stats(ctx, id, StatsOptions{Stream: true}, func(s container.StatsResponse) error {
		if samples = append(samples, s); len(samples) == 2 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || samples[1].PreRead != samples[0].Read || samples[1].MemoryStats.Usage == 0 || samples[1].CPUStats.CPUUsage.TotalUsage == 0 || len(samples[1].Networks) != 1 {
		t.Errorf("stats: %v, %+v", err, samples)
	}
	answer, err := b.Update(ctx, id, container.UpdateConfig{Resources: container.Resources{Memory: 64 << 20}, RestartPolicy: container.RestartPolicy{Name: "always"}})
	if err != nil || answer.Warnings == nil {
		t.Errorf("update: %v, %v", answer, err)
	}
	if h := b.mustGet(id).record().Host; h.Memory != 64<<20 || h.RestartPolicy.Name != "always" {
		t.Errorf("after update: %+v", h)
	}
	err = b.Stats(ctx, id, StatsOptions{OneShot: true}, func(s container.StatsResponse) error {
		if s.MemoryStats.Limit != 64<<20 {
			t.Errorf("limit %d", s.MemoryStats.Limit)
		}
		return nil
	})
	must(t, err)
	must(t, b.Pause(ctx, id))
	if err := b.Remove(ctx, id, RemoveOptions{}); !errors.Is(err, errs.ErrConflict) {
		t.Errorf("remove of a paused one: %v", err)
	}
	must(t, b.Remove(ctx, id, RemoveOptions{Force: true})) // frozen processes die as well
}

func TestNamespacesAndLinks(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ctx := t.Context()
	config := script("echo shared > /dev/shm/x; httpd -p 80 -h /data; while :; do sleep 1000; done")
	config.Env = []string{"SECRET=1"}
	created, err := b.Create(ctx, NewContainer{Name: "server", Config: config, Host: &container.HostConfig{IpcMode: "shareable"}})
	must(t, err)
	server := created.ID
	_, err = b.Start(ctx, server, nil)
	must(t, err)
	address := b.mustGet(server).record().Endpoints["bridge"].IPAddress.String()

	id := b.run(script("wget -qO- http://web/file && echo $WEB_PORT_80_TCP $WEB_ENV_SECRET $WEB_NAME"), &container.HostConfig{Links: []string{"server:web"}})
	if code := b.end(id); code != 0 || !strings.Contains(b.output(id), "from the image\ntcp://"+address+":80 1 /") {
		t.Errorf("link: %d, %q", code, b.output(id))
	}
	in, err := b.Inspect(ctx, id, false)
	must(t, err)
	if diff := cmp.Diff([]string{"/server:" + in.Name + "/web"}, in.HostConfig.Links); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
	must(t, b.Remove(ctx, strings.TrimPrefix(in.Name, "/")+"/web", RemoveOptions{Link: true}))
	if len(b.mustGet(id).record().Links) != 0 {
		t.Error("the link is still there")
	}

	id = b.run(script("hostname; wget -qO- http://127.0.0.1/file; cat /dev/shm/x; ps | grep -q '[h]ttpd' && hostname"),
		&container.HostConfig{NetworkMode: "container:server", IpcMode: "container:server", PidMode: "container:server"})
	if code := b.end(id); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if got := b.output(id); got != server[:12]+"\nfrom the image\nshared\n"+server[:12]+"\n" {
		t.Errorf("shared namespaces: %q", got)
	}
	id = b.run(script("hostname"), &container.HostConfig{NetworkMode: "host", UTSMode: "host"})
	b.end(id)
	if name, err := os.Hostname(); err != nil || b.output(id) != name+"\n" {
		t.Errorf("host's names: %q, %v", b.output(id), err)
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ctx := t.Context()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "seen"), []byte("bind\n"), 0o600))
	config := script("cat /data/file /bind/seen; echo new > /data/new; echo changed > /etc/added; rm /etc/group")
	config.Volumes = map[string]struct{}{"/data": {}}
	host := off()
	host.Binds = []string{dir + ":/bind:ro", filepath.Join(dir, "made") + ":/made", "named:/named"}
	id := b.run(config, host)
	if code := b.end(id); code != 0 || b.output(id) != "from the image\nbind\n" {
		t.Errorf("%d, %q", code, b.output(id))
	}
	if _, err := os.Stat(filepath.Join(dir, "made")); err != nil {
		t.Error(err)
	}
	changes, err := b.Changes(ctx, id)
	must(t, err)
	var lines []string
	for _, c := range changes {
		lines = append(lines, fmt.Sprint(c.Kind)+" "+c.Path)
	}
	if all := strings.Join(lines, "\n"); !strings.Contains(all, "A /etc/added") && !strings.Contains(all, "1 /etc/added") {
		t.Errorf("changes: %s", all)
	}
	// A second container sees the volumes, and the first one's files are read while it does not run.
	other := b.run(script("cat /data/new; echo x > /bind/x"), &container.HostConfig{NetworkMode: "none", VolumesFrom: []string{id}})
	if code := b.end(other); code == 0 || !strings.HasPrefix(b.output(other), "new\n") {
		t.Errorf("volumes from: %d, %q", code, b.output(other))
	}
	for path, want := range map[string]string{"/data/new": "new\n", "/bind/seen": "bind\n", "/etc/added": "changed\n"} {
		if got := b.read(id, path); got != want {
			t.Errorf("%s: %q", path, got)
		}
	}
	if _, err := b.StatPath(ctx, id, "/nothing"); !errors.Is(err, errs.ErrNotFound) || !strings.HasPrefix(err.Error(), "Could not find the file /nothing in container") {
		t.Errorf("missing path: %v", err)
	}
	var tarball bytes.Buffer
	w := tar.NewWriter(&tarball)
	must(t, w.WriteHeader(&tar.Header{Name: "put", Mode: 0o600, Size: 3}))
	_, err = w.Write([]byte("put"))
	must(t, err)
	must(t, w.Close())
	raw := tarball.Bytes()
	must(t, b.Extract(ctx, id, "/data", false, false, bytes.NewReader(raw)))
	if got := b.read(other, "/data/put"); got != "put" {
		t.Errorf("what was put: %q", got)
	}
	var readOnly interface{ ReadOnly() bool }
	if err := b.Extract(ctx, id, "/bind", false, false, bytes.NewReader(raw)); !errors.As(err, &readOnly) {
		t.Errorf("into a read-only bind: %v", err)
	}
	write, done, err := b.Export(ctx, id)
	must(t, err)
	defer done()
	var export bytes.Buffer
	must(t, write(ctx, &export))
	names := tarNames(t, &export)
	if !slices.Contains(names, "etc/added") || slices.Contains(names, "etc/group") || slices.Contains(names, "bind/seen") {
		t.Errorf("export: %v", names)
	}
	// The anonymous volume goes with its last user, the named one stays.
	must(t, b.Remove(ctx, id, RemoveOptions{Volumes: true}))
	if n := b.volumes.count(); n != 2 {
		t.Errorf("%d volumes after the first", n)
	}
	must(t, b.Remove(ctx, other, RemoveOptions{Volumes: true}))
	if n := b.volumes.count(); n != 1 {
		t.Errorf("%d volumes after the second", n)
	}
}

// read returns a file of a container.
func (b *bench) read(id, path string) string {
	b.t.Helper()
	_, write, done, err := b.ArchivePath(b.t.Context(), id, path, true)
	must(b.t, err)
	defer done()
	var out bytes.Buffer
	must(b.t, write(b.t.Context(), &out))
	r := tar.NewReader(&out)
	_, err = r.Next()
	must(b.t, err)
	raw, err := io.ReadAll(r)
	must(b.t, err)
	return string(raw)
}

func tarNames(t *testing.T, in io.Reader) []string {
	t.Helper()
	var names []string
	for r := tar.NewReader(in); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return names
		}
		must(t, err)
		names = append(names, strings.TrimPrefix(h.Name, "./"))
	}
}

func TestCommitAndRun(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ctx := t.Context()
	created, err := b.CreateFor(ctx, script("echo out; echo err >&2; echo x > /new; exit 2"), off())
	must(t, err)
	var out, errOut bytes.Buffer
	if code, err := b.Run(ctx, created.ID, &out, &errOut); code != 2 || err != nil || out.String() != "out\n" || errOut.String() != "err\n" {
		t.Errorf("run: %d, %v, %q, %q", code, err, out.String(), errOut.String())
	}
	running := b.run(script("echo x > /new; while :; do sleep 1000; done"), off())
	id, err := b.Commit(ctx, running, CommitOptions{Repo: "r", Tag: "t", Comment: "c", Author: "a", Pause: true, Changes: []string{"ENV A=1"}, Config: &container.Config{Cmd: []string{"date"}}})
	must(t, err)
	n := b.image.created[0]
	if id == "" || n.Repo != "r" || n.Layer == nil || n.DiffID == "" || n.Container != running || n.Parent != b.image.image.ID {
		t.Errorf("new image: %+v", n)
	}
	config := n.Config.Config
	if diff := cmp.Diff([]string{"A=1", "PATH=/bin", "FROM=image"}, config.Env); diff != "" || !slices.Equal(config.Cmd, []string{"date"}) || len(config.ExposedPorts) != 1 {
		t.Errorf("configuration %+v (-want +got):\n%s", config, diff)
	}
	if st := b.mustGet(running).record().State; !st.Running || st.Paused {
		t.Errorf("after commit: %+v", st)
	}
	if _, err := b.Commit(ctx, running, CommitOptions{Changes: []string{"RUN x"}}); !errors.Is(err, errs.ErrInvalid) {
		t.Errorf("bad change: %v", err)
	}
	if _, err := b.Commit(ctx, "nobody", CommitOptions{}); !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("commit of nobody: %v", err)
	}
}

// TestRaces: many calls about one name and about many containers at the same time give documented answers, and the
// bench finds nothing left behind.
func TestRaces(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ctx := t.Context()
	var all sync.WaitGroup
	var made sync.Map
	for i := range 32 {
		all.Go(func() {
			name := "one"
			if i%2 == 0 {
				name = fmt.Sprintf("many%d", i)
			}
			created, err := b.Create(ctx, NewContainer{Name: name, Config: script("sleep 1000"), Host: off()})
			switch {
			case err == nil:
				made.Store(created.ID, true)
			case !errors.Is(err, errs.ErrConflict) || !strings.Contains(err.Error(), `name "/one" is already in use`):
				t.Errorf("create: %v", err)
			}
			zero := 0
			for what, call := range map[string]func() error{
				"start":  func() error { _, err := b.Start(ctx, name, nil); return err },
				"stop":   func() error { _, err := b.Stop(ctx, name, StopOptions{Timeout: &zero}); return err },
				"kill":   func() error { _, err := b.Kill(ctx, name, ""); return err },
				"remove": func() error { return b.Remove(ctx, name, RemoveOptions{Force: i%3 == 0}) },
				"list":   func() error { _, err := b.List(ctx, ListOptions{All: true}); return err },
			} {
				if err := call(); err != nil && !errors.Is(err, errs.ErrConflict) && !errors.Is(err, errs.ErrNotFound) {
					t.Errorf("%s: %v", what, err)
				}
			}
		})
	}
	all.Wait()
	if err := b.Remove(context.WithoutCancel(ctx), "one", RemoveOptions{Force: true}); err != nil && !errors.Is(err, errs.ErrNotFound) {
		t.Error(err)
	}
}

func TestRenameAndPrune(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ctx := t.Context()
	first, err := b.Create(ctx, NewContainer{Name: "first", Config: script("true"), Host: off()})
	must(t, err)
	_, err = b.Create(ctx, NewContainer{Name: "second", Config: script("true"), Host: off()})
	must(t, err)
	for name, class := range map[string]error{"second": errs.ErrConflict, "first": errs.ErrInvalid, "": errs.ErrInvalid, "a b": errs.ErrInvalid} {
		if err := b.Rename(ctx, "first", name); !errors.Is(err, class) {
			t.Errorf("rename to %q: %v", name, err)
		}
	}
	must(t, b.Rename(ctx, "first", "/third"))
	if id, err := b.Lookup("third"); err != nil || id != first.ID {
		t.Errorf("%s, %v", id, err)
	}
	if _, err := b.Lookup("first"); !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("the old name: %v", err)
	}
	runs := b.run(script("sleep 1000"), off())
	report, err := b.Prune(ctx, map[string][]string{"until": {"1h"}})
	if err != nil || len(report.ContainersDeleted) != 0 {
		t.Errorf("prune of what is old: %v, %v", report, err)
	}
	report, err = b.Prune(ctx, nil)
	if err != nil || len(report.ContainersDeleted) != 2 {
		t.Errorf("prune: %v, %v", report, err)
	}
	if n := b.Count(); n.Running != 1 || n.Total != 1 || len(b.UsersOf(b.image.image.ID)) != 1 {
		t.Errorf("%+v", n)
	}
	if _, err := b.Prune(ctx, map[string][]string{"colour": {"red"}}); !errors.Is(err, errs.ErrInvalid) {
		t.Errorf("bad filter: %v", err)
	}
	must(t, b.Remove(ctx, runs, RemoveOptions{Force: true}))
}
