package server

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/api/version"
)

// answer is a handler that says which route and variables it got.
func answer(name string, vars ...string) Handler {
	return func(w http.ResponseWriter, r *Request) error {
		text := name
		for _, v := range vars {
			text += " " + v + "=" + r.Var(v)
		}
		_, err := io.WriteString(w, text)
		return err
	}
}

// routes is a table as the nouns have it.
func routes() []Route {
	v := version.Of
	return []Route{
		{Method: "GET", Path: "/containers/json", Handle: answer("list")},
		{Method: "GET", Path: "/containers/{id}/json", Handle: answer("inspect", "id")},
		{Method: "DELETE", Path: "/containers/{id}", Handle: answer("remove", "id")},
		{Method: "GET", Path: "/images/json", Handle: answer("images")},
		{Method: "GET", Path: "/images/get", Handle: answer("get")},
		{Method: "GET", Path: "/images/{name...}/json", Handle: answer("image", "name")},
		{Method: "GET", Path: "/images/{name...}/get", Handle: answer("save", "name")},
		{Method: "DELETE", Path: "/images/{name...}", Handle: answer("delete", "name")},
		{Method: "GET", Path: "/a/{name...}/b/c", Handle: answer("long", "name")},
		{Method: "GET", Path: "/a/{name...}/c", Handle: answer("short", "name")},
		{Method: "GET", Path: "/a/{name...}", Handle: answer("bare", "name")},
		{Method: "GET", Path: "/old", Until: v(1, 21), Handle: answer("old")},
		{Method: "GET", Path: "/old", Since: v(1, 21), Handle: answer("not so old")},
		{Method: "GET", Path: "/new", Since: v(1, 30), Handle: answer("new")},
		{Method: "GET", Path: "/{any}/x", Handle: answer("any", "any")},
	}
}

func newServer(t testing.TB, cfg Config) *Server {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func get(t testing.TB, h http.Handler, method, target string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, target, nil))
	return w
}

func TestRouting(t *testing.T) {
	t.Parallel()
	s := newServer(t, Config{Routes: routes()})
	for _, tc := range []struct{ method, target, want string }{
		{"GET", "/containers/json", "list"},
		{"GET", "/v1.18/containers/json", "list"},
		{"GET", "/containers/json/json", "inspect id=json"},
		{"GET", "/v1.2/containers/a%2Fb/json", "inspect id=a/b"},
		{"GET", "/v1.44/containers/a%20b/json?x=1", "inspect id=a b"},
		{"DELETE", "/containers/json", "remove id=json"},
		{"GET", "/images/json", "images"},
		{"GET", "/images/json/json", "image name=json"},
		{"GET", "/images/reg:5000/a/b:c/json", "image name=reg:5000/a/b:c"},
		{"GET", "/images/reg:5000%2Fa%2Fb/json", "image name=reg:5000/a/b"},
		{"GET", "/images/a/get/json", "image name=a/get"},
		{"GET", "/images/a/json/get", "save name=a/json"},
		{"GET", "/images/x@sha256:1234/json", "image name=x@sha256:1234"},
		{"DELETE", "/images/get", "delete name=get"},
		{"DELETE", "/images/a/b/json", "delete name=a/b/json"},
		{"GET", "/a/x/b/c", "long name=x"},
		{"GET", "/a/x/y/c", "short name=x/y"},
		{"GET", "/a/b/c", "short name=b"},
		{"GET", "/a/c", "bare name=c"},
		{"GET", "/a/x/b", "bare name=x/b"},
		{"GET", "/v1.20/old", "old"},
		{"GET", "/v1.21/old", "not so old"},
		{"GET", "/old", "not so old"},
		{"GET", "/v1.30/new", "new"},
		{"GET", "/images/x", "any any=images"}, // no literal continues here
		{"GET", "/vain/x", "any any=vain"},
		{"GET", "/v/x", "any any=v"},
	} {
		w := get(t, s, tc.method, tc.target)
		if w.Code != 200 || w.Body.String() != tc.want {
			t.Errorf("%s %s: %d %q, want %q", tc.method, tc.target, w.Code, w.Body, tc.want)
		}
	}
}

