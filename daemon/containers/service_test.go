//go:build linux

package containers

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/api/types/volume"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/bridge"
	"github.com/cleat-dev/cleat/daemon/content"
	"github.com/cleat-dev/cleat/daemon/event"
	"github.com/cleat-dev/cleat/daemon/logs"
	"github.com/cleat-dev/cleat/daemon/metadata"
	"github.com/cleat-dev/cleat/daemon/runtime"
	"github.com/cleat-dev/cleat/daemon/snapshot"
	"github.com/cleat-dev/cleat/daemon/spec"
	"github.com/cleat-dev/cleat/internal/acctest"
)

func TestMain(m *testing.M) {
	if err := acctest.Isolate(); err != nil {
		fmt.Fprintln(os.Stderr, "no network namespace:", err)
	}
	code := m.Run()
	if err := os.RemoveAll(built); built != "" && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// built is the folder programs made, which goes after the tests.
var built string

// programs builds the monitor and the creator, once for all tests.
var programs = sync.OnceValues(func() (string, error) {
	if dir := os.Getenv("CLEAT_TEST_PROGRAMS"); dir != "" {
		return dir, nil
	}
	dir, err := os.MkdirTemp("", "cleat-containers-test-")
	if err != nil {
		return "", err
	}
	built = dir
	for name, args := range map[string][]string{
		"cleat-monitor": {"-ldflags=-s -w"},
		"cleat-creator": {"-tags=seccomp netgo osusergo", "-ldflags=-s -w -linkmode external -extldflags -static"},
	} {
		cmd := exec.Command("go", append(append([]string{"build", "-o", filepath.Join(dir, name)}, args...), "github.com/cleat-dev/cleat/cmd/"+name)...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED="+map[bool]string{true: "1", false: "0"}[name == "cleat-creator"])
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("%v: %w: %s", cmd.Args, err, out)
		}
	}
	return dir, nil
})

// bench is a service on the real mechanisms, below a folder of its own.
type bench struct {
	*Service
	t       testing.TB
	root    string
	db      *metadata.DB
	bus     *event.Bus
	rt      *runtime.Runtime
	driver  *bridge.Driver
	store   *content.Store
	layers  *snapshot.Layers
	image   *fakeImages
	volumes *fakeVolumes
	watcher *logs.Watcher
}

// instances numbers bridges and subnets of benches.
var instances atomic.Int32

func newBench(t testing.TB) *bench {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("real containers need root")
	}
	if testing.Short() {
		t.Skip("real containers take a while")
	}
	b := &bench{t: t, root: t.TempDir()}
	n := instances.Add(1)
	b.open(n)
	b.volumes = &fakeVolumes{root: filepath.Join(b.root, "volumes"), users: map[string]map[string]bool{}}
	b.service()
	if err := b.Reconcile(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.tearDown() })
	return b
}

// open opens what lives as long as a daemon; again after a kill.
func (b *bench) open(n int32) {
	b.t.Helper()
	dir, err := programs()
	must(b.t, err)
	log := hclog.New(&hclog.LoggerOptions{Level: hclog.Warn, Output: testWriter{b.t}})
	b.db, err = metadata.Open(filepath.Join(b.root, "meta.db"))
	must(b.t, err)
	b.bus, err = event.Open(b.db, 1000)
	must(b.t, err)
	b.store, err = content.Open(b.t.Context(), filepath.Join(b.root, "store"), log)
	must(b.t, err)
	b.driver, err = bridge.Open(bridge.Config{Name: "ctst" + strconv.Itoa(int(n)), BIP: fmt.Sprintf("10.%d.0.1/16", 100+n), NetnsRoot: filepath.Join(b.root, "netns"), DB: b.db, Log: log})
	must(b.t, err)
	b.watcher, err = logs.NewWatcher()
	must(b.t, err)
	b.rt, err = runtime.New(b.t.Context(), runtime.Config{
		StateRoot: filepath.Join(b.root, "state"), ExecRoot: filepath.Join(b.root, "run"),
		MonitorPath: filepath.Join(dir, "cleat-monitor"), CreatorPath: filepath.Join(dir, "cleat-creator"), Log: log,
		OnEntry: func(id string, e runtime.Entry, offset int64) error { return b.OnEntry(id, e, offset) },
		OnOOM:   func(id string) { b.OnOOM(id) },
	})
	must(b.t, err)
}

