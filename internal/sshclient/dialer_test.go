package sshclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/crypto/ssh/knownhosts"
)

// says sends a text through a connection and demands it back, with the end after it.
func says(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(conn)
	if err != nil || string(got) != text {
		t.Fatalf("sent %q, got %q, %v", text, got, err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
}

func dial(t *testing.T, d *Dialer) net.Conn {
	t.Helper()
	conn, err := d.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestSocket(t *testing.T) {
	t.Parallel()
	socket, h := echo(t), newHome(t, "")
	s := serve(t, func(s *server) { s.allowed = []ssh.PublicKey{h.key.PublicKey()} })
	h.write(t, "known_hosts", s.line())
	d := h.dialer(t, s, socket, "-l", "deploy")
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			conn, err := d.Dial(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			says(t, conn, fmt.Sprintf("hello %d", i))
		})
	}
	all.Wait()
	if n := s.accepted.Load(); n != 1 {
		t.Errorf("%d SSH connections, want one for all", n)
	}
	if _, ok := s.users.Load("deploy"); !ok {
		t.Error("not as the user given")
	}
	if n := len(s.lines); n != 0 {
		t.Errorf("%d commands were run", n)
	}
}

// A connection that was cut is made again, once for all who need it.
func TestCut(t *testing.T) {
	t.Parallel()
	socket, h := echo(t), newHome(t, "")
	s := serve(t, func(s *server) { s.allowed = []ssh.PublicKey{h.key.PublicKey()} })
	h.write(t, "known_hosts", s.line())
	d := h.dialer(t, s, socket)
	for round := range 3 {
		conn := dial(t, d)
		says(t, conn, "before")
		held := dial(t, d)
		s.cut()
		if _, err := held.Read(make([]byte, 1)); err == nil {
			t.Error("a connection that was cut still reads")
		}
		_ = held.Close()
		says(t, dial(t, d), "after")
		if n := int(s.accepted.Load()); n != round+2 {
			t.Errorf("%d SSH connections after cut %d", n, round+1)
		}
	}
}

// Nothing is heard any more, and nothing says so: whoever reads learns it in time.
func TestSilence(t *testing.T) {
	t.Parallel()
	socket, h := echo(t), newHome(t, "")
	s := serve(t, func(s *server) { s.allowed = []ssh.PublicKey{h.key.PublicKey()} })
	h.write(t, "known_hosts", s.line())
	d := h.dialer(t, s, socket, "-o", "ServerAliveInterval=1", "-oServerAliveCountMax=1")
	conn := dial(t, d)
	s.deaf.Store(true)
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("read something")
	}
	_ = conn.Close()
	s.deaf.Store(false)
	says(t, dial(t, d), "again")
}

// Where the server refuses channels to sockets a command takes their place, on as many connections as needed.
func TestCommand(t *testing.T) {
	t.Parallel()
	socket, h := echo(t), newHome(t, "")
	s := serve(t, func(s *server) {
		s.allowed, s.noSockets, s.socket, s.room = []ssh.PublicKey{h.key.PublicKey()}, true, socket, 100
	})
	h.write(t, "known_hosts", s.line())
	d := h.dialer(t, s, "")
	says(t, dial(t, d), "first")
	if line := <-s.lines; line != "docker system dial-stdio" {
		t.Errorf("ran %q", line)
	}
	var open []net.Conn
	for range 3*sessions - 1 {
		open = append(open, dial(t, d))
	}
	if n := s.accepted.Load(); n != 3 {
		t.Errorf("%d SSH connections for %d commands, want 3", n, len(open))
	}
	for i, conn := range open {
		says(t, conn, fmt.Sprintf("hello %d", i))
	}
	named := h.dialer(t, s, "/run/my docker.sock")
	says(t, dial(t, named), "named")
	for range open {
		<-s.lines
	}
	if line := <-s.lines; line != "docker --host=unix://'/run/my docker.sock' system dial-stdio" {
		t.Errorf("ran %q", line)
	}
}

// A server that wants fewer commands than usual gets another connection instead.
func TestFull(t *testing.T) {
	t.Parallel()
	socket, h := echo(t), newHome(t, "")
	s := serve(t, func(s *server) {
		s.allowed, s.noSockets, s.socket, s.room = []ssh.PublicKey{h.key.PublicKey()}, true, socket, 2
	})
	h.write(t, "known_hosts", s.line())
	d := h.dialer(t, s, "")
	a, b := dial(t, d), dial(t, d)
	if _, err := d.Dial(t.Context()); err == nil || !strings.Contains(err.Error(), "refuses to run a command") {
		t.Errorf("a third one, which the server wants on no connection: %v", err) // room is for all connections here
	}
	if n := s.accepted.Load(); n != 2 {
		t.Errorf("%d SSH connections, want a second one to be tried", n)
	}
	says(t, a, "a")
	says(t, b, "b")
}