func TestNoRoute(t *testing.T) {
	t.Parallel()
	s := newServer(t, Config{Routes: routes()})
	const text, asJSON = "text/plain; charset=utf-8", "application/json"
	const missing, missingJSON = "page not found\n", `{"message":"page not found"}` + "\n"
	tooNew := func(v string) string {
		return "client version " + v + " is too new. Maximum supported API version is 1.44"
	}
	tooOld := func(v string) string {
		return "client version " + v + " is too old. Minimum supported API version is 1.2, please upgrade your client to a newer version"
	}
	for _, tc := range []struct {
		method, target string
		code           int
		kind, body     string
	}{
		{"GET", "/", 404, asJSON, missingJSON},
		{"GET", "/nothing", 404, asJSON, missingJSON},
		{"GET", "/v1.18", 404, text, missing},
		{"GET", "/v1.18/nothing", 404, text, missing},
		{"GET", "/v1.23/nothing", 404, text, missing},
		{"GET", "/v1.24/nothing", 404, asJSON, missingJSON},
		{"POST", "/v1.18/containers/json", 404, text, missing}, // never 405
		{"HEAD", "/containers/json", 404, asJSON, missingJSON},
		{"GET", "/containers//json", 404, asJSON, missingJSON},
		{"GET", "/images//json", 404, asJSON, missingJSON},
		{"GET", "/images/a//json", 404, asJSON, missingJSON},
		{"GET", "/containers/json/", 404, asJSON, missingJSON},
		{"GET", "//containers/json", 404, asJSON, missingJSON},
		{"GET", "/v1.29/new", 404, asJSON, missingJSON},
		{"GET", "/v1.45/containers/json", 400, asJSON, `{"message":"` + tooNew("1.45") + `"}` + "\n"},
		{"GET", "/v2.0/containers/json", 400, asJSON, `{"message":"` + tooNew("2.0") + `"}` + "\n"},
		{"GET", "/v1.1/containers/json", 400, text, tooOld("1.1") + "\n"},
		{"GET", "/v0.9/containers/json", 400, text, tooOld("0.9") + "\n"},
		{"GET", "/v1.99/nothing", 404, asJSON, missingJSON},
		{"GET", "/v1/containers/json", 400, asJSON, `{"message":"API version \"1\": want MAJOR.MINOR, as 1.41"}` + "\n"},
		{"GET", "/v1.2.3/containers/json", 400, asJSON, `{"message":"API version \"1.2.3\": want MAJOR.MINOR, as 1.41"}` + "\n"},
		{"GET", "/v99999.1/containers/json", 400, asJSON, `{"message":"API version \"99999.1\": want MAJOR.MINOR, as 1.41"}` + "\n"},
		{"GET", "/v1.18/containers/json?a=%zz", 400, text, "malformed query: invalid URL escape \"%zz\"\n"},
		{"OPTIONS", "/v1.45/anything", 400, asJSON, `{"message":"` + tooNew("1.45") + `"}` + "\n"},
	} {
		w := get(t, s, tc.method, tc.target)
		got := []any{w.Code, w.Header().Get("Content-Type"), w.Body.String()}
		if diff := cmp.Diff([]any{tc.code, tc.kind, tc.body}, got); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", tc.method, tc.target, diff)
		}
	}
}

func TestHeadersOnEveryReply(t *testing.T) {
	t.Parallel()
	plain := newServer(t, Config{Routes: routes(), Version: "1.0"})
	open := newServer(t, Config{Routes: routes(), CORS: "http://foo.bar"})
	for _, target := range []string{"/containers/json", "/nothing", "/v9.9/containers/json"} {
		h := get(t, plain, "GET", target).Header()
		got := []string{h.Get("Server"), h.Get("Api-Version"), h.Get("Ostype"), h.Get("Docker-Experimental"), h.Get("Builder-Version"), h.Get("Swarm"),
			h.Get("Access-Control-Allow-Origin")}
		if diff := cmp.Diff([]string{"cleatd/1.0 (linux)", "1.44", "linux", "false", "1", "inactive", ""}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", target, diff)
		}
		if got := get(t, open, "GET", target).Header().Get("Access-Control-Allow-Origin"); got != "http://foo.bar" {
			t.Errorf("%s: allowed origin %q", target, got)
		}
	}
	w := get(t, open, "OPTIONS", "/v1.18/what/ever")
	if w.Code != 200 || w.Body.Len() != 0 || !strings.Contains(w.Header().Get("Access-Control-Allow-Methods"), "DELETE") {
		t.Errorf("OPTIONS: %d %q %v", w.Code, w.Body, w.Header())
	}
}

