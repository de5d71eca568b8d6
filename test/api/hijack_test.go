package api

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// conn is one connection to an engine, spoken by hand.
type conn struct {
	t *testing.T
	net.Conn
	r      *bufio.Reader
	status int
	header http.Header
}

// dial sends a request, at the suite's version unless the path has one, with the upgrade headers where upgrade is set, and reads the header of the answer.
func (e *engine) dial(t *testing.T, method, path, body string, upgrade bool) *conn {
	t.Helper()
	raw, err := (&net.Dialer{}).DialContext(t.Context(), "unix", e.socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	if err := raw.SetDeadline(time.Now().Add(stepTimeout)); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(path, "/v1.") {
		path = prefix + path
	}
	request := method + " " + path + " HTTP/1.1\r\nHost: engine\r\n"
	if body != "" {
		request += fmt.Sprintf("Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	} else {
		request += "Content-Length: 0\r\n"
	}
	if upgrade {
		request += "Connection: Upgrade\r\nUpgrade: tcp\r\n"
	}
	if _, err := io.WriteString(raw, request+"\r\n"+body); err != nil {
		t.Fatal(err)
	}
	c := &conn{t: t, Conn: raw, r: bufio.NewReader(raw)}
	response, err := http.ReadResponse(c.r, nil)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	c.status, c.header = response.StatusCode, response.Header
	if response.TransferEncoding != nil { // not hijacked
		c.r = bufio.NewReader(response.Body)
	}
	return c
}

// head checks what the answer begins with.
func (c *conn) head(status int, header map[string]string) {
	c.t.Helper()
	if c.status != status {
		c.t.Errorf("status %d, want %d", c.status, status)
	}
	for name, want := range header {
		if got := c.header.Get(name); got != want {
			c.t.Errorf("header %s %q, want %q", name, got, want)
		}
	}
}

func (c *conn) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		c.t.Error(err)
	}
}

// closeWrite ends what the client sends.
func (c *conn) closeWrite() {
	c.t.Helper()
	if err := c.Conn.(*net.UnixConn).CloseWrite(); err != nil {
		c.t.Error(err)
	}
}

// rest reads to the end.
func (c *conn) rest() string {
	c.t.Helper()
	all, err := io.ReadAll(c.r)
	if err != nil {
		c.t.Errorf("%v after %q", err, all)
	}
	return string(all)
}

// until reads until the text has come.
func (c *conn) until(text string) string {
	c.t.Helper()
	var got strings.Builder
	for !strings.Contains(got.String(), text) {
		b, err := c.r.ReadByte()
		if err != nil {
			c.t.Fatalf("%v after %q, waiting for %q", err, got.String(), text)
		}
		got.WriteByte(b)
	}
	return got.String()
}

func (c *conn) frames(want ...[2]string) {
	c.t.Helper()
	got, err := readFrames(c.r)
	if err != nil {
		c.t.Errorf("frames: %v", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		c.t.Errorf("frames (-want +got):\n%s", diff)
	}
}

const rawStream = "application/vnd.docker.raw-stream"

var upgraded = map[string]string{"Content-Type": rawStream, "Connection": "Upgrade", "Upgrade": "tcp"}

func TestAttach(t *testing.T) {
	each(t, func(t *testing.T, e *engine) {
		for name, test := range map[string]func(*testing.T, *engine){
			"upgraded": attachUpgraded, "plain": attachPlain, "terminal": attachTerminal, "input": attachInput, "input once": attachInputOnce,
			"logs": attachLogs, "logs and stream": attachLogsAndStream, "one stream": attachOneStream, "before start": attachBeforeStart,
			"two clients": attachTwo, "refused": attachRefused,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, e)
			})
		}
	})
}

// catContainer runs cat with its input open.
func catContainer(t *testing.T, e *engine, fields map[string]any) string {
	t.Helper()
	all := map[string]any{"OpenStdin": true}
	for key, value := range fields {
		all[key] = value
	}
	return e.run(t, e.name(t), all, "cat")
}

func attachUpgraded(t *testing.T, e *engine) {
	id := catContainer(t, e, map[string]any{"StdinOnce": true})
	c := e.dial(t, "POST", "/containers/"+id+"/attach?stream=1&stdin=1&stdout=1&stderr=1", "", true)
	c.head(101, upgraded)
	c.send("hello\n")
	c.until("\x01\x00\x00\x00\x00\x00\x00\x06hello\n")
	c.closeWrite()
	c.frames([][2]string{}...)
}

