//go:build linux

package builds_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/distribution/reference"
	"github.com/hashicorp/go-hclog"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/registry"
	"github.com/moby/sys/mountinfo"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/api/codec"
	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/api/stream"
	"github.com/cleat-dev/cleat/api/version"
	"github.com/cleat-dev/cleat/daemon/builds"
	"github.com/cleat-dev/cleat/daemon/content"
	"github.com/cleat-dev/cleat/daemon/metadata"
	routes "github.com/cleat-dev/cleat/daemon/routes/builds"
	"github.com/cleat-dev/cleat/daemon/server"
	"github.com/cleat-dev/cleat/daemon/snapshot"
	"github.com/cleat-dev/cleat/internal/acctest"
)

// world is the service on real layers, with images and containers of the test: containers are chroots, images are
// configurations in memory.
type world struct {
	*builds.Service
	root       string
	images     *fakeImages
	containers *fakeContainers
	layers     *snapshot.Layers
	db         *metadata.DB
	close      func() // of the server, when nothing goes on in it
	do         func(*http.Request) (*http.Response, error)
}

func newWorld(t testing.TB) *world {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("layers need root: mounts, owners and device nodes")
	}
	root := t.TempDir()
	store, err := content.Open(t.Context(), filepath.Join(root, "store"), hclog.NewNullLogger())
	must(t, err)
	layers := snapshot.New(store, filepath.Join(root, "layers"), hclog.NewNullLogger())
	db, err := metadata.Open(filepath.Join(root, "meta.db"))
	must(t, err)
	w := &world{root: root, layers: layers, db: db}
	w.images = &fakeImages{store: store, layers: layers, byID: map[string]builds.Image{}, names: map[string]string{}, sizes: map[string]int64{}}
	w.containers = &fakeContainers{images: w.images, layers: layers, all: map[string]*fakeContainer{}}
	t.Cleanup(func() {
		layers.Wait()
		if mounts := w.mounts(t); len(mounts) > 0 {
			t.Errorf("mounts left: %v", mounts)
			for _, m := range mounts {
				_ = unix.Unmount(m, unix.MNT_DETACH)
			}
		}
		must(t, errors.Join(db.Close(), store.Close()))
	})
	w.open(t)
	rootfs, err := acctest.RootFS(nil)
	must(t, err)
	must(t, w.images.load(t.Context(), rootfs, "busybox:1"))
	return w
}

// open starts the service, again after another one was dropped.
func (w *world) open(t testing.TB) {
	t.Helper()
	var err error
	w.Service, err = builds.New(builds.Config{Root: filepath.Join(w.root, "builds"), DB: w.db, Images: w.images, Containers: w.containers,
		Layers: w.layers, Log: hclog.New(&hclog.LoggerOptions{Output: testLog{t}, Level: hclog.Info})})
	must(t, err)
	must(t, w.Reconcile(t.Context()))
	s, err := server.New(server.Config{Routes: routes.Routes(w.Service)})
	must(t, err)
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	w.close = web.Close
	w.do = func(r *http.Request) (*http.Response, error) {
		r.URL.Host = strings.TrimPrefix(web.URL, "http://")
		return web.Client().Do(r)
	}
}

// testLog fails a test that logs a warning: whatever is left behind is told there.
type testLog struct{ t testing.TB }

func (l testLog) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("[WARN]")) || bytes.Contains(p, []byte("[ERROR]")) {
		l.t.Errorf("logged: %s", p)
	}
	return len(p), nil
}

func (w *world) mounts(t testing.TB) []string {
	t.Helper()
	info, err := mountinfo.GetMounts(mountinfo.PrefixFilter(w.root))
	must(t, err)
	var at []string
	for _, m := range info {
		at = append(at, m.Mountpoint)
	}
	return at
}

// left lists what a build must not leave: its files, layers and mounts.
func (w *world) left(t testing.TB) []string {
	t.Helper()
	w.layers.Wait()
	left := w.mounts(t)
	for _, dir := range []string{"builds", "layers"} {
		entries, err := os.ReadDir(filepath.Join(w.root, dir))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), ".") {
				left = append(left, filepath.Join(dir, e.Name()))
			}
		}
	}
	return left
}

// post builds over HTTP, as the version given.
func (w *world) post(t testing.TB, version, query string, body io.Reader) (status int, answer []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://engine/v"+version+"/build?"+query, body)
	must(t, err)
	resp, err := w.do(r)
	must(t, err)
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	must(t, err)
	return resp.StatusCode, answer
}

type fakeImages struct {
	store  *content.Store
	layers *snapshot.Layers
	// pull, when set, is asked for images that are not there.
	pull func(ref string, auth registry.AuthConfig, platform string) error

	// held, when set, is told of images that a build has begun to hold.
	held func(id string)

	mu    sync.Mutex
	byID  map[string]builds.Image
	names map[string]string
	sizes map[string]int64 // of steps
	made  int
}