func TestCommandFails(t *testing.T) {
	t.Parallel()
	h := newHome(t, "")
	s := serve(t, func(s *server) {
		s.allowed, s.noSockets, s.words = []ssh.PublicKey{h.key.PublicKey()}, true, "sh: 1: docker: not found\n"
	})
	h.write(t, "known_hosts", s.line())
	conn := dial(t, h.dialer(t, s, ""))
	defer conn.Close()
	var failed *CommandError
	if _, err := conn.Read(make([]byte, 1)); !errors.As(err, &failed) || failed.Words != "sh: 1: docker: not found" || failed.Direct == nil {
		t.Errorf("read: %v", err)
	}
	none := serve(t, func(s *server) { s.allowed, s.noSockets, s.noCommands = []ssh.PublicKey{h.key.PublicKey()}, true, true })
	h.write(t, "known_hosts", none.line())
	if _, err := h.dialer(t, none, "").Dial(t.Context()); err == nil || !strings.Contains(err.Error(), "the host refuses to run a command (open failed)") {
		t.Errorf("no commands: %v", err)
	}
}

func TestJump(t *testing.T) {
	t.Parallel()
	socket, h := echo(t), newHome(t, "")
	allow := func(s *server) { s.allowed = []ssh.PublicKey{h.key.PublicKey()} }
	first, second, last := serve(t, allow), serve(t, allow), serve(t, allow)
	h.write(t, "known_hosts", first.line()+second.line()+last.line())
	h.write(t, "config", "Host gate\n  HostName 127.0.0.1\n  Port "+second.port()+"\n  User keeper\n")
	d := h.dialer(t, last, socket, "-J", "a@127.0.0.1:"+first.port()+",gate")
	says(t, dial(t, d), "far")
	for name, s := range map[string]*server{"a": first, "keeper": second, "me": last} {
		if _, ok := s.users.Load(name); !ok || s.accepted.Load() != 1 {
			t.Errorf("%s: %d connections", name, s.accepted.Load())
		}
	}
	h.write(t, "known_hosts", first.line()+last.line())
	_, err := h.dialer(t, last, socket, "-J", "a@127.0.0.1:"+first.port()+",gate").Dial(t.Context())
	if err == nil || !strings.HasPrefix(err.Error(), "jump host gate: the key of [127.0.0.1]:"+second.port()+" is not known: ssh-ed25519 with fingerprint SHA256:") {
		t.Errorf("unknown gate: %v", err)
	}
}

func TestHostKeys(t *testing.T) {
	t.Parallel()
	socket, h := echo(t), newHome(t, "")
	s := serve(t, func(s *server) { s.allowed = []ssh.PublicKey{h.key.PublicKey()} })
	name := "[127.0.0.1]:" + s.port()
	print := ssh.FingerprintSHA256(s.hostKey.PublicKey())
	other := newKey(t)
	try := func(hosts string, args ...string) (string, string) {
		h := home{Environment: h.Environment, key: h.key}
		file := filepath.Join(t.TempDir(), "hosts")
		h.write(t, "known_hosts", "")
		args = append(args, "-o", "UserKnownHostsFile="+file)
		if hosts != "" {
			h.write(t, "x", hosts)
			args[len(args)-1] = "UserKnownHostsFile " + filepath.Join(h.Home, ".ssh", "x")
		}
		conn, err := h.dialer(t, s, socket, args...).Dial(t.Context())
		if err != nil {
			return err.Error(), h.read(t, "x")
		}
		says(t, conn, "hello")
		return "", h.read(t, "x")
	}
	if err, _ := try(s.line()); err != "" {
		t.Errorf("known: %s", err)
	}
	if err, _ := try("# a comment\n"); !strings.Contains(err, "the key of "+name+" is not known: ssh-ed25519 with fingerprint "+print) || !strings.Contains(err, strings.TrimSpace(s.line())) {
		t.Errorf("unknown: %s", err)
	}
	wrong := knownhosts.Line([]string{s.listener.Addr().String()}, other.PublicKey()) + "\n"
	if err, _ := try(wrong); !strings.Contains(err, "has changed, or this is another host: ssh-ed25519 "+print+", known is "+ssh.FingerprintSHA256(other.PublicKey())) || !strings.Contains(err, "ssh-keygen -R") {
		t.Errorf("changed: %s", err)
	}
	if err, _ := try(wrong, "-oStrictHostKeyChecking=accept-new"); !strings.Contains(err, "has changed") {
		t.Errorf("changed, accept-new: %s", err)
	}
	if err, _ := try(wrong, "-o", "StrictHostKeyChecking no"); err != "" {
		t.Errorf("changed, not strict: %s", err)
	}
	if err, _ := try("@revoked * "+strings.SplitN(s.line(), " ", 2)[1], "-oStrictHostKeyChecking=no"); !strings.Contains(err, "is revoked by") {
		t.Errorf("revoked: %s", err)
	}
	if err, text := try("# no end", "-oStrictHostKeyChecking=accept-new"); err != "" || text != "# no end\n"+s.line() {
		t.Errorf("accept-new: %s\n%s", err, text)
	}
	if err, text := try("# hashed\n", "-oStrictHostKeyChecking=accept-new", "-oHashKnownHosts=yes"); err != "" || !strings.Contains(text, "|1|") || strings.Contains(text, "127.0.0.1") {
		t.Errorf("hashed: %s\n%s", err, text)
	}
	if err, _ := try(strings.Replace(s.line(), name, "alias", 1), "-oHostKeyAlias=alias"); err != "" {
		t.Errorf("alias: %s", err)
	}
}

