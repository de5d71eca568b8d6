//go:build linux

package images

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/image"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/registry"
)

func TestResolve(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registry.Config{})
	ctx := t.Context()
	id := w.made("app", "", "a")
	other := w.made("registry.example.com:5000/team/app", "v1", "b")
	found := map[string]string{
		"app": id, "app:latest": id, "docker.io/library/app": id, "index.docker.io/app:latest": id, id: id, hexOf(id): id, hexOf(id)[:12]: id, "sha256:" + hexOf(id)[:12]: id,
		"registry.example.com:5000/team/app:v1": other,
	}
	for ref, want := range found {
		got, err := w.Resolve(ctx, ref)
		if err != nil || got.ID != want {
			t.Errorf("%s: %s %v", ref, got.ID, err)
		}
	}
	missing := map[string]string{
		"none": "No such image: none:latest", "app:v2": "No such image: app:v2", "": "No such image: ",
		strings.Repeat("0", 64): "No such image: " + strings.Repeat("0", 64), "UPPER": "No such image: UPPER",
		"app@sha256:" + strings.Repeat("0", 64): "No such image: app@sha256:" + strings.Repeat("0", 64),
	}
	for ref, want := range missing {
		_, err := w.Resolve(ctx, ref)
		if !errors.Is(err, errs.ErrNotFound) || withoutClass(err) != want {
			t.Errorf("%q: %v", ref, err)
		}
	}
}

// TestSurvivesRestart: names, parents, sizes and content are on the disk, and a collection takes nothing of them.
func TestSurvivesRestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registry.Config{})
	ctx := t.Context()
	base := w.made("base", "1", "a")
	top := w.built(base, "top", "b")
	must(t, w.Tag(ctx, "top", "other/name", "x", false))
	before, err := w.List(ctx, ListOptions{All: true})
	must(t, err)
	w.close()
	w.open()
	must(t, w.Store.GC(ctx))
	after, err := w.List(ctx, ListOptions{All: true})
	must(t, err)
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("list (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"a", "b"}, w.see("other/name:x")); diff != "" {
		t.Errorf("content (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{top}, w.Children(base)); diff != "" {
		t.Errorf("children (-want +got):\n%s", diff)
	}
	image, err := w.Resolve(ctx, "top")
	if err != nil || image.Parent != base || image.Size != 2 || image.LastTag.IsZero() {
		t.Errorf("%+v %v", image, err)
	}
}

// TestNothingLeft: after the last image the disk is as empty as before the first.
func TestNothingLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registry.Config{})
	ctx := t.Context()
	w.built(w.built(w.made("", "", "a"), "", "b"), "top", "c")
	_, err := w.Remove(ctx, "top", false, false)
	must(t, err)
	must(t, w.Store.GC(ctx))
	for _, pattern := range []string{"store/content/blobs/sha256/*", "store/content/ingest/*", "store/overlay/snapshots/*"} {
		if left, _ := filepath.Glob(filepath.Join(w.root, pattern)); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
	}
	if all, err := w.Store.Leases.List(ctx); err == nil && len(all) > 0 {
		t.Errorf("leases left: %v", all)
	}
}

// TestRunningBuildKeeps: what a build stands on stays, whatever else goes and whoever insists.
func TestRunningBuildKeeps(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registry.Config{})
	ctx := t.Context()
	base := w.made("", "", "a")
	middle := w.built(base, "", "b")
	w.built(middle, "top", "c")
	w.users[byBuilds+middle] = nil
	answer, err := w.Remove(ctx, "top", false, false)
	must(t, err)
	if len(answer) == 0 || w.lookup(middle) == nil || w.lookup(base) == nil {
		t.Errorf("%v", answer)
	}
	if _, err := w.Remove(ctx, middle, true, false); !errors.Is(err, errs.ErrConflict) || !strings.Contains(err.Error(), "a running build") {
		t.Error(err)
	}
	delete(w.users, byBuilds+middle)
	_, err = w.Remove(ctx, middle, false, false)
	must(t, err)
	if w.lookup(middle) != nil || w.lookup(base) != nil {
		t.Error("the images of a build that is over stay")
	}
}