func (f *fakeImages) load(ctx context.Context, rootfs []byte, name string) error {
	desc, err := f.layers.WriteBlob(ctx, ocispec.MediaTypeImageLayer, func(w io.Writer) error { _, err := w.Write(rootfs); return err })
	if err != nil {
		return err
	}
	n := builds.NewImage{Layer: &desc, DiffID: desc.Digest, CreatedBy: "test"}
	n.Config.Config.Cmd = []string{"sh"}
	n.Config.Config.Env = []string{"PATH=/bin"}
	n.Config.Platform = ocispec.Platform{OS: "linux", Architecture: "amd64"}
	id, err := f.Create(ctx, n)
	if err != nil {
		return err
	}
	repo, tag, _ := strings.Cut(name, ":")
	return f.Tag(ctx, id, repo, tag)
}

func (f *fakeImages) Resolve(_ context.Context, ref string) (builds.Image, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if i, ok := f.byID[ref]; ok {
		return i, nil
	}
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return builds.Image{}, fmt.Errorf("%w: %w", err, errs.ErrInvalid)
	}
	if i, ok := f.byID[f.names[reference.TagNameOnly(named).String()]]; ok {
		return i, nil
	}
	return builds.Image{}, fmt.Errorf("No such image: %s: %w", ref, errs.ErrNotFound) //nolint:staticcheck // as the service has it
}

func (f *fakeImages) Held(ctx context.Context, id string) (builds.Image, error) {
	if f.held != nil {
		f.held(id)
	}
	return f.Resolve(ctx, id)
}

func (f *fakeImages) Create(ctx context.Context, n builds.NewImage) (string, error) {
	var i builds.Image
	if n.Parent != "" {
		var err error
		if i, err = f.Resolve(ctx, n.Parent); err != nil {
			return "", err
		}
	}
	config := n.Config
	config.RootFS.Type = "layers"
	config.RootFS.DiffIDs = slices.Clone(i.Config.RootFS.DiffIDs)
	config.History = slices.Clone(i.Config.History)
	i.Layers = slices.Clone(i.Layers)
	now := time.Now()
	config.Created = &now
	var size int64
	if n.Layer != nil {
		r, err := f.store.Content.ReaderAt(content.Context(ctx), *n.Layer)
		if err != nil {
			return "", err
		}
		defer r.Close()
		applied, err := f.layers.Apply(ctx, i.ChainID, n.DiffID, io.NewSectionReader(r, 0, r.Size()))
		if err != nil {
			return "", err
		}
		size = applied.Size
		i.ChainID = snapshot.ChainID(i.ChainID, n.DiffID)
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, n.DiffID)
		i.Layers = append(i.Layers, *n.Layer)
	}
	config.History = append(config.History, ocispec.History{Created: &now, CreatedBy: n.CreatedBy, Author: n.Author, EmptyLayer: n.Layer == nil})
	raw, err := json.Marshal(config)
	if err != nil {
		return "", err
	}
	i.ID, i.Parent, i.Config = digest.FromBytes(raw).String(), n.Parent, config
	f.mu.Lock()
	defer f.mu.Unlock()
	f.byID[i.ID] = i
	f.sizes[n.CreatedBy+now.String()] = size
	f.made++
	return i.ID, nil
}

func (f *fakeImages) Tag(_ context.Context, id, repo, tag string) error {
	named, err := reference.ParseNormalizedNamed(repo + ":" + tag)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.names[named.String()] = id
	return nil
}

func (f *fakeImages) Pull(_ context.Context, ref string, auth registry.AuthConfig, platform string, out func(stream.Message) error) error {
	if f.pull == nil {
		return fmt.Errorf("pull access denied for %s: %w", ref, errs.ErrNotFound)
	}
	if err := out(stream.Message{Status: "Pulling from " + ref}); err != nil {
		return err
	}
	return f.pull(ref, auth, platform)
}

func (f *fakeImages) Remove(_ context.Context, id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.byID[id]; !ok {
		return errs.ErrNotFound
	}
	for _, other := range f.byID {
		if other.Parent == id {
			return errs.ErrConflict
		}
	}
	for _, named := range f.names {
		if named == id {
			return errs.ErrConflict
		}
	}
	delete(f.byID, id)
	return nil
}

func (f *fakeImages) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.byID)
}

type fakeContainer struct {
	config *container.Config
	host   *container.HostConfig
}

// fakeContainers runs commands in a chroot of their layer.
type fakeContainers struct {
	images *fakeImages
	layers *snapshot.Layers
	// running is told of each command that begins.
	running func(id string)

	mu      sync.Mutex
	all     map[string]*fakeContainer
	created int
	last    *fakeContainer
}