// A server held back answers as an engine of that time: newer versions are refused in its own form, a path without a
// version is of its highest one, and nothing is announced that such an engine did not announce.
func TestHeldBack(t *testing.T) {
	t.Parallel()
	table := append(routes(), Route{Method: "GET", Path: "/_ping", Handle: func(w http.ResponseWriter, r *Request) error {
		_, err := io.WriteString(w, r.Version.String())
		return err
	}})
	headers := func(w *httptest.ResponseRecorder) (found []string) {
		for _, key := range []string{"Api-Version", "Ostype", "Docker-Experimental", "Builder-Version"} {
			found = append(found, w.Header().Get(key))
		}
		return found
	}
	refused := func(version, bound, word, more string) string {
		return "client version " + version + " is too " + word + ". M" + map[string]string{"new": "ax", "old": "in"}[word] + "imum supported API version is " + bound + more
	}
	const please = ", please upgrade your client to a newer version"
	for _, tc := range []struct {
		max, target string
		code        int
		body        string
		headers     []string
	}{
		{"1.18", "/_ping", 200, "1.18", []string{"", "", "", ""}},
		{"1.18", "/v1.12/_ping", 200, "1.12", []string{"", "", "", ""}},
		{"1.18", "/v1.19/_ping", 400, refused("1.19", "1.18", "new", "\n"), []string{"", "", "", ""}},
		{"1.18", "/v1.44/_ping", 400, refused("1.44", "1.18", "new", "\n"), []string{"", "", "", ""}},
		{"1.18", "/v1.2/_ping", 400, refused("1.2", "1.12", "old", please+"\n"), []string{"", "", "", ""}},
		{"1.18", "/old", 200, "old", []string{"", "", "", ""}},
		{"1.18", "/new", 404, "page not found\n", []string{"", "", "", ""}},
		{"1.18", "/v1/new", 400, "API version \"1\": want MAJOR.MINOR, as 1.41\n", []string{"", "", "", ""}},
		{"1.30", "/_ping", 200, "1.30", []string{"1.30", "linux", "false", ""}},
		{"1.30", "/v1.18/_ping", 200, "1.18", []string{"1.30", "linux", "false", ""}},
		{"1.30", "/new", 200, "new", []string{"1.30", "linux", "false", ""}},
		{"1.30", "/v1.31/new", 400, `{"message":"` + refused("1.31", "1.30", "new", "") + `"}` + "\n", []string{"1.30", "linux", "false", ""}},
		{"1.44", "/v1.18/_ping", 200, "1.18", []string{"1.44", "linux", "false", "1"}},
	} {
		highest, err := version.Parse(tc.max)
		if err != nil {
			t.Fatal(err)
		}
		w := get(t, newServer(t, Config{Routes: table, Min: version.Of(1, 12), Max: highest}), "GET", tc.target)
		if diff := cmp.Diff([]any{tc.code, tc.body, tc.headers}, []any{w.Code, w.Body.String(), headers(w)}); diff != "" {
			t.Errorf("%s at most, %s (-want +got):\n%s", tc.max, tc.target, diff)
		}
	}
}

