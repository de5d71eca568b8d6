package bundled

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// program is what the engine's file is called.
const program = "cleatd"

const (
	// infoTimeout bounds the question which engine listens, infoBytes its answer.
	infoTimeout = 30 * time.Second
	infoBytes   = 1 << 20
)

// logTail is how much of the log an error shows, in bytes.
const logTail = 2 << 10

// Find returns the engine whose program is beside the executable given, links resolved, or on PATH. Without the program
// it is [ErrNone].
func Find(executable string, at Places) (*Engine, error) {
	if real, err := filepath.EvalSymlinks(executable); err == nil {
		beside := filepath.Join(filepath.Dir(real), program)
		if info, err := os.Stat(beside); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return &Engine{Program: beside, Places: at}, nil
		}
	}
	path, err := exec.LookPath(program)
	if err != nil {
		return nil, fmt.Errorf("%w: no %s beside %s and none on PATH", ErrNone, program, executable)
	}
	return &Engine{Program: path, Places: at}, nil
}

// Start starts the engine and returns when it serves; started is false when it did already. Two callers at once start
// one engine. That another engine serves at its socket is an error.
func (e *Engine) Start(ctx context.Context) (started bool, err error) {
	running, err := e.serves(ctx)
	if running || err != nil {
		return false, err
	}
	if os.Geteuid() != 0 {
		return false, fmt.Errorf("the bundled engine does not run and has to be started by root: %s", e.byHand())
	}
	for _, dir := range []string{e.run, e.data, filepath.Dir(e.socket)} {
		if err := os.MkdirAll(dir, 0o711); err != nil {
			return false, fmt.Errorf("bundled engine: %w", err)
		}
	}
	unlock, err := e.lock(ctx)
	if err != nil {
		return false, err
	}
	defer unlock()
	if running, err := e.serves(ctx); running || err != nil { // another one was quicker
		return false, err
	}
	if err := e.notElsewhere(); err != nil {
		return false, err
	}
	return true, e.launch(ctx)
}

// byHand is what a user who is not root does.
func (e *Engine) byHand() string {
	if e.system {
		return "sudo cleat engine start"
	}
	return "sudo " + e.Program + " " + strings.Join(e.args(), " ")
}

// serves reports whether the engine answers at its socket.
func (e *Engine) serves(ctx context.Context) (bool, error) {
	conn, err := e.dial(ctx)
	if errors.Is(err, fs.ErrPermission) {
		return false, fmt.Errorf("%s: permission denied: use an account that may open it, a member of its group (cleat) or root", e.socket)
	}
	if err != nil {
		return false, nil //nolint:nilerr // nobody listens
	}
	defer conn.Close()
	if e.system {
		return true, nil // whatever data root its file of options names
	}
	root, err := dataRoot(ctx, conn)
	if err != nil {
		return false, fmt.Errorf("what listens at %s: %w", e.socket, err)
	}
	if !sameFile(root, e.data) {
		return false, fmt.Errorf("at %s an engine with the data root %s listens, want %s: give each engine a socket of its own", e.socket, root, e.data)
	}
	return true, nil
}

// dataRoot asks an engine where it keeps its data.
func dataRoot(ctx context.Context, conn net.Conn) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://cleat/info", nil)
	if err != nil {
		return "", err
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	} else {
		_ = conn.SetDeadline(time.Now().Add(infoTimeout))
	}
	if err := req.Write(conn); err != nil {
		return "", err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var info struct{ DockerRootDir string }
	if err := json.NewDecoder(io.LimitReader(resp.Body, infoBytes)).Decode(&info); err != nil || resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("no engine: GET /info gave status %d", resp.StatusCode)
	}
	return info.DockerRootDir, nil
}

func sameFile(a, b string) bool {
	if filepath.Clean(a) == filepath.Clean(b) {
		return true
	}
	first, err := os.Stat(a)
	if err != nil {
		return false
	}
	second, err := os.Stat(b)
	return err == nil && os.SameFile(first, second)
}

// notElsewhere is an error when the engine of these data runs, and listens at another socket.
func (e *Engine) notElsewhere() error {
	pid, handle, err := e.process()
	if err != nil || handle < 0 {
		return err
	}
	_ = unix.Close(handle)
	at := ""
	args := cmdline(pid)
	if i := slices.Index(args, "--host"); i >= 0 && i+1 < len(args) {
		at = " at " + args[i+1]
	}
	if at == " at "+e.Host() {
		return fmt.Errorf("the bundled engine of %s, process %d, does not answer; see %s", e.data, pid, e.Log())
	}
	return fmt.Errorf("the bundled engine of %s runs already, as process %d%s: use that socket, or another data root", e.data, pid, at)
}

// lock holds the others off while one starts the engine. The kernel gives it up with the process.
func (e *Engine) lock(ctx context.Context) (unlock func(), err error) {
	file, err := os.OpenFile(filepath.Join(e.run, "start.lock"), os.O_CREATE|os.O_RDWR|syscall.O_CLOEXEC, 0o600)
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

// environment is ours without what belongs to this command: which engine it talks to, its variables' values, and how Terraform talks to
// a provider.
func environment() []string {
	var out []string
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if strings.HasPrefix(name, "DOCKER_") || strings.HasPrefix(name, "TF_") || strings.HasPrefix(name, "CLEAT_") ||
			strings.HasPrefix(name, "PLUGIN_") || name == "NOTIFY_SOCKET" {
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
	raw, err := os.ReadFile(e.PIDFile())
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
	// A process id is given again: what runs there has to be this very cleatd. An upgraded one is "cleatd (deleted)".
	exe, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/exe")
	ours := func(arg string) bool { return strings.TrimPrefix(arg, "--pidfile=") == e.PIDFile() }
	if err != nil || filepath.Base(strings.TrimSuffix(exe, " (deleted)")) != program || !slices.ContainsFunc(cmdline(pid), ours) {
		_ = unix.Close(handle)
		return 0, -1, nil
	}
	return pid, handle, nil
}

// cmdline are the arguments of a process.
func cmdline(pid int) []string {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	if err != nil {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(raw), "\x00"), "\x00")
}

// Status asks the socket: an engine is what answers there, whoever started it.
func (e *Engine) Status(ctx context.Context) Status {
	conn, err := e.dial(ctx)
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

func (e *Engine) dial(ctx context.Context) (net.Conn, error) {
	dialer := net.Dialer{Timeout: 5 * time.Second}
	return dialer.DialContext(ctx, "unix", e.socket)
}