func (f *fakeContainers) Create(ctx context.Context, config *container.Config, host *container.HostConfig) (container.CreateResponse, error) {
	var chain digest.Digest
	if config.Image != "" {
		image, err := f.images.Resolve(ctx, config.Image)
		if err != nil {
			return container.CreateResponse{}, err
		}
		chain = image.ChainID
	}
	var raw [32]byte
	if _, err := rand.Read(raw[:]); err != nil {
		return container.CreateResponse{}, err
	}
	id := hex.EncodeToString(raw[:])
	if err := f.layers.Create(ctx, id, chain); err != nil {
		return container.CreateResponse{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last = &fakeContainer{config, host}
	f.all[id] = f.last
	f.created++
	return container.CreateResponse{ID: id}, nil
}

func (f *fakeContainers) Run(ctx context.Context, id string, stdout, stderr io.Writer) (int, error) {
	f.mu.Lock()
	c := f.all[id]
	f.mu.Unlock()
	dir, err := f.layers.Mount(ctx, id)
	if err != nil {
		return 0, err
	}
	if f.running != nil {
		f.running(id)
	}
	for _, bind := range c.host.Binds {
		parts := strings.Split(bind, ":")
		raw, err := os.ReadFile(parts[0])
		if err == nil {
			err = errors.Join(os.MkdirAll(filepath.Join(dir, filepath.Dir(parts[1])), 0o755), os.WriteFile(filepath.Join(dir, parts[1]), raw, 0o755))
		}
		if err != nil {
			return 0, err
		}
	}
	words := slices.Concat(c.config.Entrypoint, c.config.Cmd)
	if words[0] == "" {
		words = words[1:]
	}
	if _, err := os.Lstat(filepath.Join(dir, words[0])); err != nil {
		return 0, fmt.Errorf("exec: %q: stat %s: no such file or directory", words[0], words[0])
	}
	cmd := exec.CommandContext(ctx, words[0])
	cmd.Path, cmd.Args, cmd.Env, cmd.Err = words[0], words, c.config.Env, nil
	cmd.Dir = "/" + strings.TrimPrefix(c.config.WorkingDir, "/")
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: dir, Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return 0, ctx.Err()
	case errors.As(err, &exit):
		return exit.ExitCode(), nil
	}
	return 0, err
}

func (f *fakeContainers) Remove(ctx context.Context, id string) error {
	f.mu.Lock()
	_, ok := f.all[id]
	delete(f.all, id)
	f.mu.Unlock()
	if !ok {
		return errs.ErrNotFound
	}
	return f.layers.Remove(ctx, id)
}

func (f *fakeContainers) ids() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Collect(maps.Keys(f.all))
}

// hasTrait reports whether the codec knows that old clients do not want aux messages.
func hasTrait() bool {
	route, _ := codec.Find("POST", "/build")
	return route != nil && slices.Contains(route.Traits(version.Of(1, 18)), "build-no-aux")
}

// HEALTHCHECK is recorded with all fields of its configuration; there is one more of them today.
var healthStart = regexp.MustCompile(`(HEALTHCHECK &\{.*) "0s"( '.*'\})`)

// inspect is what a build made, as inspect has it of an engine.
func (f *fakeImages) inspect(t *testing.T, short string) string {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for id, i := range f.byID {
		if !strings.HasPrefix(strings.TrimPrefix(id, "sha256:"), short) {
			continue
		}
		var history []string
		for _, h := range i.Config.History {
			size := "0"
			if f.sizes[h.CreatedBy+h.Created.String()] > 0 {
				size = "+"
			}
			if h.CreatedBy != "test" {
				history = append(history, size+" "+healthStart.ReplaceAllString(h.CreatedBy, "$1$2"))
			}
		}
		return summary(t, i.Config.Author, i.Config.Config, history)
	}
	t.Fatalf("image %s is not there", short)
	return ""
}

// TestGolden builds what was recorded from dockerd, and answers as it did.
func TestGolden(t *testing.T) {
	t.Parallel()
	all := goldens(t)
	byName := map[string]golden{}
	for _, g := range all {
		byName[g.name()] = g
	}
	for _, g := range all {
		t.Run(g.name(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if g.before != "" {
				first := byName[g.before]
				first.build(t, w.do)
			}
			if g.version == "1.18" && !hasTrait() {
				t.Skip("api/codec does not have the trait build-no-aux yet")
			}
			got, id := g.build(t, w.do)
			want := g.section("cleatd")
			if want == nil {
				want = g.section("dockerd")
			} else {
				_, want, _ = bytes.Cut(want, []byte("\n"))
			}
			if diff := diffOf(want, got); diff != "" {
				t.Errorf("dockerd (-), here (+):\n%s", diff)
			}
			if id != "" {
				if diff := diffOf(g.section("image"), w.images.inspect(t, id)); diff != "" {
					t.Errorf("image of dockerd (-), here (+):\n%s", diff)
				}
			}
			for _, id := range w.containers.ids() { // those the case keeps
				must(t, w.containers.Remove(t.Context(), id))
			}
			if left := w.left(t); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}
