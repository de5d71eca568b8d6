//go:build linux

package runtime_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/daemon/runtime"
)

// pair returns both ends of a connection: "unix", "tcp", or "pipe", which is no socket.
func pair(t testing.TB, kind string) (client, server net.Conn) {
	t.Helper()
	switch kind {
	case "pipe":
		client, server = net.Pipe()
	case "unix":
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		var ends [2]net.Conn
		for i, fd := range fds {
			f := os.NewFile(uintptr(fd), "pair")
			if ends[i], err = net.FileConn(f); err != nil {
				t.Fatal(err)
			}
			f.Close()
		}
		client, server = ends[0], ends[1]
	case "tcp":
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
			t.Fatal(err)
		}
		if server, err = l.Accept(); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	if err := client.SetDeadline(time.Now().Add(60 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return client, server
}

// frames splits output of the API into its streams.
func frames(r io.Reader) (stdout, stderr string, err error) {
	var out [3]strings.Builder
	for {
		var head [8]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return out[1].String(), out[2].String(), err
		}
		if head[0] != 1 && head[0] != 2 || head[1]|head[2]|head[3] != 0 {
			return out[1].String(), out[2].String(), fmt.Errorf("frame head %v", head)
		}
		if _, err := io.CopyN(&out[head[0]], r, int64(binary.BigEndian.Uint32(head[4:]))); err != nil {
			return out[1].String(), out[2].String(), err
		}
	}
}

var all = runtime.AttachOptions{Stdin: true, Stdout: true, Stderr: true}

func ended(t *testing.T, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(60 * time.Second):
		t.Fatal("the session does not end")
	}
}

func TestAttach(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	for _, kind := range []string{"unix", "tcp", "pipe"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			b := h.bundle("attach-"+kind, "sh", "-c", "echo to stderr >&2; cat; echo end")
			b.OpenStdin, b.StdinOnce = true, true
			p := h.open(b)
			client, server := pair(t, kind)
			options := all
			options.Flow = true
			// Attached before the start, with input that was read ahead: every byte arrives.
			done, err := p.Attach(t.Context(), server, []byte("first "), options)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			payload := make([]byte, 1<<20)
			_, _ = rand.Read(payload)
			if kind == "pipe" {
				payload = append(payload[:4096], []byte("\x00\n")...)
			}
			go func() {
				_, _ = client.Write(payload)
				if c, ok := client.(interface{ CloseWrite() error }); ok {
					_ = c.CloseWrite()
				}
			}()
			var r io.Reader = client
			if kind == "pipe" { // no half-close: the client leaves when it has what it wants
				r = io.LimitReader(client, int64(8+len("to stderr\n")+8))
			}
			stdout, stderr, err := frames(r)
			if kind == "pipe" {
				client.Close()
				ended(t, done)
				h.until(b.ID, runtime.KindExit, 1)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := "first " + string(payload) + "end\n"
			if sha256.Sum256([]byte(stdout)) != sha256.Sum256([]byte(want)) || stderr != "to stderr\n" {
				t.Errorf("stdout %d bytes, want %d; stderr %q", len(stdout), len(want), stderr)
			}
			ended(t, done)
			if e := h.until(b.ID, runtime.KindExit, 1); e.Code != 0 {
				t.Errorf("exit %+v", e)
			}
		})
	}
}