// service makes the service on what open opened.
func (b *bench) service() {
	b.t.Helper()
	kernel, err := spec.ReadKernel()
	must(b.t, err)
	b.layers = snapshot.New(b.store, filepath.Join(b.root, "layers"), hclog.NewNullLogger())
	if b.image == nil {
		b.image = newImage(b.t, b.layers, b.store)
	}
	b.Service, err = New(b.t.Context(), Config{
		Root: filepath.Join(b.root, "containers"), DB: b.db, Events: b.bus, Kernel: kernel, Runtime: WrapRuntime(b.rt), Layers: b.layers,
		Network: b.driver, Images: b.image, Volumes: b.volumes, Driver: "overlay2", Watcher: b.watcher,
		Log: hclog.New(&hclog.LoggerOptions{Level: hclog.Warn, Output: testWriter{b.t}}),
	})
	must(b.t, err)
}

// shut ends the daemon's part as kill -9 does as far as one process can: nothing is said to containers.
func (b *bench) shut() {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(b.t.Context()), time.Minute)
	defer cancel()
	must(b.t, b.Service.Close(ctx))
	must(b.t, b.rt.Close())
	must(b.t, b.driver.Close())
	must(b.t, b.watcher.Close())
	must(b.t, b.store.Close())
	must(b.t, b.db.Close())
}

// tearDown removes all containers and checks that nothing of them is left.
func (b *bench) tearDown() {
	ctx := context.WithoutCancel(b.t.Context())
	for _, c := range b.index.all() {
		if err := b.Remove(ctx, c.id, RemoveOptions{Force: true, Volumes: true}); err != nil {
			b.t.Errorf("remove %s: %v", c.record().Name, err)
		}
	}
	b.background.Wait()
	b.layers.Wait() // layers go in the background
	if err := b.driver.Settle(ctx); err != nil {
		b.t.Error(err)
	}
	for _, dir := range []string{"containers", "state", "run", "netns"} {
		entries, err := os.ReadDir(filepath.Join(b.root, dir))
		if err != nil {
			b.t.Error(err)
		}
		for _, e := range entries {
			if len(e.Name()) == 64 {
				b.t.Errorf("%s/%s is left", dir, e.Name())
			}
		}
	}
	if err := b.rt.RemoveGroups(); err != nil {
		b.t.Error(err)
	}
	b.shut()
	unmountBelow(b.t, b.root)
}

func unmountBelow(t testing.TB, root string) {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Error(err)
	}
	lines := strings.Split(string(mounts), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if f := strings.Fields(lines[i]); len(f) > 1 && strings.HasPrefix(f[1], root+"/") {
			_ = unix.Unmount(f[1], unix.MNT_DETACH)
			if strings.Contains(f[1], "/layers/") {
				t.Errorf("%s is left mounted", f[1])
			}
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// testWriter shows what a service logs with its test.
type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

// fakeImages has one image, "busybox:1", and what commits make.
type fakeImages struct {
	mu      sync.Mutex
	image   Image
	created []NewImage
}

func newImage(t testing.TB, layers *snapshot.Layers, store *content.Store) *fakeImages {
	t.Helper()
	rootfs, err := acctest.RootFS(map[string]string{"data/file": "from the image\n"})
	must(t, err)
	ctx, done, err := store.Lease(t.Context())
	must(t, err)
	defer done()
	applied, err := layers.Apply(ctx, "", digest.FromBytes(rootfs), bytes.NewReader(rootfs))
	must(t, err)
	t.Cleanup(store.Hold(applied.ChainID))
	image := Image{ID: "sha256:" + strings.Repeat("ab", 32), ChainID: applied.ChainID}
	image.Config = dockerspec.DockerOCIImage{Image: ocispec.Image{Platform: ocispec.Platform{OS: "linux", Architecture: "amd64"}}}
	image.Config.Config.ImageConfig = ocispec.ImageConfig{Env: []string{"PATH=/bin", "FROM=image"}, Cmd: []string{"sh"},
		Labels: map[string]string{"image": "yes"}, ExposedPorts: map[string]struct{}{"80/tcp": {}}}
	return &fakeImages{image: image}
}

func (f *fakeImages) Resolve(_ context.Context, ref string) (Image, error) {
	if ref == "busybox" || ref == "busybox:1" || ref == f.image.ID {
		return f.image, nil
	}
	return Image{}, fmt.Errorf("image %q: %w", ref, errs.ErrNotFound)
}

func (f *fakeImages) Create(_ context.Context, n NewImage) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.created = append(f.created, n)
	return "sha256:" + strings.Repeat("cd", 32), nil
}

// fakeVolumes are folders.
type fakeVolumes struct {
	mu    sync.Mutex
	root  string
	next  int
	users map[string]map[string]bool
}

func (f *fakeVolumes) Create(_ context.Context, name, _ string, _, _ map[string]string) (volume.Volume, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if name == "" {
		f.next++
		name = "anonymous" + strconv.Itoa(f.next)
	}
	if f.users[name] == nil {
		f.users[name] = map[string]bool{}
	}
	dir := filepath.Join(f.root, name)
	return volume.Volume{Name: name, Mountpoint: dir}, os.MkdirAll(dir, 0o755)
}

func (f *fakeVolumes) Path(name string) (string, error) { return filepath.Join(f.root, name), nil }

func (f *fakeVolumes) Mount(_ context.Context, name, _, _ string, _ bool, _ string) (string, error) {
	return f.Path(name)
}

func (f *fakeVolumes) Unmount(string) error { return nil }

func (f *fakeVolumes) Use(name, id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.users[name][id] = true
	return nil
}

func (f *fakeVolumes) Release(id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, users := range f.users {
		delete(users, id)
	}
	return nil
}

func (f *fakeVolumes) Remove(_ context.Context, name string, _ bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.users[name]) > 0 {
		return fmt.Errorf("volume %q is in use: %w", name, errs.ErrConflict)
	}
	delete(f.users, name)
	return os.RemoveAll(filepath.Join(f.root, name))
}

