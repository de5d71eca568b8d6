//go:build linux

package execs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/archive"
	"github.com/cleat-dev/cleat/daemon/event"
	"github.com/cleat-dev/cleat/daemon/execs"
	"github.com/cleat-dev/cleat/daemon/metadata"
	"github.com/cleat-dev/cleat/daemon/runtime"
	"github.com/cleat-dev/cleat/daemon/spec"
	"github.com/cleat-dev/cleat/internal/acctest"
)

func TestMain(m *testing.M) { acctest.Main(m) }

// programs makes monitor, creator and a root file system.
func programs(t *testing.T) (dir string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("containers need root")
	}
	dir = t.TempDir()
	for name, args := range map[string][]string{
		"cleat-monitor": {"-ldflags", "-s -w"},
		"cleat-creator": {"-tags", "seccomp netgo osusergo", "-ldflags", "-s -w -linkmode external -extldflags -static"},
	} {
		cmd := exec.CommandContext(t.Context(), "go", append(append([]string{"build", "-trimpath", "-o", filepath.Join(dir, name)}, args...), "github.com/cleat-dev/cleat/cmd/"+name)...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED="+map[string]string{"cleat-monitor": "0", "cleat-creator": "1"}[name])
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("build %s: %v: %s", name, err, out)
		}
	}
	files, err := acctest.RootFS(nil)
	if err != nil {
		t.Skip(err)
	}
	root := filepath.Join(dir, "rootfs")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	r, err := archive.Open(archive.Config{Dir: root})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.Untar(t.Context(), "/", bytes.NewReader(files), archive.UntarOptions{}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// machine is a daemon with one container on the real runtime.
type machine struct {
	*execs.Service
	dir string
	db  *metadata.DB
	r   *runtime.Runtime
	mu  sync.Mutex
	at  int64 // offset in the journal
}

// one is the container, but for what makes a process.
type one struct{ fake }

func (*one) ExecProcess(_ context.Context, _ string, e spec.Exec) (*specs.Process, error) {
	p := *process()
	p.Args, p.Env = e.Args, append(p.Env, e.Env...)
	if e.ConsoleSize != [2]uint{} {
		p.ConsoleSize = &specs.Box{Height: e.ConsoleSize[0], Width: e.ConsoleSize[1]}
	}
	return &p, nil
}

func process(args ...string) *specs.Process {
	caps := []string{"CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_DAC_OVERRIDE"}
	return &specs.Process{
		Args: args, Cwd: "/", Env: []string{"PATH=/bin"},
		Capabilities: &specs.LinuxCapabilities{Bounding: caps, Effective: caps, Permitted: caps},
	}
}

func (m *machine) start(t *testing.T) {
	t.Helper()
	var err error
	if m.db, err = metadata.Open(filepath.Join(m.dir, "db")); err != nil {
		t.Fatal(err)
	}
	bus, err := event.Open(m.db, 100)
	if err != nil {
		t.Fatal(err)
	}
	m.r, err = runtime.New(t.Context(), runtime.Config{
		StateRoot: filepath.Join(m.dir, "state"), ExecRoot: filepath.Join(m.dir, "run"), Log: hclog.NewNullLogger(),
		MonitorPath: filepath.Join(m.dir, "cleat-monitor"), CreatorPath: filepath.Join(m.dir, "cleat-creator"),
		OnEntry: func(id string, e runtime.Entry, offset int64) error {
			announce := func() {}
			err := m.db.Update(func(tx *metadata.Tx) (err error) {
				announce, err = m.JournalIn(tx, id, e)
				return err
			})
			if err == nil {
				announce()
				m.mu.Lock()
				m.at = offset
				m.mu.Unlock()
			}
			return err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	m.Service, err = execs.New(execs.Config{DB: m.db, Events: bus, Containers: &one{fake{state: container.StateRunning}}, Process: execs.Processes(m.r), Log: hclog.NewNullLogger()})
	if err != nil {
		t.Fatal(err)
	}
}

func (m *machine) stop(t *testing.T) {
	t.Helper()
	if err := m.r.Close(); err != nil {
		t.Error(err)
	}
	if err := m.db.Close(); err != nil {
		t.Error(err)
	}
}

// client starts an exec over a real connection and returns the client's side of it.
func (m *machine) client(t *testing.T, id string, o container.ExecStartRequest) *net.UnixConn {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "s"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.DialUnix("unix", nil, l.Addr().(*net.UnixAddr))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if err := client.SetDeadline(time.Now().Add(60 * time.Second)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	t.Cleanup(cancel)
	result := make(chan error, 1)
	go func() {
		result <- m.Start(ctx, id, o, func(bool) (net.Conn, []byte, error) { return server, []byte("early "), nil })
	}()
	t.Cleanup(func() {
		cancel()
		// The daemon may be stopped between the command's start and the monitor's answer.
		if err := <-result; err != nil && !errors.Is(err, errs.ErrUnavailable) {
			t.Error(err)
		}
	})
	return client
}

func (m *machine) exit(t *testing.T, id string) int {
	t.Helper()
	got, err := m.Service.Inspect(t.Context(), id)
	if err != nil || got.Running || got.ExitCode == nil {
		t.Fatalf("%+v %v", got, err)
	}
	return *got.ExitCode
}

func (m *machine) make(t *testing.T, q container.ExecCreateRequest) string {
	t.Helper()
	id, err := m.Create(t.Context(), cid, q)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// Sessions, exit codes and survival on the real runtime.
func TestReal(t *testing.T) {
	m := &machine{dir: programs(t)}
	m.start(t)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 60*time.Second)
		defer cancel()
		if err := m.r.GC(ctx, func(string) bool { return false }); err != nil {
			t.Error(err)
		}
		if err := m.r.RemoveGroups(); err != nil {
			t.Error(err)
		}
		m.stop(t)
	})
	p, err := m.r.Open(t.Context(), runtime.Bundle{
		ID: cid, Log: runtime.LogConfig{Driver: "json-file", Path: filepath.Join(m.dir, "log")},
		Spec: &specs.Spec{
			Version: specs.Version, Root: &specs.Root{Path: filepath.Join(m.dir, "rootfs")}, Process: process("sleep", "600"),
			Mounts: []specs.Mount{
				{Destination: "/proc", Type: "proc", Source: "proc"},
				{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"mode=755"}},
				{Destination: "/dev/pts", Type: "devpts", Source: "devpts", Options: []string{"newinstance", "ptmxmode=0666", "mode=0620"}},
			},
			Linux: &specs.Linux{
				Namespaces: []specs.LinuxNamespace{{Type: specs.PIDNamespace}, {Type: specs.MountNamespace}, {Type: specs.IPCNamespace}, {Type: specs.UTSNamespace}},
				Resources:  &specs.LinuxResources{},
			},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	all := container.ExecCreateRequest{AttachStdin: true, AttachStdout: true, AttachStderr: true}
	with := func(q container.ExecCreateRequest, cmd ...string) container.ExecCreateRequest { q.Cmd = cmd; return q }

	t.Run("streams", func(t *testing.T) {
		id := m.make(t, with(all, "sh", "-c", "cat; echo error >&2; exit 3"))
		c := m.client(t, id, container.ExecStartRequest{})
		if _, err := c.Write([]byte("late\n")); err != nil {
			t.Fatal(err)
		}
		if err := c.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		var out, problems bytes.Buffer
		if _, err := stdcopy.StdCopy(&out, &problems, c); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"early late\n", "error\n"}, []string{out.String(), problems.String()}); diff != "" {
			t.Error(diff)
		}
		if code := m.exit(t, id); code != 3 {
			t.Errorf("exit code %d", code)
		}
	})
	t.Run("terminal", func(t *testing.T) {
		q := with(all, "sh", "-c", "stty size 2>/dev/null; read x; read y; echo got $y; exit 4")
		q.Tty, q.ConsoleSize = true, &[2]uint{33, 77}
		id := m.make(t, q)
		c := m.client(t, id, container.ExecStartRequest{Tty: true})
		if err := m.Resize(t.Context(), id, 40, 132); err != nil {
			t.Error(err)
		}
		if _, err := c.Write([]byte("\nsecond\n")); err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(c)
		if err != nil || !strings.Contains(string(b), "got second\r\n") {
			t.Errorf("%q %v", b, err)
		}
		if code := m.exit(t, id); code != 4 {
			t.Errorf("exit code %d", code)
		}
	})
	t.Run("missing", func(t *testing.T) {
		id := m.make(t, with(all, "no-such-program"))
		b, err := io.ReadAll(m.client(t, id, container.ExecStartRequest{}))
		if err != nil || !strings.Contains(string(b), "executable file not found in $PATH") {
			t.Errorf("%q %v", b, err)
		}
		if code := m.exit(t, id); code != 127 {
			t.Errorf("exit code %d", code)
		}
	})
	t.Run("survival", func(t *testing.T) {
		id := m.make(t, with(all, "sh", "-c", "read a; read b; echo $b; exit 5"))
		c := m.client(t, id, container.ExecStartRequest{})
		if _, err := fmt.Fprintln(c, "x"); err != nil {
			t.Fatal(err)
		}
		for running := false; !running; { // the start is under way in another goroutine
			if err := p.Sync(t.Context()); err != nil {
				t.Fatal(err)
			}
			found, err := m.Inspect(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			running = found.Running
		}
		m.stop(t)
		if _, err := fmt.Fprintln(c, "while it was dead"); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if _, err := stdcopy.StdCopy(&out, io.Discard, c); err != nil || out.String() != "while it was dead\n" {
			t.Errorf("%q %v", out.String(), err)
		}
		m.start(t)
		if _, err := m.r.Adopt(t.Context(), map[string]int64{cid: m.at}); err != nil {
			t.Fatal(err)
		}
		if code := m.exit(t, id); code != 5 {
			t.Errorf("exit code %d", code)
		}
	})
}
