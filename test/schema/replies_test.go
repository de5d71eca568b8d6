package schema

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// call is one request of the table of GETs.
type call struct {
	// path of the document, and target, what it becomes here.
	path, target string
	// values is how many objects of an answer without end are read.
	values int
	// status of the answer; 0 is 200.
	status int
}

// calls are the GETs of the world.
func (w *world) calls() []call {
	now := fmt.Sprint(time.Now().Unix() + 1)
	var all []call
	add := func(path string, targets ...string) {
		for _, target := range targets {
			all = append(all, call{path: path, target: target})
		}
	}
	refused := func(path string, status int, targets ...string) {
		for _, target := range targets {
			all = append(all, call{path: path, target: target, status: status})
		}
	}
	for _, name := range []string{"created", "running", "net", "tty", "paused", "exited", "restarting", "auto", "joined", "linked", "failed"} {
		add("/containers/{id}/json", "/containers/"+name+"/json", "/containers/"+name+"/json?size=1")
		add("/containers/{id}/changes", "/containers/"+name+"/changes")
		add("/containers/{id}/stats", "/containers/"+name+"/stats?stream=0&one-shot=1")
	}
	add("/containers/json", "/containers/json", "/containers/json?all=1&size=1", "/containers/json?limit=2", `/containers/json?filters={"status":["paused"]}`)
	add("/containers/{id}/top", "/containers/running/top", "/containers/tty/top?ps_args=aux")
	add("/containers/{id}/logs", "/containers/running/logs?stdout=1&stderr=1&timestamps=1", "/containers/tty/logs?stdout=1")
	add("/containers/{id}/export", "/containers/exited/export")
	add("/containers/{id}/archive", "/containers/exited/archive?path=/new")
	add("/containers/{id}/stats", "/containers/running/stats?stream=0")
	all = append(all, call{path: "/containers/{id}/stats", target: "/containers/running/stats", values: 2})
	add("/images/json", "/images/json", "/images/json?all=1&digests=1&shared-size=1", `/images/json?filters={"dangling":["true"]}`)
	for _, ref := range []string{"busybox:1", "schema/built:1", "schema/committed", "schema/moved", w.ref, w.id["dangling"]} {
		add("/images/{name}/json", "/images/"+ref+"/json")
		add("/images/{name}/history", "/images/"+ref+"/history")
	}
	add("/images/search", "/images/search?term=box&limit=5")
	add("/images/{name}/get", "/images/schema/moved/get")
	add("/images/get", "/images/get?names=schema/moved&names=schema/committed")
	add("/distribution/{name}/json", "/distribution/"+w.ref+"/json")
	add("/info", "/info")
	add("/version", "/version")
	add("/_ping", "/_ping")
	add("/events", "/events?since=1&until="+now, `/events?since=1&until=`+now+`&filters={"type":{"network":true,"volume":true}}`)
	add("/system/df", "/system/df")
	for _, name := range []string{"exec", "ended", "new"} {
		add("/exec/{id}/json", "/exec/"+w.id[name]+"/json")
	}
	add("/volumes", "/volumes", `/volumes?filters={"label":["a"]}`)
	add("/volumes/{name}", "/volumes/schema-volume", "/volumes/schema-tmpfs")
	add("/networks", "/networks", `/networks?filters={"driver":["bridge"]}`)
	add("/networks/{id}", "/networks/bridge", "/networks/host", "/networks/none", "/networks/schema-net", "/networks/schema-internal")
	add("/plugins", "/plugins")

	refused("/containers/{id}/json", 404, "/containers/nobody/json")
	refused("/containers/{id}/attach/ws", 400, "/containers/running/attach/ws?stream=1")
	refused("/containers/{id}/archive", 404, "/containers/exited/archive?path=/nothing")
	refused("/containers/{id}/archive", 400, "/containers/exited/archive")
	refused("/containers/{id}/logs", 404, "/containers/nobody/logs?stdout=1")
	refused("/containers/json", 400, "/containers/json?filters=x", `/containers/json?filters={"nothing":["x"]}`)
	refused("/images/{name}/json", 404, "/images/nobody/json")
	refused("/exec/{id}/json", 404, "/exec/nobody/json")
	refused("/volumes/{name}", 404, "/volumes/nobody")
	refused("/networks/{id}", 404, "/networks/nobody")
	refused("/plugins/{name}/json", 404, "/plugins/nobody/json")
	for _, path := range []string{"/nodes", "/swarm", "/swarm/unlockkey", "/services", "/tasks", "/secrets", "/configs"} {
		refused(path, 503, path)
	}
	for _, path := range []string{"/nodes/{id}", "/services/{id}", "/services/{id}/logs", "/tasks/{id}", "/tasks/{id}/logs", "/secrets/{id}", "/configs/{id}"} {
		refused(path, 503, strings.ReplaceAll(path, "{id}", "x"))
	}
	return all
}

