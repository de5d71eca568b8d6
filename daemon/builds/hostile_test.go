//go:build linux

package builds_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/moby/moby/client"
	"github.com/ulikunitz/xz"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/api/stream"
	"github.com/cleat-dev/cleat/daemon/builds"
)

// TestCompressed reads contexts in all forms.
func TestCompressed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	plain := dockerfile(t, "FROM busybox:1\nCOPY f /\nRUN cat /f\n", entry{name: "f", body: "packed\n"})
	pack := map[string]func(io.Writer) (io.WriteCloser, error){
		"gzip": func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil },
		"zstd": func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) },
		"xz":   func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) },
	}
	bodies := map[string][]byte{"plain": plain, "trailing": append(bytes.Clone(plain), make([]byte, 1<<16)...)}
	for name, open := range pack {
		var buf bytes.Buffer
		z, err := open(&buf)
		must(t, err)
		_, err = z.Write(plain)
		must(t, errors.Join(err, z.Close()))
		bodies[name] = buf.Bytes()
	}
	if path, err := exec.LookPath("bzip2"); err == nil { // the library only reads it
		cmd := exec.CommandContext(t.Context(), path, "-c")
		cmd.Stdin = bytes.NewReader(plain)
		bodies["bzip2"], err = cmd.Output()
		must(t, err)
	}
	for name, body := range bodies {
		r := w.build(t.Context(), body, func(o *client.ImageBuildOptions) { o.NoCache = true })
		if r.err != nil || !strings.Contains(r.text, "packed\n") {
			t.Errorf("%s: %v\n%s", name, r.err, r.text)
		}
		for _, cut := range []int{1, 100, len(body) / 2} {
			if name == "trailing" || name == "plain" && cut != 100 {
				continue
			}
			if r := w.build(t.Context(), body[:len(body)-min(cut, len(body)-1)], nil); name != "plain" && r.err == nil && cut > 100 {
				t.Errorf("%s without its last %d bytes was built", name, cut)
			}
		}
	}
	if left := w.left(t); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// outside is a folder hostile archives aim at; it must stay as it is.
func outside(t *testing.T) (dir string, check func()) {
	t.Helper()
	dir = t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "secret"), []byte("secret"), 0o600))
	return dir, func() {
		t.Helper()
		entries, err := os.ReadDir(dir)
		must(t, err)
		raw, err := os.ReadFile(filepath.Join(dir, "secret"))
		must(t, err)
		if len(entries) != 1 || string(raw) != "secret" {
			t.Errorf("outside was changed: %v %q", entries, raw)
		}
	}
}

