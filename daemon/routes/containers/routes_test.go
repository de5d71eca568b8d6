package containers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/server"
)

// fake answers what a test wants and notes what it was asked.
type fake struct {
	asked string // of the last call
	err   error
	no    bool // start, stop: nothing to do
	code  int
}

func (f *fake) note(what string, args ...any) error {
	raw, err := json.Marshal(args)
	f.asked = what + string(raw)
	return errors.Join(err, f.err)
}

func (f *fake) Create(_ context.Context, n NewContainer) (container.CreateResponse, error) {
	err := f.note("create", n.Name, n.LooseName, n.Config, n.Host != nil, len(n.Endpoints))
	return container.CreateResponse{ID: strings.Repeat("a", 64), Warnings: append([]string{}, n.Warnings...)}, err
}
func (f *fake) Start(_ context.Context, ref string, h *container.HostConfig) (bool, error) {
	return !f.no, f.note("start", ref, h != nil)
}
func (f *fake) Stop(_ context.Context, ref string, o StopOptions) (bool, error) {
	return !f.no, f.note("stop", ref, o)
}
func (f *fake) Restart(_ context.Context, ref string, o StopOptions) error {
	return f.note("restart", ref, o)
}
func (f *fake) Kill(_ context.Context, ref, signal string) (bool, error) {
	return !f.no, f.note("kill", ref, signal)
}
func (f *fake) Pause(_ context.Context, ref string) error        { return f.note("pause", ref) }
func (f *fake) Unpause(_ context.Context, ref string) error      { return f.note("unpause", ref) }
func (f *fake) Rename(_ context.Context, ref, name string) error { return f.note("rename", ref, name) }
func (f *fake) Config(string) (*container.Config, *container.HostConfig, error) {
	return &container.Config{}, &container.HostConfig{}, nil
}
func (f *fake) Resize(_ context.Context, ref string, h, w uint) error {
	return f.note("resize", ref, h, w)
}
func (f *fake) Update(_ context.Context, ref string, u container.UpdateConfig) (container.UpdateResponse, error) {
	return container.UpdateResponse{Warnings: []string{}}, f.note("update", ref, u.Memory)
}
func (f *fake) Remove(_ context.Context, ref string, o RemoveOptions) error {
	return f.note("remove", ref, o)
}
func (f *fake) Prune(_ context.Context, filters map[string][]string) (container.PruneReport, error) {
	return container.PruneReport{ContainersDeleted: []string{}}, f.note("prune", filters)
}
func (f *fake) Commit(_ context.Context, ref string, o CommitOptions) (string, error) {
	return "sha256:" + strings.Repeat("b", 64), f.note("commit", ref, o)
}
func (f *fake) List(_ context.Context, o ListOptions) ([]container.Summary, error) {
	return []container.Summary{}, f.note("list", o)
}
func (f *fake) Inspect(_ context.Context, ref string, size bool) (container.InspectResponse, error) {
	return container.InspectResponse{ID: ref, Config: &container.Config{}, HostConfig: &container.HostConfig{NetworkMode: network.NetworkBridge}, State: &container.State{},
		NetworkSettings: &container.NetworkSettings{}}, f.note("inspect", ref, size)
}
func (f *fake) MacAddress(string) string { return "02:42:00:00:00:01" }
func (f *fake) Top(_ context.Context, ref, args string) (container.TopResponse, error) {
	return container.TopResponse{Titles: []string{"PID"}, Processes: [][]string{}}, f.note("top", ref, args)
}
func (f *fake) Changes(_ context.Context, ref string) ([]container.FilesystemChange, error) {
	return []container.FilesystemChange{}, f.note("changes", ref)
}
func (f *fake) Wait(ref string, c container.WaitCondition) (func(context.Context) (int, string, error), error) {
	if c == "bad" {
		return nil, fmt.Errorf("condition: %w", errs.ErrInvalid)
	}
	return func(context.Context) (int, string, error) { return f.code, "", nil }, nil
}
func (f *fake) InProgress(err error) bool { return errors.Is(err, errBusy) }
func (f *fake) Stats(_ context.Context, ref string, o StatsOptions, send func(container.StatsResponse) error) error {
	if err := f.note("stats", ref, o); err != nil {
		return err
	}
	return errors.Join(send(container.StatsResponse{ID: "1"}), send(container.StatsResponse{ID: "2"}))
}
func (f *fake) StatPath(_ context.Context, ref, path string) (container.PathStat, error) {
	return container.PathStat{Name: "x"}, f.note("stat", ref, path)
}
func (f *fake) ArchivePath(_ context.Context, ref, path string, follow bool) (container.PathStat, func(context.Context, io.Writer) error, func(), error) {
	return container.PathStat{Name: "x"}, text("tar"), func() {}, f.note("archive", ref, path, follow)
}
func (f *fake) Extract(_ context.Context, ref, path string, no, owned bool, in io.Reader) error {
	raw, err := io.ReadAll(in)
	return errors.Join(err, f.note("extract", ref, path, no, owned, string(raw)))
}
func (f *fake) Export(_ context.Context, ref string) (func(context.Context, io.Writer) error, func(), error) {
	return text("export"), func() {}, f.note("export", ref)
}
func (f *fake) Logs(ref string, o LogOptions) (bool, func(context.Context, io.Writer) error, error) {
	return false, text("log"), f.note("logs", ref, o)
}
func (f *fake) AttachInfo(ref string, o AttachOptions) (bool, error) {
	return false, f.note("info", ref, o)
}
func (f *fake) Attach(_ context.Context, ref string, conn net.Conn, buffered []byte, o AttachOptions) error {
	_ = f.note("attach", ref, o)
	buf := make([]byte, 100)
	n, err := conn.Read(buf)
	_, writeErr := conn.Write(append(append([]byte("echo "), buffered...), buf[:n]...))
	return errors.Join(err, writeErr, conn.Close())
}