func TestAttachMany(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	b := h.bundle("many", "sh", "-c", "read go; for i in 1 2 3 4 5; do echo line $i; echo err $i >&2; done")
	b.OpenStdin = true
	p := h.start(b)
	type result struct{ stdout, stderr string }
	results := make(chan result, 4)
	for _, o := range []runtime.AttachOptions{{Stdout: true, Stderr: true}, {Stdout: true}, {Stderr: true}, {Stdout: true, Stderr: true, Raw: true}} {
		client, server := pair(t, "unix")
		if _, err := p.Attach(t.Context(), server, nil, o); err != nil {
			t.Fatal(err)
		}
		go func() {
			if o.Raw {
				content, _ := io.ReadAll(client)
				results <- result{stdout: "raw " + fmt.Sprint(len(content))}
				return
			}
			stdout, stderr, _ := frames(client)
			results <- result{stdout, stderr}
		}()
	}
	client, server := pair(t, "unix")
	done, err := p.Attach(t.Context(), server, nil, runtime.AttachOptions{Stdin: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Write([]byte("go\n")); err != nil {
		t.Fatal(err)
	}
	out, errs := "line 1\nline 2\nline 3\nline 4\nline 5\n", "err 1\nerr 2\nerr 3\nerr 4\nerr 5\n"
	want := map[result]int{{out, errs}: 1, {out, ""}: 1, {"", errs}: 1, {fmt.Sprint("raw ", len(out)+len(errs)), ""}: 1}
	for range 4 {
		want[<-results]--
	}
	for r, n := range want {
		if n != 0 {
			t.Errorf("%q: %d off", r, n)
		}
	}
	ended(t, done)
}

// TestStalledClient: one who does not read costs the container nothing, and is told what he missed; one with Flow makes
// it wait and gets everything.
func TestStalledClient(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	const size = 32 << 20
	for _, flow := range []bool{false, true} {
		t.Run(fmt.Sprint("flow=", flow), func(t *testing.T) {
			t.Parallel()
			b := h.bundle(fmt.Sprint("stalled-", flow), "sh", "-c", "yes | head -c 33554432")
			b.Log = runtime.LogConfig{Driver: "none"}
			p := h.open(b)
			client, server := pair(t, "unix")
			if _, err := p.Attach(t.Context(), server, nil, runtime.AttachOptions{Stdout: true, Stderr: true, Flow: flow}); err != nil {
				t.Fatal(err)
			}
			if _, err := p.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			if !flow {
				h.until(b.ID, runtime.KindExit, 1) // although nobody reads
			}
			stdout, stderr, err := frames(client)
			if err != nil {
				t.Fatal(err)
			}
			if flow {
				if len(stdout) != size || stderr != "" {
					t.Errorf("%d bytes, stderr %q", len(stdout), stderr)
				}
				h.until(b.ID, runtime.KindExit, 1)
				return
			}
			var skipped int
			if n, err := fmt.Sscanf(stderr, "[cleat: %d bytes skipped", &skipped); n != 1 || err != nil {
				t.Fatalf("stderr %q", stderr)
			}
			// Frames' heads are counted with what is skipped.
			if len(stdout) >= size || len(stdout)+skipped < size || len(stdout)+skipped > size+size/100 {
				t.Errorf("%d bytes and %d skipped of %d", len(stdout), skipped, size)
			}
		})
	}
}

func TestTerminal(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	b := h.bundle("tty", "sh")
	b.TTY, b.OpenStdin = true, true
	p := h.open(b)
	client, server := pair(t, "unix")
	options := all
	options.DetachKeys = []byte{16, 17}
	done, err := p.Attach(t.Context(), server, nil, options)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	session := &console{t: t, conn: client}
	if err := p.Resize(t.Context(), 40, 132); err != nil {
		t.Fatal(err)
	}
	session.say("stty size 2>/dev/null || ttysize; echo to stderr >&2; echo DO''NE\n", "DONE")
	if err := p.Resize(t.Context(), 70000, 1); err == nil {
		t.Error("a size beyond 16 bits is taken")
	}
	session.say("tty=$(readlink /proc/self/fd/0); echo is $tty en''d\n", "is /dev/pts/0 end")
	// A beginning of the keys that is not completed is input; then all of them, in two pieces.
	if _, err := client.Write([]byte{16}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Write([]byte{17}); err != nil {
		t.Fatal(err)
	}
	ended(t, done)
	if rest, err := io.ReadAll(client); err != nil && !errors.Is(err, unix.ECONNRESET) {
		t.Fatal(err, rest)
	}
	client, server = pair(t, "tcp")
	if done, err = p.Attach(t.Context(), server, nil, all); err != nil {
		t.Fatal(err)
	}
	session = &console{t: t, conn: client}
	session.say("exit 9\n", "exit 9")
	ended(t, done)
	if e := h.until("tty", runtime.KindExit, 1); e.Code != 9 {
		t.Errorf("exit %+v", e)
	}
	if log := h.logged("tty", "stdout"); !strings.Contains(log, "to stderr\r\n") || !strings.Contains(log, "40 132") {
		t.Errorf("log %q", log)
	}
}

// A console is a client at a terminal.
type console struct {
	t    *testing.T
	conn net.Conn
	seen bytes.Buffer
}

// say types and waits for an answer.
func (c *console) say(input, answer string) {
	c.t.Helper()
	if _, err := c.conn.Write([]byte(input)); err != nil {
		c.t.Fatal(err)
	}
	var buf [4096]byte
	for !strings.Contains(c.seen.String(), answer) {
		n, err := c.conn.Read(buf[:])
		if err != nil {
			c.t.Fatalf("no %q: %v; seen %q", answer, err, c.seen.String())
		}
		c.seen.Write(buf[:n])
	}
	c.seen.Reset()
}

func TestInputStaysOpen(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	b := h.bundle("open", "sh", "-c", "while read line; do echo got $line; [ $line = end ] && exit 3; done; exit 4")
	b.OpenStdin = true // not once: a client that leaves does not end it
	p := h.start(b)
	for _, word := range []string{"one", "end"} {
		client, server := pair(t, "unix")
		done, err := p.Attach(t.Context(), server, nil, all)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Write([]byte(word + "\n")); err != nil {
			t.Fatal(err)
		}
		client.Close() // at once: what was said counts all the same
		ended(t, done)
	}
	if e := h.until("open", runtime.KindExit, 1); e.Code != 3 {
		t.Errorf("exit %+v", e)
	}
	if got := h.logged("open", "stdout"); got != "got one\ngot end\n" {
		t.Errorf("log %q", got)
	}
}

// TestInputOfTheGone: a client says more than the command takes at once and leaves. What the command says then cannot be
// sent, and what the client said is given all the same.
func TestInputOfTheGone(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	for _, kind := range []string{"unix", "pipe"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			b := h.bundle("gone-"+kind, "sh", "-c", "trap 'echo heard; head -c 160000 | wc -c; exit 3' USR1; echo ready; sleep 1000 & wait")
			b.OpenStdin = true
			p := h.start(b)
			h.waitLog(b.ID, "ready")
			client, server := pair(t, kind)
			done, err := p.Attach(t.Context(), server, nil, all)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := client.Write(make([]byte, 160000)); err != nil { // a pipe takes 65536
				t.Fatal(err)
			}
			client.Close()
			if err := p.Signal(t.Context(), unix.SIGUSR1, false); err != nil {
				t.Fatal(err)
			}
			ended(t, done)
			if e := h.until(b.ID, runtime.KindExit, 1); e.Code != 3 {
				t.Errorf("exit %+v", e)
			}
			if got := h.logged(b.ID, "stdout"); got != "ready\nheard\n160000\n" {
				t.Errorf("log %q", got)
			}
		})
	}
}
