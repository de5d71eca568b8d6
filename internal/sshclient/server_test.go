package sshclient

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// server is an SSH server of a test.
type server struct {
	t        *testing.T
	listener net.Listener
	hostKey  ssh.Signer
	allowed  []ssh.PublicKey

	// noSockets refuses channels to sockets, noCommands commands; room is how many commands there may be at once.
	noSockets, noCommands bool
	room                  int32
	// command answers commands; nil connects them to the socket in command.
	socket string
	words  string // said on the error stream, with exit status 1, in place of a connection
	deaf   atomic.Bool

	users    sync.Map // of those who came in
	accepted atomic.Int32
	sessions atomic.Int32
	lines    chan string

	mu    sync.Mutex
	conns []net.Conn
}

// serve starts a server with a host key of its own. change is called before.
func serve(t *testing.T, change func(s *server)) *server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, listener: listener, hostKey: newKey(t), room: 10, lines: make(chan string, 100)}
	change(s)
	t.Cleanup(func() { _ = listener.Close(); s.cut() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.accepted.Add(1)
			s.mu.Lock()
			s.conns = append(s.conns, conn)
			s.mu.Unlock()
			go s.handle(conn)
		}
	}()
	return s
}

// cut ends all connections, as a network does.
func (s *server) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		_ = c.Close()
	}
	s.conns = nil
}

func (s *server) port() string { return strconv.Itoa(s.listener.Addr().(*net.TCPAddr).Port) }

// line is the host's line of known_hosts.
func (s *server) line() string {
	return knownhosts.Line([]string{s.listener.Addr().String()}, s.hostKey.PublicKey()) + "\n"
}

func (s *server) handle(conn net.Conn) {
	config := &ssh.ServerConfig{PublicKeyCallback: func(meta ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		for _, a := range s.allowed {
			if bytes.Equal(a.Marshal(), key.Marshal()) {
				s.users.Store(meta.User(), true)
				return nil, nil
			}
		}
		return nil, io.EOF
	}}
	config.AddHostKey(s.hostKey)
	through, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		_ = conn.Close()
		return
	}
	defer through.Close()
	go func() {
		for r := range requests {
			if r.WantReply && !s.deaf.Load() {
				_ = r.Reply(false, nil)
			}
		}
	}()
	for c := range channels {
		go s.channel(c)
	}
}

func (s *server) channel(c ssh.NewChannel) {
	switch c.ChannelType() {
	case "direct-streamlocal@openssh.com":
		var to struct {
			Path      string
			Reserved0 string
			Reserved1 uint32
		}
		if s.noSockets || ssh.Unmarshal(c.ExtraData(), &to) != nil {
			_ = c.Reject(ssh.ConnectionFailed, "open failed")
			return
		}
		s.forward(c, "unix", to.Path)
	case "direct-tcpip":
		var to struct {
			Host   string
			Port   uint32
			Origin string
			From   uint32
		}
		if ssh.Unmarshal(c.ExtraData(), &to) != nil {
			return
		}
		s.forward(c, "tcp", net.JoinHostPort(to.Host, strconv.Itoa(int(to.Port))))
	case "session":
		if s.noCommands || s.sessions.Add(1) > s.room {
			s.sessions.Add(-1)
			_ = c.Reject(ssh.ConnectionFailed, "open failed")
			return
		}
		defer s.sessions.Add(-1)
		s.session(c)
	}
}

func (s *server) forward(c ssh.NewChannel, network, address string) {
	conn, err := net.Dial(network, address)
	if err != nil {
		_ = c.Reject(ssh.ConnectionFailed, "open failed")
		return
	}
	ch, requests, err := c.Accept()
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	join(ch, conn)
}

func (s *server) session(c ssh.NewChannel) {
	ch, requests, err := c.Accept()
	if err != nil {
		return
	}
	defer ch.Close()
	for r := range requests {
		if r.Type != "exec" {
			_ = r.Reply(false, nil)
			continue
		}
		var line struct{ Text string }
		_ = ssh.Unmarshal(r.Payload, &line)
		s.lines <- line.Text
		_ = r.Reply(true, nil)
		if s.words != "" {
			_, _ = io.WriteString(ch.Stderr(), s.words)
			_, _ = ch.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{1}))
			return
		}
		conn, err := net.Dial("unix", s.socket)
		if err != nil {
			return
		}
		join(ch, conn)
		return
	}
}

func join(ch ssh.Channel, conn net.Conn) {
	done := make(chan struct{})
	go func() {
		_, _ = io.Copy(conn, ch)
		_ = conn.(interface{ CloseWrite() error }).CloseWrite()
		close(done)
	}()
	_, _ = io.Copy(ch, conn)
	_ = ch.Close()
	_ = conn.Close()
	<-done
}

// echo is a unix socket that sends back what it gets, to the end.
func echo(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ssh") // sockets have short paths
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "sock")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(conn, conn); _ = conn.Close() }()
		}
	}()
	return path
}

func newKey(t *testing.T) ssh.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// home is a user's directory with a key.
type home struct {
	Environment
	key     ssh.Signer
	private ed25519.PrivateKey
}

func newHome(t *testing.T, passphrase string) home {
	t.Helper()
	h := home{Environment: Environment{Home: t.TempDir(), User: "me", System: t.TempDir()}}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	h.private = private
	if h.key, err = ssh.NewSignerFromKey(private); err != nil {
		t.Fatal(err)
	}
	var block *pem.Block
	if passphrase == "" {
		block, err = ssh.MarshalPrivateKey(private, "test")
	} else {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(private, "test", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	_ = public
	h.write(t, "id_ed25519", string(pem.EncodeToMemory(block)))
	return h
}

// write puts a file into ~/.ssh.
func (h home) write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(h.Home, ".ssh", name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (h home) read(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(h.Home, ".ssh", name))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(raw)
}

// dialer reaches a server at 127.0.0.1 from this home.
func (h home) dialer(t *testing.T, s *server, socket string, args ...string) *Dialer {
	t.Helper()
	settings, err := Read(h.Environment, Target{Host: "127.0.0.1", Port: s.port()}, args)
	if err != nil {
		t.Fatal(err)
	}
	d := NewDialer(settings, socket)
	t.Cleanup(d.Close)
	return d
}
