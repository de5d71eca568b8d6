package acctest

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// privilegeDir is where sshd wants an empty directory; its package makes it at boot.
const privilegeDir = "/run/sshd"

// SSHD is a real OpenSSH server that belongs to a test, at a port of the loopback interface. Whoever has its key comes in
// as root. There is one process of sshd per connection, and none without.
type SSHD struct {
	// Port it listens on, at 127.0.0.1.
	Port string
	// Key is the path of the private key that is let in, KnownHosts that of a file with the server's key.
	Key, KnownHosts string

	log       string
	mu        sync.Mutex
	processes map[*os.Process]bool
	wait      sync.WaitGroup
}

// StartSSHD starts a server; lines are further ones of its configuration, before which they go.
func StartSSHD(tb testing.TB, lines ...string) *SSHD {
	tb.Helper()
	switchedOff(tb)
	require(tb, "sshd", func() error {
		if !isolated() {
			return missingf("tests are not isolated: root on Linux is needed, and TestMain must call acctest.Main")
		}
		return programs("/usr/sbin/sshd")
	}())
	dir := tb.TempDir()
	s := &SSHD{Key: filepath.Join(dir, "id"), KnownHosts: filepath.Join(dir, "known_hosts"), log: filepath.Join(dir, "log"), processes: map[*os.Process]bool{}}
	must := func(err error) {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
	}
	host, err := newSSHKey(filepath.Join(dir, "host"))
	must(err)
	user, err := newSSHKey(s.Key)
	must(err)
	must(os.MkdirAll(privilegeDir, 0o755))
	must(os.WriteFile(filepath.Join(dir, "authorized"), ssh.MarshalAuthorizedKey(user), 0o600))
	config := strings.Join(lines, "\n") + fmt.Sprintf(`
HostKey %s
AuthorizedKeysFile %s
PermitRootLogin yes
StrictModes no
UsePAM no
LogLevel VERBOSE
`, filepath.Join(dir, "host"), filepath.Join(dir, "authorized"))
	must(os.WriteFile(filepath.Join(dir, "config"), []byte(config), 0o600))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	s.Port = strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
	must(os.WriteFile(s.KnownHosts, []byte(knownhosts.Line([]string{listener.Addr().String()}, host)+"\n"), 0o600))
	s.wait.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.serve(tb, conn.(*net.TCPConn), filepath.Join(dir, "config"))
		}
	})
	tb.Cleanup(func() {
		_ = listener.Close()
		s.Cut()
		s.wait.Wait()
		if raw, err := os.ReadFile(s.log); err == nil && tb.Failed() {
			tb.Logf("sshd:\n%s", raw)
		}
	})
	return s
}

// serve gives a connection to an sshd of its own, as inetd does.
func (s *SSHD) serve(tb testing.TB, conn *net.TCPConn, config string) {
	defer conn.Close()
	file, err := conn.File()
	if err != nil {
		tb.Error(err)
		return
	}
	defer file.Close()
	cmd := exec.Command("/usr/sbin/sshd", "-i", "-f", config, "-E", s.log)
	cmd.Stdin, cmd.Stdout = file, file
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := cmd.Start(); err != nil {
		tb.Error(err)
		return
	}
	s.processes[cmd.Process] = true
	s.wait.Go(func() {
		_ = cmd.Wait() // it ends as its client does
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.processes, cmd.Process)
	})
}

// Connections is how many clients are connected.
func (s *SSHD) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.processes)
}

// Cut ends all connections.
func (s *SSHD) Cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p := range s.processes {
		_ = p.Kill()
	}
}

// Host is the address of an engine at a socket of this machine, through the server.
func (s *SSHD) Host(socket string) string { return "ssh://root@127.0.0.1:" + s.Port + socket }

// newSSHKey writes a private key and returns its public half.
func newSSHKey(path string) (ssh.PublicKey, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
		return nil, err
	}
	return ssh.NewPublicKey(public)
}