// TestHostileContexts are archives and Dockerfiles that try to get out.
func TestHostileContexts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir, check := outside(t)
	const file = "FROM busybox:1\nCOPY . /c\nRUN find /c | sort; cat /c/f /c/l/secret; true\n"
	for name, test := range map[string]struct {
		entries []entry
		file    string
		fails   bool
	}{
		"dots":                    {entries: []entry{{name: "../../../../../../" + dir + "/new", body: "x"}}, fails: true},
		"dots in the middle":      {entries: []entry{{name: "a/../../" + dir + "/new", body: "x"}}, fails: true},
		"absolute":                {entries: []entry{{name: dir + "/new", body: "x"}}}, // below the context, as tar has it
		"through a link":          {entries: []entry{{name: "l", link: dir}, {name: "l/new", body: "x"}}},
		"through a relative link": {entries: []entry{{name: "l", link: "../../../../../../../../" + dir}, {name: "l/new", body: "x"}}},
		"over a link":             {entries: []entry{{name: "f", link: filepath.Join(dir, "secret")}, {name: "f", body: "x"}}},
		"hard link out":           {entries: []entry{{name: "f", link: filepath.Join(dir, "secret"), kind: tar.TypeLink}}, fails: true},
		"hard link with dots":     {entries: []entry{{name: "f", link: "../../../../../" + dir + "/secret", kind: tar.TypeLink}}, fails: true},
		"hard link to a link":     {entries: []entry{{name: "s", link: dir + "/secret"}, {name: "f", link: "s", kind: tar.TypeLink}}},
		"copy of a link":          {entries: []entry{{name: "s", link: dir + "/secret"}}, file: "FROM busybox:1\nCOPY s /s\n", fails: true},
		"copy through a link":     {entries: []entry{{name: "l", link: dir}}, file: "FROM busybox:1\nCOPY l/secret /s\n", fails: true},
		"copy with dots":          {file: "FROM busybox:1\nCOPY ../../../" + dir + "/secret /s\n", fails: true},
		"copy with dots, wild":    {file: "FROM busybox:1\nCOPY ../*/../../../" + dir + "/s* /s\n", fails: true},
		"Dockerfile is a link":    {entries: []entry{{name: "Dockerfile", link: "/etc/passwd"}}, file: "-", fails: true},
		"Dockerfile is a fifo":    {entries: []entry{{name: "Dockerfile", kind: tar.TypeFifo}}, file: "-", fails: true},
		"fifo is copied":          {entries: []entry{{name: "p", kind: tar.TypeFifo}}},
		"ignore file is a fifo":   {entries: []entry{{name: ".dockerignore", kind: tar.TypeFifo}}},
		"ignore file is a link":   {entries: []entry{{name: ".dockerignore", link: "/etc/passwd"}}},
		"file as folder":          {entries: []entry{{name: "f", body: "x"}, {name: "f/g", body: "x"}}, fails: true},
		"whiteout device":         {entries: []entry{{name: "f", kind: tar.TypeChar}}, fails: true},
		"link in the image":       {entries: []entry{{name: "f", body: "x"}}, file: "FROM busybox:1\nRUN ln -s " + dir + " /l && ln -s ../../../../../../.." + dir + " /r\nCOPY f /l/new\nCOPY f /r/new2\nRUN find " + dir + "\n"},
		"archive with dots":       {entries: []entry{{name: "a.tar", body: string(tarOf(t, entry{name: "../../../../../.." + dir + "/new", body: "x"}))}}, file: "FROM busybox:1\nADD a.tar /\n", fails: true},
		"archive through a link": {entries: []entry{{name: "a.tar", body: string(tarOf(t, entry{name: "l", link: dir}, entry{name: "l/new", body: "x"}))}},
			file: "FROM busybox:1\nADD a.tar /\nRUN find " + dir + "\n"},
		"workdir through a link": {file: "FROM busybox:1\nRUN ln -s " + dir + " /l\nWORKDIR /l/new\nCOPY Dockerfile .\n"},
		"users file is a link":   {file: "FROM busybox:1\nRUN rm /etc/passwd && ln -s " + dir + "/secret /etc/passwd\nCOPY --chown=app Dockerfile /\n", fails: true},
		"users file is a fifo":   {file: "FROM busybox:1\nRUN rm /etc/passwd && busybox mkfifo /etc/passwd\nCOPY --chown=app Dockerfile /\n", fails: true},
	} {
		entries := test.entries
		switch test.file {
		case "-":
		case "":
			entries = append(entries, entry{name: "Dockerfile", body: file})
		default:
			entries = append(entries, entry{name: "Dockerfile", body: test.file})
		}
		r := w.build(t.Context(), tarOf(t, entries...), func(o *client.ImageBuildOptions) { o.NoCache, o.ForceRemove = true, true })
		if test.fails != (r.err != nil) {
			t.Errorf("%s: fails: %v, want %v\n%s", name, r.err, test.fails, r.text)
		}
		if strings.Contains(r.text, "\nsecret") || strings.Contains(fmt.Sprint(r.err), "root:x:") {
			t.Errorf("%s: something of the host is in the image:\n%s %v", name, r.text, r.err)
		}
		check()
	}
	if left := append(w.left(t), w.containers.ids()...); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestBombs are small archives with much in them.
func TestBombs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	small, err := builds.New(builds.Config{Root: filepath.Join(w.root, "builds"), DB: w.db, Images: w.images, Containers: w.containers, Layers: w.layers,
		Log: w.Log, MaxContext: 1 << 20})
	must(t, err)
	w.Service = small
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	a := tar.NewWriter(z)
	must(t, a.WriteHeader(&tar.Header{Name: "zeros", Mode: 0o644, Size: 1 << 34, Typeflag: tar.TypeReg}))
	_, err = io.CopyN(a, zeros{}, 64<<20) // the rest is not even there
	must(t, errors.Join(err, z.Close()))
	if r := w.build(t.Context(), bomb.Bytes(), nil); !errors.Is(r.err, errs.ErrInvalid) || len(r.messages) > 0 {
		t.Errorf("bomb as context: %v", r.err)
	}
	outer := dockerfile(t, "FROM busybox:1\nADD bomb /\n", entry{name: "bomb", body: bomb.String()})
	if r := w.build(t.Context(), outer, nil); !errors.Is(r.err, errs.ErrInvalid) {
		t.Errorf("bomb in ADD: %v", r.err)
	}
	if left := w.left(t); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestSlowClient is gone in the middle of its context.
func TestSlowClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	body := dockerfile(t, "FROM busybox:1\n", entry{name: "f", body: strings.Repeat("x", 10000)})
	_, err := w.Build(t.Context(), io.MultiReader(bytes.NewReader(body[:5000]), broken{}), client.ImageBuildOptions{}, func(stream.Message) error { return nil })
	if !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("cut context: %v", err)
	}
	if left := w.left(t); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }

// FuzzContext gives anything as context. Nothing may panic, hang or be left.
func FuzzContext(f *testing.F) {
	f.Add(dockerfile(f, "FROM scratch\nCOPY . /x\nADD a* /y/\n", entry{name: "a", body: "a"}, entry{name: "l", link: "/"}, entry{name: "d/", mode: 0o700}))
	f.Add(dockerfile(f, "FROM scratch\n", entry{name: "../x", body: "a"}, entry{name: "h", link: "x", kind: tar.TypeLink}))
	f.Add(dockerfile(f, "FROM scratch\n", entry{name: ".dockerignore", body: "*\n!a\n"}))
	f.Add([]byte("\x1f\x8b\x08"))
	f.Add([]byte("BZh91AY"))
	f.Add([]byte("\xfd7zXZ\x00"))
	f.Add([]byte("\x28\xb5\x2f\xfd"))
	w := newWorld(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		w.build(t.Context(), body, nil)
		if left := w.left(t); len(left) > 0 {
			t.Fatalf("left behind: %v", left)
		}
	})
}

// FuzzDockerfile does any instructions that need no command and no network.
func FuzzDockerfile(f *testing.F) {
	for _, g := range goldensOf(f) {
		for _, file := range g.file.Files {
			if strings.HasSuffix(strings.ToLower(file.Name), "dockerfile") {
				f.Add(string(file.Data), "*\n!x")
			}
		}
	}
	f.Add("# escape=`\nFROM scratch AS a\nCOPY <<E /x\n$a\nE\nFROM a\nCOPY --from=a /x /y\nHEALTHCHECK --interval=1s CMD x", "**/x\n\\")
	w := newWorld(f)
	f.Fuzz(func(t *testing.T, file, ignore string) {
		if strings.Contains(strings.ToLower(file), "run") || strings.Contains(file, "http") { // ONBUILD as well
			return
		}
		w.build(t.Context(), dockerfile(t, file, entry{name: ".dockerignore", body: ignore}, entry{name: "a", body: "a"}, entry{name: "d/b", body: "b"}), nil)
		if left := w.left(t); len(left) > 0 {
			t.Fatalf("left behind: %v", left)
		}
	})
}

// FuzzIgnore holds what .dockerignore takes out of a remote context to what it says: nothing else goes, nothing panics.
func FuzzIgnore(f *testing.F) {
	for _, seed := range []string{"*\n!a", "d\n!d/b", "**/b", "[", "\\", "a\r\n# c\n", "!", "/../x", "d/*\n!d/b\nd/b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, patterns string) {
		dir := t.TempDir()
		must(t, os.MkdirAll(filepath.Join(dir, "d/e"), 0o755))
		for _, name := range []string{"a", "d/b", "d/e/c"} {
			must(t, os.WriteFile(filepath.Join(dir, name), nil, 0o644))
		}
		kept, err := builds.Ignored(dir, patterns)
		if err != nil {
			return
		}
		for _, name := range []string{"a", "d/b", "d/e/c"} {
			_, err := os.Lstat(filepath.Join(dir, name))
			if kept(name) != (err == nil) {
				t.Errorf("%q: %s: kept %v, there %v", patterns, name, kept(name), err == nil)
			}
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Error(err)
			}
		}
	})
}
