//go:build linux

package execs_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"
	"github.com/moby/moby/api/types/container"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/event"
	"github.com/cleat-dev/cleat/daemon/execs"
	"github.com/cleat-dev/cleat/daemon/metadata"
	"github.com/cleat-dev/cleat/daemon/runtime"
	"github.com/cleat-dev/cleat/daemon/spec"
)

// fake is the containers service and the one container's process.
type fake struct {
	mu      sync.Mutex
	state   container.ContainerState
	asked   []spec.Exec
	execs   []runtime.ExecSpec
	attach  []runtime.AttachOptions
	sizes   []string
	fail    error // of Exec
	deaf    error // of ExecSignal
	signals []string
	sync    func() // the journal's rest
}

const cid = "c0ffee"

func (f *fake) Status(ref string) (string, container.ContainerState, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if ref != cid && ref != "web" {
		return "", "", fmt.Errorf("No such container: %s: %w", ref, errs.ErrNotFound)
	}
	return cid, f.state, nil
}

func (f *fake) Labels(string) (string, string, map[string]string, bool) {
	return "web", "busybox", map[string]string{"l": "v"}, true
}

func (f *fake) Inspect(_ context.Context, ref string, _ bool) (container.InspectResponse, error) {
	return container.InspectResponse{ID: ref}, nil
}

func (f *fake) ExecProcess(_ context.Context, _ string, e spec.Exec) (*specs.Process, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, e)
	if e.User == "bad" {
		return nil, fmt.Errorf("unable to find user bad: %w", errs.ErrInvalid)
	}
	return &specs.Process{Args: e.Args}, nil
}

func (f *fake) Exec(_ context.Context, e runtime.ExecSpec, conn net.Conn, buffered []byte, o runtime.AttachOptions) (int, <-chan struct{}, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != nil {
		return 0, nil, f.fail
	}
	f.execs, f.attach = append(f.execs, e), append(f.attach, o)
	if conn == nil {
		return 77, nil, nil
	}
	_, err := fmt.Fprintf(conn, "session of %s after %q", e.Process.Args[0], buffered)
	done := make(chan struct{})
	close(done)
	return 77, done, errors.Join(err, conn.Close())
}

func (f *fake) ExecResize(_ context.Context, _ string, h, w uint) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sizes = append(f.sizes, fmt.Sprintf("%dx%d", h, w))
	return nil
}

func (f *fake) ExecSignal(_ context.Context, id string, sig unix.Signal) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.signals = append(f.signals, fmt.Sprintf("%d %s", sig, id))
	return f.deaf
}

func (f *fake) Sync(context.Context) error {
	if f.sync != nil {
		f.sync()
	}
	return nil
}

type world struct {
	*execs.Service
	*fake
	dir string
	db  *metadata.DB
	bus *event.Bus
}

