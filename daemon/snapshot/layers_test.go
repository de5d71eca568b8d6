//go:build linux

package snapshot

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	ccontent "github.com/containerd/containerd/v2/core/content"
	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/sys/mountinfo"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/content"
)

// world is a store with layers of one kind.
type world struct {
	*Layers
	store *content.Store
	root  string
}

// kinds runs a test with both kinds of layers: what they promise is the same.
func kinds(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	for _, kind := range []string{content.Overlay, content.Native} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			test(t, newWorld(t, kind))
		})
	}
}

func newWorld(t testing.TB, kind string) *world {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("layers need root: mounts, owners and device nodes")
	}
	w := &world{root: t.TempDir()}
	w.open(t, kind)
	t.Cleanup(func() { w.Wait(); w.unmountAll(t) })
	return w
}

// open opens the store, again after close.
func (w *world) open(t testing.TB, kind string) {
	t.Helper()
	store, err := content.Open(t.Context(), filepath.Join(w.root, "store"), hclog.NewNullLogger(), content.WithSnapshotter(kind))
	if err != nil {
		t.Fatal(err)
	}
	w.store, w.Layers = store, New(store, filepath.Join(w.root, "layers"), hclog.NewNullLogger())
	t.Cleanup(func() {
		if w.store == store {
			w.close(t)
		}
	})
}

func (w *world) close(t testing.TB) {
	t.Helper()
	if err := w.store.Close(); err != nil {
		t.Error(err)
	}
	w.store = nil
}

func (w *world) mounts(t testing.TB) []string {
	t.Helper()
	info, err := mountinfo.GetMounts(mountinfo.PrefixFilter(w.root))
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, m := range info {
		paths = append(paths, strings.TrimPrefix(m.Mountpoint, w.root))
	}
	return paths
}

func (w *world) unmountAll(t testing.TB) {
	for _, path := range w.mounts(t) {
		if err := unmount(w.root + path); err != nil {
			t.Error(err)
		}
	}
}

