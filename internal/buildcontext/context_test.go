package buildcontext_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/buildcontext"
)

// tree writes files below a new directory: name -> content; a name ending in "/" is an empty directory, a content
// beginning with "-> " a symbolic link.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		put(t, dir, name, content)
	}
	return dir
}

func put(t *testing.T, dir, name, content string) {
	t.Helper()
	at := filepath.Join(dir, filepath.FromSlash(name))
	must(t, os.MkdirAll(filepath.Dir(at), 0o755))
	switch {
	case name[len(name)-1] == '/':
		must(t, os.MkdirAll(at, 0o755))
	case len(content) > 3 && content[:3] == "-> ":
		must(t, os.Symlink(content[3:], at))
	default:
		must(t, os.WriteFile(at, []byte(content), 0o644))
		must(t, os.Chmod(at, 0o644))
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, dir, dockerfile string) (*buildcontext.Context, buildcontext.Manifest) {
	t.Helper()
	c, err := buildcontext.Open(dir, dockerfile)
	must(t, err)
	m, err := c.Manifest(t.Context(), nil)
	must(t, err)
	return c, m
}

// sent returns what Tar writes, name -> content.
func sent(t *testing.T, c *buildcontext.Context, m buildcontext.Manifest) map[string]string {
	t.Helper()
	var b bytes.Buffer
	must(t, c.Tar(t.Context(), m, &b))
	files := map[string]string{}
	for r := tar.NewReader(&b); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		must(t, err)
		if _, twice := files[h.Name]; twice {
			t.Errorf("%s is sent twice", h.Name)
		}
		if h.Uid != 0 || h.Gid != 0 || h.Uname != "" {
			t.Errorf("%s is sent with its owner", h.Name)
		}
		content, err := io.ReadAll(r)
		must(t, err)
		files[h.Name] = string(content) + h.Linkname
	}
}

