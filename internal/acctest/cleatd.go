package acctest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// startCleatd starts our own daemon from the programs 'make build' made. flags are further ones of its command line.
func startCleatd(ctx context.Context, flags ...string) (*Engine, error) {
	e, err := newCleatd(flags...)
	if err != nil {
		return nil, err
	}
	return e, e.startOrRemove(ctx)
}

func newCleatd(flags ...string) (*Engine, error) {
	if err := programs("mount"); err != nil {
		return nil, err
	}
	program, err := built("cleatd")
	if err != nil {
		return nil, err
	}
	e, err := newEngine("cleatd")
	if err != nil {
		return nil, err
	}
	args := append([]string{
		"--host", e.Host,
		"--data-root", e.dir.join("data"),
		"--exec-root", e.dir.join("exec"),
		"--pidfile", e.dir.join("pid"),
		"--bridge", "cleat" + strconv.Itoa(e.slot),
		"--bip", e.pool() + ".0.1/24",
		"--default-address-pool", "base=" + e.pool() + ".0.0/17,size=24",
		"--insecure-registry", "127.0.0.0/8",
	}, flags...)
	e.command = func() *exec.Cmd {
		// What a reboot would clear.
		_ = os.RemoveAll(e.dir.join("exec"))
		cmd := sandboxed("sh", append([]string{"-c", daemonScript, "sh", program}, args...)...)
		r, w, err := os.Pipe()
		if err != nil {
			return cmd // its start fails for the same reason
		}
		cmd.ExtraFiles, e.daemon = []*os.File{r}, w // 3; background commands of a shell have no standard input
		_, _ = io.WriteString(w, "\n")
		return cmd
	}
	return e, nil
}

// startHeldCleatd starts a cleatd that is kept to an old version of the API, as an engine of that time would be.
func startHeldCleatd(ctx context.Context, highest string) (*Engine, error) {
	e, err := newCleatd("--api-max", highest)
	if err != nil {
		return nil, err
	}
	e.held = true
	return e, e.startOrRemove(ctx)
}

// daemonScript runs the daemon once for every line it reads. Between two runs, and after the daemon was killed, its
// containers go on: they are in the same namespaces.
const daemonScript = `while read -r _ <&3; do "$@" 3<&- & wait $!; done`

// Built returns the path of a program of ours: in CLEAT_BIN, where make puts it, else in bin/ of the tree. One that is not
// there skips the test, or fails it where engines are demanded.
func Built(tb testing.TB, name string) string {
	tb.Helper()
	path, err := built(name)
	require(tb, name, err)
	return path
}

// built returns a program of ours: in CLEAT_BIN, where make puts it, else in bin/ of the tree.
func built(name string) (string, error) {
	dir := os.Getenv("CLEAT_BIN")
	for at, err := os.Getwd(); dir == "" && err == nil && at != filepath.Dir(at); at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			dir = filepath.Join(at, "bin")
		}
	}
	path, err := filepath.Abs(filepath.Join(dir, name))
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(path); err != nil {
		return "", missingf("%s is not built: run 'make build'", path)
	}
	return path, nil
}

// Cleatd returns the test binary's cleatd.
func Cleatd(tb testing.TB) *Engine { tb.Helper(); return get(tb, "cleatd") }

// NewCleatd starts a cleatd of the test's own, to kill and restart at will, with further flags.
func NewCleatd(tb testing.TB, flags ...string) *Engine {
	tb.Helper()
	switchedOff(tb)
	e, err := startCleatd(tb.Context(), flags...)
	require(tb, "cleatd", err)
	tb.Cleanup(func() {
		if err := e.Close(); err != nil {
			tb.Error(err)
		}
	})
	return e
}

// DaemonPID is the process of a cleatd itself, as this process sees it; its containers are others.
func (e *Engine) DaemonPID() (int, error) {
	shells, err := children(e.process.Pid)
	if err != nil {
		return 0, err
	}
	for _, shell := range shells { // the loop of daemonScript
		daemons, err := children(shell)
		if err != nil {
			return 0, err
		}
		for _, pid := range daemons {
			if name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)); err == nil && strings.TrimSpace(string(name)) == "cleatd" {
				return pid, nil
			}
		}
	}
	return 0, errors.New("no cleatd runs")
}

// SignalDaemon sends a signal to a cleatd's own process and waits until it is gone. Its containers go on.
func (e *Engine) SignalDaemon(tb testing.TB, sig syscall.Signal) {
	tb.Helper()
	pid, err := e.DaemonPID()
	if err != nil {
		tb.Fatal(err)
	}
	if err := endProcess(pid, sig); err != nil {
		tb.Fatal(err)
	}
}

// StartDaemon starts a cleatd again whose process is gone, and waits until it answers.
func (e *Engine) StartDaemon(tb testing.TB) {
	tb.Helper()
	if _, err := io.WriteString(e.daemon, "\n"); err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(tb.Context(), startTimeout)
	defer cancel()
	if err := e.ready(ctx); err != nil {
		tb.Fatalf("%v\n%s", err, e.Log(20))
	}
}

// children are the child processes of a process.
func children(pid int) ([]int, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return nil, err
	}
	var all []int
	for _, field := range strings.Fields(string(raw)) {
		n, err := strconv.Atoi(field)
		if err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	return all, nil
}
