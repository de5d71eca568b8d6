package acctest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// launch starts a command that dies with this process. The kernel ties that to the *thread* that started it, hence
// the goroutine which keeps its thread until the command has ended. done is closed then.
func launch(cmd *exec.Cmd) (done <-chan struct{}, err error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	cmd.SysProcAttr.Setpgid = true // a Ctrl-C is for the tests; they stop the engines
	started, ended := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // killed, mostly; who waits looks at the log
		}
	}()
	return ended, <-started
}

// sandboxed wraps a command in process and mount namespaces of its own, where /run, /dev/shm and CNI's state are
// empty: there engines keep what they share with every other engine of the machine. A shell is process 1 of it and
// adopts what engines leave behind. When it is killed, waiting for it returns after everything in the namespace has
// ended and every mount is gone.
func sandboxed(name string, args ...string) *exec.Cmd {
	const script = `
set -e
mount --make-rprivate /
mount -t proc proc /proc
for dir in /run /dev/shm /var/lib/cni; do
	if [ -d $dir ]; then mount -t tmpfs -o mode=755 tmpfs $dir; fi
done
if [ -n "$CLEAT_RESOLV" ]; then mkdir -p "$(dirname "$CLEAT_RESOLV")"; : >"$CLEAT_RESOLV"; fi
set +e
"$@" &
wait $!`
	cmd := exec.Command("sh", append([]string{"-c", script, "sh", name}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS}
	cmd.Env = os.Environ()
	// systemd-resolved keeps the file behind this link in /run; engines copy it into containers.
	if target, err := filepath.EvalSymlinks("/etc/resolv.conf"); err == nil && strings.HasPrefix(target, "/run/") {
		cmd.Env = append(cmd.Env, "CLEAT_RESOLV="+target)
	}
	return cmd
}

// endProcess sends a signal to a process and returns when it is gone.
func endProcess(pid int, sig syscall.Signal) error {
	handle, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return err
	}
	defer unix.Close(handle)
	if err := unix.PidfdSendSignal(handle, sig, nil, 0); err != nil {
		return err
	}
	for {
		_, err := unix.Poll([]unix.PollFd{{Fd: int32(handle), Events: unix.POLLIN}}, -1) //nolint:gosec // a file descriptor
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
