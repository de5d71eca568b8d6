//go:build linux

package images

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	types "github.com/moby/moby/api/types/registry"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/api/stream"
	"github.com/cleat-dev/cleat/daemon/content"
	"github.com/cleat-dev/cleat/internal/registry"
)

// fakeRegistry serves what it was given, and counts.
type fakeRegistry struct {
	*httptest.Server
	t testing.TB

	mu        sync.Mutex
	blobs     map[digest.Digest][]byte
	manifests map[string][]byte // by tag and digest
	types     map[string]string
	asked     map[string]int
	// before is called for a blob; true means that it has answered.
	before func(w http.ResponseWriter, r *http.Request, d digest.Digest) bool
}

func newFakeRegistry(t testing.TB) *fakeRegistry {
	f := &fakeRegistry{t: t, blobs: map[digest.Digest][]byte{}, manifests: map[string][]byte{}, types: map[string]string{}, asked: map[string]int{}}
	f.Server = httptest.NewServer(http.HandlerFunc(f.answer))
	t.Cleanup(f.Close)
	return f
}

func (f *fakeRegistry) answer(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	f.mu.Lock()
	f.asked[name]++
	manifest, kind, blob, before := f.manifests[name], f.types[name], f.blobs[digest.Digest(name)], f.before
	f.mu.Unlock()
	switch {
	case strings.Contains(r.URL.Path, "/manifests/") && manifest != nil:
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write(manifest)
	case strings.Contains(r.URL.Path, "/blobs/") && blob != nil:
		if before == nil || !before(w, r, digest.Digest(name)) {
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(blob))
		}
	default:
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}`)
	}
}

func (f *fakeRegistry) ref(name string) string { return f.Listener.Addr().String() + "/" + name }

func (f *fakeRegistry) blob(raw []byte, mediaType string) ocispec.Descriptor {
	d := digest.FromBytes(raw)
	f.blobs[d] = raw
	return ocispec.Descriptor{MediaType: mediaType, Digest: d, Size: int64(len(raw))}
}

func (f *fakeRegistry) manifest(tag, mediaType string, v any) ocispec.Descriptor {
	raw, err := json.Marshal(v)
	must(f.t, err)
	d := digest.FromBytes(raw)
	for _, key := range []string{tag, d.String()} {
		f.manifests[key], f.types[key] = raw, mediaType
	}
	return ocispec.Descriptor{MediaType: mediaType, Digest: d, Size: int64(len(raw))}
}

// image adds an image of layers, which are archives, under a tag.
func (f *fakeRegistry) image(tag, arch string, pack func([]byte) ([]byte, string), layers ...[]byte) ocispec.Descriptor {
	m := ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest}
	m.SchemaVersion = 2
	config := ocispec.Image{Platform: ocispec.Platform{OS: "linux", Architecture: arch}, RootFS: ocispec.RootFS{Type: "layers"}}
	for _, layer := range layers {
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, digest.FromBytes(layer))
		m.Layers = append(m.Layers, f.blob(pack(layer)))
	}
	raw, err := json.Marshal(config)
	must(f.t, err)
	m.Config = f.blob(raw, ocispec.MediaTypeImageConfig)
	return f.manifest(tag, m.MediaType, m)
}

func gzipped(raw []byte) ([]byte, string) {
	var buf bytes.Buffer
	w, _ := gzip.NewWriterLevel(&buf, gzip.BestSpeed)
	_, _ = w.Write(raw)
	_ = w.Close()
	return buf.Bytes(), images.MediaTypeDockerSchema2LayerGzip
}

func plain(raw []byte) ([]byte, string) { return raw, ocispec.MediaTypeImageLayer }

func zstandard(raw []byte) ([]byte, string) {
	w, _ := zstd.NewWriter(nil)
	return w.EncodeAll(raw, nil), ocispec.MediaTypeImageLayerZstd
}

func TestPullForms(t *testing.T) {
	t.Parallel()
	f := newFakeRegistry(t)
	w := newWorld(t, registry.Config{})
	ctx := t.Context()
	for tag, pack := range map[string]func([]byte) ([]byte, string){"gzip": gzipped, "plain": plain, "zstd": zstandard} {
		f.image(tag, runtime.GOARCH, pack, archive(t, entry{Name: tag + "-1"}, entry{Name: "gone"}), archive(t, entry{Name: tag + "-2"}, entry{Name: ".wh.gone"}))
		must(t, w.Pull(ctx, f.ref("app:"+tag), types.AuthConfig{}, "", ignore))
		if diff := cmp.Diff([]string{tag + "-1", tag + "-2"}, w.see(f.ref("app:"+tag))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tag, diff)
		}
	}
	ours := f.image("ours", runtime.GOARCH, gzipped, archive(t, entry{Name: "ours"}))
	theirs := f.image("theirs", "s390x", gzipped, archive(t, entry{Name: "theirs"}))
	ours.Platform = &ocispec.Platform{OS: "linux", Architecture: runtime.GOARCH}
	theirs.Platform = &ocispec.Platform{OS: "linux", Architecture: "s390x"}
	index := f.manifest("list", ocispec.MediaTypeImageIndex, ocispec.Index{MediaType: ocispec.MediaTypeImageIndex, Manifests: []ocispec.Descriptor{theirs, ours}})
	must(t, w.Pull(ctx, f.ref("app:list"), types.AuthConfig{}, "", ignore))
	image, err := w.Resolve(ctx, f.ref("app@"+index.Digest.String()))
	must(t, err)
	if image.Config.Architecture != runtime.GOARCH || !cmp.Equal(w.see(image.ID), []string{"ours"}) {
		t.Errorf("%+v", image)
	}
	must(t, w.Pull(ctx, f.ref("app:list"), types.AuthConfig{}, "linux/s390x", ignore))
	if diff := cmp.Diff([]string{"theirs"}, w.see(f.ref("app:list"))); diff != "" {
		t.Errorf("for another platform (-want +got):\n%s", diff)
	}
	if err := w.Pull(ctx, f.ref("app:list"), types.AuthConfig{}, "linux/arm64", ignore); runtime.GOARCH == "amd64" && !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("a platform it has not got: %v", err)
	}
	must(t, w.Store.GC(ctx))
	if diff := cmp.Diff([]string{"ours"}, w.see(image.ID)); diff != "" {
		t.Errorf("after a collection (-want +got):\n%s", diff)
	}
}

// TestSharedLayersOnce: however many pulls want a layer, it is fetched once, and all of them end well.
func TestSharedLayersOnce(t *testing.T) {
	t.Parallel()
	f := newFakeRegistry(t)
	shared := archive(t, entry{Name: "shared"})
	sharedBlob, _ := gzipped(shared)
	const pulls = 6
	release := make(chan struct{})
	f.before = func(_ http.ResponseWriter, _ *http.Request, d digest.Digest) bool {
		if d == digest.FromBytes(sharedBlob) {
			<-release
		}
		return false
	}
	for n := range pulls {
		f.image(fmt.Sprint(n), runtime.GOARCH, gzipped, shared, archive(t, entry{Name: fmt.Sprintf("own-%d", n)}))
	}
	w := newWorld(t, registry.Config{})
	var waiting, pulling sync.WaitGroup
	waiting.Add(pulls)
	for n := range pulls {
		pulling.Go(func() {
			var once sync.Once
			err := w.Pull(t.Context(), f.ref(fmt.Sprintf("app:%d", n)), types.AuthConfig{}, "", func(m stream.Message) error {
				if m.ID == short(digest.FromBytes(sharedBlob).String()) {
					once.Do(waiting.Done)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	waiting.Wait() // all of them know of the layer
	close(release)
	pulling.Wait()
	if got := f.asked[digest.FromBytes(sharedBlob).String()]; got != 1 {
		t.Errorf("the shared layer was fetched %d times", got)
	}
	for n := range pulls {
		if diff := cmp.Diff([]string{fmt.Sprintf("own-%d", n), "shared"}, w.see(f.ref(fmt.Sprintf("app:%d", n)))); diff != "" {
			t.Errorf("%d (-want +got):\n%s", n, diff)
		}
	}
}

// TestLeavingClient: a pull ends with its client, and the next one takes the half layer up again and has the whole ones.
func TestLeavingClient(t *testing.T) {
	t.Parallel()
	f := newFakeRegistry(t)
	raw := make([]byte, 4<<20)
	_, _ = rand.NewChaCha8([32]byte{7}).Read(raw)
	small, layer := archive(t, entry{Name: "small"}), bytesLayer(t, raw)
	f.image("1", runtime.GOARCH, plain, small, layer)
	ctx, cancel := context.WithCancel(t.Context())
	ranges := make(chan string, 10)
	var smalls atomic.Int64
	f.before = func(w http.ResponseWriter, r *http.Request, d digest.Digest) bool {
		if d == digest.FromBytes(small) {
			smalls.Add(1)
		}
		if d != digest.FromBytes(layer) {
			return false
		}
		ranges <- r.Header.Get("Range")
		if r.Header.Get("Range") != "" {
			return false
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(layer)))
		_, _ = w.Write(layer[:len(layer)/2])
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		return true
	}
	w := newWorld(t, registry.Config{})
	var half, whole bool
	leave := func(m stream.Message) error {
		half = half || m.ID == short(digest.FromBytes(layer).String()) && m.Status == "Downloading"
		whole = whole || m.ID == short(digest.FromBytes(small).String()) && m.Status == "Pull complete"
		if half && whole {
			cancel()
		}
		return nil
	}
	if err := w.Pull(ctx, f.ref("app:1"), types.AuthConfig{}, "", leave); err == nil {
		t.Fatal("a pull whose client left ended well")
	}
	if list, err := w.List(t.Context(), ListOptions{All: true}); err != nil || len(list) > 0 {
		t.Errorf("images: %v %v", list, err)
	}
	must(t, w.Store.GC(t.Context()))
	if err := w.Pull(t.Context(), f.ref("app:1"), types.AuthConfig{}, "", func(stream.Message) error { return errGone }); !errors.Is(err, errGone) {
		t.Errorf("a client that takes no messages: %v", err)
	}
	must(t, w.Pull(t.Context(), f.ref("app:1"), types.AuthConfig{}, "", ignore))
	if diff := cmp.Diff([]string{"data", "small"}, w.see(f.ref("app:1"))); diff != "" {
		t.Errorf("content (-want +got):\n%s", diff)
	}
	if n := smalls.Load(); n != 1 {
		t.Errorf("the whole layer was fetched %d times", n)
	}
	if leases, err := w.Store.Leases.List(content.Context(t.Context())); err != nil || len(leases) > 0 {
		t.Errorf("leases: %v %v", leases, err)
	}
	if first, second := <-ranges, <-ranges; first != "" || !strings.HasPrefix(second, "bytes=") {
		t.Errorf("asked for %q and then %q", first, second)
	}
}

// bytesLayer is an archive with one file "data".
func bytesLayer(t testing.TB, raw []byte) []byte {
	t.Helper()
	layer := archive(t, entry{Name: "data"})
	head := append([]byte{}, layer[:512]...)
	copy(head[124:136], fmt.Sprintf("%011o\x00", len(raw)))
	sum := 0
	copy(head[148:156], "        ")
	for _, b := range head {
		sum += int(b)
	}
	copy(head[148:156], fmt.Sprintf("%06o\x00 ", sum))
	layer = append(head, raw...)
	return append(layer, make([]byte, 1024+(512-len(raw)%512)%512)...)
}

// TestLyingRegistry: what does not have the digest it should have makes no image and stays nowhere.
func TestLyingRegistry(t *testing.T) {
	t.Parallel()
	good := archive(t, entry{Name: "good"})
	tests := map[string]struct {
		tamper func(f *fakeRegistry, m ocispec.Descriptor)
		want   string
	}{
		"a layer with other content": {func(f *fakeRegistry, _ ocispec.Descriptor) {
			f.change(func(_ digest.Digest, raw []byte) []byte {
				if raw[0] == '{' {
					return raw
				}
				return append(bytes.Clone(raw[:len(raw)-1]), raw[len(raw)-1]^1)
			})
		}, "verification failed"},
		"a shorter layer": {func(f *fakeRegistry, _ ocispec.Descriptor) {
			f.change(func(_ digest.Digest, raw []byte) []byte {
				if raw[0] == '{' {
					return raw
				}
				return raw[:len(raw)-1]
			})
		}, "is shorter than the"},
		"a configuration with other content": {func(f *fakeRegistry, _ ocispec.Descriptor) {
			f.change(func(_ digest.Digest, raw []byte) []byte {
				if raw[0] != '{' {
					return raw
				}
				return bytes.Replace(raw, []byte("linux"), []byte("Linux"), 1)
			})
		}, "image config verification failed"},
		"a wrong diff id": {func(f *fakeRegistry, _ ocispec.Descriptor) {
			m := ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest}
			m.Layers = []ocispec.Descriptor{f.blob(plain(good))}
			raw, _ := json.Marshal(ocispec.Image{Platform: ocispec.Platform{OS: "linux"}, RootFS: ocispec.RootFS{DiffIDs: []digest.Digest{digest.FromString("x")}}})
			m.Config = f.blob(raw, ocispec.MediaTypeImageConfig)
			f.manifest("1", m.MediaType, m)
		}, "failed to register layer"},
		"more layers than diff ids": {func(f *fakeRegistry, _ ocispec.Descriptor) {
			m := ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest}
			m.Layers = []ocispec.Descriptor{f.blob(plain(good)), f.blob(plain(good))}
			raw, _ := json.Marshal(ocispec.Image{RootFS: ocispec.RootFS{DiffIDs: []digest.Digest{digest.FromBytes(good)}}})
			m.Config = f.blob(raw, ocispec.MediaTypeImageConfig)
			f.manifest("1", m.MediaType, m)
		}, "has 1 layers, its manifest 2"},
		"an artifact": {func(f *fakeRegistry, _ ocispec.Descriptor) {
			m := ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest, Config: ocispec.Descriptor{MediaType: "application/vnd.example+json", Size: 2, Digest: digest.FromString("{}")}}
			f.manifest("1", m.MediaType, m)
		}, "it is no image"},
		"a huge configuration": {func(f *fakeRegistry, _ ocispec.Descriptor) {
			m := ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest, Config: ocispec.Descriptor{MediaType: ocispec.MediaTypeImageConfig, Size: 1 << 40, Digest: digest.FromString("{}")}}
			f.manifest("1", m.MediaType, m)
		}, "cannot be"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakeRegistry(t)
			tc.tamper(f, f.image("1", runtime.GOARCH, plain, good))
			w := newWorld(t, registry.Config{})
			err := w.Pull(t.Context(), f.ref("app:1"), types.AuthConfig{}, "", ignore)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
			if list, err := w.List(t.Context(), ListOptions{All: true}); err != nil || len(list) > 0 {
				t.Errorf("images: %v %v", list, err)
			}
			must(t, w.Store.GC(t.Context()))
			if left, _ := filepath.Glob(filepath.Join(w.root, "store/overlay/snapshots/*")); len(left) > 0 {
				t.Errorf("left: %v", left)
			}
		})
	}
}

// change replaces what the blobs contain, under their old digests.
func (f *fakeRegistry) change(fn func(digest.Digest, []byte) []byte) {
	for d, raw := range f.blobs {
		f.blobs[d] = fn(d, raw)
	}
}

// BenchmarkPull pulls an image of three layers with files of several sizes, 216 MB compressed, from loopback.
func BenchmarkPull(b *testing.B) {
	f := newFakeRegistry(b)
	var layers [][]byte
	for n := range 3 {
		raw := make([]byte, 72<<20)
		_, _ = rand.NewChaCha8([32]byte{byte(n)}).Read(raw)
		layers = append(layers, bytesLayer(b, raw))
	}
	f.image("1", runtime.GOARCH, gzipped, layers...)
	var total int64
	for _, raw := range f.blobs {
		total += int64(len(raw))
	}
	b.SetBytes(total)
	var before, after unix.Rusage
	must(b, unix.Getrusage(unix.RUSAGE_SELF, &before))
	for b.Loop() {
		b.StopTimer()
		w := newWorld(b, registry.Config{})
		b.StartTimer()
		must(b, w.Pull(b.Context(), f.ref("app:1"), types.AuthConfig{}, "", ignore))
	}
	must(b, unix.Getrusage(unix.RUSAGE_SELF, &after))
	// On a busy machine this says more than the time; the registry is part of it.
	cpu := after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano()
	b.ReportMetric(float64(cpu)/float64(b.N)/1e9, "cpu-s/op")
}
