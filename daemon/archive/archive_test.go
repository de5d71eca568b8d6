//go:build linux

package archive_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/archive"
)

var old = time.Date(2020, 2, 3, 4, 5, 6, 0, time.UTC)

// plant makes files below a folder: "name/" is a folder, "name -> target" a link, else name and content.
func plant(t testing.TB, dir string, files ...string) {
	t.Helper()
	for _, file := range files {
		name, content, _ := strings.Cut(file, "=")
		link, target, isLink := strings.Cut(name, " -> ")
		at := filepath.Join(dir, link)
		err := os.MkdirAll(filepath.Dir(at), 0o755)
		switch {
		case err != nil:
		case isLink:
			err = os.Symlink(target, at)
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(at, 0o755)
		default:
			err = os.WriteFile(at, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func open(t testing.TB, c archive.Config) *archive.Root {
	t.Helper()
	r, err := archive.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func descriptors(t testing.TB) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func needRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("owners and devices can be set by root only")
	}
}

// listing lists an archive: name, and link target or content.
func listing(t testing.TB, b []byte) []string {
	t.Helper()
	var list []string
	for r := tar.NewReader(bytes.NewReader(b)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		switch h.Typeflag {
		case tar.TypeReg:
			list = append(list, h.Name+"="+string(content))
		case tar.TypeSymlink:
			list = append(list, h.Name+" -> "+h.Linkname)
		case tar.TypeLink:
			list = append(list, h.Name+" => "+h.Linkname)
		default:
			list = append(list, h.Name)
		}
	}
}

// pack makes an archive; entries as in plant and listing, or headers.
func pack(t testing.TB, entries ...any) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h, content := &tar.Header{Mode: 0o644, ModTime: old, Uid: os.Getuid(), Gid: os.Getgid(), Typeflag: tar.TypeReg}, ""
		switch e := e.(type) {
		case tar.Header:
			h = &e
		case string:
			h.Name, content, _ = strings.Cut(e, "=")
			if name, target, ok := strings.Cut(e, " -> "); ok {
				h.Name, h.Linkname, h.Typeflag, content = name, target, tar.TypeSymlink, ""
			} else if name, target, ok := strings.Cut(e, " => "); ok {
				h.Name, h.Linkname, h.Typeflag, content = name, target, tar.TypeLink, ""
			} else if strings.HasSuffix(h.Name, "/") {
				h.Typeflag, h.Mode = tar.TypeDir, 0o755
			}
			h.Size = int64(len(content))
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// tree lists what is below a folder, in the form of plant.
func tree(t testing.TB, dir string) []string {
	t.Helper()
	list := []string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == dir {
			return err
		}
		name, err := filepath.Rel(dir, p)
		switch {
		case err != nil:
			return err
		case d.IsDir():
			name += "/"
		case d.Type() == fs.ModeSymlink:
			target, err := os.Readlink(p)
			if err != nil {
				return err
			}
			name += " -> " + target
		case d.Type().IsRegular():
			b, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			name += "=" + string(b)
		}
		list = append(list, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	sort.Strings(list)
	return list
}

// world is a container's file system with links of every kind and a volume, and things outside which must not be seen.
func world(t testing.TB) (config archive.Config, outside string) {
	t.Helper()
	base := t.TempDir()
	root, volume := filepath.Join(base, "root"), filepath.Join(base, "volume")
	plant(t, base, "secret=outside", "escape -> x")
	plant(t, root,
		"etc/passwd=inside", "etc/ssl/cert=c", "file=f", "empty/",
		"abs -> /etc", "rel -> etc/ssl", "up -> ../../../../../secret", "updir -> ../../../..", "loop -> loop",
		"chain -> abs/ssl", "dangling -> /nowhere/x", "host -> "+base+"/secret", "deep/a/b/back -> ../../../etc",
		"data/hidden=by the mount", "var/run -> /run", "run/", "fileDots -> file/..", "secret=own")
	plant(t, volume, "v=volume", "sub/w=w", "out -> ../secret", "abs -> /file")
	plant(t, base, "single=one file")
	return archive.Config{Dir: root, Mounts: []archive.Mount{
		{Destination: "/data", Source: volume},
		{Destination: "/var/run/sock", Source: filepath.Join(base, "single"), ReadOnly: true},
		{Destination: "/data/sub/inner", Source: filepath.Join(root, "etc")},
	}}, base
}

func TestResolve(t *testing.T) {
	t.Parallel()
	c, _ := world(t)
	r := open(t, c)
	for p, want := range map[string]string{
		"/": "/", "": "/", ".": "/", "..": "/", "/../..": "/", "etc": "/etc", "//etc//passwd": "/etc/passwd", "/etc/": "/etc",
		"/abs": "/etc", "/abs/passwd": "/etc/passwd", "/rel/cert": "/etc/ssl/cert", "/chain/cert": "/etc/ssl/cert",
		"/up": "/secret", "/updir": "/", "/updir/etc/passwd": "/etc/passwd", "/deep/a/b/back/ssl": "/etc/ssl",
		"/deep/a/b/back/..": "/", "/new": "/new", "/data/v": "/data/v", "/data/out": "/secret", "/data/abs": "/file",
		"/data/sub/inner/passwd": "/data/sub/inner/passwd", "/data/sub/../v": "/data/v", "/data/..": "/",
		"/var/run/sock": "/run/sock", "/run/sock": "/run/sock",
	} {
		if got, err := r.Resolve(p); err != nil || got != want {
			t.Errorf("%q is %q, want %q: %v", p, got, want, err)
		}
	}
	for p, want := range map[string]error{
		"/loop": errs.ErrInvalid, "/file/x": errs.ErrInvalid, "/file/": errs.ErrInvalid, "/fileDots": errs.ErrInvalid,
		"/nowhere/x": errs.ErrNotFound, "/dangling": errs.ErrNotFound, "/a\x00b": errs.ErrInvalid,
		"/" + strings.Repeat("x", 300): errs.ErrInvalid, "/data/hidden/x": errs.ErrNotFound, "/host": errs.ErrNotFound,
	} {
		if got, err := r.Resolve(p); !errors.Is(err, want) {
			t.Errorf("%q is %q, %v", p, got, err)
		}
	}
}

func TestStat(t *testing.T) {
	t.Parallel()
	c, base := world(t)
	if err := os.Chmod(filepath.Join(c.Dir, "file"), 0o600|fs.ModeSetuid|fs.ModeSticky); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"root/file", "volume/v"} {
		if err := os.Chtimes(filepath.Join(base, name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	r := open(t, c)
	for p, want := range map[string]container.PathStat{
		"/file":          {Name: "file", Size: 1, Mode: 0o600 | fs.ModeSetuid | fs.ModeSticky, Mtime: old},
		"/data/v":        {Name: "v", Size: 6, Mode: 0o644, Mtime: old},
		"/":              {Name: "/", Mode: 0o755 | fs.ModeDir},
		"/abs":           {Name: "abs", Size: 4, Mode: 0o777 | fs.ModeSymlink, LinkTarget: "/etc"},
		"/abs/":          {Name: "abs", Mode: 0o755 | fs.ModeDir},
		"/abs/.":         {Name: ".", Mode: 0o755 | fs.ModeDir},
		"/up":            {Name: "up", Size: 21, Mode: 0o777 | fs.ModeSymlink, LinkTarget: "/secret"},
		"/dangling":      {Name: "dangling", Size: 10, Mode: 0o777 | fs.ModeSymlink, LinkTarget: "/nowhere/x"},
		"/var/run/sock":  {Name: "sock", Size: 8, Mode: 0o644},
		"/data/out":      {Name: "out", Size: 9, Mode: 0o777 | fs.ModeSymlink, LinkTarget: "/secret"},
		"/deep/a/b/back": {Name: "back", Size: 12, Mode: 0o777 | fs.ModeSymlink, LinkTarget: "/etc"},
	} {
		got, err := r.Stat(p)
		if err != nil {
			t.Errorf("%s: %v", p, err)
			continue
		}
		if want.Mtime.IsZero() {
			got.Mtime = time.Time{}
		}
		if got.Mode.IsDir() {
			got.Size = 0
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", p, diff)
		}
	}
	for _, p := range []string{"/none", "/data/hidden"} {
		if _, err := r.Stat(p); !errors.Is(err, errs.ErrNotFound) {
			t.Errorf("%s: %v", p, err)
		}
	}
}

func TestTar(t *testing.T) {
	t.Parallel()
	c, _ := world(t)
	r := open(t, c)
	for p, want := range map[string][]string{
		"/etc":          {"etc/", "etc/passwd=inside", "etc/ssl/", "etc/ssl/cert=c"},
		"/etc/":         {"etc/", "etc/passwd=inside", "etc/ssl/", "etc/ssl/cert=c"},
		"/etc/ssl/.":    {"./", "./cert=c"}, // as docker cp takes it for the content
		"/file":         {"file=f"},
		"/abs":          {"abs -> /etc"},
		"/rel/":         {"rel/", "rel/cert=c"},
		"/rel/cert":     {"cert=c"},
		"/empty":        {"empty/"},
		"/data/v":       {"v=volume"},
		"/data":         {"data/", "data/abs -> /file", "data/out -> ../secret", "data/sub/", "data/sub/inner/", "data/sub/inner/passwd=inside", "data/sub/inner/ssl/", "data/sub/inner/ssl/cert=c", "data/sub/w=w", "data/v=volume"},
		"/run":          {"run/", "run/sock=one file"}, // no mount point there
		"/run/sock":     {"sock=one file"},
		"/up":           {"up -> ../../../../../secret"},
		"/updir/secret": {"secret=own"},
	} {
		var b bytes.Buffer
		if err := r.Tar(t.Context(), p, archive.TarOptions{}, &b); err != nil {
			t.Errorf("%s: %v", p, err)
		} else if diff := cmp.Diff(want, listing(t, b.Bytes())); diff != "" {
			t.Errorf("%s: %s", p, diff)
		}
	}
	for p, want := range map[string]error{"/none": errs.ErrNotFound, "/file/": errs.ErrInvalid, "/dangling/": errs.ErrNotFound} {
		var b bytes.Buffer
		if err := r.Tar(t.Context(), p, archive.TarOptions{}, &b); !errors.Is(err, want) || b.Len() > 0 {
			t.Errorf("%s: %v, %d bytes", p, err, b.Len())
		}
	}
	var b bytes.Buffer
	if err := r.Tar(t.Context(), "/up", archive.TarOptions{Name: "x", Follow: true}, &b); err != nil || listing(t, b.Bytes())[0] != "x=own" {
		t.Error(err)
	}
}

func TestExport(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	plant(t, dir, "a/b=1", "c -> a", "d=2")
	if err := os.Link(filepath.Join(dir, "d"), filepath.Join(dir, "e")); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: filepath.Join(dir, "sock")}); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := open(t, archive.Config{Dir: dir}).Export(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a/", "a/b=1", "c -> a", "d=2", "e => d", "fifo"}, listing(t, b.Bytes())); diff != "" {
		t.Error(diff)
	}
}

func TestUntar(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		have    []string
		entries []any
		o       archive.UntarOptions
		at      string
		want    []string
		err     error
	}{
		"files":            {nil, []any{"a/", "a/b=1", "c=2"}, archive.UntarOptions{}, "/", []string{"a/", "a/b=1", "c=2"}, nil},
		"into a folder":    {[]string{"x/"}, []any{"./a=1"}, archive.UntarOptions{}, "/x", []string{"x/", "x/a=1"}, nil},
		"through a link":   {[]string{"x/", "y -> /x"}, []any{"a=1"}, archive.UntarOptions{}, "/y", []string{"x/", "x/a=1", "y -> /x"}, nil},
		"implied folders":  {nil, []any{"a/b/c/d=1"}, archive.UntarOptions{}, "/", []string{"a/", "a/b/", "a/b/c/", "a/b/c/d=1"}, nil},
		"absolute":         {[]string{"x/"}, []any{"/etc/a=1"}, archive.UntarOptions{}, "/x", []string{"x/", "x/etc/", "x/etc/a=1"}, nil},
		"inner dots":       {nil, []any{"a/../b=1"}, archive.UntarOptions{}, "/", []string{"b=1"}, nil},
		"dots":             {[]string{"x/"}, []any{"../a=1"}, archive.UntarOptions{}, "/x", []string{"x/"}, errs.ErrInvalid},
		"deep dots":        {[]string{"x/"}, []any{"a/../../b=1"}, archive.UntarOptions{}, "/x", []string{"x/"}, errs.ErrInvalid},
		"dots in root":     {nil, []any{"../../a=1"}, archive.UntarOptions{}, "/", []string{}, errs.ErrInvalid},
		"link out":         {nil, []any{"l -> ../../../../../..", "l/a=1"}, archive.UntarOptions{}, "/", []string{"a=1", "l -> ../../../../../.."}, nil},
		"absolute link":    {[]string{"etc/"}, []any{"l -> /etc", "l/a=1"}, archive.UntarOptions{}, "/", []string{"etc/", "etc/a=1", "l -> /etc"}, nil},
		"hard link":        {nil, []any{"a=1", "b => a"}, archive.UntarOptions{}, "/", []string{"a=1", "b=1"}, nil},
		"hard link out":    {[]string{"x/", "y=1"}, []any{"b => ../y"}, archive.UntarOptions{}, "/x", []string{"x/", "y=1"}, errs.ErrInvalid},
		"hard link abs":    {[]string{"x/a=1"}, []any{"b => /a"}, archive.UntarOptions{}, "/x", []string{"x/", "x/a=1", "x/b=1"}, nil},
		"hard link none":   {nil, []any{"b => a"}, archive.UntarOptions{}, "/", []string{}, errs.ErrNotFound},
		"hard via link":    {nil, []any{"l -> ../../..", "b => l/secret"}, archive.UntarOptions{}, "/", []string{"l -> ../../.."}, errs.ErrNotFound},
		"replace":          {[]string{"a=old", "b/c/d=1"}, []any{"a=new", "b=file"}, archive.UntarOptions{}, "/", []string{"a=new", "b=file"}, nil},
		"file to folder":   {[]string{"a=old"}, []any{"a/", "a/b=1"}, archive.UntarOptions{}, "/", []string{"a/", "a/b=1"}, nil},
		"merge":            {[]string{"a/old=1"}, []any{"a/", "a/new=2"}, archive.UntarOptions{}, "/", []string{"a/", "a/new=2", "a/old=1"}, nil},
		"keep folder":      {[]string{"a/b=1"}, []any{"a=2"}, archive.UntarOptions{NoOverwriteDirNonDir: true}, "/", []string{"a/", "a/b=1"}, errs.ErrInvalid},
		"keep file":        {[]string{"a=1"}, []any{"a/"}, archive.UntarOptions{NoOverwriteDirNonDir: true}, "/", []string{"a=1"}, errs.ErrInvalid},
		"link replaced":    {[]string{"x=1", "a -> x"}, []any{"a=2"}, archive.UntarOptions{}, "/", []string{"a=2", "x=1"}, nil},
		"folder then link": {nil, []any{"a/", "a/x=1", "a -> /", "a/y=2"}, archive.UntarOptions{}, "/", []string{"a -> /", "y=2"}, nil},
		"not a folder":     {[]string{"a=1"}, []any{"b=2"}, archive.UntarOptions{}, "/a", []string{"a=1"}, errs.ErrInvalid},
		"no folder":        {nil, []any{"b=2"}, archive.UntarOptions{}, "/a", []string{}, errs.ErrNotFound},
		"too many":         {nil, []any{"a=1", "b=2"}, archive.UntarOptions{MaxEntries: 1}, "/", []string{"a=1"}, errs.ErrInvalid},
		"too large":        {nil, []any{"a=1", "b=22"}, archive.UntarOptions{MaxBytes: 2}, "/", []string{"a=1"}, errs.ErrInvalid},
		"root as file":     {nil, []any{tar.Header{Name: ".", Typeflag: tar.TypeReg}}, archive.UntarOptions{}, "/", []string{}, errs.ErrInvalid},
		"odd type":         {nil, []any{tar.Header{Name: "a", Typeflag: 'V'}}, archive.UntarOptions{}, "/", []string{}, errs.ErrInvalid},
		"global header":    {nil, []any{tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": "x"}}, "a=1"}, archive.UntarOptions{}, "/", []string{"a=1"}, nil},
		"empty":            {nil, nil, archive.UntarOptions{}, "/", []string{}, nil},
		"long names":       {nil, []any{strings.Repeat("n", 300) + "=1"}, archive.UntarOptions{}, "/", []string{}, errs.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base := t.TempDir()
			dir := filepath.Join(base, "root")
			plant(t, base, "root/", "secret=outside")
			plant(t, dir, c.have...)
			r := open(t, archive.Config{Dir: dir})
			if err := r.Untar(t.Context(), c.at, bytes.NewReader(pack(t, c.entries...)), c.o); !errors.Is(err, c.err) {
				t.Errorf("error %v, want %v", err, c.err)
			}
			if diff := cmp.Diff(c.want, tree(t, dir)); diff != "" {
				t.Error(diff)
			}
			if b, err := os.ReadFile(filepath.Join(base, "secret")); err != nil || string(b) != "outside" || len(tree(t, base)) != len(c.want)+2 {
				t.Errorf("outside the root: %q, %v, %q", b, err, tree(t, base))
			}
		})
	}
}

func TestUntarIntoMounts(t *testing.T) {
	t.Parallel()
	c, base := world(t)
	r := open(t, c)
	untar := func(p string, entries ...any) error {
		return r.Untar(t.Context(), p, bytes.NewReader(pack(t, entries...)), archive.UntarOptions{})
	}
	if err := untar("/", "data/new=1", "data/sub/inner/host=2"); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]string{"volume/new": "1", "root/etc/host": "2"} {
		if b, err := os.ReadFile(filepath.Join(base, name)); err != nil || string(b) != want {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	if err := untar("/run", "sock=x"); !errors.Is(err, archive.ErrReadOnly) {
		t.Errorf("wrote over a read-only mount: %v", err)
	}
	if err := untar("/data", "sub=x"); !errors.Is(err, unix.EBUSY) {
		t.Errorf("removed a folder with a mount in it: %v", err)
	}
	if err := untar("/", "data=x"); !errors.Is(err, unix.EBUSY) {
		t.Errorf("replaced a mount: %v", err)
	}
	c.ReadOnly, c.Mounts[2].ReadOnly = true, true
	r = open(t, c)
	for _, p := range []string{"/", "/etc", "/data/sub/inner"} {
		if err := untar(p, "a=1"); !errors.Is(err, archive.ErrReadOnly) {
			t.Errorf("%s: %v", p, err)
		}
	}
	if err := untar("/data", "a=1"); err != nil {
		t.Errorf("a writable mount in a read-only container: %v", err)
	}
	if err := untar("/data", "sub/inner/a=1"); !errors.Is(err, archive.ErrReadOnly) {
		t.Error(err)
	}
	if err := untar("/data", "sub/inner/new/a=1"); !errors.Is(err, archive.ErrReadOnly) {
		t.Error(err)
	}
}

// Owners, modes, times, attributes and links survive a round trip.
func TestCopy(t *testing.T) {
	t.Parallel()
	needRoot(t)
	base := t.TempDir()
	plant(t, base, "from/src/a/b=1", "from/src/l -> a/b", "from/src/d/", "to/dst/", "from/src/setuid=x")
	at := func(name string) string { return filepath.Join(base, "from/src", name) }
	nano := old.Add(123456789)
	for _, err := range []error{
		os.Link(at("a/b"), at("d/hard")),
		os.Chown(at("a/b"), 1000, 1001),
		os.Lchown(at("l"), 1002, 1003),
		os.Chmod(at("a/b"), 0o640),
		os.Chown(at("setuid"), 7, 8),
		os.Chmod(at("setuid"), 0o755|fs.ModeSetuid),
		unix.Setxattr(at("a/b"), "user.note", []byte("x\x00y"), 0),
		unix.Setxattr(at("setuid"), "security.capability", []byte{1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 0),
		unix.Mkfifo(at("fifo"), 0o622),
		os.Chmod(at("fifo"), 0o622),
		unix.Mknod(at("null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))),
		os.Chown(at("d"), 5, 6),
		os.Chmod(at("d"), 0o777|fs.ModeSticky),
		os.Chtimes(at("a/b"), nano, nano),
		os.Chtimes(at("d"), nano, nano),
		os.Chown(at(""), 33, 33),
		os.Chmod(at(""), 0o700),
		os.Chtimes(at(""), nano, nano),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	from, to := open(t, archive.Config{Dir: filepath.Join(base, "from")}), open(t, archive.Config{Dir: filepath.Join(base, "to")})
	if err := archive.Copy(t.Context(), from, "/src", to, "/dst"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", "a", "a/b", "l", "d", "d/hard", "setuid", "fifo", "null"} {
		if diff := cmp.Diff(facts(t, at(name)), facts(t, filepath.Join(base, "to/dst", name))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if err := archive.Copy(t.Context(), from, "/none", to, "/dst"); !errors.Is(err, errs.ErrNotFound) {
		t.Error(err)
	}
	if err := archive.Copy(t.Context(), from, "/src", to, "/none"); !errors.Is(err, errs.ErrNotFound) {
		t.Error(err)
	}
}

// facts are what is to be the same of a copy.
func facts(t testing.TB, name string) map[string]any {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Lstat(name, &st); err != nil {
		t.Fatal(err)
	}
	f := map[string]any{"mode": st.Mode, "uid": st.Uid, "gid": st.Gid, "rdev": st.Rdev}
	if st.Mode&unix.S_IFMT == unix.S_IFREG {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f["content"], f["links"] = string(b), st.Nlink
	}
	if st.Mode&unix.S_IFMT != unix.S_IFLNK {
		f["time"] = st.Mtim
	}
	for _, key := range []string{"user.note", "security.capability"} {
		value := make([]byte, 100)
		if n, err := unix.Lgetxattr(name, key, value); err == nil {
			f[key] = string(value[:n])
		}
	}
	return f
}

func TestOwner(t *testing.T) {
	t.Parallel()
	needRoot(t)
	for name, c := range map[string]struct {
		o    archive.UntarOptions
		want archive.Owner
	}{
		"archive": {archive.UntarOptions{}, archive.Owner{UID: 11, GID: 12}},
		"given":   {archive.UntarOptions{Owner: &archive.Owner{UID: 1, GID: 2}}, archive.Owner{UID: 1, GID: 2}},
		"mapped": {archive.UntarOptions{Map: func(o archive.Owner) archive.Owner { return archive.Owner{UID: o.UID + 100, GID: o.GID + 100} }},
			archive.Owner{UID: 111, GID: 112}},
	} {
		dir := t.TempDir()
		b := pack(t, tar.Header{Name: "f", Typeflag: tar.TypeReg, Uid: 11, Gid: 12, Mode: 0o644}, tar.Header{Name: "d/", Typeflag: tar.TypeDir, Uid: 11, Gid: 12, Mode: 0o755},
			tar.Header{Name: "l", Linkname: "f", Typeflag: tar.TypeSymlink, Uid: 11, Gid: 12})
		if err := open(t, archive.Config{Dir: dir}).Untar(t.Context(), "/", bytes.NewReader(b), c.o); err != nil {
			t.Fatal(err)
		}
		for _, file := range []string{"f", "d", "l"} {
			info, err := os.Lstat(filepath.Join(dir, file))
			if err != nil {
				t.Fatal(err)
			}
			st := info.Sys().(*syscall.Stat_t)
			if got := (archive.Owner{UID: int(st.Uid), GID: int(st.Gid)}); got != c.want {
				t.Errorf("%s: %s is %v's", name, file, got)
			}
		}
	}
}

// A bomb of a few bytes is refused before anything is written.
func TestBomb(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var b bytes.Buffer
	if err := tar.NewWriter(&b).WriteHeader(&tar.Header{Name: "big", Typeflag: tar.TypeReg, Size: 1 << 55, Format: tar.FormatGNU}); err != nil {
		t.Fatal(err)
	}
	err := open(t, archive.Config{Dir: dir}).Untar(t.Context(), "/", io.MultiReader(&b, nothing{}), archive.UntarOptions{})
	if !errors.Is(err, unix.ENOSPC) {
		t.Error(err)
	}
	if left := tree(t, dir); len(left) > 0 {
		t.Error(left)
	}
}

type nothing struct{}

func (nothing) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestTruncated(t *testing.T) {
	t.Parallel()
	b := pack(t, "a=1", "b="+strings.Repeat("x", 100000))
	for _, n := range []int{100, 1024 + 100, 1536 + 100, 50000} {
		dir := t.TempDir()
		err := open(t, archive.Config{Dir: dir}).Untar(t.Context(), "/", bytes.NewReader(b[:n]), archive.UntarOptions{})
		if !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%d bytes: %v", n, err)
		}
		for _, name := range tree(t, dir) {
			if name != "a=1" {
				t.Errorf("%d bytes: half a file: %.20s", n, name)
			}
		}
	}
}

func TestContextEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	r := open(t, archive.Config{Dir: dir})
	if err := r.Untar(ctx, "/", bytes.NewReader(pack(t, "a=1")), archive.UntarOptions{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := r.Export(ctx, io.Discard); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// A container that swaps folders for links while they are walked and unpacked gets nothing out and nothing in.
func TestRaces(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	root := filepath.Join(base, "root")
	plant(t, base, "root/a/b/f=in", "root/x/", "outside/b/f=secret")
	r := open(t, archive.Config{Dir: root})
	done := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() { // the container
		for {
			select {
			case <-done:
				return
			default:
			}
			_ = os.Rename(filepath.Join(root, "a"), filepath.Join(root, "moved"))
			_ = os.Symlink("../../../../../../../../.."+base+"/outside", filepath.Join(root, "a"))
			_ = os.Remove(filepath.Join(root, "a"))
			_ = os.Symlink(base+"/outside", filepath.Join(root, "a"))
			_ = os.Remove(filepath.Join(root, "a"))
			_ = os.Rename(filepath.Join(root, "moved"), filepath.Join(root, "a"))
		}
	})
	body := pack(t, "a/b/new=1", "a/b/d/", "a/b/d/e=1")
	for range 2000 {
		var b bytes.Buffer
		if err := r.Tar(t.Context(), "/a/b/f", archive.TarOptions{}, &b); err == nil && !bytes.Contains(b.Bytes(), []byte("in\x00")) {
			t.Fatalf("read %q", b.Bytes()[512:530])
		}
		_ = r.Untar(t.Context(), "/", bytes.NewReader(body), archive.UntarOptions{})
	}
	close(done)
	group.Wait()
	if diff := cmp.Diff([]string{"b/", "b/f=secret"}, tree(t, filepath.Join(base, "outside"))); diff != "" {
		t.Error(diff)
	}
}

func TestNoDescriptorIsLost(t *testing.T) { // not parallel: it counts those of the process
	c, _ := world(t)
	before := descriptors(t)
	for range 3 {
		r, err := archive.Open(c)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range []string{"/", "/up", "/loop", "/none/x", "/file/x", "/dangling", "/deep/a/b/back/../etc", "/data/sub/inner/passwd"} {
			_, _ = r.Stat(p)
			_, _ = r.Resolve(p)
			_ = r.Tar(t.Context(), p, archive.TarOptions{}, io.Discard)
			_ = r.Untar(t.Context(), p, bytes.NewReader(pack(t, "t/a=1", "t/b=2", "file/x=3")), archive.UntarOptions{})
		}
		r.Close()
	}
	if _, err := archive.Open(archive.Config{Dir: c.Dir, Mounts: []archive.Mount{c.Mounts[0], {Destination: "/x", Source: "/nowhere"}}}); err == nil {
		t.Error("a mount of nothing")
	}
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

func TestMountBase(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	plant(t, base, "root/", "other/tmp/f=1", "other/esc -> /../../..", "other/tmp/l -> /tmp/f")
	c := archive.Config{Dir: filepath.Join(base, "root"), Mounts: []archive.Mount{{Destination: "/tmp", Source: "/esc/tmp", Base: filepath.Join(base, "other")}}}
	if s, err := open(t, c).Stat("/tmp/f"); err != nil || s.Size != 1 {
		t.Errorf("%+v %v", s, err)
	}
}

// Whatever an archive holds, nothing outside the root is touched and nothing panics.
func FuzzUntar(f *testing.F) {
	f.Add(pack(f, "a/", "a/b=1", "l -> ../..", "l/secret=2", "h => l/secret"))
	f.Add(pack(f, "../secret=1"))
	f.Add(pack(f, "a -> /", "a/a/a/secret=1", tar.Header{Name: "p", Typeflag: tar.TypeFifo}))
	f.Fuzz(func(t *testing.T, b []byte) {
		base := t.TempDir()
		plant(t, base, "root/etc/passwd=p", "secret=outside")
		r := open(t, archive.Config{Dir: filepath.Join(base, "root")})
		_ = r.Untar(t.Context(), "/etc", bytes.NewReader(b), archive.UntarOptions{MaxBytes: 1 << 20, MaxEntries: 100, Owner: &archive.Owner{}})
		list, err := os.ReadDir(base)
		if err != nil || len(list) != 2 {
			t.Errorf("outside: %v %v", list, err)
		}
		if got, err := os.ReadFile(filepath.Join(base, "secret")); err != nil || string(got) != "outside" {
			t.Errorf("outside: %q %v", got, err)
		}
		var out bytes.Buffer
		if err := r.Tar(t.Context(), "/etc", archive.TarOptions{}, &out); err != nil {
			t.Errorf("archive what was unpacked: %v", err)
		}
	})
}

func BenchmarkTar(b *testing.B) {
	dir := b.TempDir()
	for n := range 1000 {
		plant(b, dir, fmt.Sprintf("d%d/f%d=%s", n%20, n, strings.Repeat("x", 20000)))
	}
	r := open(b, archive.Config{Dir: dir})
	b.Run("tar", func(b *testing.B) {
		b.SetBytes(20e6)
		for b.Loop() {
			if err := r.Export(b.Context(), io.Discard); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("copy", func(b *testing.B) {
		b.SetBytes(20e6)
		to := open(b, archive.Config{Dir: b.TempDir()})
		for b.Loop() {
			if err := archive.Copy(b.Context(), r, "/", to, "/"); err != nil {
				b.Fatal(err)
			}
		}
	})
}
