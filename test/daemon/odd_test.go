//go:build linux

package daemon

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/cleat-dev/cleat/api/version"
	"github.com/cleat-dev/cleat/daemon"
	"github.com/cleat-dev/cleat/daemon/server"
)

// oddNames are what no thing is called, as parts of a path.
var oddNames = []string{
	"nothing", "%00", "%ff%fe", "..%2f..%2fetc%2fpasswd", "..", "%2e%2e", "%2f", "a%2fb", "%20", "-", "_", ".", "*", "%0a", "%25s%25n", "%5c", "é", "'", "%22",
	strings.Repeat("a", 5000), strings.Repeat("0", 64), "sha256:x", "sha256:" + strings.Repeat("0", 64), "sha256:" + strings.Repeat("a", 65), "UPPER", "a@b@c", "a:b:c", "127.0.0.1:1/x",
}

// oddParameters are values of parameters that somebody may send, right ones for some calls among them.
var oddParameters = map[string][]string{
	"filters": {
		`{`, `[]`, `"x"`, `7`, `{"x":7}`, `{"label":"x"}`, `{"label":["="]}`, `{"id":["\u0000"]}`, `{"status":["nonsense"]}`, `{"before":["nothing"]}`, `{"since":[""]}`,
		`{"until":["x"]}`, `{"until":["99999999999999999999"]}`, `{"exited":["x"]}`, `{"health":["x"]}`, `{"dangling":["x"]}`, `{"name":["["]}`, `{"name":["(((((((((("]}`,
		`{"nonsense":["x"]}`, `{"label":{"x":"y"}}`, `{"label":{"x":true}}`, strings.Repeat(`{"a":`, 12_000) + "1" + strings.Repeat("}", 12_000),
	},
	"limit": {"x", "-1", "99999999999999999999", "1.5"}, "size": {"x"}, "all": {"x"}, "since": {"x", "-1", "1.5.5", "nothing", "1e9"}, "before": {"nothing", "\x00"},
	"t": {"x", "-99999999999", "99999999999999999999"}, "signal": {"x", "0", "-1", "65", "SIGNONSENSE", "9999999999"}, "h": {"x", "-1", "70000"}, "w": {"x", "-1", "70000"},
	"tail": {"x", "-1", "all", "99999999999999999999"}, "path": {"", "/", "../../..", "\x00", "/nothing", strings.Repeat("/a", 4000), "/proc/self/root"},
	"name": {"", "/", "a b", "\x00", "../x", strings.Repeat("n", 300), "é"}, "repo": {"UPPER", "a b", "\x00", strings.Repeat("r", 300), "a//b"},
	"tag": {"a b", "\x00", strings.Repeat("t", 200), "-"}, "ps_args": {"\x00", "; rm -rf /", "--nonsense", "-o"}, "condition": {"nonsense"}, "stream": {"0"},
	"platform": {"x/y/z/w", "\x00", "windows"}, "names": {"nothing", "\x00", ""}, "term": {"\x00"}, "type": {"nonsense"}, "changes": {"NONSENSE x", "RUN x", "\x00", "ENV"},
	"remote": {"\x00", "ftp://x", "http://127.0.0.1:1/x", "git://127.0.0.1:1/x", "file:///etc/passwd"}, "dockerfile": {"../../etc/passwd", "\x00", "/"},
	"buildargs": {"{", "7", `{"a":7}`}, "labels": {"{", "[]"}, "ulimits": {"{", `[{"Name":7}]`}, "memory": {"x", "-1"}, "cachefrom": {"{", `["\u0000"]`},
	"fromSrc": {"\x00", "file:///etc/passwd", "http://127.0.0.1:1/x", "ftp://x"}, "fromImage": {"\x00", "UPPER", "127.0.0.1:1/x", ":"}, "detachKeys": {"nonsense", "ctrl-", "\x00"},
	"version": {"9"}, "outputs": {"{"}, "force": {"x"}, "v": {"x"}, "link": {"1"}, "quiet": {"x"}, "noprune": {"x"}, "author": {"\x00"}, "comment": {"\x00"}, "pause": {"x"}, "until": {"x", "-1"},
}

// TestOddQueries asks every call about odd things, in odd ways: a mistake is the client's, and nothing changes.
func TestOddQueries(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	o := newTarget(t, b)
	before, things := b.steady(t, b.data()), b.things(t)
	client, calls := b.plainHTTP(t), 0
	try := func(v string, route server.Route, path string) {
		t.Helper()
		calls++
		separator := "?"
		if strings.Contains(path, "?") {
			separator = "&"
		}
		switch { // calls that do not end by themselves
		case route.Path == "/events" && !strings.Contains(path, "until="):
			path += separator + "until=1"
		case strings.HasSuffix(route.Path, "/ws"), strings.HasSuffix(route.Path, "/stats"), strings.HasSuffix(route.Path, "/wait"), strings.HasSuffix(route.Path, "/attach"):
			if strings.Contains(path, o.container) {
				return
			}
		}
		got, err := ask(t.Context(), client, route.Method, "/v"+v+path, "", nil)
		if err != nil {
			t.Errorf("%s %.300s: %v", route.Method, path, err)
			return
		}
		why, _ := got.failed()
		if got.status >= 500 && !toleratedQuery(route, got) || got.status >= 400 && route.Method != http.MethodHead && strings.TrimSpace(why) == "" {
			t.Errorf("%s /v%s%.300s: %d %.300s", route.Method, v, path, got.status, got.body)
		}
	}
	for _, v := range []string{"1.2", "1.18", "1.44"} {
		at, err := version.Parse(v)
		if err != nil {
			t.Fatal(err)
		}
		for _, route := range daemon.Routes(daemon.Backends{}) {
			if at.Before(route.Since) || !route.Until.IsZero() && !at.Before(route.Until) || strings.HasSuffix(route.Path, "/prune") {
				continue
			}
			if strings.Contains(route.Path, "{") {
				for _, name := range oddNames {
					try(v, route, strings.NewReplacer("{id}", name, "{id...}", name, "{name}", name, "{name...}", name, "{rest...}", name).Replace(route.Path))
				}
			}
			path := route.Path
			if route.Method == http.MethodGet || route.Method == http.MethodHead {
				path = o.path(strings.ReplaceAll(path, "/images/{name...}", "/images/busybox:1"))
			} else {
				path = strings.NewReplacer("{id}", "nothing", "{id...}", "nothing", "{name}", "nothing", "{name...}", "nothing", "{rest...}", "x").Replace(path)
			}
			path, _, _ = strings.Cut(path, "?")
			for name, values := range oddParameters {
				for _, value := range values {
					try(v, route, path+"?"+url.QueryEscape(name)+"="+url.QueryEscape(value))
				}
			}
			try(v, route, path+"?%zz")
			try(v, route, path+"?a;b&=&&=x")
		}
	}
	t.Logf("%d calls", calls)
	b.sweep(t, things)
	b.same(t, things)
	b.unchanged(t, before, b.data())
	b.healthy(t)
}

// toleratedQuery: what is far away cannot be reached, and what engines answer with 500: what ps says of its arguments, and that a link
// has no name.
func toleratedQuery(route server.Route, got reply) bool {
	if tolerated(route, got) {
		return true
	}
	for _, words := range []string{"connection refused", "network is unreachable", "no such host", "server gave HTTP", "no basic auth", "processes of container", "default name of the container"} {
		if strings.Contains(got.body, words) {
			return true
		}
	}
	return false
}
