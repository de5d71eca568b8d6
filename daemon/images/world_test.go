//go:build linux

package images

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/moby/moby/api/types/events"
	types "github.com/moby/moby/api/types/registry"
	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/api/stream"
	"github.com/cleat-dev/cleat/daemon/content"
	routes "github.com/cleat-dev/cleat/daemon/routes/images"
	"github.com/cleat-dev/cleat/daemon/server"
	"github.com/cleat-dev/cleat/daemon/snapshot"
	"github.com/cleat-dev/cleat/internal/acctest"
	"github.com/cleat-dev/cleat/internal/registry"
)

func TestMain(m *testing.M) { acctest.Main(m) }

// world is a service with everything below it.
type world struct {
	*Service
	t      testing.TB
	root   string
	config registry.Config
	users  users
	events *recorder
}

type users map[string][]User

func (u users) UsersOf(id string) []User { return u[id] }

// byBuilds comes before the id of an image that a build stands on.
const byBuilds = "by builds: "

func (u users) Building(id string) bool { _, ok := u[byBuilds+id]; return ok }

// recorder notes events.
type recorder struct {
	mu  sync.Mutex
	all []string
}

func (r *recorder) Publish(m events.Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, string(m.Action)+" "+m.Actor.Attributes["name"])
}

func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.all
	r.all = nil
	return all
}

func newWorld(t testing.TB, config registry.Config) *world {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("images need root: owners and device nodes of layers")
	}
	config.Log = hclog.NewNullLogger()
	w := &world{t: t, root: t.TempDir(), config: config, users: users{}, events: &recorder{}}
	w.open()
	t.Cleanup(func() { w.close(); w.unmount() })
	return w
}

// open starts the service, again after close.
func (w *world) open() {
	w.t.Helper()
	store, err := content.Open(w.t.Context(), filepath.Join(w.root, "store"), hclog.NewNullLogger())
	must(w.t, err)
	client, err := registry.New(w.config)
	must(w.t, err)
	layers := snapshot.New(store, filepath.Join(w.root, "layers"), hclog.NewNullLogger())
	w.Service, err = Open(w.t.Context(), Config{Store: store, Layers: layers, Registry: client, Events: w.events, Users: w.users, Log: hclog.NewNullLogger()})
	must(w.t, err)
}

func (w *world) close() {
	w.Layers.Wait()
	w.Registry.Close()
	if err := w.Store.Close(); err != nil {
		w.t.Error(err)
	}
}

func (w *world) unmount() {
	mounts, err := mountinfo.GetMounts(mountinfo.PrefixFilter(w.root))
	must(w.t, err)
	for _, m := range mounts {
		must(w.t, unix.Unmount(m.Mountpoint, unix.MNT_DETACH))
	}
}

func must(t testing.TB, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// ignore is an out for tests that do not look at messages.
func ignore(stream.Message) error { return nil }

// collect returns an out and what it got, as "id: status".
func collect() (func(stream.Message) error, func() []string) {
	var mu sync.Mutex
	var list []string
	out := func(m stream.Message) error {
		mu.Lock()
		defer mu.Unlock()
		line := m.Status + strings.TrimSuffix(m.Stream, "\n") + string(m.Aux)
		if m.ID != "" {
			line = m.ID + ": " + line
		}
		if len(list) == 0 || list[len(list)-1] != line { // of numbers one is enough
			list = append(list, line)
		}
		return nil
	}
	return out, func() []string { mu.Lock(); defer mu.Unlock(); return list }
}

// entry is a file of an archive; see archive.
type entry = tar.Header

// archive builds one: files with their name as content unless Size says 0, folders by a final "/".
func archive(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, h := range entries {
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
			if strings.HasSuffix(h.Name, "/") {
				h.Typeflag = tar.TypeDir
			}
		}
		if h.Mode == 0 {
			h.Mode = 0o755
		}
		h.ModTime = time.Unix(1e9, 0)
		if h.Typeflag == tar.TypeReg && !strings.Contains(h.Name, ".wh.") {
			h.Size = int64(len(h.Name))
		}
		must(t, w.WriteHeader(&h))
		if h.Size > 0 {
			_, err := io.WriteString(w, h.Name)
			must(t, err)
		}
	}
	must(t, w.Close())
	return buf.Bytes()
}

// made imports an archive with files of these names as an image.
func (w *world) made(repo, tag string, files ...string) string {
	w.t.Helper()
	var entries []entry
	for _, name := range files {
		entries = append(entries, entry{Name: name})
	}
	id, err := w.Import(w.t.Context(), Import{Source: "-", Body: bytes.NewReader(archive(w.t, entries...)), Repo: repo, Tag: tag}, ignore)
	must(w.t, err)
	return id
}

// built makes an image of one layer with a file on top of another.
func (w *world) built(parent, repo, file string) string {
	w.t.Helper()
	ctx, done, err := w.Store.Lease(w.t.Context())
	must(w.t, err)
	defer done()
	layer, diffID, err := w.take(ctx, bytes.NewReader(archive(w.t, entry{Name: file})))
	must(w.t, err)
	n := New{Parent: parent, Layer: layer, DiffID: diffID, CreatedBy: "make " + file, Repo: repo}
	n.Config.Config.Labels = map[string]string{"file": file}
	id, err := w.Create(ctx, n)
	must(w.t, err)
	return id
}

// see returns what is in an image.
func (w *world) see(ref string) []string {
	w.t.Helper()
	image, err := w.Resolve(w.t.Context(), ref)
	must(w.t, err)
	dir, done, err := w.Layers.View(w.t.Context(), "see-"+short(image.ID), image.ChainID)
	must(w.t, err)
	var list []string
	must(w.t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if path != dir {
			list = append(list, strings.TrimPrefix(path, dir+"/"))
		}
		return err
	}), done())
	return list
}

// serve answers the API at a unix socket and returns its address.
func (w *world) serve() string {
	w.t.Helper()
	handler, err := server.New(server.Config{Routes: routes.Routes(w.Service), Log: hclog.NewNullLogger()})
	must(w.t, err)
	dir, err := os.MkdirTemp("", "cleat-images") // short enough for a socket
	must(w.t, err)
	w.t.Cleanup(func() { os.RemoveAll(dir) })
	listener, err := net.Listen("unix", filepath.Join(dir, "sock"))
	must(w.t, err)
	s := httptest.NewUnstartedServer(handler)
	s.Listener.Close()
	s.Listener = listener
	s.Start()
	w.t.Cleanup(s.Close)
	return "unix://" + filepath.Join(dir, "sock")
}

// call sends a request to the API and returns status and body.
func call(t testing.TB, host, method, path string, body io.Reader) (int, string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", strings.TrimPrefix(host, "unix://"))
	}}}
	request, err := http.NewRequestWithContext(t.Context(), method, "http://engine"+path, body)
	must(t, err)
	response, err := client.Do(request)
	must(t, err)
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	must(t, err)
	return response.StatusCode, string(raw)
}

// list decodes a JSON answer.
func decoded[T any](t testing.TB, raw string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(raw), &v); err != nil {
		t.Fatalf("%v in %s", err, raw)
	}
	return v
}

func credentials(r *acctest.Registry) types.AuthConfig {
	return types.AuthConfig{Username: r.Auth.Username, Password: r.Auth.Password, ServerAddress: r.Address}
}

var errGone = errors.New("the client is gone")
