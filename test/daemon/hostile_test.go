//go:build linux

package daemon

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
	"golang.org/x/sync/errgroup"
)

// ways are all that unpacks an archive, by name. Each makes what it makes under the name hostile/image, or in the container.
func (b *bench) ways(t *testing.T, id string) map[string]func(archive []byte) reply {
	t.Helper()
	const kind = "application/x-tar"
	return map[string]func([]byte) reply{
		"put archive": func(a []byte) reply {
			return b.call(t, "PUT", "/containers/"+id+"/archive?path=/in", kind, bytes.NewReader(a))
		},
		"import": func(a []byte) reply {
			return b.call(t, "POST", "/images/create?fromSrc=-&repo=hostile/image", kind, bytes.NewReader(a))
		},
		"load": func(a []byte) reply { return b.call(t, "POST", "/images/load", kind, bytes.NewReader(a)) },
		"context": func(a []byte) reply {
			return b.call(t, "POST", "/build?t=hostile/image&forcerm=1&nocache=1", kind, bytes.NewReader(a))
		},
		"add": func(a []byte) reply {
			context := pack(t, file("Dockerfile", "FROM busybox:1\nADD a.tar /in/\n"), file("a.tar", string(a)))
			return b.call(t, "POST", "/build?t=hostile/image&forcerm=1&nocache=1", kind, bytes.NewReader(context))
		},
	}
}

// link, folder and device are further entries of archives.
func link(kind byte, name, target string) tar.Header {
	return tar.Header{Name: name, Typeflag: kind, Linkname: target, Mode: 0o777}
}

// TestHostileTars: no archive gets out of where it is unpacked, by whatever way it comes, and none that is refused leaves
// anything.
func TestHostileTars(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	outside := filepath.Join(b.Dir(), "outside") // on the host, where the daemon can write
	if err := errors.Join(os.MkdirAll(outside, 0o755), os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o600)); err != nil {
		t.Fatal(err)
	}
	up := strings.Repeat("../", 12)
	deep := make([]tar.Header, 0, 300)
	for n := range 300 {
		deep = append(deep, tar.Header{Name: strings.Repeat("d/", n+1), Typeflag: tar.TypeDir, Mode: 0o755})
	}
	for name, test := range map[string]struct {
		archive []byte
		// refused are the ways that cannot take it; the others take it as a file system that may hold such things.
		refused []string
	}{
		"dots":              {pack(t, file(up+outside[1:]+"/new", "x")), []string{"put archive", "context", "add", "load"}},
		"absolute":          {pack(t, file(outside+"/new", "x")), []string{"load"}},
		"through a link":    {pack(t, link(tar.TypeSymlink, "l", outside), file("l/new", "x")), []string{"load"}},
		"through dots":      {pack(t, link(tar.TypeSymlink, "l", up+outside[1:]), file("l/new", "x")), []string{"load"}},
		"hard link out":     {pack(t, link(tar.TypeLink, "h", up+outside[1:]+"/secret")), []string{"put archive", "import", "context", "add", "load"}},
		"hard link by link": {pack(t, link(tar.TypeSymlink, "l", outside), link(tar.TypeLink, "h", "l/secret")), []string{"put archive", "import", "context", "add", "load"}},
		"over a link":       {pack(t, link(tar.TypeSymlink, "f", outside+"/secret"), file("f", "x")), []string{"load"}},
		"a device":          {pack(t, tar.Header{Name: "sda", Typeflag: tar.TypeBlock, Mode: 0o666, Devmajor: 8}), []string{"load"}},
		"a whiteout device": {pack(t, tar.Header{Name: "gone", Typeflag: tar.TypeChar, Mode: 0o666}), []string{"put archive", "context", "add", "load"}},
		"set-user-ID":       {pack(t, tar.Header{Name: "su", Typeflag: tar.TypeReg, Mode: 0o4755}), []string{"load"}},
		"a long name":       {pack(t, file(strings.Repeat("n", 300), "x")), []string{"put archive", "import", "context", "add", "load"}},
		"a long path":       {pack(t, file(strings.Repeat("nnnnnnnnn/", 500)+"f", "x")), []string{"load"}},
		"a zero in a name":  {bytes.Replace(pack(t, file("é-zero", "x")), []byte("path=é-zero"), []byte("path=é\x00zero"), 1), []string{"put archive", "import", "context", "load"}},
		"deep folders":      {pack(t, deep...), []string{"load"}},
		"an unknown type":   {pack(t, tar.Header{Name: "x", Typeflag: 'V'}), []string{"load", "put archive", "context", "add", "import"}},
	} {
		t.Run(name, func(t *testing.T) {
			id := b.make(t, "hostile", nil, nil, "true")
			if got := b.call(t, "PUT", "/containers/"+id+"/archive?path=/", "application/x-tar", bytes.NewReader(pack(t, tar.Header{Name: "in/", Typeflag: tar.TypeDir, Mode: 0o755}))); got.status != 200 {
				t.Fatalf("%d %s", got.status, got.body)
			}
			before, things := b.steady(t, b.data()), b.things(t)
			for way, unpack := range b.ways(t, id) {
				archive := test.archive
				if way == "context" { // a Dockerfile last: the rest is unpacked first
					archive = withDockerfile(t, archive)
				}
				got := unpack(archive)
				why, failed := got.failed()
				refused := strings.Contains(" "+strings.Join(test.refused, " , ")+" ", " "+way+" ")
				if failed != refused && !strings.HasPrefix(name, "a long path") && !strings.HasPrefix(name, "deep") || failed && strings.TrimSpace(why) == "" {
					t.Errorf("%s: %d %.500s", way, got.status, got.body)
				}
				b.remove(t, "/images/hostile/image?force=1")
			}
			if entries, err := os.ReadDir(outside); err != nil || len(entries) != 1 {
				t.Errorf("outside: %v, %v", entries, err)
			}
			if raw, err := os.ReadFile(filepath.Join(outside, "secret")); err != nil || string(raw) != "secret" {
				t.Errorf("outside: %q, %v", raw, err)
			}
			b.same(t, things)
			b.remove(t, "/containers/"+id)
			b.pruneImages(t)
			b.gone(t, before, id)
		})
	}
	b.healthy(t)
}