func text(s string) func(context.Context, io.Writer) error {
	return func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

var errBusy = fmt.Errorf("busy: %w", errs.ErrConflict)

func serve(t *testing.T, f *fake) *httptest.Server {
	t.Helper()
	s, err := server.New(server.Config{Routes: Routes(f)})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	return web
}

// cases: what is sent, what the backend does, what it was asked, and what comes back.
var cases = []struct {
	method, path, body string
	fake               fake
	status             int
	asked              string
	answer             string // a part of the body or of a header
}{
	{"GET", "/v1.18/containers/json?all=1&limit=3&size=0&before=x", "", fake{}, 200, `"Limit":3`, "[]"},
	{"GET", "/v1.44/containers/json?filters=%7B%22status%22%3A%7B%22exited%22%3Atrue%7D%7D", "", fake{}, 200, `"Filters":{"status":["exited"]}`, "[]"},
	{"GET", "/v1.44/containers/json?filters=x", "", fake{}, 400, "", "invalid filter"},
	{"GET", "/v1.18/containers/json?limit=x", "", fake{}, 400, "", "limit"},
	{"POST", "/v1.18/containers/create?name=x", `{"Image":"i","Cmd":"date"}`, fake{}, 201, `create["x",true,`, `"Id":"aaaa`},
	{"POST", "/v1.44/containers/create?name=x", `{"Image":"i","HostConfig":{"LxcConf":{"a":"b"}}}`, fake{}, 201, `create["x",false,`, "LxcConf is ignored"},
	{"POST", "/v1.18/containers/create", `{"Image":1}`, fake{}, 400, "", "Image"},
	{"POST", "/v1.18/containers/create", `{`, fake{}, 400, "", "invalid JSON"},
	{"POST", "/v1.18/containers/create", `{"HostConfig":{"PortBindings":{"x/tcp":[]}}}`, fake{}, 400, "", "invalid port"},
	{"POST", "/v1.18/containers/create", `{"Image":"i"}`, fake{err: errs.ErrNotFound}, 404, "", ""},
	{"POST", "/v1.18/containers/create", `{"Image":"i"}`, fake{err: errs.ErrConflict}, 409, "", ""},
	{"GET", "/v1.18/containers/x/json", "", fake{}, 200, `inspect["x",false]`, `"MacAddress":"02:42:00:00:00:01"`},
	{"GET", "/v1.44/containers/x/json?size=1", "", fake{}, 200, `inspect["x",true]`, `"MacAddress":"02:42:00:00:00:01"`},
	{"GET", "/v1.18/containers/x/top?ps_args=aux", "", fake{}, 200, `top["x","aux"]`, `"Titles":["PID"]`},
	{"GET", "/v1.18/containers/x/changes", "", fake{}, 200, `changes["x"]`, "[]"},
	{"GET", "/v1.18/containers/x/export", "", fake{}, 200, `export["x"]`, "application/octet-stream"},
	{"GET", "/v1.18/containers/x/export", "", fake{err: errs.ErrNotFound}, 404, "", ""},
	{"GET", "/v1.18/containers/x/stats", "", fake{}, 200, `"Stream":true`, "read"},
	{"GET", "/v1.44/containers/x/stats?stream=0&one-shot=1", "", fake{}, 200, `"OneShot":true`, `"id":"1"`},
	{"GET", "/v1.44/containers/x/stats?one-shot=1", "", fake{}, 400, "", "one-shot"},
	{"GET", "/v1.18/containers/x/stats", "", fake{err: errs.ErrNotFound}, 404, "", ""},
	{"POST", "/v1.18/containers/x/resize?h=40&w=80", "", fake{}, 200, `resize["x",40,80]`, "text/plain"},
	{"POST", "/v1.18/containers/x/resize?h=40", "", fake{}, 400, "", "h and w"},
	{"POST", "/v1.18/containers/create", `{"Cmd":["true"]}`, fake{}, 400, "", "Image"},
	{"POST", "/v1.18/containers/x/resize?h=x&w=80", "", fake{}, 400, "", "h="},
	{"POST", "/v1.18/containers/x/resize?h=-1&w=80", "", fake{}, 400, "", "h and w"},
	{"POST", "/v1.18/containers/x/resize?h=1&w=80", "", fake{err: errs.ErrConflict}, 500, "", ""},
	{"POST", "/v1.44/containers/x/resize?h=1&w=80", "", fake{err: errs.ErrConflict}, 409, "", ""},
	{"POST", "/v1.18/containers/x/start", "", fake{}, 204, `start["x",false]`, ""},
	{"POST", "/v1.18/containers/x/start", `{"Binds":["/a:/b"]}`, fake{}, 204, `start["x",true]`, ""},
	{"POST", "/v1.18/containers/x/start", "", fake{no: true}, 304, "", ""},
	{"POST", "/v1.18/containers/x/start", "", fake{err: errs.ErrNotFound}, 404, "", ""},
	{"POST", "/v1.18/containers/x/stop?t=5", "", fake{}, 204, `stop["x",{"Signal":"","Timeout":5}]`, ""},
	{"POST", "/v1.44/containers/x/stop?signal=INT", "", fake{}, 204, `stop["x",{"Signal":"INT","Timeout":null}]`, ""},
	{"POST", "/v1.18/containers/x/stop?t=x", "", fake{}, 400, "", "t="},
	{"POST", "/v1.18/containers/x/stop", "", fake{no: true}, 304, "", ""},
	{"POST", "/v1.18/containers/x/restart?t=0", "", fake{}, 204, `"Timeout":0`, ""},
	{"POST", "/v1.18/containers/x/kill?signal=9", "", fake{}, 204, `kill["x","9"]`, ""},
	{"POST", "/v1.18/containers/x/kill", "", fake{no: true, err: errs.ErrConflict}, 204, "", ""},
	{"POST", "/v1.44/containers/x/kill", "", fake{no: true, err: errs.ErrConflict}, 409, "", ""},
	{"POST", "/v1.18/containers/x/rename?name=y", "", fake{}, 204, `rename["x","y"]`, ""},
	{"POST", "/v1.18/containers/x/pause", "", fake{}, 204, `pause["x"]`, ""},
	{"POST", "/v1.18/containers/x/unpause", "", fake{}, 204, `unpause["x"]`, ""},
	{"POST", "/v1.44/containers/x/pause", "", fake{err: errs.ErrConflict}, 409, "", ""},
	{"POST", "/v1.44/containers/x/update", `{"Memory":5}`, fake{}, 200, `update["x",5]`, `"Warnings":[]`},
	{"POST", "/v1.18/containers/x/wait", "", fake{code: 7}, 200, "", `"StatusCode":7`},
	{"POST", "/v1.44/containers/x/wait?condition=next-exit", "", fake{code: 7}, 200, "", `{"StatusCode":7}`},
	{"POST", "/v1.44/containers/x/wait?condition=bad", "", fake{}, 400, "", "condition"},
	{"POST", "/v1.40/containers/x/wait?condition=bad", "", fake{}, 200, "", "StatusCode"},
	{"DELETE", "/v1.18/containers/x?v=1&force=1", "", fake{}, 204, `remove["x",{"Volumes":true,"Force":true,"Link":false}]`, ""},
	{"DELETE", "/v1.18/containers/web/db?link=1", "", fake{}, 204, `remove["web/db",{"Volumes":false,"Force":false,"Link":true}]`, ""},
	{"DELETE", "/v1.18/containers/x", "", fake{err: errs.ErrConflict}, 409, "", ""},
	{"DELETE", "/v1.18/containers/x", "", fake{err: errBusy}, 204, "", ""},
	{"DELETE", "/v1.44/containers/x", "", fake{err: errBusy}, 409, "", ""},
	{"POST", "/v1.18/containers/x/copy", `{"Resource":"test.txt"}`, fake{}, 200, `archive["x","test.txt",true]`, "application/x-tar"},
	{"POST", "/v1.18/containers/x/copy", `{}`, fake{}, 400, "", "Resource"},
	{"POST", "/v1.18/containers/x/copy", `{"Resource":"x"}`, fake{err: errs.ErrNotFound}, 404, "", ""},
	{"POST", "/v1.24/containers/x/copy", `{"Resource":"x"}`, fake{}, 404, "", "page not found"},
	{"GET", "/v1.44/containers/x/archive?path=/a", "", fake{}, 200, `archive["x","/a",false]`, "X-Docker-Container-Path-Stat"},
	{"GET", "/v1.44/containers/x/archive", "", fake{}, 400, "", "path"},
	{"HEAD", "/v1.44/containers/x/archive?path=/a", "", fake{}, 200, `stat["x","/a"]`, "X-Docker-Container-Path-Stat"},
	{"PUT", "/v1.44/containers/x/archive?path=/a&noOverwriteDirNonDir=1", "raw", fake{}, 200, `extract["x","/a",true,false,"raw"]`, ""},
	{"PUT", "/v1.44/containers/x/archive?path=/a", "raw", fake{err: readOnly{}}, 403, "", ""},
	{"POST", "/v1.44/containers/prune", "", fake{}, 200, "prune", `"ContainersDeleted":[]`},
	{"POST", "/v1.18/commit?container=x&repo=r&comment=c&pause=0", `{"Cmd":["date"]}`, fake{}, 201, `"Pause":false`, `"Id":"bbbb`},
	{"POST", "/v1.44/commit?container=x&changes=ENV%20A=1", "", fake{}, 201, `"Changes":["ENV A=1"]`, `"Id":"sha256:bbbb`},
	{"GET", "/v1.18/containers/x/logs?stdout=1&tail=5", "", fake{}, 200, `"Tail":"5"`, "application/vnd.docker.raw-stream"},
	{"GET", "/v1.44/containers/x/logs?stdout=1", "", fake{}, 200, `"Stdout":true`, "application/vnd.docker.multiplexed-stream"},
	{"GET", "/v1.44/containers/x/logs?stdout=1", "", fake{err: cerrdefs.ErrNotImplemented}, 501, "", ""},
	{"GET", "/v1.18/containers/x/attach/ws?stream=1", "", fake{}, 400, "", "websocket"},
	{"POST", "/v1.18/containers/x/attach?stream=1", "", fake{err: errs.ErrNotFound}, 404, "", ""},
	// What was different before 1.18.
	{"GET", "/v1.2/containers/json", "", fake{}, 200, `"Size":true`, "[]"},
	{"GET", "/v1.3/containers/json", "", fake{}, 200, `"Size":false`, "[]"},
	{"GET", "/v1.17/containers/ps?all=1", "", fake{}, 200, `"All":true`, "[]"},
	{"GET", "/v1.18/containers/ps", "", fake{}, 404, "", "page not found"},
	{"POST", "/v1.2/containers/create", `{"Image":"i","Cmd":["a"],"PortSpecs":["22"]}`, fake{}, 201, `"22/tcp":{}`, `{"Id":"aaaaaaaaaaaa","Warnings":[]}`},
	{"POST", "/v1.2/containers/create", `{"Image":"i","Cmd":["a"],"PortSpecs":["x"]}`, fake{}, 400, "", "invalid port"},
	{"POST", "/v1.2/containers/x/start", "", fake{}, 200, `start["x",false]`, ""},
	{"POST", "/v1.3/containers/x/start", "", fake{}, 204, `start["x",false]`, ""},
	{"POST", "/v1.12/containers/x/start", "", fake{no: true}, 500, "", "already running"},
	{"POST", "/v1.14/containers/x/start", `{"Binds":["/a:/b"],"Dns":null}`, fake{}, 204, `start["x",true]`, ""},
	{"POST", "/v1.14/containers/x/start", `{"Binds":1}`, fake{}, 400, "", "Binds"},
	{"POST", "/v1.12/containers/x/stop", "", fake{no: true}, 204, "", ""},
	{"POST", "/v1.13/containers/x/stop", "", fake{no: true}, 304, "", ""},
	{"DELETE", "/v1.11/containers/x", "", fake{err: errs.ErrConflict}, 500, "", ""},
	{"DELETE", "/v1.12/containers/x", "", fake{err: errs.ErrConflict}, 409, "", ""},
	{"GET", "/v1.2/containers/x/top", "", fake{}, 404, "", "page not found"},
	{"GET", "/v1.3/containers/x/top", "", fake{}, 200, "top", "[]"},
	{"GET", "/v1.10/containers/x/logs?stdout=1", "", fake{}, 404, "", "page not found"},
	{"POST", "/v1.3/containers/x/copy", `{"Resource":"x"}`, fake{}, 404, "", "page not found"},
	{"POST", "/v1.14/containers/x/copy", `{"Resource":"x"}`, fake{}, 200, "archive", "application/octet-stream"},
	{"POST", "/v1.5/containers/x/attach?stdout=1", "", fake{err: errs.ErrNotFound}, 404, `"Raw":true`, ""},
	{"POST", "/v1.6/containers/x/attach?stdout=1", "", fake{err: errs.ErrNotFound}, 404, `"Raw":false`, ""},
	{"POST", "/v1.2/commit?container=x&m=why", "", fake{}, 201, `"Comment":"why","Author":"","Pause":false`, "application/vnd.docker.raw-stream"},
	{"POST", "/v1.2/commit?container=x", "", fake{}, 201, "", `{"Id":"bbbbbbbbbbbb"}`},
	{"POST", "/v1.11/commit?container=x&run=%7B%22Cmd%22%3A%5B%22a%22%5D%7D", "", fake{}, 201, `"Cmd":["a"]`, ""},
	{"POST", "/v1.11/commit?container=x&run=%7B", "", fake{}, 400, "", "bad parameter run"},
	{"POST", "/v1.12/commit?container=x&run=%7B", "", fake{}, 201, `"Pause":false`, "application/json"},
	{"POST", "/v1.13/commit?container=x", "", fake{}, 201, `"Pause":true`, ""},
}

type readOnly struct{}

func (readOnly) Error() string  { return "read-only" }
func (readOnly) ReadOnly() bool { return true }

func TestCalls(t *testing.T) {
	t.Parallel()
	for _, c := range cases {
		f := c.fake
		web := serve(t, &f)
		req, err := http.NewRequestWithContext(t.Context(), c.method, web.URL+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		if c.body != "" {
			req.Header.Set("Content-Type", "application/json")
		}
		resp, err := web.Client().Do(req)
		if err != nil {
			t.Errorf("%s %s: %v", c.method, c.path, err)
			continue
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		var all strings.Builder
		_ = resp.Header.Write(&all)
		all.Write(body)
		if resp.StatusCode != c.status || !strings.Contains(f.asked, c.asked) || !strings.Contains(all.String(), c.answer) {
			t.Errorf("%s %s: status %d, want %d; asked %s, want %s; answer %q, want %q", c.method, c.path, resp.StatusCode, c.status, f.asked, c.asked, all.String(), c.answer)
		}
	}
}

func TestSessions(t *testing.T) {
	t.Parallel()
	f := &fake{}
	web := serve(t, f)
	for upgrade, want := range map[string]string{
		"Connection: Upgrade\r\nUpgrade: tcp\r\n": "HTTP/1.1 101 UPGRADED\r\n", "": "HTTP/1.1 200 OK\r\n",
	} {
		conn, err := net.Dial("tcp", web.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, "POST /v1.18/containers/x/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: x\r\n"+upgrade+"Content-Length: 0\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, "hello"); err != nil {
			t.Fatal(err)
		}
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(conn)
		if err != nil || !strings.HasPrefix(string(got), want) || !strings.Contains(string(got), "Content-Type: application/vnd.docker.raw-stream\r\n") || !strings.Contains(string(got), "\r\n\r\necho ") {
			t.Errorf("%q: %q, %v", upgrade, got, err)
		}
		conn.Close()
	}
	for version, kind := range map[string]int{"1.18": websocket.TextMessage, "1.44": websocket.BinaryMessage} {
		ws, resp, err := websocket.DefaultDialer.DialContext(t.Context(), strings.Replace(web.URL, "http", "ws", 1)+"/v"+version+"/containers/x/attach/ws?stream=1&stdin=1", nil)
		if err != nil {
			t.Fatal(err, resp)
		}
		if err := ws.WriteMessage(websocket.TextMessage, []byte("hello")); err != nil {
			t.Fatal(err)
		}
		got, message, err := ws.ReadMessage()
		if err != nil || got != kind || string(message) != "echo hello" {
			t.Errorf("version %s: message %d %q, %v", version, got, message, err)
		}
		if _, _, err := ws.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseNormalClosure) {
			t.Errorf("end: %v", err)
		}
		ws.Close()
	}
	if diff := cmp.Diff(true, strings.Contains(f.asked, `"Raw":true`)); diff != "" {
		t.Errorf("a websocket has no frames: %s", f.asked)
	}
}
