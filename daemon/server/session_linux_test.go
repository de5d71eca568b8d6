package server

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// session is a route that talks after a JSON body: one it reads, as exec start does, or one it does not, as attach.
func session(w http.ResponseWriter, r *Request) error {
	var body struct{ Detach bool }
	if r.Header.Get("Upgrade") == "" {
		if err := r.Decode(&body); err != nil {
			return err
		}
	}
	conn, buffered, err := Hijack(w, r, "application/vnd.docker.raw-stream")
	if err != nil {
		return err
	}
	defer conn.Close()
	in := bufio.NewReader(io.MultiReader(strings.NewReader(string(buffered)), conn))
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return nil //nolint:nilerr // the end of the session
		}
		if _, err := fmt.Fprintf(conn, "%T %s", conn, line); err != nil {
			return err
		}
	}
}

func TestHijack(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	a.sign(t, "server")
	a.sign(t, "client")
	secure, err := TLS(TLSFiles{CA: a.file("ca.pem"), Cert: a.file("server.pem"), Key: a.file("server-key.pem"), Verify: true})
	if err != nil {
		t.Fatal(err)
	}
	plain := listen(t, ListenConfig{Hosts: []string{"unix://" + filepath.Join(t.TempDir(), "s"), "tcp://127.0.0.1:0"}})
	mutual := listen(t, ListenConfig{Hosts: []string{"tcp://127.0.0.1:0"}, TLS: secure})
	serve(t, newServer(t, Config{Routes: []Route{{Method: "POST", Path: "/exec/{id}/start", Handle: session, Endless: true}}}), append(plain, mutual...)...)
	for _, tc := range []struct {
		l    net.Listener
		tls  *tls.Config
		conn string
	}{{plain[0], nil, "*net.UnixConn"}, {plain[1], nil, "*net.TCPConn"}, {mutual[0], a.client(t, "client"), "*tls.Conn"}} {
		for _, upgrade := range []bool{false, true} {
			conn, err := (&net.Dialer{}).DialContext(t.Context(), tc.l.Addr().Network(), tc.l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close() })
			if tc.tls != nil {
				conn = tls.Client(conn, tc.tls)
			}
			header, status := "", "HTTP/1.1 200 OK"
			want := []string{"Content-Type: application/vnd.docker.raw-stream"}
			if upgrade {
				header, status = "Connection: Upgrade\r\nUpgrade: tcp\r\n", "HTTP/1.1 101 UPGRADED"
				want = append(want, "Connection: Upgrade", "Upgrade: tcp")
			}
			// The first line of the session comes in the same packet as the request.
			if _, err := io.WriteString(conn, "POST /v1.18/exec/e/start HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\nContent-Length: 16\r\n"+
				header+"\r\n"+`{"Detach":false}`+"early\n"); err != nil {
				t.Fatal(err)
			}
			in := bufio.NewReader(conn)
			var head []string
			for text := line(t, in); text != "\r\n"; text = line(t, in) {
				head = append(head, strings.TrimSpace(text))
			}
			want = append([]string{status}, append(want, "Api-Version: 1.44", "Builder-Version: 1", "Docker-Experimental: false", "Ostype: linux",
				"Server: cleatd/dev (linux)", "Swarm: inactive")...)
			if diff := cmp.Diff(want, head); diff != "" {
				t.Errorf("%s upgrade %v (-want +got):\n%s", tc.conn, upgrade, diff)
			}
			if got := line(t, in); got != tc.conn+" early\n" {
				t.Errorf("first line of the session %q", got)
			}
			if _, err := io.WriteString(conn, "late\n"); err != nil {
				t.Fatal(err)
			}
			if got := line(t, in); got != tc.conn+" late\n" {
				t.Errorf("second line of the session %q", got)
			}
		}
	}
}