func attachPlain(t *testing.T, e *engine) {
	id := catContainer(t, e, map[string]any{"StdinOnce": true})
	c := e.dial(t, "POST", "/containers/"+id+"/attach?stream=1&stdin=1&stdout=1&stderr=1", "", false)
	c.head(200, map[string]string{"Content-Type": rawStream, "Upgrade": ""})
	c.send("hello\n")
	c.until("\x01\x00\x00\x00\x00\x00\x00\x06hello\n")
	c.closeWrite()
	if got := c.rest(); got != "" {
		t.Errorf("%q after the end", got)
	}
}

func attachTerminal(t *testing.T, e *engine) {
	id := catContainer(t, e, map[string]any{"Tty": true})
	c := e.dial(t, "POST", "/containers/"+id+"/attach?stream=1&stdin=1&stdout=1", "", true)
	c.head(101, upgraded)
	c.send("hello\n")
	if got := c.until("hello\r\nhello\r\n"); got != "hello\r\nhello\r\n" {
		t.Errorf("%q, want the echo and the answer, raw", got)
	}
	c.send("\x04")
	if got := c.rest(); strings.Trim(got, "\x08^D") != "" {
		t.Errorf("%q after the end", got)
	}
}

// attachInput: without StdinOnce the container outlives the end of a client's input.
func attachInput(t *testing.T, e *engine) {
	id := catContainer(t, e, nil)
	first := e.dial(t, "POST", "/containers/"+id+"/attach?stream=1&stdin=1&stdout=1", "", true)
	first.send("a\n")
	first.until("a\n")
	_ = first.Close()
	second := e.dial(t, "POST", "/containers/"+id+"/attach?stream=1&stdin=1&stdout=1", "", true)
	second.send("b\n")
	second.until("\x01\x00\x00\x00\x00\x00\x00\x02b\n")
	var got struct{ State struct{ Running bool } }
	decode(t, e.must(t, "GET", "/containers/"+id+"/json", nil).body, &got)
	if !got.State.Running {
		t.Error("ended with its first client")
	}
}

// attachInputOnce: with StdinOnce the end of the input is the container's.
func attachInputOnce(t *testing.T, e *engine) {
	id := catContainer(t, e, map[string]any{"StdinOnce": true})
	c := e.dial(t, "POST", "/containers/"+id+"/attach?stream=1&stdin=1&stdout=1", "", true)
	c.closeWrite()
	if got := c.rest(); got != "" {
		t.Errorf("%q, want nothing", got)
	}
	var waited struct{ StatusCode int }
	decode(t, e.must(t, "POST", "/containers/"+id+"/wait", nil).body, &waited)
	if waited.StatusCode != 0 {
		t.Errorf("cat ended with %d", waited.StatusCode)
	}
}

// attachLogs: logs without stream are what was, then the end.
func attachLogs(t *testing.T, e *engine) {
	id := e.run(t, e.name(t), nil, "sh", "-c", "echo out; exec sleep 1000")
	e.dial(t, "GET", "/containers/"+id+"/logs?follow=1&stdout=1", "", false).until("out\n")
	c := e.dial(t, "POST", "/containers/"+id+"/attach?logs=1&stream=0&stdout=1", "", true)
	c.head(101, upgraded)
	c.frames([2]string{"out", "out\n"})
}

func attachLogsAndStream(t *testing.T, e *engine) {
	id := e.run(t, e.name(t), map[string]any{"OpenStdin": true, "StdinOnce": true}, "sh", "-c", "echo before; read x; echo $x")
	e.dial(t, "GET", "/containers/"+id+"/logs?follow=1&stdout=1", "", false).until("before\n")
	c := e.dial(t, "POST", "/containers/"+id+"/attach?logs=1&stream=1&stdin=1&stdout=1&stderr=1", "", true)
	c.until("before\n")
	c.send("after\n")
	c.frames([2]string{"out", "after\n"})
}

func attachOneStream(t *testing.T, e *engine) {
	id := e.run(t, e.name(t), map[string]any{"OpenStdin": true, "StdinOnce": true}, "sh", "-c", "read x; echo out; echo err >&2")
	in := e.dial(t, "POST", "/containers/"+id+"/attach?stream=1&stdin=1", "", true)
	c := e.dial(t, "POST", "/containers/"+id+"/attach?stream=1&stderr=1", "", true)
	e.settle(t, id)
	in.send("x\n")
	c.frames([2]string{"err", "err\n"})
}

