package bundled

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// program is what the engine's file is called.
const program = "cleatd"

// logTail is how much of the log an error shows, in bytes.
const logTail = 2 << 10

// Find returns the engine whose program is beside the executable given, links resolved, or on PATH. dir is
// [Engine.Dir]. Without the program it is [ErrNone].
func Find(executable, dir string) (*Engine, error) {
	if real, err := filepath.EvalSymlinks(executable); err == nil {
		beside := filepath.Join(filepath.Dir(real), program)
		if info, err := os.Stat(beside); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return &Engine{Program: beside, Dir: dir}, nil
		}
	}
	path, err := exec.LookPath(program)
	if err != nil {
		return nil, fmt.Errorf("%w: no %s beside %s and none on PATH", ErrNone, program, executable)
	}
	return &Engine{Program: path, Dir: dir}, nil
}

// Start starts the engine and returns when it serves; started is false when it did already. Two callers at once start
// one engine.
func (e *Engine) Start(ctx context.Context) (started bool, err error) {
	if e.Status(ctx).Running {
		return false, nil
	}
	if os.Geteuid() != 0 {
		return false, errors.New("the bundled engine has to be started by root: sudo cleat engine start")
	}
	for _, dir := range []string{e.run(), e.DataRoot()} {
		if err := os.MkdirAll(dir, 0o711); err != nil {
			return false, fmt.Errorf("bundled engine: %w", err)
		}
	}
	unlock, err := e.lock(ctx)
	if err != nil {
		return false, err
	}
	defer unlock()
	if e.Status(ctx).Running { // another one was quicker
		return false, nil
	}
	return true, e.launch(ctx)
}

// lock holds the others off while one starts the engine. The kernel gives it up with the process.
func (e *Engine) lock(ctx context.Context) (unlock func(), err error) {
	file, err := os.OpenFile(filepath.Join(e.run(), "start.lock"), os.O_CREATE|os.O_RDWR|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("bundled engine: %w", err)
	}
	locked := make(chan error, 1)
	go func() { locked <- unix.Flock(int(file.Fd()), unix.LOCK_EX) }()
	select {
	case err := <-locked:
		if err != nil {
			_ = file.Close()
			return nil, fmt.Errorf("bundled engine: lock %s: %w", file.Name(), err)
		}
		return func() { _ = file.Close() }, nil
	case <-ctx.Done(): // the goroutine ends with the lock, which then goes at once
		go func() { <-locked; _ = file.Close() }()
		return nil, ctx.Err()
	}
}

// launch runs cleatd in a session of its own and waits until it says that it is ready.
func (e *Engine) launch(ctx context.Context) error {
	log, err := os.OpenFile(e.Log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return fmt.Errorf("bundled engine: %w", err)
	}
	defer log.Close()
	from, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("bundled engine: %w", err)
	}
	notify, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: "@cleat-start-" + strconv.Itoa(os.Getpid()) + "-" + strconv.FormatInt(time.Now().UnixNano(), 36)})
	if err != nil {
		return fmt.Errorf("bundled engine: %w", err)
	}
	defer notify.Close()
	cmd := exec.Command(e.Program, e.args()...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = "/", log, log
	cmd.Env = append(environment(), "NOTIFY_SOCKET="+notify.LocalAddr().String())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("bundled engine: %w", err)
	}
	ended, ready := make(chan error, 1), make(chan struct{})
	go func() { ended <- cmd.Wait() }()
	go awaitReady(notify, ready)
	select {
	case <-ready:
		return nil
	case err := <-ended:
		return fmt.Errorf("bundled engine %s ended while it started: %w\n%s", e.Program, errors.Join(err), e.tail(from))
	case <-ctx.Done():
		// Not left half-started: it has no containers yet that it could lose.
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-ended
		return ctx.Err()
	}
}

// awaitReady closes ready at systemd's word for it. It ends with the connection.
func awaitReady(notify *net.UnixConn, ready chan<- struct{}) {
	buffer := make([]byte, 4096)
	for {
		n, err := notify.Read(buffer)
		if err != nil {
			return
		}
		for line := range bytes.Lines(buffer[:n]) {
			if bytes.Equal(bytes.TrimSpace(line), []byte("READY=1")) {
				close(ready)
				return
			}
		}
	}
}

// environment is ours without what belongs to this command: which engine it talks to, and its variables' values.
func environment() []string {
	var out []string
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if strings.HasPrefix(name, "DOCKER_") || strings.HasPrefix(name, "TF_") || strings.HasPrefix(name, "CLEAT_") || name == "NOTIFY_SOCKET" {
			continue
		}
		out = append(out, v)
	}
	return out
}

// tail is the end of what was logged since the offset.
func (e *Engine) tail(from int64) string {
	file, err := os.Open(e.Log())
	if err != nil {
		return ""
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil {
		from = max(from, info.Size()-logTail)
	}
	text, err := io.ReadAll(io.NewSectionReader(file, from, logTail))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// Stop ends the engine and returns when it is gone; stopped is false when none ran. Its containers go on.
func (e *Engine) Stop(ctx context.Context) (stopped bool, err error) {
	pid, handle, err := e.process()
	if err != nil || handle < 0 {
		if err == nil && e.Status(ctx).Running {
			return false, fmt.Errorf("the engine at %s was not started by cleat: stop it as it was started (systemctl stop cleatd)", e.Socket())
		}
		return false, err
	}
	defer unix.Close(handle)
	if err := unix.PidfdSendSignal(handle, unix.SIGTERM, nil, 0); err != nil {
		return false, fmt.Errorf("bundled engine, process %d: %w", pid, err)
	}
	for {
		// The bound is for ctx alone: the end of the process wakes the poll at once.
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(handle), Events: unix.POLLIN}}, 200) //nolint:gosec // a file descriptor
		switch {
		case err != nil && !errors.Is(err, unix.EINTR):
			return false, fmt.Errorf("bundled engine, process %d: %w", pid, err)
		case n > 0:
			return true, nil
		case ctx.Err() != nil:
			return false, fmt.Errorf("bundled engine, process %d does not end: %w", pid, ctx.Err())
		}
	}
}

// process returns the engine's process, as a handle nobody else's process can get, or -1 when there is none.
func (e *Engine) process() (pid, handle int, err error) {
	raw, err := os.ReadFile(e.pidfile())
	if errors.Is(err, fs.ErrNotExist) {
		return 0, -1, nil
	}
	if err != nil {
		return 0, -1, fmt.Errorf("bundled engine: %w", err)
	}
	pid, err = strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil || pid <= 0 {
		return 0, -1, nil
	}
	handle, err = unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return 0, -1, nil
	}
	if err != nil {
		return 0, -1, fmt.Errorf("bundled engine, process %d: %w", pid, err)
	}
	// A process id is given again: what runs there has to be cleatd. An upgraded one is "cleatd (deleted)".
	exe, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/exe")
	if err != nil || filepath.Base(strings.TrimSuffix(exe, " (deleted)")) != program {
		_ = unix.Close(handle)
		return 0, -1, nil
	}
	return pid, handle, nil
}

// Status asks the socket: an engine is what answers there, whoever started it.
func (e *Engine) Status(ctx context.Context) Status {
	var dialer net.Dialer
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := dialer.DialContext(ctx, "unix", e.Socket())
	if err != nil {
		return Status{}
	}
	_ = conn.Close()
	pid, handle, err := e.process()
	if err == nil && handle >= 0 {
		_ = unix.Close(handle)
	}
	return Status{Running: true, PID: pid}
}
