//go:build linux

package daemon

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// TestLyingRegistry: a registry that refuses, lies or goes round in circles makes a pull end with what is wrong, and nothing
// stays of it.
func TestLyingRegistry(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	layer := pack(t, file("noise", string(noise(2*megabyte, 21)))) // of all lies
	r := newLiar(t)
	before, things := b.steady(t, b.data()), b.things(t)
	manifest, blob := "/manifests/", "/blobs/"+digestOf(layer)
	always := func(on string, do func(w http.ResponseWriter, r *http.Request)) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if strings.Contains(r.URL.Path, on) {
				do(w, r)
			}
			return strings.Contains(r.URL.Path, on)
		}
	}
	status := func(code int, header, body string) func(w http.ResponseWriter, r *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) {
			if name, value, ok := strings.Cut(header, ": "); ok {
				w.Header().Set(name, value)
			}
			w.WriteHeader(code)
			fmt.Fprint(w, body)
		}
	}
	circle := func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
	}
	denied := `{"errors":[{"code":"DENIED","message":"not for you"}]}`
	for name, test := range map[string]struct {
		lie    func(http.ResponseWriter, *http.Request) bool
		status int // 200 is a stream
		want   string
		half   bool // of a layer stays, for another try
	}{
		"401 without a word":      {always(manifest, status(401, "", "")), 404, "pull access denied", false},
		"401 with basic":          {always("/v2/", status(401, `WWW-Authenticate: Basic realm="r"`, denied)), 404, "pull access denied", false},
		"401 with a strange word": {always("/v2/", status(401, `WWW-Authenticate: Magic a,,,=`, denied)), 404, "pull access denied", false},
		"401 from a dead realm":   {always("/v2/", status(401, `WWW-Authenticate: Bearer realm="http://127.0.0.1:1/token",service="s"`, denied)), 500, "connection refused", false},
		"403":                     {always(manifest, status(403, "", denied)), 404, "not for you", false},
		"404 as a page":           {always(manifest, status(404, "Content-Type: text/html", "<html>gone</html>")), 404, "manifest for", false},
		"429":                     {always(manifest, status(429, "Retry-After: 1", `{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}`)), 500, "slow down", false},
		"500 with a text":         {always(manifest, status(500, "", "the disk is on fire")), 500, "the disk is on fire", false},
		"503 as a long page":      {always(manifest, status(503, "", "<html>"+strings.Repeat("x", 1<<20))), 500, "503 Service Unavailable", false},
		"a page as manifest":      {always(manifest, status(200, "Content-Type: text/html", "<html>hello</html>")), 500, "invalid character", false},
		"an unknown manifest":     {always(manifest, status(200, "Content-Type: application/x-other", "{}")), 500, "unsupported manifest media type", false},
		"a manifest of a list":    {always(manifest, status(200, "Content-Type: "+manifestType, "[]")), 500, "manifest 1", false},
		"an endless manifest":     {always(manifest, status(200, "Content-Type: "+manifestType, strings.Repeat(" ", 5<<20))), 500, "larger than", false},
		"a manifest in a circle":  {always(manifest, circle), 500, "stopped after 10 redirects", false},
		"a layer in a circle":     {always(blob, circle), 200, "stopped after 10 redirects", false},
		"a layer is refused":      {always(blob, status(403, "", denied)), 200, "not for you", false},
		"a layer is not there":    {always(blob, status(404, "", "")), 200, "404", false},
		"another layer":           {always(blob, status(200, "", string(noise(len(layer), 22)))), 200, "verification failed", false},
		"a longer layer":          {always(blob, status(200, "", string(layer)+"x")), 200, "longer than", true},
		"a page as layer":         {always(blob, status(200, "Content-Type: text/html", "<html>"+strings.Repeat("x", len(layer)-6))), 200, "verification failed", false},
		"another part of a layer": {always(blob, status(206, "Content-Range: bytes 7-99/100", "xxxxx")), 200, "asked for bytes from 0", false},
		"a layer of no bytes":     {always(blob, status(200, "", "")), 200, "unexpected EOF", false},
		"a cut connection": {always(blob, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(layer)))
			_, _ = w.Write(layer[:1000])
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}), 200, "unexpected EOF", true},
	} {
		t.Run(name, func(t *testing.T) {
			r.image("lies/image:1", layer)
			halves := b.halves(t)
			r.lie(test.lie)
			got := b.call(t, "POST", "/images/create?fromImage="+url.QueryEscape(r.ref("lies/image"))+"&tag=1", "", nil)
			why, failed := got.failed()
			if !failed || got.status != test.status || !strings.Contains(why, test.want) {
				t.Errorf("%d %.800s", got.status, got.body)
			}
			b.unchanged(t, before, b.data())
			b.same(t, things)
			left := b.halves(t) - halves
			if left != map[bool]int{true: 1}[test.half] {
				t.Errorf("%d halves of layers stay", left)
			}
			if test.half { // it is the right one, and the next lies are about it too
				b.honest(t, r)
			}
		})
	}
	b.honest(t, r)
	b.healthy(t)
}

// honest pulls the image of the lies from a registry that does not lie, and removes it.
func (b *bench) honest(t *testing.T, r *liar) {
	t.Helper()
	r.lie(nil)
	got := b.call(t, "POST", "/images/create?fromImage="+url.QueryEscape(r.ref("lies/image"))+"&tag=1", "", nil)
	if why, failed := got.failed(); failed {
		t.Errorf("an honest registry: %s", why)
	}
	b.remove(t, "/images/"+r.ref("lies/image")+":1")
}

// halves counts what has begun to be written into the store of blobs.
func (b *bench) halves(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir(filepath.Join(b.data(), "images", "content", "ingest"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return len(all)
}

// TestPullGoesOn: a pull that was cut, also by the death of the daemon, fetches only what it has not got.
func TestPullGoesOn(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	whole, cut := pack(t, file("whole", "whole")), pack(t, file("noise", string(noise(4*megabyte, 23))))
	r := newLiar(t)
	r.image("on/image:1", whole, cut)
	r.lie(func(w http.ResponseWriter, q *http.Request) bool {
		if !strings.HasSuffix(q.URL.Path, digestOf(cut)) {
			return false
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(cut)))
		_, _ = w.Write(cut[:len(cut)/2])
		_ = http.NewResponseController(w).Flush()
		<-q.Context().Done()
		return true
	})
	path := "/images/create?fromImage=" + url.QueryEscape(r.ref("on/image")) + "&tag=1"
	// The last message about the layer that comes whole; the other has begun by then or does so in a moment.
	if err := b.leave(t.Context(), stream{method: "POST", path: path, until: "Pull complete"}); err != nil {
		t.Fatal(err)
	}
	b.steady(t, b.data()) // what is kept outlives a collection
	b.SignalDaemon(t, syscall.SIGKILL)
	b.StartDaemon(t)
	b.steady(t, b.data())
	r.lie(nil)
	got := b.call(t, "POST", path, "", nil)
	if why, failed := got.failed(); failed {
		t.Fatalf("%d %s", got.status, why)
	}
	asked := r.requests()
	if slices.Contains(asked, "GET /v2/on/image/blobs/"+digestOf(whole)) {
		t.Errorf("the whole layer was fetched again: %q", asked)
	}
	if !slices.ContainsFunc(asked, func(s string) bool { return strings.HasPrefix(s, "GET /v2/on/image/blobs/"+digestOf(cut)+" bytes=") }) {
		t.Errorf("the rest of a layer was not asked for: %q", asked)
	}
	b.remove(t, "/images/"+r.ref("on/image")+":1")
	b.healthy(t)
}