func names[V any](m map[string]V) []string {
	var list []string
	for name := range m {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

func TestWhatBelongs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files      map[string]string
		dockerfile string
		manifest   []string
		sent       map[string]string // exactly; nil: not looked at
	}{
		"everything": {
			files:    map[string]string{"Dockerfile": "F", "src/a": "a", "src/b": "-> a", "empty/": ""},
			manifest: []string{"Dockerfile", "empty/", "src/a", "src/b"},
			sent:     map[string]string{"Dockerfile": "F", "src/": "", "src/a": "a", "src/b": "a", "empty/": ""},
		},
		"ignored": {
			files:    map[string]string{"Dockerfile": "F", ".dockerignore": "# no\nnode_modules\n*.log\n", "a.log": "", "x/a.log": "x", "node_modules/m/i.js": ""},
			manifest: []string{".dockerignore", "Dockerfile", "x/a.log"},
			sent:     map[string]string{"Dockerfile": "F", ".dockerignore": "# no\nnode_modules\n*.log\n", "x/": "", "x/a.log": "x"},
		},
		"brought back": {
			files:    map[string]string{"Dockerfile": "F", ".dockerignore": "**\n!src/*.go\n!deep/**/keep\n", "src/a.go": "a", "src/b.c": "", "deep/1/2/keep": "k", "deep/1/2/drop": ""},
			manifest: []string{"Dockerfile", "deep/1/2/keep", "src/a.go"},
			sent:     map[string]string{"Dockerfile": "F", ".dockerignore": "**\n!src/*.go\n!deep/**/keep\n", "src/a.go": "a", "deep/1/2/keep": "k"},
		},
		"left by Terraform": {
			files: map[string]string{
				"Dockerfile": "F", "main.tf": "", ".terraform.lock.hcl": "", ".terraform/modules/x": "", "terraform.tfstate": "{}", "terraform.tfstate.backup": "{}",
				".terraform.tfstate.lock.info": "{}", "terraform.tfstate.d/w/terraform.tfstate": "{}", "infra/main.tf": "", "infra/.terraform/x": "", "infra/terraform.tfstate": "{}", "tfplan": "P", "a.tfplan": "P",
			},
			manifest: []string{".terraform.lock.hcl", "Dockerfile", "infra/main.tf", "main.tf"},
		},
		"left by Terraform, brought back": {
			files:    map[string]string{"Dockerfile": "F", ".dockerignore": "!seed.tfstate\n", "seed.tfstate": "{}", "terraform.tfstate": "{}"},
			manifest: []string{".dockerignore", "Dockerfile", "seed.tfstate"},
		},
		"dockerfile ignored": { // still needed, and the engine takes it out again
			files:      map[string]string{"build/Dockerfile": "F", ".dockerignore": "build\n", "a": "a"},
			dockerfile: "build/Dockerfile",
			manifest:   []string{".dockerignore", "a", "build/Dockerfile"},
			sent:       map[string]string{"build/Dockerfile": "F", ".dockerignore": "build\n", "a": "a"},
		},
		"own ignore file": { // the plain one must not reach the engine
			files:      map[string]string{"x.Dockerfile": "F", "x.Dockerfile.dockerignore": "b\n", ".dockerignore": "a\n", "a": "a", "b": "b"},
			dockerfile: "x.Dockerfile",
			manifest:   []string{".dockerignore", "a", "x.Dockerfile", "x.Dockerfile.dockerignore"},
			sent:       map[string]string{"x.Dockerfile": "F", "x.Dockerfile.dockerignore": "b\n", ".dockerignore": ".dockerignore\n", "a": "a"},
		},
		"own ignore file hides dockerfile": {
			files:      map[string]string{"D": "F", "D.dockerignore": "D*\n", "a": "a"},
			dockerfile: "D",
			manifest:   []string{"D", "a"},
			sent:       map[string]string{"D": "F", ".dockerignore": ".dockerignore\nD\n", "a": "a"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			context, m := read(t, tree(t, c.files), c.dockerfile)
			if diff := cmp.Diff(c.manifest, names(m.Fold(512))); diff != "" {
				t.Errorf("manifest (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.sent, sent(t, context, m)); diff != "" && c.sent != nil {
				t.Errorf("stream (-want +got):\n%s", diff)
			}
		})
	}
}

// What is written while the context is read is no part of it.
func TestLeaveOut(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{"Dockerfile": "F", "logs/build.log": "old", "logs/other": ""})
	c, err := buildcontext.Open(dir, "")
	must(t, err)
	must(t, c.LeaveOut(filepath.Join(dir, "logs", "..", "logs", "build.log")))
	m, err := c.Manifest(t.Context(), nil)
	must(t, err)
	if diff := cmp.Diff([]string{"Dockerfile", "logs/other"}, names(m.Fold(512))); diff != "" {
		t.Errorf("manifest (-want +got):\n%s", diff)
	}
	put(t, dir, "logs/build.log", "new")
	sent(t, c, m)
}

func TestDockerfileOutside(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{"ctx/Dockerfile": "inside", "ctx/a": "a", "ctx/.dockerignore": "x", "docker/Dockerfile": "outside"})
	for _, spelled := range []string{"../docker/Dockerfile", filepath.Join(dir, "docker", "Dockerfile")} {
		c, m := read(t, filepath.Join(dir, "ctx"), spelled)
		files := sent(t, c, m)
		want := map[string]string{"Dockerfile": "inside", "a": "a", c.Dockerfile(): "outside", ".dockerignore": "x\n" + c.Dockerfile() + "\n"}
		if diff := cmp.Diff(want, files); diff != "" {
			t.Errorf("%s: stream (-want +got):\n%s", spelled, diff)
		}
		if got := len(m.Fold(512)); got != 4 {
			t.Errorf("%s: manifest has %d entries, want 4: %v", spelled, got, names(m.Fold(512)))
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{"file": "", "ok/x": "", "folder/Dockerfile/": "", "bad/Dockerfile": "", "bad/.dockerignore": "[\n"})
	for _, c := range []struct{ dir, dockerfile, field string }{
		{"missing", "", "context"}, {"file", "", "context"}, {"ok", "", "dockerfile"}, {"ok", "y/D", "dockerfile"},
		{"folder", "", "dockerfile"}, {"bad", "", "context"},
	} {
		_, err := buildcontext.Open(filepath.Join(dir, c.dir), c.dockerfile)
		var input *buildcontext.InputError
		if !errors.As(err, &input) || input.Field != c.field || !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("Open(%q, %q) = %v, want an error of field %s", c.dir, c.dockerfile, err, c.field)
		}
	}
}

