//go:build linux

package daemon

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// liar is a registry that answers what a test wants.
type liar struct {
	t      *testing.T
	server *httptest.Server
	ending chan struct{} // closed at the end of the test: net/http tells no handler that leaves a body unread that its client is gone

	mu        sync.Mutex
	blobs     map[string][]byte
	manifests map[string][]byte // by repository:tag
	asked     []string          // methods and paths, with ranges
	middle    func()            // called in the middle of a layer
	// instead, if not nil, answers in place of the registry; false leaves it to the registry.
	instead func(w http.ResponseWriter, r *http.Request) bool
}

const manifestType = "application/vnd.oci.image.manifest.v1+json"

func newLiar(t *testing.T) *liar {
	t.Helper()
	l := &liar{t: t, ending: make(chan struct{}), blobs: map[string][]byte{}, manifests: map[string][]byte{}}
	l.server = httptest.NewServer(l)
	l.server.Config.SetKeepAlivesEnabled(false) // idle connections would look like lost ones
	t.Cleanup(func() { close(l.ending); l.server.CloseClientConnections(); l.server.Close() })
	return l
}

// ref is the name of a repository here.
func (l *liar) ref(name string) string {
	return strings.TrimPrefix(l.server.URL, "http://") + "/" + name
}

func (l *liar) halfway(do func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.middle = do
}

// lie sets what answers instead.
func (l *liar) lie(with func(w http.ResponseWriter, r *http.Request) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.instead, l.asked = with, nil
}

// requests are what was asked since the last lie.
func (l *liar) requests() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.asked...)
}

func digestOf(raw []byte) string {
	sum := sha256.Sum256(raw)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func (l *liar) blob(kind string, raw []byte) map[string]any {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := digestOf(raw)
	l.blobs[d] = raw
	return map[string]any{"mediaType": kind, "digest": d, "size": len(raw)}
}

// image puts an image of plain layers under repository:tag.
func (l *liar) image(name string, layers ...[]byte) {
	l.t.Helper()
	var diffs []string
	var descs []any
	for _, layer := range layers {
		diffs = append(diffs, digestOf(layer))
		descs = append(descs, l.blob("application/vnd.oci.image.layer.v1.tar", layer))
	}
	config := l.encode(map[string]any{
		"architecture": runtime.GOARCH, "os": "linux", "config": map[string]any{"Cmd": []string{"true"}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": diffs},
	})
	l.manifest(name, map[string]any{
		"schemaVersion": 2, "mediaType": manifestType, "config": l.blob("application/vnd.oci.image.config.v1+json", config), "layers": descs,
	})
}

func (l *liar) manifest(name string, m any) {
	raw := l.encode(m)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.manifests[name] = raw
}

func (l *liar) encode(v any) []byte {
	l.t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		l.t.Fatal(err)
	}
	return raw
}

// ServeHTTP implements http.Handler.
func (l *liar) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	l.asked = append(l.asked, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+r.Header.Get("Range")))
	instead := l.instead
	l.mu.Unlock()
	if instead != nil && instead(w, r) {
		return
	}
	path := strings.TrimPrefix(r.URL.Path, "/v2/")
	if repo, tag, ok := strings.Cut(path, "/manifests/"); ok {
		l.mu.Lock()
		raw, found := l.manifests[repo+":"+tag]
		l.mu.Unlock()
		if !found {
			http.Error(w, `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}`, http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", manifestType)
		_, _ = w.Write(raw)
		return
	}
	if _, digest, ok := strings.Cut(path, "/blobs/"); ok {
		l.serveBlob(w, r, digest)
		return
	}
	w.WriteHeader(http.StatusOK)
}

func (l *liar) serveBlob(w http.ResponseWriter, r *http.Request, digest string) {
	l.mu.Lock()
	raw, found := l.blobs[digest]
	middle := l.middle
	l.mu.Unlock()
	if !found {
		http.NotFound(w, r)
		return
	}
	from := 0
	if n, _ := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); n == 1 && from < len(raw) {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(raw)-1, len(raw)))
		w.Header().Set("Content-Length", fmt.Sprint(len(raw)-from))
		w.WriteHeader(http.StatusPartialContent)
		_, _ = w.Write(raw[from:])
		return
	}
	w.Header().Set("Content-Length", fmt.Sprint(len(raw)))
	if middle == nil || len(raw) < megabyte {
		_, _ = w.Write(raw)
		return
	}
	_, _ = w.Write(raw[:len(raw)/2])
	_ = http.NewResponseController(w).Flush()
	middle()
	_, _ = w.Write(raw[len(raw)/2:])
}