func TestListAndHistory(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registry.Config{})
	ctx := t.Context()
	base := w.made("base", "1", "a")
	middle := w.built(base, "", "b")
	top := w.built(middle, "top", "c")
	dangling := w.made("", "", "d")
	lists := map[string]struct {
		o    ListOptions
		want []string
	}{
		"default":        {ListOptions{}, []string{dangling, top, base}},
		"all":            {ListOptions{All: true}, []string{dangling, top, middle, base}},
		"dangling":       {ListOptions{Filters: map[string][]string{"dangling": {"true"}}}, []string{dangling}},
		"not dangling":   {ListOptions{Filters: map[string][]string{"dangling": {"false"}}}, []string{top, base}},
		"label":          {ListOptions{All: true, Filters: map[string][]string{"label": {"file"}}}, []string{top, middle}},
		"label value":    {ListOptions{All: true, Filters: map[string][]string{"label": {"file=b"}}}, []string{middle}},
		"reference":      {ListOptions{Filters: map[string][]string{"reference": {"b*"}}}, []string{base}},
		"reference tag":  {ListOptions{Filters: map[string][]string{"reference": {"top:latest"}}}, []string{top}},
		"reference none": {ListOptions{Filters: map[string][]string{"reference": {"top:1"}}}, nil},
		"before":         {ListOptions{Filters: map[string][]string{"before": {"top"}}}, []string{base}},
		"since":          {ListOptions{Filters: map[string][]string{"since": {"base:1"}}}, []string{dangling, top}},
		"until":          {ListOptions{Filters: map[string][]string{"until": {"24h"}}}, nil},
	}
	for name, tc := range lists {
		list, err := w.List(ctx, tc.o)
		must(t, err)
		if diff := cmp.Diff(tc.want, ids(list)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for _, bad := range []map[string][]string{{"color": {"red"}}, {"dangling": {"maybe"}}, {"reference": {"[a"}}, {"until": {"when?"}}} {
		if _, err := w.List(ctx, ListOptions{Filters: bad}); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("filter %v: %v", bad, err)
		}
	}
	if _, err := w.List(ctx, ListOptions{Filters: map[string][]string{"before": {"none"}}}); !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("before an image that is not there: %v", err)
	}
	list, err := w.List(ctx, ListOptions{SharedSize: true})
	must(t, err)
	if got := list[1]; got.ID != top || got.Size != 3 || got.SharedSize != 1 {
		t.Errorf("sizes of %+v", got)
	}
	history, err := w.History(ctx, "top")
	must(t, err)
	var steps []string
	for _, h := range history {
		steps = append(steps, h.ID+" "+h.CreatedBy+h.Comment+" "+strings.Join(h.Tags, ","))
	}
	want := []string{top + " make c top:latest", middle + " make b ", base + " Imported from - base:1"}
	if diff := cmp.Diff(want, steps); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
}

func ids(list []image.Summary) []string {
	var all []string
	for _, i := range list {
		all = append(all, i.ID)
	}
	return all
}

func TestTag(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registry.Config{})
	ctx := t.Context()
	a, b := w.made("a", "", "a"), w.made("b", "", "b")
	w.events.take()
	if err := w.Tag(ctx, "a", "b", "", false); !errors.Is(err, errs.ErrConflict) || !strings.HasPrefix(err.Error(), "Conflict: Tag b:latest is already set to image "+hexOf(b)) {
		t.Errorf("a name in use: %v", err)
	}
	must(t, w.Tag(ctx, "b", "b", "latest", false), w.Tag(ctx, a, "b", "latest", true))
	for _, bad := range [][2]string{{"UPPER", ""}, {"a", "bad tag"}, {"", ""}, {"a@sha256:" + strings.Repeat("0", 64), ""}, {"sha256", "x"}, {strings.Repeat("a", 64), ""}} {
		if err := w.Tag(ctx, "a", bad[0], bad[1], false); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("tag %q %q: %v", bad[0], bad[1], err)
		}
	}
	if err := w.Tag(ctx, "none", "x", "", false); !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("tag of nothing: %v", err)
	}
	image, err := w.Resolve(ctx, "b")
	if err != nil || image.ID != a || !cmp.Equal(image.RepoTags, []string{"a:latest", "b:latest"}) {
		t.Errorf("%+v %v", image, err)
	}
	if diff := cmp.Diff([]string{"tag b:latest", "tag b:latest"}, w.events.take()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// TestHostileLayers: whatever an archive says, nothing outside the layer's root is touched.
func TestHostileLayers(t *testing.T) {
	t.Parallel()
	outside := filepath.Join(t.TempDir(), "outside")
	must(t, os.WriteFile(outside, []byte("mine"), 0o644))
	dir := filepath.Dir(outside)
	tests := map[string]struct {
		entries []entry
		bad     bool
		want    []string
	}{
		"dots":                   {entries: []entry{{Name: "../../../../../../../../" + outside}}, want: []string{strings.TrimPrefix(outside, "/")}},
		"absolute":               {entries: []entry{{Name: outside}}, want: []string{strings.TrimPrefix(outside, "/")}},
		"through a link":         {entries: []entry{{Name: "link", Typeflag: '2', Linkname: dir}, {Name: "link/outside"}}, want: []string{"link", strings.TrimPrefix(outside, "/")}},
		"through a relative one": {entries: []entry{{Name: "link", Typeflag: '2', Linkname: "../../../../../../../../.." + dir}, {Name: "link/outside"}}, want: []string{"link", strings.TrimPrefix(outside, "/")}},
		"hard link out":          {entries: []entry{{Name: "hard", Typeflag: '1', Linkname: "../../../../../../../../.." + outside}}, bad: true},
		"hard link through link": {entries: []entry{{Name: "link", Typeflag: '2', Linkname: dir}, {Name: "hard", Typeflag: '1', Linkname: "link/outside"}}, bad: true},
		"whiteout of all":        {entries: []entry{{Name: ".wh..."}}, bad: true},
		"whiteout of itself":     {entries: []entry{{Name: "a/.wh.."}}, bad: true},
		"whiteout out":           {entries: []entry{{Name: "link", Typeflag: '2', Linkname: dir}, {Name: "link/.wh.outside"}}, want: []string{"link"}},
		"overlay attributes":     {entries: []entry{{Name: "d/", PAXRecords: map[string]string{"SCHILY.xattr.trusted.overlay.redirect": dir, "SCHILY.xattr.trusted.overlay.opaque": "y"}}}, want: []string{"d"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, registry.Config{})
			_, err := w.Import(t.Context(), Import{Source: "-", Body: bytes.NewReader(archive(t, tc.entries...)), Repo: "x"}, ignore)
			if tc.bad != (err != nil) {
				t.Errorf("import: %v", err)
			}
			if err == nil {
				got := map[string]bool{}
				for _, path := range w.see("x") {
					got[path] = true
				}
				for _, path := range tc.want {
					if !got[path] {
						t.Errorf("no %s in %v", path, got)
					}
				}
			}
			if got, err := os.ReadFile(outside); err != nil || string(got) != "mine" {
				t.Errorf("outside: %q %v", got, err)
			}
		})
	}
}

