//go:build linux

package runtime_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/daemon/runtime"
)

// command is an exec of the same user and rights as busybox's.
func command(id string, args ...string) runtime.ExecSpec {
	return runtime.ExecSpec{ID: id, Process: busybox(args...).Process}
}

func (h *host) execExit(container, id string) entry {
	h.t.Helper()
	var found entry
	h.wait(container, "end of exec "+id, func(entries []entry) bool {
		for _, e := range entries {
			if e.ID == id && (e.Kind == runtime.KindExecExit || e.Kind == runtime.KindExecFailed) {
				found = e
				return true
			}
		}
		return false
	})
	return found
}

func TestExec(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	p := h.start(h.bundle("main", "sleep", "1000"))

	t.Run("output", func(t *testing.T) {
		t.Parallel()
		client, server := pair(t, "unix")
		pid, done, err := p.Exec(t.Context(), command("output", "sh", "-c", "echo out; echo err >&2; exit 5"), server, nil, all)
		if err != nil {
			t.Fatal(err)
		}
		stdout, stderr, err := frames(client)
		if err != nil || stdout != "out\n" || stderr != "err\n" {
			t.Errorf("%q %q %v", stdout, stderr, err)
		}
		// The journal has the end before the client can notice it.
		if err := p.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.mu.Lock()
		var codes []int64
		for _, e := range h.entries["main"] {
			if e.Kind == runtime.KindExecExit && e.ID == "output" {
				codes = append(codes, e.Code)
			}
			if e.Kind == runtime.KindExecStart && e.ID == "output" && e.Pid != int64(pid) {
				t.Errorf("pid %d, entry %+v", pid, e)
			}
		}
		h.mu.Unlock()
		if len(codes) != 1 || codes[0] != 5 {
			t.Errorf("codes %v", codes)
		}
		ended(t, done)
	})
	t.Run("input", func(t *testing.T) {
		t.Parallel()
		client, server := pair(t, "tcp")
		e := command("input", "sh", "-c", "cat; exit 2")
		e.Stdin = true
		if _, _, err := p.Exec(t.Context(), e, server, []byte("read ahead, "), all); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Write([]byte("and more")); err != nil {
			t.Fatal(err)
		}
		if err := client.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		stdout, _, err := frames(client)
		if err != nil || stdout != "read ahead, and more" {
			t.Errorf("%q %v", stdout, err)
		}
		if e := h.execExit("main", "input"); e.Code != 2 {
			t.Errorf("%+v", e)
		}
	})
	t.Run("terminal", func(t *testing.T) {
		t.Parallel()
		client, server := pair(t, "unix")
		e := command("terminal", "sh")
		e.TTY, e.Stdin = true, true
		if _, _, err := p.Exec(t.Context(), e, server, nil, all); err != nil {
			t.Fatal(err)
		}
		if err := p.ExecResize(t.Context(), "terminal", 33, 99); err != nil {
			t.Fatal(err)
		}
		session := &console{t: t, conn: client}
		session.say("stty size; echo DO''NE\n", "33 99\r\nDONE")
		session.say("exit 4\n", "exit 4")
		if e := h.execExit("main", "terminal"); e.Code != 4 {
			t.Errorf("%+v", e)
		}
	})
	t.Run("detached", func(t *testing.T) {
		t.Parallel()
		_, done, err := p.Exec(t.Context(), command("detached", "sleep", "1000"), nil, nil, runtime.AttachOptions{})
		if err != nil || done != nil {
			t.Fatal(done, err)
		}
		if _, _, err := p.Exec(t.Context(), command("detached", "true"), nil, nil, runtime.AttachOptions{}); err == nil {
			t.Error("an exec that runs is started again")
		}
		if err := p.ExecSignal(t.Context(), "detached", unix.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if e := h.execExit("main", "detached"); e.Code != 143 {
			t.Errorf("%+v", e)
		}
	})
	t.Run("missing", func(t *testing.T) {
		t.Parallel()
		client, server := pair(t, "unix")
		_, _, err := p.Exec(t.Context(), command("missing", "nonesuch"), server, nil, all)
		var failed *runtime.StartError
		if !errors.As(err, &failed) || failed.Kind != runtime.NotFound || failed.Code != 127 || !strings.Contains(failed.Message, `exec: "nonesuch": executable file not found in $PATH`) {
			t.Errorf("%v", err)
		}
		if _, err := server.Write([]byte("x")); err != nil {
			t.Errorf("the connection is not the caller's any more: %v", err)
		}
		client.Close()
		if e := h.execExit("main", "missing"); e.Kind != runtime.KindExecFailed || e.Code != 127 {
			t.Errorf("%+v", e)
		}
		if left, _ := filepath.Glob(filepath.Join(h.root, "run", "main", "exec-*")); len(left) > 0 {
			for _, path := range left {
				if strings.Contains(path, "missing") {
					t.Errorf("left: %v", left)
				}
			}
		}
	})
}

// TestExecEnds: execs die with the container, and their ends come before its.
func TestExecEnds(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	p := h.start(h.bundle("ends", "sleep", "1000"))
	client, server := pair(t, "unix")
	_, done, err := p.Exec(t.Context(), command("long", "sleep", "1000"), server, nil, all)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Signal(t.Context(), unix.SIGKILL, false); err != nil {
		t.Fatal(err)
	}
	exit := h.until("ends", runtime.KindExit, 1)
	if e := h.execExit("ends", "long"); e.Code != 137 || e.offset >= exit.offset {
		t.Errorf("%+v, exit %+v", e, exit)
	}
	ended(t, done)
	client.Close()
	if _, _, err := p.Exec(t.Context(), command("late", "true"), nil, nil, all); !errors.Is(err, runtime.ErrNotRunning) {
		t.Errorf("exec in a container that has ended: %v", err)
	}
}

// TestKilledWhileExecsBegin: a container that is killed ends, however far its execs have come.
func TestKilledWhileExecsBegin(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	for i := range 6 {
		id := fmt.Sprintf("kill-%d", i)
		p := h.start(h.bundle(id, "sleep", "1000"))
		begun := make(chan struct{})
		var execs sync.WaitGroup
		for j := range 3 {
			execs.Go(func() {
				for k := 0; ; k++ {
					if k == 1+i%3 && j == 0 {
						close(begun)
					}
					if _, _, err := p.Exec(t.Context(), command(fmt.Sprintf("e%d-%d", j, k), "true"), nil, nil, all); err != nil {
						return
					}
				}
			})
		}
		<-begun
		if err := p.Signal(t.Context(), unix.SIGKILL, false); err != nil {
			t.Fatal(err)
		}
		execs.Wait()
		h.until(id, runtime.KindExit, 1)
	}
}

// TestHostPID: what a container without a pid namespace leaves is killed and reaped with it.
func TestHostPID(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	b := h.bundle("hostpid", "sh", "-c", "(sleep 1001 & echo $! >/tmp/pid; sleep 0.05 &); read x; (true &); echo $(cat /tmp/pid); exit 6")
	b.OpenStdin = true
	var kept []specs.LinuxNamespace
	for _, ns := range b.Spec.Linux.Namespaces {
		if ns.Type != specs.PIDNamespace {
			kept = append(kept, ns)
		}
	}
	b.Spec.Linux.Namespaces = kept
	b.Spec.Mounts = append(b.Spec.Mounts, specs.Mount{Destination: "/tmp", Type: "tmpfs", Source: "tmpfs"})
	p := h.start(b)
	client, server := pair(t, "unix")
	if _, err := p.Attach(t.Context(), server, nil, all); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Write([]byte("\n")); err != nil {
		t.Fatal(err)
	}
	if e := h.until("hostpid", runtime.KindExit, 1); e.Code != 6 {
		t.Errorf("exit %+v", e)
	}
	pid := strings.TrimSpace(h.logged("hostpid", "stdout"))
	if content, err := os.ReadFile("/proc/" + pid + "/cmdline"); err == nil && strings.Contains(string(content), "1001") {
		t.Errorf("process %s is left: %q", pid, content)
	}
}
