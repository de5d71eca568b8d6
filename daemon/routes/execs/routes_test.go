package execs_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/routes/execs"
	"github.com/cleat-dev/cleat/daemon/server"
)

// fake writes down what it is asked.
type fake struct{ asked []string }

func (f *fake) note(format string, args ...any) {
	f.asked = append(f.asked, fmt.Sprintf(format, args...))
}

func (f *fake) Create(_ context.Context, id string, q container.ExecCreateRequest) (string, error) {
	f.note("create %s %v tty=%v in=%v", id, q.Cmd, q.Tty, q.AttachStdin)
	if id == "stopped" {
		return "", fmt.Errorf("Container stopped is not running: %w", errs.ErrConflict)
	}
	return "e1", nil
}

func (f *fake) Start(_ context.Context, id string, o container.ExecStartRequest, take func(bool) (net.Conn, []byte, error)) error {
	f.note("start %s detach=%v raw=%v", id, o.Detach, o.Tty)
	switch {
	case id == "none":
		return fmt.Errorf("No such exec instance: none: %w", errs.ErrNotFound)
	case o.Detach:
		return nil
	}
	conn, buffered, err := take(id == "tty")
	if err != nil {
		return err
	}
	rest, err := io.ReadAll(conn)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(conn, "got %s", append(buffered, rest...)); err != nil {
		return err
	}
	return conn.Close()
}

func (f *fake) Resize(_ context.Context, id string, h, w uint) error {
	f.note("resize %s %d %d", id, h, w)
	if id == "stopped" {
		return fmt.Errorf("exec stopped is not running: %w", errs.ErrConflict)
	}
	return nil
}

func (f *fake) Inspect(_ context.Context, id string) (container.ExecInspectResponse, error) {
	f.note("inspect %s", id)
	code, no := 2, false
	return container.ExecInspectResponse{
		ID: id, ContainerID: "c1", ExitCode: &code, Pid: 4,
		ProcessConfig: &container.ExecProcessConfig{Entrypoint: "sh", Arguments: []string{"-c", "exit 2"}, Privileged: &no},
	}, nil
}

func (f *fake) Container(_ context.Context, id string) (container.InspectResponse, error) {
	f.note("container of %s", id)
	return container.InspectResponse{ID: "c1", Name: "/test", State: &container.State{Running: true}, Config: &container.Config{}}, nil
}

func serve(t *testing.T) (*fake, *server.Server) {
	t.Helper()
	f := &fake{}
	s, err := server.New(server.Config{Routes: execs.Routes(f)})
	if err != nil {
		t.Fatal(err)
	}
	return f, s
}