func TestDecode(t *testing.T) {
	t.Parallel()
	s := newServer(t, Config{MaxJSON: 64, Routes: []Route{{Method: "POST", Path: "/x", Handle: func(w http.ResponseWriter, r *Request) error {
		body := struct {
			Name  string
			Inner struct{ Count int }
		}{Name: "unset"}
		if err := r.Decode(&body); err != nil {
			return err
		}
		return JSON(w, r, http.StatusCreated, body)
	}}}})
	l := listen(t, ListenConfig{Hosts: []string{"tcp://127.0.0.1:0"}})[0]
	serve(t, s, l)
	const unset = `201 {"Name":"unset","Inner":{"Count":0}}`
	for _, tc := range []struct{ kind, body, want string }{
		{"application/json", `{"name":"a","Inner":{"Count":2},"Unknown":[1]}`, `201 {"Name":"a","Inner":{"Count":2}}`},
		{"application/json; charset=utf-8", " {}\n ", unset},
		{"application/json", "", unset},
		{"application/json", " \n", unset},
		{"application/json", "null", unset},
		{"text/plain", "", unset},
		{"", "", unset},
		{"", "{}", `400 {"message":"unsupported Content-Type header (): must be 'application/json'"}`},
		{"text/plain", "{}", `400 {"message":"unsupported Content-Type header (text/plain): must be 'application/json'"}`},
		{"a/b/c", "{}", `400 {"message":"malformed Content-Type header (a/b/c)"}`},
		{"application/json", "{", `400 {"message":"invalid JSON: unexpected EOF"}`},
		{"application/json", "{} {}", `400 {"message":"invalid JSON: unexpected content after the value"}`},
		{"application/json", "{}}", `400 {"message":"invalid JSON: unexpected content after the value"}`},
		{"application/json", `{"Inner":{"Count":"2"}}`, `400 {"message":"invalid JSON: field Inner.Count: got string, want number"}`},
		{"application/json", `[]`, `400 {"message":"invalid JSON: got array, want object"}`},
		{"application/json", `{"Name":"` + strings.Repeat("x", 64) + `"}`, `413 {"message":"request body is larger than 64 bytes"}`},
	} {
		for _, chunked := range []bool{false, true} {
			if got := post(t, l, tc.kind, tc.body, chunked); got != tc.want {
				t.Errorf("%s %q (chunked %v): %s, want %s", tc.kind, tc.body, chunked, got, tc.want)
			}
		}
	}
}

// post sends a body as it is.
func post(t *testing.T, l net.Listener, kind, body string, chunked bool) string {
	t.Helper()
	var r io.Reader = strings.NewReader(body)
	if chunked {
		r = io.MultiReader(r) // of unknown length
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://docker/x", r)
	if err != nil {
		t.Fatal(err)
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	res, err := over(l, nil).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d %s", res.StatusCode, strings.TrimSpace(string(text)))
}

func TestQuery(t *testing.T) {
	t.Parallel()
	s := newServer(t, Config{Routes: []Route{{Method: "GET", Path: "/x", Handle: func(w http.ResponseWriter, r *Request) error {
		all, err := r.Bool("all")
		if err != nil {
			return err
		}
		pause, err := r.BoolOr("pause", true)
		if err != nil {
			return err
		}
		n, err := r.Int("n", 7)
		if err != nil {
			return err
		}
		f, err := r.Filters()
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(w, all, pause, n, f, r.Query().Get("plain"), r.Trait("no such trait"))
		return err
	}}}})
	for _, tc := range []struct{ query, want string }{
		{"", "false true 7 map[]  false"},
		{"all=1&pause=0&n=-3&plain=a%20b", "true false -3 map[] a b false"},
		{"all=True&pause=False", "true false 7 map[]  false"},
		{"all=banana&pause=none", "true false 7 map[]  false"},
		{"all=&pause=", "false true 7 map[]  false"},
		{"n=x", `bad parameter n="x": want a number`},
		{"n=99999999999999999999", `bad parameter n="99999999999999999999": want a number`},
		{`filters={"label":["b","a"]}`, "false true 7 map[label:[a b]]  false"},
		{`filters={"label":{"b":true,"a":true,"c":false}}`, "false true 7 map[label:[a b]]  false"},
		{"filters=null", "false true 7 map[]  false"},
		{"filters={}", "false true 7 map[]  false"},
		{"filters=x", `invalid filter "x": want {"term":["value"]}`},
		{`filters={"label":"a"}`, `invalid filter "{\"label\":\"a\"}": want {"term":["value"]}`},
	} {
		target := "/v1.18/x?" + strings.NewReplacer(`"`, "%22", "{", "%7B", "}", "%7D").Replace(tc.query)
		if got := strings.TrimSpace(get(t, s, "GET", target).Body.String()); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.query, got, tc.want)
		}
	}
}

// A client that is too slow is cut off, at the header and in a JSON body, but not in a stream.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	synctest.Test(t, slowClients) // else a busy machine is as slow as a client
}