func TestErrorForms(t *testing.T) {
	t.Parallel()
	failures := map[string]error{
		"missing":   fmt.Errorf("No such container: x: %w", errs.ErrNotFound),
		"conflict":  fmt.Errorf("Conflict. The container name \"/x\" is in use: %w", errs.ErrConflict),
		"invalid":   fmt.Errorf("bad parameter <t>: %w", errs.ErrInvalid),
		"own":       fmt.Errorf("create: %w", Status(406, errors.New("impossible to attach"))),
		"own class": Status(500, fmt.Errorf("no command: %w", errs.ErrInvalid)),
		"plain":     errors.New("disk on fire"),
		"bare":      errs.ErrUnavailable,
		"nothing":   NotModified,
	}
	s := newServer(t, Config{Routes: []Route{{Method: "GET", Path: "/{which}", Handle: func(w http.ResponseWriter, r *Request) error {
		w.Header().Set("Content-Length", "1000") // what a handler meant to send
		return failures[r.Var("which")]
	}}}})
	for _, tc := range []struct {
		which string
		code  int
		text  string
	}{
		{"missing", 404, "No such container: x"},
		{"conflict", 409, `Conflict. The container name "/x" is in use`},
		{"invalid", 400, "bad parameter <t>"},
		{"own", 406, "create: impossible to attach"},
		{"own%20class", 500, "no command"},
		{"plain", 500, "disk on fire"},
		{"bare", 503, "unavailable"},
	} {
		if w := get(t, s, "GET", "/v1.23/"+tc.which); w.Code != tc.code || w.Body.String() != tc.text+"\n" {
			t.Errorf("%s as text: %d %q", tc.which, w.Code, w.Body)
		}
		w := get(t, s, "GET", "/v1.24/"+tc.which)
		var body struct{ Message string }
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || w.Code != tc.code || body.Message != tc.text {
			t.Errorf("%s as JSON: %d %s, %v", tc.which, w.Code, w.Body, err)
		}
	}
	for _, v := range []string{"1.18", "1.44"} {
		if w := get(t, s, "GET", "/v"+v+"/nothing"); w.Code != 304 || w.Body.Len() != 0 {
			t.Errorf("not modified at %s: %d %q", v, w.Code, w.Body)
		}
	}
}

func TestTableIsChecked(t *testing.T) {
	t.Parallel()
	v, h := version.Of, answer("x")
	for name, tc := range map[string]struct {
		routes []Route
		want   string
	}{
		"twice":         {[]Route{{Method: "GET", Path: "/a", Handle: h}, {Method: "GET", Path: "/a", Handle: h}}, "twice"},
		"overlap":       {[]Route{{Method: "GET", Path: "/a", Until: v(1, 22), Handle: h}, {Method: "GET", Path: "/a", Since: v(1, 21), Handle: h}}, "twice"},
		"tail twice":    {[]Route{{Method: "GET", Path: "/{x...}/a", Handle: h}, {Method: "GET", Path: "/{y...}/a", Handle: h}}, "twice"},
		"no handler":    {[]Route{{Method: "GET", Path: "/a"}}, "needs a method"},
		"relative":      {[]Route{{Method: "GET", Path: "a", Handle: h}}, "needs a method"},
		"bad variable":  {[]Route{{Method: "GET", Path: "/{a", Handle: h}}, `segment "{a"`},
		"empty segment": {[]Route{{Method: "GET", Path: "/a//b", Handle: h}}, `segment ""`},
		"after rest":    {[]Route{{Method: "GET", Path: "/{a...}/{b}", Handle: h}}, "no variable may follow"},
	} {
		if _, err := New(Config{Routes: tc.routes}); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want …%s…", name, err, tc.want)
		}
	}
}

func TestPanics(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(newServer(t, Config{Routes: []Route{
		{Method: "GET", Path: "/early", Handle: func(http.ResponseWriter, *Request) error { panic("secret reason") }},
		{Method: "GET", Path: "/late", Handle: func(w http.ResponseWriter, r *Request) error {
			_, _ = io.WriteString(w, "half")
			w.(http.Flusher).Flush()
			panic("late")
		}},
		{Method: "GET", Path: "/error", Handle: func(w http.ResponseWriter, r *Request) error {
			_, _ = io.WriteString(w, "half")
			return errors.New("disk full")
		}},
		{Method: "GET", Path: "/session", Handle: func(w http.ResponseWriter, r *Request) error {
			if _, _, err := Hijack(w, r, "x/y"); err != nil {
				return err
			}
			panic("in a session")
		}},
		{Method: "GET", Path: "/fine", Handle: answer("fine")},
	}}))
	t.Cleanup(srv.Close)
	for _, tc := range []struct{ path, want string }{
		{"/early", `500 {"message":"internal error, the daemon's log says more"}` + "\n"},
		{"/late", "200 half: unexpected EOF"},
		{"/error", "EOF"}, // nothing had been sent yet: a cut connection instead of half an answer
		{"/session", "200 "},
		{"/fine", "200 fine"},
	} {
		if got := fetch(t, srv.URL+tc.path); !strings.HasPrefix(got, tc.want) && !strings.HasSuffix(got, tc.want) {
			t.Errorf("%s: %q, want %q", tc.path, got, tc.want)
		}
	}
}

