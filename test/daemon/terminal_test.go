//go:build linux

package daemon

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// terminal is a program that has one, and the user before it.
type terminal struct {
	t    *testing.T
	user *os.File
	cmd  *exec.Cmd
	seen strings.Builder
}

// newTerminal starts a command of the CLI in a terminal of 80 columns and 24 lines.
func newTerminal(t *testing.T, c *cli, args ...string) *terminal {
	t.Helper()
	user, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = user.Close() })
	x := &terminal{t: t, user: user}
	var number int
	x.control(func(fd int) error {
		if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
			return err
		}
		number, err = unix.IoctlGetInt(fd, unix.TIOCGPTN)
		return err
	})
	x.resize(80, 24)
	program, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	x.cmd = exec.CommandContext(t.Context(), "docker", args...)
	x.cmd.Env, x.cmd.Dir, x.cmd.Stdin, x.cmd.Stdout, x.cmd.Stderr = c.env, c.dir, program, program, program
	x.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := x.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return x
}

func (x *terminal) control(do func(fd int) error) {
	x.t.Helper()
	raw, err := x.user.SyscallConn()
	if err != nil {
		x.t.Fatal(err)
	}
	var failed error
	if err := errors.Join(raw.Control(func(fd uintptr) { failed = do(int(fd)) }), failed); err != nil {
		x.t.Fatal(err)
	}
	if failed != nil {
		x.t.Fatal(failed)
	}
}

func (x *terminal) resize(columns, lines uint16) {
	x.t.Helper()
	x.control(func(fd int) error {
		return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: lines, Col: columns})
	})
}

func (x *terminal) enter(text string) {
	x.t.Helper()
	if _, err := x.user.WriteString(text); err != nil {
		x.t.Fatal(err)
	}
}

// until reads on to the text, from where it last stopped.
func (x *terminal) until(text string) {
	x.t.Helper()
	if err := x.user.SetReadDeadline(time.Now().Add(commandTimeout)); err != nil {
		x.t.Fatal(err)
	}
	buf := make([]byte, 4096)
	for !strings.Contains(x.seen.String(), text) {
		n, err := x.user.Read(buf)
		x.seen.Write(buf[:n])
		if err != nil && !strings.Contains(x.seen.String(), text) {
			x.t.Fatalf("no %q in %q: %v", text, x.seen.String(), err)
		}
	}
	_, rest, _ := strings.Cut(x.seen.String(), text)
	x.seen.Reset()
	x.seen.WriteString(rest)
}

// end waits for the command's end.
func (x *terminal) end(code int) {
	x.t.Helper()
	err := x.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		x.t.Fatal(err)
	}
	if got := x.cmd.ProcessState.ExitCode(); got != code {
		x.t.Fatalf("%v ended with %d, not %d: %q", x.cmd.Args, got, code, x.seen.String())
	}
}

// TestTerminal: a user works in a container's terminal, leaves it running, comes back, and opens another in it.
func TestTerminal(t *testing.T) {
	t.Parallel()
	acctest.Program(t, "docker")
	e := acctest.Cleatd(t)
	for _, version := range cliVersions {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			c := newCLI(t, e, version)
			name := "terminal-" + strings.ReplaceAll(version, ".", "")
			shell := newTerminal(t, c, "run", "-it", "--name", name, "busybox:1", "sh")
			shell.until("/ # ")
			shell.enter("echo $((6*7)); test -t 0 && echo is a terminal\r")
			shell.until("\r\n42\r\nis a terminal\r\n/ # ")
			shell.enter("/bin/busybox stty size\r")
			shell.until("\r\n24 80\r\n/ # ")
			shell.resize(100, 30)
			shell.enter("until [ \"$(/bin/busybox stty size)\" = '30 100' ]; do :; done; echo res''ized\r")
			shell.until("resized\r\n")
			shell.until("/ # ")
			shell.enter(`sh -c 'trap "echo caught; exit" INT; echo re""ady; while :; do sleep 0.05; done'` + "\r")
			shell.until("ready\r\n")
			shell.enter("\x03") // for what runs in the container, not for the CLI
			shell.until("caught\r\n/ # ")
			shell.enter("\x10\x11")
			shell.end(0)

			second := newTerminal(t, c, "exec", "-it", name, "sh", "-c", "test -t 1 && echo second terminal; read line; echo got $line; exit 6")
			second.until("second terminal\r\n")
			second.enter("hello\r")
			second.until("got hello\r\n")
			second.end(6)

			back := newTerminal(t, c, "attach", name)
			back.enter("echo $((7*9))\r")
			back.until("63\r\n/ # ")
			back.enter("exit 5\r")
			back.end(5)
			if out, err := c.run(t.Context(), "docker rm "+name); out != name+"\n" || err != nil {
				t.Error(out, err)
			}
		})
	}
}

// TestDetachKeys: other keys than the usual ones leave a container, where the API has words for them.
func TestDetachKeys(t *testing.T) {
	t.Parallel()
	acctest.Program(t, "docker")
	c := newCLI(t, acctest.Cleatd(t), "1.44")
	shell := newTerminal(t, c, "run", "-it", "--name", "detach-keys", "--detach-keys", "a,b", "busybox:1", "sh")
	shell.until("/ # ")
	shell.enter("\x10\x11ab")
	shell.end(0)
	other := newTerminal(t, c, "exec", "-it", "--detach-keys", "ctrl-x", "detach-keys", "cat")
	other.enter("echoed\r")
	other.until("echoed\r\nechoed\r\n")
	other.enter("\x18")
	other.until("read escape sequence")
	other.end(1)
	if out, err := c.run(t.Context(), "docker inspect -f '{{.State.Running}}' detach-keys && docker rm -f detach-keys"); out != "true\ndetach-keys\n" || err != nil {
		t.Error(out, err)
	}
}