func (w *world) start(t testing.TB) {
	t.Helper()
	db, err := metadata.Open(filepath.Join(w.dir, "db"))
	if err != nil {
		t.Fatal(err)
	}
	bus, err := event.Open(db, 1000)
	if err != nil {
		t.Fatal(err)
	}
	s, err := execs.New(execs.Config{
		DB: db, Events: bus, Containers: w.fake, Keep: 20, Log: hclog.NewNullLogger(),
		Process: func(string) (execs.Process, bool) {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.fake, w.state == container.StateRunning || w.state == container.StatePaused
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Service, w.db, w.bus = s, db, bus
}

func begin(t testing.TB) *world {
	t.Helper()
	w := &world{fake: &fake{state: container.StateRunning}, dir: t.TempDir()}
	w.start(t)
	t.Cleanup(func() {
		if err := w.db.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// again is the daemon after a kill.
func (w *world) again(t testing.TB) {
	t.Helper()
	if err := w.db.Close(); err != nil {
		t.Fatal(err)
	}
	w.start(t)
}

func (w *world) create(t testing.TB, q container.ExecCreateRequest) string {
	t.Helper()
	id, err := w.Create(t.Context(), "web", q)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// journal delivers an entry as the containers service does.
func (w *world) journal(t testing.TB, e runtime.Entry) {
	t.Helper()
	var announce func()
	if err := w.db.Update(func(tx *metadata.Tx) (err error) {
		announce, err = w.JournalIn(tx, cid, e)
		return err
	}); err != nil {
		t.Error(err)
	}
	announce()
}

func (w *world) told(t testing.TB) []string {
	t.Helper()
	var list []string
	for m := range w.bus.Subscribe(t.Context(), time.Unix(0, 1), time.Now(), nil) {
		a := m.Actor.Attributes
		if m.Type != "container" || m.Actor.ID != cid || len(a["execID"]) != 64 || a["name"] != "web" || a["image"] != "busybox" || a["l"] != "v" {
			t.Errorf("event %+v", m)
		}
		list = append(list, strings.TrimSpace(string(m.Action)+" "+a["exitCode"]))
	}
	return list
}

func (w *world) inspect(t testing.TB, id string) container.ExecInspectResponse {
	t.Helper()
	got, err := w.Service.Inspect(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// attach starts an exec with a client and returns what the client sees.
func (w *world) attach(t testing.TB, id string, o container.ExecStartRequest) string {
	t.Helper()
	client, server := net.Pipe()
	seen := make(chan string, 1)
	go func() {
		b, _ := io.ReadAll(client)
		seen <- string(b)
	}()
	if err := w.Start(t.Context(), id, o, func(bool) (net.Conn, []byte, error) { return server, []byte("in"), nil }); err != nil {
		t.Fatal(err)
	}
	return <-seen
}

func TestLife(t *testing.T) {
	t.Parallel()
	w := begin(t)
	yes, code := true, 3
	q := container.ExecCreateRequest{
		Cmd: []string{"sh", "-c", "exit 3"}, AttachStdin: true, AttachStdout: true, User: "1000", Env: []string{"A=b"}, WorkingDir: "/tmp", Privileged: true,
		DetachKeys: "ctrl-a,x", Tty: true, ConsoleSize: &[2]uint{24, 80},
	}
	id := w.create(t, q)
	want := container.ExecInspectResponse{
		ID: id, ContainerID: cid, OpenStdin: true, OpenStdout: true, DetachKeys: []byte{1, 'x'},
		ProcessConfig: &container.ExecProcessConfig{Tty: true, Entrypoint: "sh", Arguments: []string{"-c", "exit 3"}, Privileged: &yes, User: "1000"},
	}
	if diff := cmp.Diff(want, w.inspect(t, id)); diff != "" {
		t.Error(diff)
	}
	w.again(t)
	if got, want := w.attach(t, id, container.ExecStartRequest{}), `session of sh after "in"`; got != want {
		t.Error(got)
	}
	want.Running, want.Pid = true, 77
	if diff := cmp.Diff(want, w.inspect(t, id)); diff != "" {
		t.Error(diff)
	}
	wantExec := spec.Exec{Args: q.Cmd, Env: q.Env, User: q.User, WorkingDir: q.WorkingDir, Tty: true, Privileged: true, ConsoleSize: [2]uint{24, 80}}
	if diff := cmp.Diff([]spec.Exec{wantExec}, w.asked); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]runtime.ExecSpec{{ID: id, Process: &specs.Process{Args: q.Cmd}, TTY: true, Stdin: true}}, w.execs); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]runtime.AttachOptions{{Stdin: true, Stdout: true, Flow: true, DetachKeys: []byte{1, 'x'}}}, w.fake.attach); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{id}, w.Of(cid)); diff != "" {
		t.Error(diff)
	}
	if err := w.Resize(t.Context(), id, 40, 132); err != nil || !slices.Equal(w.sizes, []string{"40x132"}) {
		t.Error(err, w.sizes)
	}
	w.journal(t, runtime.Entry{Kind: runtime.KindExecStart, ID: id, Pid: 77, Time: 1e9})
	w.again(t) // while it runs
	if diff := cmp.Diff(want, w.inspect(t, id)); diff != "" {
		t.Error(diff)
	}
	w.sync = func() { // the exit is in the journal, and has not been delivered yet
		w.sync = nil
		w.journal(t, runtime.Entry{Kind: runtime.KindExecExit, ID: id, Code: 3, Time: 2e9})
	}
	want.Running, want.Pid, want.ExitCode, want.CanRemove = false, 0, &code, true
	for range 2 {
		if diff := cmp.Diff(want, w.inspect(t, id)); diff != "" {
			t.Error(diff)
		}
		w.again(t)
	}
	if ids := w.Of(cid); len(ids) > 0 {
		t.Error(ids)
	}
	if diff := cmp.Diff([]string{"exec_create: sh -c exit 3", "exec_start: sh -c exit 3", "exec_die 3"}, w.told(t)); diff != "" {
		t.Error(diff)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	w := begin(t)
	refuse := func(bool) (net.Conn, []byte, error) { return nil, nil, errors.New("no connection") }
	check := func(what string, err, class error, text string) {
		t.Helper()
		if !errors.Is(err, class) || !strings.HasPrefix(err.Error(), text) {
			t.Errorf("%s: %v", what, err)
		}
	}
	sh := container.ExecCreateRequest{Cmd: []string{"sh"}}
	_, err := w.Create(t.Context(), "none", sh)
	check("no container", err, errs.ErrNotFound, "No such container: none")
	_, err = w.Create(t.Context(), "web", container.ExecCreateRequest{})
	check("no command", err, errs.ErrInvalid, "No exec command specified")
	for _, keys := range []string{"ctrl-", "ctrl-p,", "abc", "ctrl-{"} {
		_, err = w.Create(t.Context(), "web", container.ExecCreateRequest{Cmd: []string{"sh"}, DetachKeys: keys})
		check("keys", err, errs.ErrInvalid, "invalid detach keys")
	}
	_, err = w.Service.Inspect(t.Context(), "none")
	check("no exec", err, errs.ErrNotFound, "No such exec instance: none")
	check("no exec", w.Start(t.Context(), "none", container.ExecStartRequest{}, refuse), errs.ErrNotFound, "No such exec instance: none")
	check("no exec", w.Resize(t.Context(), "none", 1, 1), errs.ErrNotFound, "No such exec instance: none")
	_, err = w.Service.Container(t.Context(), "none")
	check("no exec", err, errs.ErrNotFound, "No such exec instance: none")
	id := w.create(t, sh)
	if err := w.Start(t.Context(), id, container.ExecStartRequest{}, refuse); err == nil {
		t.Error("started without a connection")
	}
	for state, text := range map[container.ContainerState]string{"paused": "is paused, unpause", "exited": "is not running", "created": "is not running", "restarting": "is restarting"} {
		w.state = state
		_, err := w.Create(t.Context(), "web", sh)
		check("create", err, errs.ErrConflict, "Container web "+text)
		check("start", w.Start(t.Context(), id, container.ExecStartRequest{}, refuse), errs.ErrConflict, "Container "+cid+" "+text)
	}
	w.state = container.StateRunning
	if err := w.Start(t.Context(), id, container.ExecStartRequest{Detach: true}, refuse); err != nil {
		t.Error(err)
	}
	check("again", w.Start(t.Context(), id, container.ExecStartRequest{}, refuse), errs.ErrConflict, "Exec command "+id+" is already running")
	if err := w.Resize(t.Context(), id, 1, 1); err != nil {
		t.Errorf("resize where there is no terminal: %v", err)
	}
	w.journal(t, runtime.Entry{Kind: runtime.KindExecExit, ID: id, Time: 1})
	check("once more", w.Start(t.Context(), id, container.ExecStartRequest{}, refuse), errs.ErrConflict, "Exec command "+id+" has already run")
	check("ended", w.Resize(t.Context(), id, 1, 1), errs.ErrConflict, "exec "+id+" is not running")
}

// Why a command cannot run is told where the client listens.
func TestStartFails(t *testing.T) {
	t.Parallel()
	missing := &runtime.StartError{Kind: runtime.NotFound, Code: 127, Message: `exec: "foo": executable file not found in $PATH`}
	for name, c := range map[string]struct {
		user, want string
		tty        bool
		fail       error
		code       int
	}{
		"framed":   {"", "\x01\x00\x00\x00\x00\x00\x00\x31" + missing.Message + "\r\n", false, fmt.Errorf("container x: %w", missing), 127},
		"terminal": {"", missing.Message + "\r\n", true, missing, 127},
		"user":     {"bad", "unable to find user bad: invalid argument\r\n", true, nil, 126},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := begin(t)
			w.fail = c.fail
			q := container.ExecCreateRequest{Cmd: []string{"foo"}, Tty: c.tty, User: c.user}
			id, detached := w.create(t, q), w.create(t, q)
			if diff := cmp.Diff(c.want, w.attach(t, id, container.ExecStartRequest{})); diff != "" {
				t.Error(diff)
			}
			if err := w.Start(t.Context(), detached, container.ExecStartRequest{Detach: true}, nil); !errors.Is(err, errs.ErrInvalid) {
				t.Error(err)
			}
			for range 2 {
				for _, id := range []string{id, detached} {
					if got := w.inspect(t, id); got.ExitCode == nil || *got.ExitCode != c.code || got.Running {
						t.Errorf("%+v", got)
					}
				}
				w.journal(t, runtime.Entry{Kind: runtime.KindExecFailed, ID: id, Code: 1}) // late
				w.again(t)
			}
		})
	}
}

// When the monitor's answer does not come, only the journal knows whether the command runs.
func TestNoAnswer(t *testing.T) {
	t.Parallel()
	w := begin(t)
	w.fail = fmt.Errorf("its monitor is gone: %w", errs.ErrUnavailable)
	runs, never := w.create(t, container.ExecCreateRequest{Cmd: []string{"a"}}), w.create(t, container.ExecCreateRequest{Cmd: []string{"b"}})
	client, server := net.Pipe()
	err := w.Start(t.Context(), runs, container.ExecStartRequest{}, func(bool) (net.Conn, []byte, error) { return server, nil, nil })
	if !errors.Is(err, errs.ErrUnavailable) {
		t.Error(err)
	}
	if b, err := io.ReadAll(client); err != nil || len(b) > 0 {
		t.Errorf("%q was written into a session that may be the command's: %v", b, err)
	}
	if err := w.Start(t.Context(), never, container.ExecStartRequest{Detach: true}, nil); !errors.Is(err, errs.ErrUnavailable) {
		t.Error(err)
	}
	w.journal(t, runtime.Entry{Kind: runtime.KindExecStart, ID: runs, Pid: 5, Time: 1})
	if got := w.inspect(t, runs); !got.Running || got.ExitCode != nil {
		t.Errorf("%+v", got)
	}
	w.Ended(cid)
	for _, id := range []string{runs, never} {
		if got := w.inspect(t, id); got.Running || *got.ExitCode != 255 {
			t.Errorf("%+v", got)
		}
	}
}

func TestLostEnds(t *testing.T) {
	t.Parallel()
	w := begin(t)
	var ids []string
	for range 3 {
		id := w.create(t, container.ExecCreateRequest{Cmd: []string{"sleep"}})
		w.journal(t, runtime.Entry{Kind: runtime.KindExecStart, ID: id, Pid: 5, Time: 1})
		ids = append(ids, id)
	}
	waiting := w.create(t, container.ExecCreateRequest{Cmd: []string{"later"}})
	w.journal(t, runtime.Entry{Kind: runtime.KindExecExit, ID: ids[0], Code: 0, Time: 1})
	w.state = container.StateExited
	if got := w.inspect(t, ids[1]); got.Running || *got.ExitCode != 255 {
		t.Errorf("%+v", got)
	}
	yes := func(string) bool { return true }
	no := func(string) bool { return false }
	w.again(t)
	if err := w.Reconcile(t.Context(), yes, no); err != nil {
		t.Error(err)
	}
	for id, want := range map[string]int{ids[0]: 0, ids[1]: 255, ids[2]: 255} {
		if got := w.inspect(t, id); *got.ExitCode != want {
			t.Errorf("%+v", got)
		}
	}
	if got := w.inspect(t, waiting); got.ExitCode != nil {
		t.Errorf("%+v", got)
	}
	if err := w.Reconcile(t.Context(), no, no); err != nil {
		t.Error(err)
	}
	for range 2 {
		for _, id := range append(ids, waiting) {
			if _, err := w.Service.Inspect(t.Context(), id); !errors.Is(err, errs.ErrNotFound) {
				t.Error(err)
			}
		}
		w.again(t)
	}
	w.journal(t, runtime.Entry{Kind: runtime.KindExecExit, ID: ids[0]}) // of an exec nobody knows
}

// A resize that comes before the start waits for it.
func TestResizeWaits(t *testing.T) {
	t.Parallel()
	w := begin(t)
	id := w.create(t, container.ExecCreateRequest{Cmd: []string{"sh"}, Tty: true})
	result := make(chan error, 1)
	go func() { result <- w.Resize(t.Context(), id, 5, 6) }()
	if err := w.Start(t.Context(), id, container.ExecStartRequest{Detach: true}, nil); err != nil {
		t.Fatal(err)
	}
	if err := <-result; err != nil || !slices.Equal(w.sizes, []string{"5x6"}) {
		t.Error(err, w.sizes)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Resize(ctx, w.create(t, container.ExecCreateRequest{Cmd: []string{"sh"}, Tty: true}), 5, 6); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// Memory stays bounded however many execs are made.
func TestBounded(t *testing.T) {
	t.Parallel()
	w := begin(t)
	one := func() string {
		id, err := w.Create(t.Context(), "web", container.ExecCreateRequest{Cmd: []string{"true"}})
		if err != nil {
			t.Error(err)
		}
		w.journal(t, runtime.Entry{Kind: runtime.KindExecExit, ID: id, Time: time.Now().UnixNano()})
		return id
	}
	first := one()
	var group sync.WaitGroup
	for range 10 { // together, they share what the disk takes its time for
		group.Go(func() {
			for range 5 {
				one()
			}
		})
	}
	group.Wait()
	last := one()
	for range 2 {
		if _, err := w.Service.Inspect(t.Context(), first); !errors.Is(err, errs.ErrNotFound) {
			t.Error(err)
		}
		if got := w.inspect(t, last); *got.ExitCode != 0 {
			t.Errorf("%+v", got)
		}
		w.again(t)
	}
}