// settle lets sessions begin: an engine sends their heads first, and no engine says when they are joined to the
// container. A few calls take longer than that.
func (e *engine) settle(t *testing.T, id string) {
	for range 20 {
		e.must(t, "GET", "/containers/"+id+"/json", nil)
	}
}

// attachBeforeStart is how docker run does it: nothing of the output is missed.
func attachBeforeStart(t *testing.T, e *engine) {
	id := e.create(t, e.name(t), map[string]any{"Cmd": []string{"sh", "-c", "echo first; exit 4"}})
	c := e.dial(t, "POST", "/containers/"+id+"/attach?stream=1&stdout=1&stderr=1", "", true)
	c.head(101, upgraded)
	e.must(t, "POST", "/containers/"+id+"/start", nil)
	c.frames([2]string{"out", "first\n"})
}

func attachTwo(t *testing.T, e *engine) {
	id := e.run(t, e.name(t), map[string]any{"OpenStdin": true, "StdinOnce": true}, "sh", "-c", "read x; echo got $x")
	first := e.dial(t, "POST", "/containers/"+id+"/attach?stream=1&stdout=1", "", true)
	second := e.dial(t, "POST", "/containers/"+id+"/attach?stream=1&stdin=1&stdout=1", "", true)
	e.settle(t, id)
	second.send("it\n")
	first.frames([2]string{"out", "got it\n"})
	second.frames([2]string{"out", "got it\n"})
}

func attachRefused(t *testing.T, e *engine) {
	name := e.name(t)
	for path, want := range map[string]int{
		"/containers/" + name + "/attach?stream=1&stdout=1": 404,
		"/containers/" + name + "/attach/ws?stream=1":       404,
	} {
		method := "POST"
		if strings.HasSuffix(path, "ws?stream=1") {
			method = "GET"
		}
		got := e.do(t, method, path, nil, nil)
		if got.status != want || strings.TrimSpace(string(got.body)) != "No such container: "+name {
			t.Errorf("%s: %d %q, want %d", path, got.status, got.body, want)
		}
	}
}

func TestExecStreams(t *testing.T) {
	each(t, func(t *testing.T, e *engine) {
		t.Run("input", func(t *testing.T) {
			t.Parallel()
			c := execConn(t, e, `{"AttachStdin":true,"AttachStdout":true,"AttachStderr":true,"Cmd":["sh","-c","cat; echo end >&2"]}`, "{}")
			c.head(101, upgraded)
			c.send("hello\n")
			c.until("\x01\x00\x00\x00\x00\x00\x00\x06hello\n")
			c.closeWrite()
			c.frames([2]string{"err", "end\n"})
		})
		t.Run("terminal", func(t *testing.T) {
			t.Parallel()
			c := execConn(t, e, `{"AttachStdin":true,"AttachStdout":true,"Tty":true,"Cmd":["sh","-c","read x; echo got $x"]}`, `{"Tty":true}`)
			c.head(101, upgraded)
			c.send("it\n")
			if got := c.rest(); got != "it\r\ngot it\r\n" {
				t.Errorf("%q", got)
			}
		})
	})
}

func execConn(t *testing.T, e *engine, create, start string) *conn {
	t.Helper()
	id := e.run(t, e.name(t), nil, "sleep", "1000")
	got := e.do(t, "POST", "/containers/"+id+"/exec", http.Header{"Content-Type": {"application/json"}}, strings.NewReader(create))
	var made struct{ Id string }
	decode(t, got.body, &made)
	return e.dial(t, "POST", "/exec/"+made.Id+"/start", start, true)
}

func TestLogsUpgraded(t *testing.T) {
	each(t, func(t *testing.T, e *engine) {
		id := e.run(t, e.name(t), nil, "sh", "-c", "echo 1; echo 2 >&2")
		c := e.dial(t, "GET", "/containers/"+id+"/logs?stdout=1&stderr=1&follow=1", "", true)
		if e.Name == "dockerd" {
			// The document shows 101 UPGRADED for logs as for attach; the engine never did it.
			c.head(200, nil)
		} else {
			c.head(101, upgraded)
		}
		got, err := readFrames(c.r)
		if diff := cmp.Diff(map[string]string{"out": "1\n", "err": "2\n"}, byStream(got)); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	})
}