func (f *fakeVolumes) CopyUp(_ context.Context, name, source string) error {
	entries, err := os.ReadDir(filepath.Join(f.root, name))
	if err != nil || len(entries) > 0 {
		return err
	}
	return os.CopyFS(filepath.Join(f.root, name), os.DirFS(source))
}

func (f *fakeVolumes) Reconcile(context.Context, func(string) bool, func(string) bool) error {
	return nil
}

func (f *fakeVolumes) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.users)
}

// script is a configuration that runs a shell script.
func script(text string) *container.Config {
	return &container.Config{Image: "busybox:1", Cmd: []string{"sh", "-c", text}}
}

// off is a host configuration without network.
func off() *container.HostConfig { return &container.HostConfig{NetworkMode: network.NetworkNone} }

// make makes a container and returns its id.
func (b *bench) make(config *container.Config, host *container.HostConfig) string {
	b.t.Helper()
	created, err := b.Create(b.t.Context(), NewContainer{Config: config, Host: host})
	must(b.t, err)
	return created.ID
}

// run makes and starts a container.
func (b *bench) run(config *container.Config, host *container.HostConfig) string {
	b.t.Helper()
	id := b.make(config, host)
	if _, err := b.Start(b.t.Context(), id, nil); err != nil {
		b.t.Fatal(err)
	}
	return id
}

// end waits for a container and returns its exit code.
func (b *bench) end(id string) int {
	b.t.Helper()
	wait, err := b.Wait(id, container.WaitConditionNotRunning)
	must(b.t, err)
	code, _, err := wait(b.t.Context())
	must(b.t, err)
	return code
}

// output is what a container has written, both streams.
func (b *bench) output(id string) string {
	b.t.Helper()
	_, write, err := b.Logs(id, LogOptions{Stdout: true, Stderr: true})
	must(b.t, err)
	var out bytes.Buffer
	must(b.t, write(b.t.Context(), &out))
	return unframe(out.Bytes())
}

// unframe takes the frames off.
func unframe(raw []byte) string {
	var out []byte
	for len(raw) >= 8 {
		n := int(raw[4])<<24 | int(raw[5])<<16 | int(raw[6])<<8 | int(raw[7])
		out = append(out, raw[8:8+n]...)
		raw = raw[8+n:]
	}
	return string(out)
}

// actions are the events of a container.
func (b *bench) actions(id string) []string {
	b.t.Helper()
	var out []string
	until := time.Now()
	for m := range b.bus.Subscribe(b.t.Context(), time.Unix(1, 0), until, func(m events.Message) bool { return m.Actor.ID == id }) {
		out = append(out, string(m.Action))
	}
	return out
}