// TestBrokenImports: nothing of what cannot be used stays.
func TestBrokenImports(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registry.Config{})
	ctx := t.Context()
	good := archive(t, entry{Name: "a/"}, entry{Name: "a/b"})
	for name, raw := range map[string][]byte{
		"cut": good[:700], "no archive": []byte(strings.Repeat("hello", 300)), "bad gzip": append([]byte{0x1f, 0x8b, 8, 0}, good...),
		"bad zstd": append([]byte{0x28, 0xb5, 0x2f, 0xfd}, good...), "bad xz": append([]byte{0xfd, '7', 'z', 'X', 'Z', 0}, good...),
	} {
		if _, err := w.Import(ctx, Import{Source: "-", Body: bytes.NewReader(raw), Repo: "x"}, ignore); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	bomb := archive(t, entry{Name: "bomb"})[:512]
	copy(bomb[124:136], "\x80\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00") // 1 EiB
	sum := 0
	copy(bomb[148:156], "        ")
	for _, b := range bomb {
		sum += int(b)
	}
	copy(bomb[148:156], fmt.Sprintf("%06o\x00 ", sum))
	_, err := w.Import(ctx, Import{Source: "-", Body: bytes.NewReader(bomb), Repo: "x"}, ignore)
	if loaded := w.Load(ctx, bytes.NewReader(bomb), true, ignore); err == nil || loaded == nil ||
		!strings.Contains(err.Error(), "no space left on device") || !strings.Contains(loaded.Error(), "no space left on device") {
		t.Errorf("a file larger than the disk: %v, %v", err, loaded)
	}
	if _, err := w.Import(ctx, Import{Source: "-", Body: bytes.NewReader(good), Repo: "BAD"}, ignore); !errors.Is(err, errs.ErrInvalid) {
		t.Errorf("a bad name: %v", err)
	}
	if _, err := w.Import(ctx, Import{Source: "file:///etc/passwd"}, ignore); !errors.Is(err, errs.ErrInvalid) {
		t.Errorf("a file of the host: %v", err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := w.Import(cancelled, Import{Source: "-", Body: bytes.NewReader(good), Repo: "x"}, ignore); err == nil {
		t.Error("the client had left, but there is an image")
	}
	list, err := w.List(ctx, ListOptions{All: true})
	if err != nil || len(list) > 0 {
		t.Errorf("images: %v %v", list, err)
	}
	must(t, w.Store.GC(ctx))
	w.nothingLeft(t)
	// An archive whose blobs are fine and whose manifest is not: they go by themselves.
	large := archive(t, entry{Name: "manifest.json"}, entry{Name: "large"})
	large = append(large[:len(large)-1024], bytesLayer(t, make([]byte, 1<<20))...)
	if err := w.Load(ctx, bytes.NewReader(large), true, ignore); err == nil {
		t.Error("no error")
	}
	w.nothingLeft(t)
}

// nothingLeft fails when anything stays in the store; collections take their time.
func (w *world) nothingLeft(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for tick := time.NewTicker(10 * time.Millisecond); ; {
		var left []string
		for _, pattern := range []string{"store/content/blobs/sha256/*", "store/content/ingest/*", "store/overlay/snapshots/*"} {
			found, err := filepath.Glob(filepath.Join(w.root, pattern))
			must(t, err)
			left = append(left, found...)
		}
		if len(left) == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("left: %v", left)
		}
	}
}