// gone waits until the data root has what it had, but for a container that was removed since.
func (b *bench) gone(t *testing.T, before []string, id string) {
	t.Helper()
	var rest []string
	for _, name := range before {
		if !strings.Contains(name, id) {
			rest = append(rest, name)
		}
	}
	b.unchanged(t, rest, b.data())
}

func (b *bench) pruneImages(t *testing.T) {
	t.Helper()
	if got := b.call(t, "POST", "/images/prune", "", nil); got.status != 200 {
		t.Errorf("prune: %d %s", got.status, got.body)
	}
}

func withDockerfile(t *testing.T, archive []byte) []byte {
	t.Helper()
	dockerfile := pack(t, file("Dockerfile", "FROM busybox:1\nCOPY . /in/\n"))
	return append(bytes.Clone(dockerfile[:1024]), archive...) // the header and the one block of a short file
}

// TestSwappedLink: a container that swaps a folder for a link to the host while an archive is unpacked into it gets nothing out of
// itself.
func TestSwappedLink(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	outside := filepath.Join(b.Dir(), "swapped")
	if err := os.MkdirAll(filepath.Join(outside, "b"), 0o777); err != nil {
		t.Fatal(err)
	}
	id := b.make(t, "", nil, nil, "sh", "-c",
		"mkdir -p /in/a/b; cd /in; echo ready; while :; do mv a moved; ln -s "+outside+" a; rm a; ln -s ../../../../../.."+outside+" a; rm a; mv moved a; done")
	b.json(t, "POST", "/containers/"+id+"/start", nil, nil)
	b.logged(t, id, "ready")
	archive := pack(t, file("a/b/new", "x"), tar.Header{Name: "a/b/d/", Typeflag: tar.TypeDir, Mode: 0o755}, file("a/b/d/e", "x"))
	client := b.plainHTTP(t)
	for range 500 {
		got, err := ask(t.Context(), client, "PUT", "/containers/"+id+"/archive?path=/in", "application/x-tar", bytes.NewReader(archive))
		if err != nil {
			t.Fatal(err)
		}
		if got.status >= 500 {
			t.Errorf("%d %s", got.status, got.body)
		}
	}
	if entries, err := os.ReadDir(filepath.Join(outside, "b")); err != nil || len(entries) > 0 {
		t.Errorf("outside: %v, %v", entries, err)
	}
	b.healthy(t)
}

// TestBombs: a few bytes that are very many, or very many entries, end in bounded time and memory, and leave nothing.
func TestBombs(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.make(t, "bombed", nil, nil, "true")
	if got := b.call(t, "PUT", "/containers/"+id+"/archive?path=/", "application/x-tar", bytes.NewReader(pack(t, tar.Header{Name: "in/", Typeflag: tar.TypeDir, Mode: 0o755}))); got.status != 200 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	before, things := b.steady(t, b.data()), b.things(t)
	for name, archive := range map[string][]byte{
		"a file of an exabyte": bomb(t, 1<<60),
		"a file of 10 TB":      bomb(t, 10<<40),
		"gzip of nothing":      compress(t, func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil }, 10<<40),
		"xz of nothing":        compress(t, func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) }, 10<<40),
		"zstd of nothing":      compress(t, func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) }, 10<<40),
		"xz, large dictionary": append([]byte("\xfd7zXZ\x00\x00\x04\xe6\xd6\xb4\x46\x02\x00\x21\x01\x28"), make([]byte, 600)...),
		"zstd, large window":   append([]byte("\x28\xb5\x2f\xfd\x00\xa8"), make([]byte, 600)...),
	} {
		for way, unpack := range b.ways(t, id) {
			got := unpack(archive)
			why, failed := got.failed()
			if way == "add" && strings.Contains(name, "large") { // no archive that can be read, so it is added as a file
				failed = !failed
			}
			if !failed {
				t.Errorf("%s, %s: %d %.300s %.300s", name, way, got.status, got.body, why)
			}
			b.remove(t, "/images/hostile/image?force=1")
		}
	}
	b.pruneImages(t)
	b.same(t, things)
	b.unchanged(t, before, b.data())
	b.healthy(t)
}