func slowClients(t *testing.T) {
	streaming := make(chan struct{})
	l := pipes{make(chan net.Conn), make(chan struct{}), new(sync.Once)}
	serve(t, newServer(t, Config{HeaderTimeout: 50 * time.Millisecond, BodyTimeout: 50 * time.Millisecond, MaxHeader: 4096, Routes: []Route{
		{Method: "POST", Path: "/json", Handle: func(w http.ResponseWriter, r *Request) error { return r.Decode(&struct{}{}) }},
		{Method: "POST", Path: "/tar", Handle: func(w http.ResponseWriter, r *Request) error {
			close(streaming)
			n, err := io.Copy(io.Discard, r.Body)
			if err == nil {
				_, err = fmt.Fprint(w, n)
			}
			return err
		}},
	}}), l)
	dial := func(text string) (net.Conn, *bufio.Reader) {
		conn, server := net.Pipe()
		t.Cleanup(func() { _ = conn.Close() })
		l.conns <- server
		go func() { _, _ = io.WriteString(conn, text) }() // all of it only if the server reads it
		return conn, bufio.NewReader(conn)
	}
	slow, tar := dial("POST /tar HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nhalf")
	<-streaming
	_, header := dial("POST /json HTT")
	if rest, err := io.ReadAll(header); err != nil || len(rest) != 0 && !strings.HasPrefix(string(rest), "HTTP/1.1 4") {
		t.Errorf("slow header: %q, %v; want the connection closed", rest, err)
	}
	_, body := dial("POST /json HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
	if got := line(t, body); got != "HTTP/1.1 503 Service Unavailable\r\n" {
		t.Errorf("slow body: %q", got)
	}
	if rest, err := io.ReadAll(body); err != nil || !strings.Contains(string(rest), "did not come within 50ms") {
		t.Errorf("slow body: %q, %v", rest, err)
	}
	_, unread := dial("POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
	if rest, err := io.ReadAll(unread); err != nil || !strings.HasPrefix(string(rest), "HTTP/1.1 404 ") {
		t.Errorf("slow body nobody reads: %q, %v; want the answer and the connection closed", rest, err)
	}
	_, large := dial("POST /json HTTP/1.1\r\nHost: x\r\nX-Large: " + strings.Repeat("x", 9000) + "\r\n\r\n")
	if got := line(t, large); got != "HTTP/1.1 431 Request Header Fields Too Large\r\n" {
		t.Errorf("large header: %q", got)
	}
	// All timeouts have passed meanwhile.
	if _, err := io.WriteString(slow, "half"); err != nil {
		t.Fatal(err)
	}
	if got := line(t, tar); got != "HTTP/1.1 200 OK\r\n" {
		t.Errorf("slow stream: %q", got)
	}
}

// pipes is a listener within the process.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   *sync.Once
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes", Net: "unix"} }

func TestStop(t *testing.T) {
	t.Parallel()
	began, finish := make(chan string, 3), make(chan struct{})
	ended := make(chan string, 3)
	wait := func(name string, until <-chan struct{}) Handler {
		return func(w http.ResponseWriter, r *Request) error {
			began <- name
			defer func() { ended <- name }()
			select {
			case <-r.Context().Done():
				return r.Context().Err()
			case <-until:
				_, err := io.WriteString(w, "finished")
				return err
			}
		}
	}
	newOne := func(t *testing.T, drain time.Duration) (net.Listener, func() error) {
		l := listen(t, ListenConfig{Hosts: []string{"tcp://127.0.0.1:0"}})[0]
		return l, serve(t, newServer(t, Config{DrainTimeout: drain, Routes: []Route{
			{Method: "GET", Path: "/events", Endless: true, Handle: wait("events", nil)},
			{Method: "GET", Path: "/call", Handle: wait("call", finish)},
			{Method: "GET", Path: "/stuck", Handle: wait("stuck", nil)},
		}}), l)
	}
	request := func(l net.Listener, path string) <-chan string {
		got := make(chan string, 1)
		go func() {
			body, err := call(t, over(l, nil), "http://x"+path)
			if err != nil {
				body = "cut"
			}
			got <- body
		}()
		<-began
		return got
	}

	l, stop := newOne(t, time.Minute)
	events, one := request(l, "/events"), request(l, "/call")
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	if name := <-ended; name != "events" {
		t.Errorf("%s ended first, want events at once", name)
	}
	close(finish)
	if got := <-one; got != "finished" {
		t.Errorf("a call in progress: %q", got)
	}
	if got := <-events; got != "cut" {
		t.Errorf("events: %q", got)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	<-ended
	if conn, err := net.Dial("tcp", l.Addr().String()); err == nil {
		t.Error("still listening")
		_ = conn.Close()
	}

	l, stop = newOne(t, 10*time.Millisecond)
	stuck := request(l, "/stuck")
	if err := stop(); err != nil {
		t.Error(err)
	}
	if name, got := <-ended, <-stuck; name != "stuck" || got != "cut" {
		t.Errorf("%s: %q, want it cut", name, got)
	}
}

// A listener that fails ends the server, with the reason.
func TestListenerFails(t *testing.T) {
	t.Parallel()
	l := listen(t, ListenConfig{Hosts: []string{"tcp://127.0.0.1:0", "tcp://127.0.0.1:0"}})
	if err := l[0].Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := newServer(t, Config{}).Serve(ctx, l...)
	if err == nil || !strings.Contains(err.Error(), "use of closed network connection") || ctx.Err() != nil {
		t.Errorf("Serve: %v", err)
	}
}