// fetch is a call in one line: "200 body", with ": error" behind when the body did not end well.
func fetch(t *testing.T, target string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Sprintf("%d %s: %v", res.StatusCode, body, err)
	}
	return fmt.Sprintf("%d %s", res.StatusCode, body)
}

func TestObserve(t *testing.T) {
	t.Parallel()
	var got []Call
	s := newServer(t, Config{Routes: routes(), Observe: func(c Call) { got = append(got, Call{c.Method, c.Path, c.Status, 0}) }})
	for _, target := range []string{"/v1.18/containers/x/json", "/secret/path", "/v9.9/containers/json"} {
		get(t, s, "GET", target)
	}
	want := []Call{{"GET", "/containers/{id}/json", 200, 0}, {"", "", 404, 0}, {"", "", 400, 0}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestStream(t *testing.T) {
	t.Parallel()
	next, left := make(chan any), make(chan struct{})
	srv := httptest.NewServer(newServer(t, Config{Routes: []Route{
		{Method: "GET", Path: "/progress", Handle: func(w http.ResponseWriter, r *Request) error {
			s := Stream(w, r)
			for v := range next {
				if err, ok := v.(error); ok {
					return err
				}
				if err := s.Send(v); err != nil {
					return err
				}
			}
			return nil
		}},
		{Method: "GET", Path: "/events", Handle: func(w http.ResponseWriter, r *Request) error {
			s := Stream(w, r)
			s.End = "\n"
			if err := s.Begin(); err != nil {
				return err
			}
			for {
				select {
				case v := <-next:
					if err := s.Send(v); err != nil {
						return err
					}
				case <-r.Context().Done():
					close(left)
					return r.Context().Err()
				}
			}
		}},
	}}))
	t.Cleanup(srv.Close)

	res, lines := open(t, srv.URL+"/v1.18/events")
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "application/json" {
		t.Errorf("events: %s %v", res.Status, res.Header)
	}
	message := func(kind, action string) map[string]any {
		return map[string]any{"Type": kind, "Action": action, "Actor": map[string]any{"ID": "c"}, "time": 1}
	}
	next <- message("network", "connect") // did not exist in 1.18
	next <- message("container", "start")
	if got := line(t, lines); !strings.Contains(got, `"status":"start"`) || strings.HasSuffix(got, "\r\n") {
		t.Errorf("event %q: objects must come one by one, in the form of 1.18, with the end asked for", got)
	}
	res.Body.Close()

	<-left // the handler is told

	go func() {
		next <- map[string]any{"status": "a<b"}
		next <- fmt.Errorf("pull x: %w", errs.ErrNotFound)
	}()
	res, lines = open(t, srv.URL+"/progress")
	rest, err := io.ReadAll(lines)
	want := "{\"status\":\"a<b\"}\r\n" + `{"errorDetail":{"message":"pull x"},"error":"pull x"}` + "\r\n"
	if err != nil || string(rest) != want || res.StatusCode != 200 {
		t.Errorf("progress %d %q, %v; want %q", res.StatusCode, rest, err, want)
	}
}

// open begins a call whose answer does not end.
func open(t *testing.T, target string) (*http.Response, *bufio.Reader) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return res, bufio.NewReader(res.Body)
}

func line(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	s, err := r.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func BenchmarkRouting(b *testing.B) {
	s := newServer(b, Config{Routes: routes()})
	for _, target := range []string{"/v1.18/containers/json", "/v1.44/containers/0123456789ab/json", "/v1.44/images/reg:5000/a/b:c/json"} {
		b.Run(target, func(b *testing.B) {
			r := httptest.NewRequestWithContext(b.Context(), "GET", target, nil)
			b.ReportAllocs()
			for b.Loop() {
				if got, err := s.resolve(r); err != nil || got.route == nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("whole call", func(b *testing.B) {
		r := httptest.NewRequestWithContext(b.Context(), "GET", "/v1.44/containers/json", nil)
		b.ReportAllocs()
		for b.Loop() {
			s.ServeHTTP(httptest.NewRecorder(), r)
		}
	})
}