// layerOf builds an archive: "dir/", "file=content", "link->target", "hard=>other", "whiteout" by its name.
func layerOf(t testing.TB, entries ...string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, entry := range entries {
		h := &tar.Header{Mode: 0o644, ModTime: time.Unix(1e9, 0), Typeflag: tar.TypeReg}
		var body string
		switch {
		case strings.HasSuffix(entry, "/"):
			h.Name, h.Typeflag, h.Mode = entry, tar.TypeDir, 0o755
		case strings.Contains(entry, "->"):
			h.Name, h.Linkname, _ = strings.Cut(entry, "->")
			h.Typeflag = tar.TypeSymlink
		case strings.Contains(entry, "=>"):
			h.Name, h.Linkname, _ = strings.Cut(entry, "=>")
			h.Typeflag = tar.TypeLink
		default:
			h.Name, body, _ = strings.Cut(entry, "=")
		}
		h.Size = int64(len(body))
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// chain applies layers and holds the result until the end of the test.
func (w *world) chain(t testing.TB, layers ...[]byte) digest.Digest {
	t.Helper()
	var parent digest.Digest
	for _, layer := range layers {
		a, err := w.Apply(t.Context(), parent, digest.FromBytes(layer), bytes.NewReader(layer))
		if err != nil {
			t.Fatal(err)
		}
		parent = a.ChainID
	}
	t.Cleanup(w.store.Hold(parent))
	return parent
}

// container makes a container's layer and mounts it.
func (w *world) container(t testing.TB, id string, chain digest.Digest) string {
	t.Helper()
	if err := w.Create(t.Context(), id, chain); err != nil {
		t.Fatal(err)
	}
	root, err := w.Mount(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func must(t testing.TB, errors ...error) {
	t.Helper()
	for _, err := range errors {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// tree lists a file system: what layerOf would take.
func tree(t testing.TB, root string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		switch {
		case d.IsDir():
			list = append(list, rel+"/")
		case d.Type()&os.ModeSymlink != 0:
			to, err := os.Readlink(path)
			list = append(list, rel+"->"+to)
			return err
		case d.Type()&(os.ModeDevice|os.ModeNamedPipe) != 0:
			list = append(list, rel+" "+d.Type().String())
		default:
			content, err := os.ReadFile(path)
			list = append(list, rel+"="+string(content))
			return err
		}
		return nil
	})
	must(t, err)
	return list
}

// base is an image that has all init entries, so that trees of it show nothing else.
var base = []string{"dev/", "dev/pts/", "dev/shm/", "dev/console", "proc/", "sys/", ".dockerenv", "etc/", "etc/hosts=image",
	"etc/hostname", "etc/resolv.conf", "etc/mtab->/proc/mounts"}

func TestChangesAndCommit(t *testing.T) {
	t.Parallel()
	write := func(root, path, content string) error {
		return os.WriteFile(filepath.Join(root, path), []byte(content), 0o644)
	}
	tests := map[string]struct {
		layers [][]string
		do     func(root string) error
		want   []string
		tree   []string // of the committed layer's blob, when it matters
	}{
		"nothing": {layers: [][]string{{"a=1"}}, do: func(string) error { return nil }},
		"added modified deleted": {
			layers: [][]string{{"d/", "d/keep=1", "d/gone=1", "top=1"}},
			do: func(root string) error {
				return errors.Join(write(root, "d/new", "2"), write(root, "d/keep", "2"), os.Remove(root+"/d/gone"), os.Remove(root+"/top"))
			},
			want: []string{"C /d", "D /d/gone", "C /d/keep", "A /d/new", "D /top"},
			tree: []string{"d/", "d/.wh.gone", "d/keep=2", "d/new=2", ".wh.top"},
		},
		"a folder replaced": {
			layers: [][]string{{"d/", "d/old=1", "d/same=1", "d/sub/", "d/sub/x=1", "d/sub/y=1"}},
			do: func(root string) error {
				return errors.Join(os.RemoveAll(root+"/d"), os.MkdirAll(root+"/d/sub", 0o755), write(root, "d/same", "2"), write(root, "d/sub/y", "2"))
			},
			want: []string{"C /d", "D /d/old", "C /d/same", "C /d/sub", "D /d/sub/x", "C /d/sub/y"},
		},
		"a folder becomes a file and a file a folder": {
			layers: [][]string{{"d/", "d/x=1", "f=1"}},
			do: func(root string) error {
				return errors.Join(os.RemoveAll(root+"/d"), write(root, "d", "file"), os.Remove(root+"/f"), os.MkdirAll(root+"/f/g", 0o755))
			},
			want: []string{"C /d", "C /f", "A /f/g"},
		},
		"a folder renamed": {
			layers: [][]string{{"d/", "d/x=1"}},
			do:     func(root string) error { return moveDir(root+"/d", root+"/e") },
			want:   []string{"D /d", "A /e", "A /e/x"},
		},
		"deleted two layers below": {
			layers: [][]string{{"d/", "d/x=1", "d/y=1"}, {"d/", "d/.wh.x"}},
			do:     func(root string) error { return write(root, "d/x", "again") },
			want:   []string{"C /d", "A /d/x"},
		},
		"only metadata": {
			layers: [][]string{{"f=1"}},
			do:     func(root string) error { return os.Chmod(root+"/f", 0o600) },
			want:   []string{"C /f"},
		},
		"links": {
			layers: [][]string{{"f=1"}},
			do: func(root string) error {
				return errors.Join(write(root, "one", "x"), os.Link(root+"/one", root+"/two"), os.Symlink("/etc/passwd", root+"/sym"))
			},
			want: []string{"A /one", "A /sym", "A /two"},
			tree: []string{"one=x", "sym->/etc/passwd", "two=>one"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kinds(t, func(t *testing.T, w *world) {
				layers := [][]byte{layerOf(t, base...)}
				for _, entries := range tc.layers {
					layers = append(layers, layerOf(t, entries...))
				}
				chain := w.chain(t, layers...)
				root := w.container(t, "c", chain)
				must(t, tc.do(root))
				changes, err := w.Changes(t.Context(), "c")
				must(t, err)
				if diff := cmp.Diff(tc.want, changed(changes), cmp.Transformer("set", sortedSet)); diff != "" {
					t.Errorf("changes (-want +got):\n%s", diff)
				}
				w.checkCommit(t, "c", chain, root, tc.tree)
			})
		})
	}
}

// checkCommit commits a container and compares a container of the result with it.
func (w *world) checkCommit(t *testing.T, id string, chain digest.Digest, root string, wantBlob []string) {
	t.Helper()
	want := tree(t, root)
	desc, diffID, err := w.Commit(t.Context(), id)
	must(t, err)
	raw, err := ccontent.ReadBlob(content.Context(t.Context()), w.store.Content, desc)
	must(t, err)
	if got := digest.FromBytes(raw); got != diffID || desc.MediaType != ocispec.MediaTypeImageLayer || desc.Size != int64(len(raw)) {
		t.Errorf("descriptor %+v, diff id %s of a blob with digest %s and size %d", desc, diffID, got, len(raw))
	}
	if wantBlob != nil {
		if diff := cmp.Diff(wantBlob, listTar(t, raw), cmp.Transformer("set", sortedSet)); diff != "" {
			t.Errorf("archive (-want +got):\n%s", diff)
		}
	}
	a, err := w.Apply(t.Context(), chain, diffID, bytes.NewReader(raw))
	must(t, err)
	t.Cleanup(w.store.Hold(a.ChainID))
	if diff := cmp.Diff(want, tree(t, w.container(t, id+"2", a.ChainID))); diff != "" {
		t.Errorf("the committed file system (-container +image):\n%s", diff)
	}
}

func listTar(t testing.TB, raw []byte) []string {
	t.Helper()
	var list []string
	for r := tar.NewReader(bytes.NewReader(raw)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return list
		}
		must(t, err)
		body, err := io.ReadAll(r)
		must(t, err)
		switch {
		case h.Typeflag == tar.TypeLink:
			h.Name += "=>" + h.Linkname
		case h.Typeflag == tar.TypeSymlink:
			h.Name += "->" + h.Linkname
		case len(body) > 0:
			h.Name += "=" + string(body)
		}
		list = append(list, h.Name)
	}
}

func sortedSet(list []string) map[string]bool {
	set := map[string]bool{}
	for _, s := range list {
		set[s] = true
	}
	return set
}

func changed(changes []container.FilesystemChange) []string {
	var list []string
	for _, c := range changes {
		list = append(list, c.Kind.String()+" "+c.Path)
	}
	return list
}

// moveDir renames as mv does: overlay may refuse to rename a folder of the image.
func moveDir(from, to string) error {
	err := os.Rename(from, to)
	if !errors.Is(err, unix.EXDEV) {
		return err
	}
	return errors.Join(os.CopyFS(to, os.DirFS(from)), os.RemoveAll(from))
}

func TestAttributesSurviveCommit(t *testing.T) {
	t.Parallel()
	kinds(t, func(t *testing.T, w *world) {
		chain := w.chain(t, layerOf(t, base...))
		root := w.container(t, "c", chain)
		path := filepath.Join(root, "f")
		// cap_net_raw+ep, revision 2
		capability := string([]byte{1, 0, 0, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
		at := time.Unix(1234567890, 0)
		must(t, os.WriteFile(path, []byte("x"), 0o644), os.Chown(path, 1000, 2000), os.Chmod(path, 0o755|os.ModeSetuid),
			unix.Setxattr(path, "security.capability", []byte(capability), 0), os.Chtimes(path, at, at))
		if err := unix.Setxattr(path, "user.note", []byte("hello"), 0); err != nil && !errors.Is(err, unix.ENOTSUP) {
			t.Fatal(err)
		}
		must(t, unix.Mkfifo(filepath.Join(root, "pipe"), 0o600), unix.Mknod(filepath.Join(root, "null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
		w.checkCommit(t, "c", chain, root, nil)
		copied, err := w.Mount(t.Context(), "c2")
		must(t, err)
		var a, b unix.Stat_t
		must(t, unix.Lstat(path, &a), unix.Lstat(filepath.Join(copied, "f"), &b))
		if a.Uid != b.Uid || a.Gid != b.Gid || a.Mode != b.Mode || a.Mtim != b.Mtim {
			t.Errorf("owner, mode or time differ: %+v %+v", a, b)
		}
		for _, name := range []string{"security.capability", "user.note"} {
			got, err := readXattr(filepath.Join(copied, "f"), name)
			must(t, err)
			want, err := readXattr(path, name)
			must(t, err)
			if got != want {
				t.Errorf("%s is %q, was %q", name, got, want)
			}
		}
	})
}

func TestInitLayer(t *testing.T) {
	t.Parallel()
	kinds(t, func(t *testing.T, w *world) {
		// An image whose /etc leads out of it, were links followed.
		chain := w.chain(t, layerOf(t, "real/", "etc->/../../../real", "proc=a file"))
		root := w.container(t, "c", chain)
		for _, want := range []string{"real/hosts", "real/resolv.conf", "dev/pts", "dev/console", "sys", ".dockerenv"} {
			if _, err := os.Lstat(filepath.Join(root, want)); err != nil {
				t.Error(err)
			}
		}
		if got, err := os.ReadFile(filepath.Join(root, "proc")); err != nil || string(got) != "a file" {
			t.Errorf("the image's own file is gone: %q %v", got, err)
		}
		changes, err := w.Changes(t.Context(), "c")
		must(t, err)
		if len(changes) > 0 {
			t.Errorf("a new container has changes: %v", changes)
		}
		scratch := w.container(t, "scratch", "")
		if _, err := os.Lstat(filepath.Join(scratch, "etc/hosts")); err != nil {
			t.Error(err)
		}
	})
}

func TestLifecycle(t *testing.T) {
	t.Parallel()
	kinds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		chain := w.chain(t, layerOf(t, base...), layerOf(t, "f=12345"))
		root := w.container(t, "c", chain)
		if want := filepath.Join(w.root, "layers", "c", "rootfs"); root != want {
			t.Errorf("mounted at %s, want %s", root, want)
		}
		if err := w.Create(ctx, "c", chain); !errors.Is(err, errs.ErrConflict) {
			t.Errorf("second create: %v", err)
		}
		again, err := w.Mount(ctx, "c")
		if err != nil || again != root || len(w.mounts(t)) != 1 {
			t.Errorf("second mount: %s %v, mounts %v", again, err, w.mounts(t))
		}
		must(t, os.WriteFile(root+"/g", make([]byte, 100_000), 0o644))
		rw, total, err := w.Size(ctx, "c")
		must(t, err)
		if w.store.Snapshotter == content.Overlay && rw != 100_000 || rw < 100_000 || total-rw != 22 {
			t.Errorf("size %d, with image %d", rw, total)
		}
		must(t, w.Unmount(ctx, "c"), w.Unmount(ctx, "c"))
		must(t, w.Remove(ctx, "c"), w.Remove(ctx, "c"), w.Remove(ctx, "never"))
		w.Wait()
		if left := w.mounts(t); len(left) > 0 {
			t.Errorf("mounts left: %v", left)
		}
		if _, err := w.Mount(ctx, "c"); !errors.Is(err, errs.ErrNotFound) {
			t.Errorf("mount of a removed one: %v", err)
		}
		if err := w.Create(ctx, "d", digest.FromString("unknown")); !errors.Is(err, errs.ErrNotFound) {
			t.Errorf("create on an unknown image: %v", err)
		}
		for _, bad := range []string{"", ".", "..", "a/b", ".new-1", "a:b", "a,b"} {
			if err := w.Create(ctx, bad, chain); !errors.Is(err, errs.ErrInvalid) {
				t.Errorf("create %q: %v", bad, err)
			}
			if err := w.Remove(ctx, bad); !errors.Is(err, errs.ErrInvalid) {
				t.Errorf("remove %q: %v", bad, err)
			}
		}
		left, err := filepath.Glob(filepath.Join(w.root, "layers", "*"))
		must(t, err)
		hiddenLeft, err := filepath.Glob(filepath.Join(w.root, "layers", ".new*"))
		must(t, err)
		if got := append(left, hiddenLeft...); len(got) > 0 && got[0] != filepath.Join(w.root, "layers", ".init") || len(got) > 1 {
			t.Errorf("left on the disk: %v", got)
		}
	})
}

func TestRemoveWhileInUse(t *testing.T) {
	t.Parallel()
	kinds(t, func(t *testing.T, w *world) {
		root := w.container(t, "c", w.chain(t, layerOf(t, "f=open")))
		f, err := os.Open(filepath.Join(root, "f"))
		must(t, err)
		defer f.Close()
		must(t, w.Remove(t.Context(), "c"))
		w.Wait()
		if got, err := io.ReadAll(f); err != nil || string(got) != "open" {
			t.Errorf("an open file changed: %q %v", got, err)
		}
	})
}

// TestHoldsImage: what a container stands on is not collected, also not after a restart, and goes when it may.
func TestHoldsImage(t *testing.T) {
	t.Parallel()
	kinds(t, func(t *testing.T, w *world) {
		ctx, kind := t.Context(), w.store.Snapshotter
		layer := layerOf(t, append(base, "f=1")...)
		a, err := w.Apply(ctx, "", "", bytes.NewReader(layer))
		must(t, err)
		w.container(t, "c", a.ChainID)
		must(t, w.store.GC(ctx))
		w.close(t)
		w.open(t, kind)
		must(t, w.Reconcile(ctx, func(id string) bool { return id == "c" }), w.store.GC(ctx))
		root, err := w.Mount(ctx, "c")
		must(t, err)
		if got, err := os.ReadFile(root + "/f"); err != nil || string(got) != "1" {
			t.Errorf("file of the image: %q %v", got, err)
		}
		if !w.Uses()[a.ChainID] {
			t.Error("the image is not in use")
		}
		must(t, w.Remove(ctx, "c"), w.store.GC(ctx))
		if _, err := w.Applied(ctx, "", a.DiffID); !errors.Is(err, errs.ErrNotFound) {
			t.Errorf("nobody needs the layer, but: %v", err)
		}
		left, err := filepath.Glob(filepath.Join(w.root, "store", kind, "snapshots", "*"))
		if err != nil || len(left) > 0 {
			t.Errorf("left on the disk: %v %v", left, err)
		}
	})
}

// TestReconcile: a start after a crash finds everything that can be half-done.
func TestReconcile(t *testing.T) {
	t.Parallel()
	kinds(t, func(t *testing.T, w *world) {
		ctx, kind := t.Context(), w.store.Snapshotter
		chain := w.chain(t, layerOf(t, base...))
		known := w.container(t, "known", chain)
		w.container(t, "unknown", chain)
		dir, _, err := w.View(ctx, "look", chain)
		must(t, err)
		layers := filepath.Join(w.root, "layers")
		must(t, os.MkdirAll(layers+"/.new-1/upper", 0o755), os.MkdirAll(layers+"/.gone-x/upper/deep", 0o755), os.MkdirAll(layers+"/damaged/upper", 0o755))
		release := w.store.Hold(chain)
		w.close(t)
		w.open(t, kind)
		release()
		t.Cleanup(w.store.Hold(chain))
		must(t, w.Reconcile(ctx, func(id string) bool { return id == "known" }))
		w.Wait()
		if diff := cmp.Diff([]string{"/layers/known/rootfs"}, w.mounts(t)); diff != "" {
			t.Errorf("mounts (-want +got):\n%s", diff)
		}
		if _, err := os.Lstat(dir); err == nil {
			t.Error("the view is still there")
		}
		entries, err := os.ReadDir(layers)
		must(t, err)
		for _, entry := range entries {
			if name := entry.Name(); name != "known" && name != ".init" && name != ".views" {
				t.Errorf("left: %s", name)
			}
		}
		if _, err := os.Lstat(known + "/etc"); err != nil {
			t.Error(err)
		}
		must(t, w.Reconcile(ctx, func(id string) bool { return true })) // again: nothing to do
	})
}

func TestView(t *testing.T) {
	t.Parallel()
	kinds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		for name, layers := range map[string][][]byte{
			"one": {layerOf(t, "a=1")}, "two": {layerOf(t, "a=1", "b=1"), layerOf(t, ".wh.b", "c=3")}, "scratch": nil,
		} {
			dir, done, err := w.View(ctx, name, w.chain0(t, layers))
			must(t, err)
			want := map[string][]string{"one": {"a=1"}, "two": {"a=1", "c=3"}}[name]
			if diff := cmp.Diff(want, tree(t, dir)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
			if err := os.WriteFile(dir+"/x", nil, 0o644); !errors.Is(err, unix.EROFS) {
				t.Errorf("%s: writing: %v", name, err)
			}
			if _, _, err := w.View(ctx, name, ""); !errors.Is(err, errs.ErrConflict) {
				t.Errorf("%s: second view: %v", name, err)
			}
			must(t, done(), done())
		}
		if left := w.mounts(t); len(left) > 0 {
			t.Errorf("mounts left: %v", left)
		}
	})
}

func (w *world) chain0(t testing.TB, layers [][]byte) digest.Digest {
	if len(layers) == 0 {
		return ""
	}
	return w.chain(t, layers...)
}

// TestManyLayers: the names of the folders together are longer than what one mount call takes.
func TestManyLayers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, content.Overlay)
	var layers [][]byte
	for i := range 120 {
		layers = append(layers, layerOf(t, fmt.Sprintf("f%03d=x", i)))
	}
	root := w.container(t, "c", w.chain(t, layers...))
	for _, name := range []string{"f000", "f119"} {
		if _, err := os.Lstat(filepath.Join(root, name)); err != nil {
			t.Error(err)
		}
	}
}

// BenchmarkCycle is create, mount and remove of a container; the aim is 5 ms.
func BenchmarkCycle(b *testing.B) {
	w := newWorld(b, content.Overlay)
	chain := w.chain(b, layerOf(b, base...), layerOf(b, "f=1"))
	ctx := context.WithoutCancel(b.Context())
	for i := 0; b.Loop(); i++ {
		id := fmt.Sprintf("c%d", i)
		must(b, w.Create(ctx, id, chain))
		_, err := w.Mount(ctx, id)
		must(b, err, w.Remove(ctx, id))
	}
}