// ids are left out of findings: those of several versions are to be one.
var ids = regexp.MustCompile("[0-9a-f]{64}")

// findings are what is wrong, each with the versions it is wrong at.
type findings struct {
	mu    sync.Mutex
	wrong map[string][]int
}

func (f *findings) add(minor int, format string, args ...any) {
	text := ids.ReplaceAllString(fmt.Sprintf(format, args...), "ID")
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.wrong == nil {
		f.wrong = map[string][]int{}
	}
	if !slices.Contains(f.wrong[text], minor) {
		f.wrong[text] = append(f.wrong[text], minor)
	}
}

func (f *findings) report(t *testing.T) {
	t.Helper()
	for _, text := range slices.Sorted(maps.Keys(f.wrong)) {
		t.Errorf("1.%d…1.%d: %s", slices.Min(f.wrong[text]), slices.Max(f.wrong[text]), text)
	}
}

// versions runs a test at every version, several at a time.
func versions(t *testing.T, test func(t *testing.T, d *document)) {
	t.Helper()
	t.Run("versions", func(t *testing.T) { // ends with the last of them
		for minor := oldest; minor <= newest; minor++ {
			t.Run(fmt.Sprintf("1.%d", minor), func(t *testing.T) {
				t.Parallel()
				test(t, documentOf(t, minor))
			})
		}
	})
}

// check holds an answer against the document.
func (f *findings) check(d *document, method, path, target string, got reply, streams bool) []any {
	where := method + " " + target
	f.headers(d.minor, where, got)
	schema, err := d.answer(method, path, got.status)
	if err != nil {
		if !isUndocumented(d.minor, method, path, got.status) {
			f.add(d.minor, "%s: %v: %s", where, err, cut(got.body))
		}
		if got.status < 400 {
			return nil
		}
		schema = d.Components.Schemas["ErrorResponse"].Value
	}
	if got.status >= 400 {
		f.failure(d.minor, where, got)
	} else if want := d.produces[method+" "+path]; len(want) > 0 && len(got.body) > 0 && !slices.Contains(want, mediaType(got)) {
		f.add(d.minor, "%s: Content-Type %s, want one of %v", where, mediaType(got), want)
	}
	if schema == nil || mediaType(got) != "application/json" || schema.Type.Is("string") {
		return nil
	}
	values, err := decodeAll(got.body)
	if err != nil || !streams && len(values) != 1 {
		f.add(d.minor, "%s: %d JSON values, %v: %s", where, len(values), err, cut(got.body))
	}
	for _, value := range values {
		for _, wrong := range valid(schema, value) {
			if !excused(method+" "+path, d.minor, wrong) {
				f.add(d.minor, "%s: %s", where, cut([]byte(wrong)))
			}
		}
	}
	return values
}

// headers are on all answers; versions.md, sections 1 and 7.
func (f *findings) headers(minor int, where string, got reply) {
	for name, want := range map[string]string{
		"Api-Version": "1.44", "Ostype": "linux", "Docker-Experimental": "false", "Builder-Version": "1", "Swarm": "inactive",
	} {
		if value := got.header.Get(name); value != want {
			f.add(minor, "%s: header %s is %q, want %q", where, name, value, want)
		}
	}
	if value := got.header.Get("Server"); !strings.HasPrefix(value, "cleatd/") || !strings.HasSuffix(value, " (linux)") {
		f.add(minor, "%s: header Server is %q", where, value)
	}
}