// bomb is an archive that says that it has a large file, which does not follow.
func bomb(t *testing.T, size int64) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := tar.NewWriter(&out).WriteHeader(&tar.Header{Name: "bomb", Typeflag: tar.TypeReg, Mode: 0o644, Size: size, Format: tar.FormatGNU}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// compress is a compressed archive of a large file, of which some megabytes of zeros follow.
func compress(t *testing.T, open func(io.Writer) (io.WriteCloser, error), size int64) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := open(&out)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(append(bomb(t, size), make([]byte, 8*megabyte)...)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestTruncatedTars cuts a good archive at every block: what does not arrive whole makes nothing, wherever it ends.
func TestTruncatedTars(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	layer := pack(t, tar.Header{Name: "d/", Typeflag: tar.TypeDir, Mode: 0o755}, file("d/one", strings.Repeat("1", 700)), link(tar.TypeSymlink, "l", "d/one"), file("two", strings.Repeat("2", 2000)))
	got := b.call(t, "POST", "/images/create?fromSrc=-&repo=cut/image", "application/x-tar", bytes.NewReader(layer))
	if why, failed := got.failed(); failed {
		t.Fatal(why)
	}
	saved := []byte(b.call(t, "GET", "/images/cut/image/get", "", nil).body)
	b.remove(t, "/images/cut/image")
	context := pack(t, file("one", strings.Repeat("1", 700)), file("Dockerfile", "FROM busybox:1\nCOPY one two /\n"), file("two", strings.Repeat("2", 2000)))
	b.remove(t, "/containers/"+b.make(t, "", nil, nil, "true")) // makes folders that stay
	before, things := b.steady(t, b.data()), b.things(t)
	group, ctx := errgroup.WithContext(t.Context())
	group.SetLimit(4)
	client := b.plainHTTP(t)
	for _, call := range []struct {
		path    string
		archive []byte
		tail    int // of blocks at the end that say nothing more
	}{
		{"/images/load", saved, 0},
		{"/images/create?fromSrc=-&repo=cut/import", layer, 2},
		{"/build?t=cut/build&forcerm=1", context, 2},
	} {
		for n := 0; n < len(call.archive)-512*call.tail; n += 512 {
			for _, cut := range []int{n, n + 1, n + 511} {
				group.Go(func() error {
					got, err := ask(ctx, client, "POST", call.path, "application/x-tar", bytes.NewReader(call.archive[:min(cut, len(call.archive)-1)]))
					if err != nil {
						return fmt.Errorf("%s at %d: %w", call.path, cut, err)
					}
					if why, failed := got.failed(); failed && strings.TrimSpace(why) == "" || !failed && !whole(call.archive[:min(cut, len(call.archive)-1)]) {
						return fmt.Errorf("%s cut at %d of %d: %d %s", call.path, cut, len(call.archive), got.status, got.body)
					}
					return nil
				})
			}
		}
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
	b.sweep(t, things)
	b.pruneImages(t)
	b.same(t, things)
	b.unchanged(t, before, b.data())
	b.healthy(t)
}

// whole reports whether what is left of an archive is one: the format has no end that must be there, so one that is cut between two
// entries is an archive of fewer.
func whole(archive []byte) bool {
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		_, err := r.Next()
		if errors.Is(err, io.EOF) {
			return true
		}
		if err == nil {
			_, err = io.Copy(io.Discard, r)
		}
		if err != nil {
			return false
		}
	}
}

// TestManyEntries: an archive of a million files is unpacked or refused, and the daemon's memory stays bounded.
func TestManyEntries(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	t.Parallel()
	b := newBench(t)
	before, things := b.steady(t, b.data()), b.things(t)
	const many = 1_000_000
	r, w := io.Pipe()
	go func() {
		out := tar.NewWriter(w)
		for n := range many {
			if err := out.WriteHeader(&tar.Header{Name: fmt.Sprintf("same/%d", n%1000), Typeflag: tar.TypeReg, Mode: 0o644}); err != nil {
				_ = w.CloseWithError(err)
				return
			}
		}
		_ = w.CloseWithError(out.Close())
	}()
	got := b.call(t, "POST", "/images/load", "application/x-tar", r)
	if why, failed := got.failed(); !failed || strings.TrimSpace(why) == "" {
		t.Errorf("load: %d %s", got.status, got.body)
	}
	_ = r.Close()
	pid, err := b.DaemonPID()
	if err != nil {
		t.Fatal(err)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		var kib int
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kib); n == 1 && kib > 400<<10 {
			t.Errorf("the daemon took %d MiB", kib>>10)
		}
	}
	b.same(t, things)
	b.unchanged(t, before, b.data())
	b.healthy(t)
}
