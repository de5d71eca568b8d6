package filetree

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cleat-dev/cleat/api/errs"
)

const (
	sumA = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb" // of "a"
	sumB = "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d" // of "b"
)

func directory(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, err := range []error{
		os.MkdirAll(filepath.Join(dir, "sub", "deep"), 0o755), os.WriteFile(filepath.Join(dir, "a"), []byte("a"), 0o600),
		os.WriteFile(filepath.Join(dir, "sub", "deep", "b"), []byte("b"), 0o644), os.Symlink("deep/b", filepath.Join(dir, "sub", "link")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// packed is an archive of these entries; a name that ends in a slash is a directory.
func packed(t *testing.T, headers ...tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, h := range headers {
		content := h.PAXRecords["content"]
		h.PAXRecords, h.Size = nil, int64(len(content))
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func file(name, content string) tar.Header {
	return tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Uid: 3, PAXRecords: map[string]string{"content": content}}
}

func link(kind byte, name, to string) tar.Header {
	return tar.Header{Typeflag: kind, Name: name, Linkname: to, Mode: 0o777}
}

// TestRoundTrip: what is written is read back as it was described, from every kind of source.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	dir := directory(t)
	plain := packed(t, link(tar.TypeDir, "./", ""), link(tar.TypeDir, "./d/", ""), file("./d/a", "a"), link(tar.TypeLink, "d/same", "./d/a"), link(tar.TypeSymlink, "s", "d/a"))
	var gz bytes.Buffer
	w := gzip.NewWriter(&gz)
	_, errWrite := w.Write(plain)
	plainFile, gzFile := filepath.Join(t.TempDir(), "a.tar"), filepath.Join(t.TempDir(), "a.tgz")
	if err := errors.Join(errWrite, w.Close(), os.WriteFile(plainFile, plain, 0o600), os.WriteFile(gzFile, gz.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	keep, given := Owner{-1, -1, -1}, Owner{0o640, 7, 8}
	archived := map[string]string{"d/a": "0644 3:0 1 " + sumA, "d/same": "0644 3:0 1 " + sumA, "s": "link d/a"}
	for name, c := range map[string]struct {
		tree func() (Tree, error)
		want map[string]string
	}{
		"text":          {func() (Tree, error) { return Text([]byte("a"), Owner{-1, 7, 8}) }, map[string]string{".": "0644 7:8 1 " + sumA}},
		"file":          {func() (Tree, error) { return Path(t.Context(), filepath.Join(dir, "a"), given) }, map[string]string{".": "0640 7:8 1 " + sumA}},
		"file as it is": {func() (Tree, error) { return Path(t.Context(), filepath.Join(dir, "a"), Owner{-1, 0, 0}) }, map[string]string{".": "0600 0:0 1 " + sumA}},
		"directory": {func() (Tree, error) { return Path(t.Context(), dir, given) },
			map[string]string{"a": "0640 7:8 1 " + sumA, "sub/deep/b": "0640 7:8 1 " + sumB, "sub/link": "link deep/b"}},
		"archive":    {func() (Tree, error) { return File(t.Context(), plainFile, keep) }, archived},
		"compressed": {func() (Tree, error) { return File(t.Context(), gzFile, keep) }, archived},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree, err := c.tree()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, tree.Files); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			var out bytes.Buffer
			if err := tree.Archive("target", &out); err != nil {
				t.Fatal(err)
			}
			answer := io.Reader(&out)
			if !tree.Single { // engines begin with the directory itself, which is not ours to set
				answer = io.MultiReader(bytes.NewReader(packed(t, link(tar.TypeDir, "target/", ""))[:512]), &out)
			}
			found, err := Read(answer, Known{})
			if err != nil || found.Single != tree.Single {
				t.Errorf("read back: single %t, %v", found.Single, err)
			}
			if diff := cmp.Diff(c.want, found.Files); diff != "" {
				t.Errorf("read back (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, content := range map[string][]byte{
		"out.tar": packed(t, file("../x", "x")), "device.tar": packed(t, link(tar.TypeChar, "x", "")), "hard.tar": packed(t, link(tar.TypeLink, "x", "y")),
		"text.tar": bytes.Repeat([]byte("no archive\n"), 100), "cut.tgz": {0x1f, 0x8b, 8},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := File(t.Context(), filepath.Join(dir, name), Owner{}); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, source := range []string{filepath.Join(dir, "missing"), os.DevNull} {
		if _, err := Path(t.Context(), source, Owner{}); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%s: %v", source, err)
		}
	}
}

// TestChangedBetween: a file that is another one by the time it is written is not passed off as what was planned.
func TestChangedBetween(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "a")
	write := func(text string) {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, later := range []string{"x", "longer", ""} {
		write("a")
		tree, err := Path(t.Context(), name, Owner{-1, 0, 0})
		if err != nil {
			t.Fatal(err)
		}
		write(later)
		if err := tree.Archive("a", io.Discard); err == nil {
			t.Errorf("%q was written as what was %q", later, "a")
		}
	}
}

// TestLargeIsTrusted: a large file of the same size, owner and time is not read; any difference is.
func TestLargeIsTrusted(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", trustedFrom)
	archive := packed(t, file("f", large))
	whole, err := Read(bytes.NewReader(archive), Known{})
	if err != nil {
		t.Fatal(err)
	}
	head := bytes.NewReader(archive[:512])
	again, err := Read(head, Known{Files: whole.Files, Modified: whole.Modified})
	if diff := cmp.Diff(whole.Files, again.Files); err != nil || diff != "" {
		t.Errorf("%v, -want +got:\n%s", err, diff)
	}
	for name, known := range map[string]Known{
		"time": {Files: whole.Files, Modified: whole.Modified + 1},
		"size": {Files: map[string]string{Self: strings.Replace(whole.Files[Self], " 104", " 105", 1)}, Modified: whole.Modified},
	} {
		if _, err := Read(bytes.NewReader(archive[:512]), known); err == nil {
			t.Errorf("another %s: the content was not read", name)
		}
	}
}

// TestOwnersNotTold: of an engine that does not tell owners those known from before are taken, and nothing else is.
func TestOwnersNotTold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ known, want string }{
		"known":         {"0644 7:8 1 " + sumA, "0644 7:8 1 " + sumA},
		"other content": {"0600 7:8 1 " + sumB, "0644 7:8 1 " + sumA},
		"not known":     {"", "0644 3:0 1 " + sumA},
		"a link before": {"link a:b c", "0644 3:0 1 " + sumA},
	} {
		found, err := Read(bytes.NewReader(packed(t, file("f", "a"))), Known{Files: map[string]string{Self: c.known}, Owners: true})
		if got := found.Files[Self]; err != nil || got != c.want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// TestRoots: the names engines give the directory itself.
func TestRoots(t *testing.T) {
	t.Parallel()
	want := map[string]string{"a": "0644 3:0 1 " + sumA, "sub/same": "0644 3:0 1 " + sumA}
	for _, root := range []string{"tree/", "./tree/", "/", "./", "tree"} {
		at := strings.TrimSuffix(root, "/") + "/"
		found, err := Read(bytes.NewReader(packed(t, link(tar.TypeDir, root, ""), file(at+"a", "a"), link(tar.TypeDir, at+"sub/", ""), link(tar.TypeLink, at+"sub/same", at+"a"))), Known{})
		if diff := cmp.Diff(want, found.Files); err != nil || diff != "" {
			t.Errorf("%q: %v, -want +got:\n%s", root, err, diff)
		}
	}
}

func TestDirectories(t *testing.T) {
	t.Parallel()
	got := Directories(map[string]string{"a/b/c": "", "a/d": "", "e": "", ".": ""})
	if diff := cmp.Diff([]string{"a/b", "a"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// FuzzRead: whatever an engine or a file answers, there is an error or a description, and no name leaves the root.
func FuzzRead(f *testing.F) {
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{0}, 1024))
	f.Add([]byte{0x1f, 0x8b})
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = Read(bytes.NewReader(data), Known{})
		_ = visitArchive(t.Context(), bytes.NewReader(data), Owner{}, func(e entry) error {
			if strings.HasPrefix(e.header.Name, "/") || strings.HasPrefix(e.header.Name, "..") {
				t.Errorf("name %q", e.header.Name)
			}
			return nil
		})
	})
}
