package client

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
)

// TestSSHCommand is not a test: it is the ssh command of TestSSH, this program run again. It joins its standard
// streams with the engine's socket, as docker system dial-stdio does on a remote host.
func TestSSHCommand(t *testing.T) {
	socket := os.Getenv("CLEAT_TEST_SSH")
	if socket == "" {
		t.Skip("run by TestSSH")
	}
	conn, err := net.Dial("unix", socket)
	if err != nil {
		os.Exit(255)
	}
	go func() { _, _ = io.Copy(conn, os.Stdin); os.Exit(0) }()
	_, _ = io.Copy(os.Stdout, conn)
	os.Exit(0)
}

func TestSSH(t *testing.T) {
	dir := cleanEnv(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	args := filepath.Join(dir, "args")
	script := "#!/bin/sh\necho \"$@\" >> " + args + "\nexec " + self + " -test.run='^TestSSHCommand$'\n"
	if err := os.WriteFile(filepath.Join(dir, "ssh"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	t.Setenv("CLEAT_SSH", "command")
	host := serveUnix(t, fakeEngine(docker20))
	t.Setenv("CLEAT_TEST_SSH", strings.TrimPrefix(host, "unix://"))

	c, err := New(t.Context(), Config{Host: "ssh://me@engine:2222", SSHOpts: []string{"-o", "BatchMode=yes"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	for range 5 {
		if _, err := c.ContainerInspect(t.Context(), "x", moby.ContainerInspectOptions{}); !errors.Is(err, errs.ErrNotFound) {
			t.Errorf("inspect: %v", err)
		}
	}
	raw, err := os.ReadFile(args)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	if len(lines) != 1 {
		t.Errorf("ssh ran %d times for 6 calls one after the other, want once", len(lines))
	}
	for _, want := range []string{"-o BatchMode=yes", "-l me", "-p 2222", "engine", "docker system dial-stdio"} {
		if !strings.Contains(lines[0], want) {
			t.Errorf("ssh %s: no %q", lines[0], want)
		}
	}
	attached, err := c.ContainerAttach(t.Context(), "abc", moby.ContainerAttachOptions{Stream: true})
	if err != nil {
		t.Fatal(err)
	}
	attached.Close()
	if c.DaemonHost() != "ssh://me@engine:2222" {
		t.Errorf("host %s", c.DaemonHost())
	}
}

func TestSSHFails(t *testing.T) {
	dir := cleanEnv(t)
	if err := os.WriteFile(filepath.Join(dir, "ssh"), []byte("#!/bin/sh\necho 'Host key verification failed.' >&2\nexit 255\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	t.Setenv("CLEAT_SSH", "command")
	_, err := New(t.Context(), Config{Host: "ssh://engine"})
	if !errors.Is(err, errs.ErrUnavailable) || !strings.Contains(err.Error(), "ssh does not know the host's key") {
		t.Errorf("%v", err)
	}
	t.Setenv("PATH", t.TempDir())
	if _, err = New(t.Context(), Config{Host: "ssh://engine"}); !errors.Is(err, errs.ErrUnavailable) || !strings.Contains(err.Error(), "there is no ssh command") {
		t.Errorf("%v", err)
	}
	if _, err = New(t.Context(), Config{Host: "ssh://engine:22?x=y"}); !errors.Is(err, errs.ErrInvalid) {
		t.Errorf("%v", err)
	}
}

// endedCommand is the connection to a command that has ended: writes find the pipe closed, the reader is told why.
type endedCommand struct {
	net.Conn
	why chan error
}

func (c endedCommand) Read([]byte) (int, error)  { return 0, <-c.why }
func (c endedCommand) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestSSHWriteReportsWhyTheCommandEnded(t *testing.T) {
	why := errors.New("Host key verification failed.")
	for _, readFirst := range []bool{true, false} {
		ended := endedCommand{why: make(chan error, 1)}
		conn := &sshConn{Conn: ended, ended: make(chan struct{})}
		read := make(chan error, 1)
		reader := func() { _, err := conn.Read(nil); read <- err }
		ended.why <- why
		if readFirst {
			reader()
		} else {
			go reader()
		}
		if _, err := conn.Write([]byte("GET /")); !errors.Is(err, why) {
			t.Errorf("write: %v, want %v", err, why)
		}
		if err := <-read; !errors.Is(err, why) {
			t.Errorf("read: %v", err)
		}
	}
}