func TestCalls(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method, path, body string
		status             int
		want, asked        string
	}{
		"create 1.18":     {"POST", "/v1.18/containers/web/exec", `{"AttachStdin":true,"Cmd":["sh"],"Tty":true}`, 201, `{"Id":"e1","Warnings":[]}`, "create web [sh] tty=true in=true"},
		"create string":   {"POST", "/v1.18/containers/web/exec", `{"Cmd":"date"}`, 201, `{"Id":"e1","Warnings":[]}`, "create web [date] tty=false in=false"},
		"create":          {"POST", "/containers/web/exec", `{"Cmd":["sh"]}`, 201, `{"Id":"e1"}`, "create web [sh] tty=false in=false"},
		"create stopped":  {"POST", "/containers/stopped/exec", `{"Cmd":["sh"]}`, 409, `{"message":"Container stopped is not running"}`, "create stopped [sh] tty=false in=false"},
		"create bad":      {"POST", "/containers/web/exec", `{"Cmd":7}`, 400, "", ""},
		"detached":        {"POST", "/v1.18/exec/e1/start", `{"Detach":true}`, 200, "", "start e1 detach=true raw=false"},
		"start none":      {"POST", "/v1.18/exec/none/start", `{}`, 404, "No such exec instance: none", "start none detach=false raw=false"},
		"start bad size":  {"POST", "/exec/e1/start", `{"ConsoleSize":[1,2]}`, 400, "", ""},
		"resize 1.18":     {"POST", "/v1.18/exec/e1/resize?h=40&w=80", "", 201, "", "resize e1 40 80"},
		"resize":          {"POST", "/exec/e1/resize?h=40&w=80", "", 200, "", "resize e1 40 80"},
		"resize stopped":  {"POST", "/exec/stopped/resize?h=1&w=1", "", 409, "", "resize stopped 1 1"},
		"resize old":      {"POST", "/v1.18/exec/stopped/resize?h=1&w=1", "", 409, "exec stopped is not running", "resize stopped 1 1"},
		"resize negative": {"POST", "/exec/e1/resize?h=-1&w=1", "", 400, "", ""},
		"resize huge":     {"POST", "/exec/e1/resize?h=1&w=70000", "", 400, "", ""},
		"resize nothing":  {"POST", "/exec/e1/resize", "", 400, "", ""},
		"inspect before":  {"GET", "/v1.15/exec/e1/json", "", 404, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, s := serve(t)
			r := httptest.NewRequestWithContext(t.Context(), c.method, c.path, strings.NewReader(c.body))
			if c.body != "" {
				r.Header.Set("Content-Type", "application/json")
			}
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			if w.Code != c.status {
				t.Errorf("status %d: %s", w.Code, w.Body)
			}
			if c.want != "" {
				if diff := cmp.Diff(c.want, strings.TrimSpace(w.Body.String())); diff != "" {
					t.Error(diff)
				}
			}
			if diff := cmp.Diff(c.asked, strings.Join(f.asked, "; ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestInspect(t *testing.T) {
	t.Parallel()
	for path, c := range map[string]struct {
		kind         string
		keys, absent []string
		asked        int
	}{
		"/v1.18/exec/e1/json": {"plain/text", []string{"ID", "Running", "ExitCode", "ProcessConfig", "OpenStdin", "OpenStdout", "OpenStderr", "Container"}, []string{"ContainerID", "Pid"}, 2},
		"/exec/e1/json":       {"application/json", []string{"ID", "ContainerID", "ExitCode", "Pid", "CanRemove"}, []string{"Container"}, 1},
	} {
		f, s := serve(t)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		var got map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK || w.Header().Get("Content-Type") != c.kind {
			t.Fatalf("%s: %d %s %s %v", path, w.Code, w.Header().Get("Content-Type"), w.Body, err)
		}
		for _, key := range c.keys {
			if _, ok := got[key]; !ok {
				t.Errorf("%s: no %s in %s", path, key, w.Body)
			}
		}
		for _, key := range c.absent {
			if _, ok := got[key]; ok {
				t.Errorf("%s: %s in %s", path, key, w.Body)
			}
		}
		if len(f.asked) != c.asked {
			t.Errorf("%s: %v", path, f.asked)
		}
	}
}

// A session takes the connection over, with and without upgrade, and hears the end of stdin.
func TestSession(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path, upgrade, body, status, kind string
	}{
		"1.18":            {"/v1.18/exec/e1/start", "", `{}`, "200 OK", "application/vnd.docker.raw-stream"},
		"1.18 upgrade":    {"/v1.18/exec/e1/start", "Upgrade: tcp\r\nConnection: Upgrade\r\n", `{}`, "101 UPGRADED", "application/vnd.docker.raw-stream"},
		"frames":          {"/exec/e1/start", "Upgrade: tcp\r\nConnection: Upgrade\r\n", `{}`, "101 UPGRADED", "application/vnd.docker.multiplexed-stream"},
		"terminal":        {"/exec/tty/start", "Upgrade: tcp\r\nConnection: Upgrade\r\n", `{"Tty":true}`, "101 UPGRADED", "application/vnd.docker.raw-stream"},
		"frames unwanted": {"/exec/e1/start", "", `{"Tty":true}`, "200 OK", "application/vnd.docker.raw-stream"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, s := serve(t)
			web := httptest.NewServer(s)
			t.Cleanup(web.Close)
			conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", web.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { conn.Close() })
			fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\n%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%sinput", c.path, c.upgrade, len(c.body), c.body)
			if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			in := bufio.NewReader(conn)
			status, err := in.ReadString('\n')
			if err != nil || status != "HTTP/1.1 "+c.status+"\r\n" {
				t.Errorf("%q %v", status, err)
			}
			kind, rest := "", ""
			for {
				line, err := in.ReadString('\n')
				if err != nil || line == "\r\n" {
					break
				}
				if k, ok := strings.CutPrefix(line, "Content-Type: "); ok {
					kind = strings.TrimSpace(k)
				}
			}
			if b, err := io.ReadAll(in); err == nil {
				rest = string(b)
			}
			if kind != c.kind || rest != "got input" {
				t.Errorf("%q, %q", kind, rest)
			}
		})
	}
}