func TestHashCovers(t *testing.T) {
	t.Parallel()
	files := map[string]string{"Dockerfile": "F", "src/a": "one", "link": "-> src/a"}
	base := tree(t, files)
	_, before := read(t, base, "")
	_, copied := read(t, tree(t, files), "")
	if before.Digest() != copied.Digest() || !cmp.Equal(before.Fold(512), copied.Fold(512)) {
		t.Error("two equal trees differ")
	}
	for name, c := range map[string]struct {
		change func(dir string) error
		want   string
	}{
		"content":   {func(dir string) error { return os.WriteFile(filepath.Join(dir, "src/a"), []byte("two"), 0o644) }, "src/a changed"},
		"mode":      {func(dir string) error { return os.Chmod(filepath.Join(dir, "src/a"), 0o755) }, "src/a changed"},
		"directory": {func(dir string) error { return os.Chmod(filepath.Join(dir, "src"), 0o700) }, "src/ changed"},
		"link": {func(dir string) error {
			return errors.Join(os.Remove(filepath.Join(dir, "link")), os.Symlink("src", filepath.Join(dir, "link")))
		}, "link changed"},
		"new":     {func(dir string) error { return os.WriteFile(filepath.Join(dir, "b"), nil, 0o644) }, "added b"},
		"gone":    {func(dir string) error { return os.Remove(filepath.Join(dir, "link")) }, "removed link"},
		"renamed": {func(dir string) error { return os.Rename(filepath.Join(dir, "link"), filepath.Join(dir, "l")) }, "added l; removed link"},
		"many": {func(dir string) error {
			var all error
			for i := range 4 {
				all = errors.Join(all, os.WriteFile(filepath.Join(dir, fmt.Sprint("n", i)), nil, 0o644))
			}
			return errors.Join(all, os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("G"), 0o644))
		}, "Dockerfile changed; added n0; added n1; 2 more"},
		"time": {func(dir string) error {
			info, err := os.Stat(base)
			return errors.Join(err, os.Chtimes(filepath.Join(dir, "src/a"), info.ModTime().AddDate(-1, 0, 0), info.ModTime().AddDate(-1, 0, 0)))
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := tree(t, files)
			must(t, c.change(dir))
			_, after := read(t, dir, "")
			if (before.Digest() != after.Digest()) != (c.want != "") {
				t.Error("the digest does not say whether something changed")
			}
			if got := buildcontext.Explain(before.Fold(512), after.Fold(512)); got != c.want && (name != "directory" || got != "added src/") {
				t.Errorf("explained as %q, want %q", got, c.want)
			}
		})
	}
}

func TestChangedWhileSent(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(file string) error{
		"content": func(file string) error { return os.WriteFile(file, []byte("two"), 0o644) },
		"shorter": func(file string) error { return os.WriteFile(file, []byte("1"), 0o644) },
		"longer":  func(file string) error { return os.WriteFile(file, []byte("two and more"), 0o644) },
		"gone":    os.Remove,
	} {
		dir := tree(t, map[string]string{"Dockerfile": "F", "a": "one"})
		c, m := read(t, dir, "")
		must(t, change(filepath.Join(dir, "a")))
		if err := c.Tar(t.Context(), m, io.Discard); !errors.Is(err, errs.ErrConflict) {
			t.Errorf("%s: Tar = %v, want a conflict", name, err)
		}
	}
}