// failure is an object with a message, and nothing else.
func (f *findings) failure(minor int, where string, got reply) {
	var object map[string]string
	if err := json.Unmarshal(got.body, &object); err != nil || object["message"] == "" || len(object) != 1 || mediaType(got) != "application/json" {
		f.add(minor, "%s: %d is no error: %s %s, %v", where, got.status, mediaType(got), cut(got.body), err)
	}
}

func mediaType(got reply) string {
	kind, _, _ := strings.Cut(got.header.Get("Content-Type"), ";")
	return kind
}

func cut(text []byte) string { return strings.TrimSpace(string(text[:min(len(text), 300)])) }

// decodeAll reads one JSON value after the other.
func decodeAll(body []byte) ([]any, error) {
	var all []any
	for decoder := json.NewDecoder(bytes.NewReader(body)); ; {
		var one any
		switch err := decoder.Decode(&one); {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return all, err
		}
		all = append(all, one)
	}
}

// streaming calls answer with several values.
func streaming(path string) bool { return path == "/events" || path == "/containers/{id}/stats" }

// TestReplies: each GET of each document is answered as it says.
func TestReplies(t *testing.T) {
	w := newWorld(t)
	wrong := &findings{}
	calls := w.calls()
	seen := newFields()
	versions(t, func(t *testing.T, d *document) {
		called := map[string]bool{}
		for _, c := range calls {
			called[c.path] = true
			if d.operation("GET", c.path) == nil {
				continue
			}
			got := w.send(t, d.minor, "GET", escape(c.target), nil, nil, c.values)
			if got.status != cmp.Or(c.status, http.StatusOK) {
				wrong.add(d.minor, "GET %s: %d, want %d: %s", c.target, got.status, cmp.Or(c.status, http.StatusOK), cut(got.body))
			}
			values := wrong.check(d, "GET", c.path, c.target, got, streaming(c.path))
			if d.minor == newest && got.status == http.StatusOK {
				seen.see(d, c.path, values)
			}
		}
		for path, item := range d.Paths.Map() {
			if item.Get != nil && !called[path] && notCalled[path] == "" {
				wrong.add(d.minor, "GET %s is not called", path)
			}
		}
	})
	w.heads(t, wrong)
	wrong.report(t)
	t.Run("fields", seen.test)
}

// escape makes the filters of a target fit for an address.
func escape(target string) string {
	before, filters, found := strings.Cut(target, "filters={")
	if !found {
		return target
	}
	return before + "filters=" + url.QueryEscape("{"+filters)
}

// heads are the calls with HEAD, the calls without a version, and what is no call.
func (w *world) heads(t *testing.T, wrong *findings) {
	t.Helper()
	for _, minor := range []int{0, oldest, newest} {
		for target, status := range map[string]int{
			"HEAD /_ping": 200, "HEAD /containers/exited/archive?path=/new": 200, "HEAD /containers/exited/archive?path=/nothing": 404,
			"GET /nothing": 404, "PATCH /containers/json": 404, "POST /containers/nobody/start": 404, "OPTIONS /containers/json": 200,
		} {
			method, path, _ := strings.Cut(target, " ")
			got := w.send(t, minor, method, path, nil, nil, 0)
			wrong.headers(minor, target, got)
			if got.status != status {
				wrong.add(minor, "%s: %d, want %d", target, got.status, status)
			}
			if method != "HEAD" && status >= 400 {
				wrong.failure(minor, target, got)
			}
			if method == "HEAD" && len(got.body) > 0 {
				wrong.add(minor, "%s has a body", target)
			}
		}
	}
	ping := w.send(t, 0, "HEAD", "/_ping", nil, nil, 0)
	for name, want := range map[string]string{"Cache-Control": "no-cache, no-store, must-revalidate", "Pragma": "no-cache", "Content-Length": "0"} {
		if got := ping.header.Get(name); got != want {
			wrong.add(newest, "HEAD /_ping: %s is %q, want %q", name, got, want)
		}
	}
	for _, tooNew := range []string{"/v1.99/info", "/v1.1/info"} {
		if got := w.send(t, 0, "GET", tooNew, nil, nil, 0); got.status != http.StatusBadRequest {
			wrong.add(newest, "GET %s: %d", tooNew, got.status)
		}
	}
}