// A host shows the key that is known of it, though it has another one that would come first.
func TestKnownKeyIsAskedFor(t *testing.T) {
	t.Parallel()
	h := newHome(t, "")
	key := newKey(t)
	h.write(t, "known_hosts", knownhosts.Line([]string{"host"}, key.PublicKey())+"\n")
	s, err := Read(h.Environment, Target{Host: "host"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	known, err := s.hostKeys()
	if err != nil {
		t.Fatal(err)
	}
	if got := known.algorithms(); len(got) < 3 || got[0] != ssh.KeyAlgoED25519 {
		t.Errorf("asks for %q", got)
	}
	known.lookup = "other:22"
	if got := known.algorithms(); got != nil {
		t.Errorf("of an unknown host asks for %q", got)
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	socket, h := echo(t), newHome(t, "")
	locked := newHome(t, "secret")
	s := serve(t, func(s *server) { s.allowed = []ssh.PublicKey{h.key.PublicKey(), locked.key.PublicKey()} })
	stranger := newHome(t, "")
	for _, x := range []home{h, locked, stranger} {
		x.write(t, "known_hosts", s.line())
	}
	try := func(h home, args ...string) string {
		conn, err := h.dialer(t, s, socket, args...).Dial(t.Context())
		if err != nil {
			return err.Error()
		}
		says(t, conn, "hello")
		return ""
	}
	if err := try(stranger); !strings.Contains(err, "refuses the user me, who offered "+filepath.Join(stranger.Home, ".ssh", "id_ed25519")) || !strings.Contains(err, "authorized_keys") {
		t.Errorf("stranger: %s", err)
	}
	if err := try(stranger, "-i", filepath.Join(h.Home, ".ssh", "id_ed25519")); err != "" {
		t.Errorf("key named: %s", err)
	}
	if err := try(stranger, "-i", "/nowhere"); !strings.Contains(err, "not usable: /nowhere (no such file or directory)") {
		t.Errorf("no such key: %s", err)
	}
	if err := try(locked); !strings.Contains(err, "who offered no key; "+filepath.Join(locked.Home, ".ssh", "id_ed25519")+" needs a passphrase; put the key into an agent (ssh-add") {
		t.Errorf("passphrase: %s", err)
	}
	locked.Agent = serveAgent(t, agent.AddedKey{PrivateKey: locked.private})
	if err := try(locked); err != "" {
		t.Errorf("agent: %s", err)
	}
	if err := try(locked, "-oIdentityAgent=none"); !strings.Contains(err, "needs a passphrase") {
		t.Errorf("agent not wanted: %s", err)
	}
	stranger.Agent = locked.Agent
	if err := try(stranger); err != "" {
		t.Errorf("key of the agent alone: %s", err)
	}
	if err := try(stranger, "-oIdentitiesOnly=yes"); !strings.Contains(err, "refuses the user") {
		t.Errorf("only keys that are named: %s", err)
	}
	stranger.Agent = filepath.Join(t.TempDir(), "none")
	if err := try(stranger); !strings.Contains(err, "not usable: the agent at "+stranger.Agent) {
		t.Errorf("no agent: %s", err)
	}
}

func serveAgent(t *testing.T, keys ...agent.AddedKey) string {
	t.Helper()
	ring := agent.NewKeyring()
	for _, k := range keys {
		if err := ring.Add(k); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "agent")
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
			go func() { _ = agent.ServeAgent(ring, conn); _ = conn.Close() }()
		}
	}()
	return path
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	h := newHome(t, "")
	mute, err := net.Listen("tcp", "127.0.0.1:0") // accepts and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	_, mutePort, _ := net.SplitHostPort(mute.Addr().String())
	for want, to := range map[string]Target{
		"nothing listens on 127.0.0.1:1":                   {Host: "127.0.0.1", Port: "1"},
		"no answer from 127.0.0.1:" + mutePort + " in 1s":  {Host: "127.0.0.1", Port: mutePort},
		"the host name no.such.invalid cannot be resolved": {Host: "no.such.invalid"},
	} {
		settings, err := Read(h.Environment, to, []string{"-oConnectTimeout=1"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := NewDialer(settings, "").Dial(t.Context()); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	settings, err := Read(h.Environment, Target{Host: "127.0.0.1", Port: mutePort}, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := NewDialer(settings, "").Dial(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("given up: %v", err)
	}
}

// A dialer that is closed lets go of its connection with the last use of it.
func TestClose(t *testing.T) {
	t.Parallel()
	socket, h := echo(t), newHome(t, "")
	s := serve(t, func(s *server) { s.allowed = []ssh.PublicKey{h.key.PublicKey()} })
	h.write(t, "known_hosts", s.line())
	d := h.dialer(t, s, socket)
	conn := dial(t, d)
	d.mu.Lock()
	l := d.links[0]
	d.mu.Unlock()
	d.Close()
	says(t, conn, "still there")
	<-l.life.Done()
}
