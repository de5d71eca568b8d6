//go:build linux

package volumes_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"
	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/api/types/volume"
	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/event"
	"github.com/cleat-dev/cleat/daemon/metadata"
	"github.com/cleat-dev/cleat/daemon/volumes"
)

// world is a daemon that can be started again on the same disk.
type world struct {
	*volumes.Service
	dir string
	db  *metadata.DB
	bus *event.Bus
}

func start(t testing.TB, dir string) *world {
	t.Helper()
	db, err := metadata.Open(filepath.Join(dir, "db"))
	if err != nil {
		t.Fatal(err)
	}
	bus, err := event.Open(db, 1000)
	if err != nil {
		t.Fatal(err)
	}
	s, err := volumes.New(t.Context(), volumes.Config{Root: filepath.Join(dir, "volumes"), DB: db, Events: bus, Log: hclog.NewNullLogger()})
	if err != nil {
		t.Fatal(err)
	}
	return &world{Service: s, dir: dir, db: db, bus: bus}
}

func begin(t testing.TB) *world {
	t.Helper()
	w := start(t, t.TempDir())
	t.Cleanup(func() {
		if err := w.db.Close(); err != nil {
			t.Error(err)
		}
		unmountAll(t, w.dir)
	})
	return w
}

func unmountAll(t testing.TB, dir string) {
	t.Helper()
	mounts, err := mountinfo.GetMounts(mountinfo.PrefixFilter(dir))
	if err != nil {
		t.Error(err)
	}
	for _, m := range mounts {
		if err := unix.Unmount(m.Mountpoint, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	}
}

// again starts the daemon again, with the containers that exist and run.
func (w *world) again(t testing.TB, exist, run []string) *world {
	t.Helper()
	if err := w.db.Close(); err != nil {
		t.Fatal(err)
	}
	*w = *start(t, w.dir)
	err := w.Reconcile(t.Context(), func(id string) bool { return slices.Contains(exist, id) }, func(id string) bool { return slices.Contains(run, id) })
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// told lists the events until now.
func (w *world) told(t testing.TB) []string {
	t.Helper()
	var list []string
	for m := range w.bus.Subscribe(t.Context(), time.Unix(0, 1), time.Now().Add(-1), nil) {
		list = append(list, string(m.Action)+" "+m.Actor.ID+" "+m.Actor.Attributes["container"])
		if m.Type != events.VolumeEventType || m.Action != events.ActionPrune && m.Actor.Attributes["driver"] != "local" {
			t.Errorf("event %+v", m)
		}
	}
	return list
}

func must[T any](t testing.TB) func(v T, err error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func (w *world) create(t testing.TB, name string, options, labels map[string]string) volume.Volume {
	t.Helper()
	return must[volume.Volume](t)(w.Create(t.Context(), name, "", options, labels))
}

func names(list []volume.Volume) []string {
	out := []string{}
	for _, v := range list {
		out = append(out, v.Name)
	}
	return out
}

func (w *world) names(t testing.TB, filters map[string][]string) []string {
	t.Helper()
	return names(must[volume.ListResponse](t)(w.List(filters)).Volumes)
}

func TestLife(t *testing.T) {
	t.Parallel()
	w := begin(t)
	v := w.create(t, "data", nil, map[string]string{"a": "b"})
	want := volume.Volume{
		Name: "data", Driver: "local", Scope: "local", Labels: map[string]string{"a": "b"}, CreatedAt: v.CreatedAt,
		Mountpoint: filepath.Join(w.dir, "volumes/data/_data"),
	}
	if diff := cmp.Diff(want, v); diff != "" {
		t.Error(diff)
	}
	if _, err := time.Parse(time.RFC3339, v.CreatedAt); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(v, w.create(t, "data", nil, map[string]string{"other": "label"})); diff != "" {
		t.Error("the second creation made another volume:", diff)
	}
	for _, name := range []string{"data", "data", "none"} {
		if err := w.Use(name, "c1"); (err != nil) != (name == "none") {
			t.Error(err)
		}
	}
	if err := w.Use("data", "c2"); err != nil {
		t.Error(err)
	}
	err := w.Remove(t.Context(), "data", true)
	if !errors.Is(err, errs.ErrConflict) || !strings.HasPrefix(err.Error(), "remove data: volume is in use - [c1 c2]") {
		t.Error(err)
	}
	if diff := cmp.Diff(v, must[volume.Volume](t)(w.again(t, []string{"c1", "c2"}, nil).Inspect("data"))); diff != "" {
		t.Error(diff)
	}
	for _, id := range []string{"c1", "c1", "c2", "c3"} {
		if err := w.Release(id); err != nil {
			t.Error(err)
		}
	}
	if err := w.Remove(t.Context(), "data", false); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(w.dir, "volumes/data")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if err := w.Remove(t.Context(), "data", false); !errors.Is(err, errs.ErrNotFound) || !strings.HasPrefix(err.Error(), "get data: no such volume") {
		t.Error(err)
	}
	if err := w.Remove(t.Context(), "data", true); err != nil {
		t.Error(err)
	}
	if _, err := w.Inspect("data"); !errors.Is(err, errs.ErrNotFound) {
		t.Error(err)
	}
	if _, err := w.Path("data"); !errors.Is(err, errs.ErrNotFound) {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"create data ", "destroy data "}, w.told(t)); diff != "" {
		t.Error(diff)
	}
}

func TestAnonymous(t *testing.T) {
	t.Parallel()
	w := begin(t)
	a, b := w.create(t, "", nil, nil), w.create(t, "", nil, map[string]string{"x": ""})
	if len(a.Name) != 64 || a.Name == b.Name {
		t.Error(a.Name, b.Name)
	}
	if diff := cmp.Diff(map[string]string{"com.docker.volume.anonymous": "", "x": ""}, b.Labels); diff != "" {
		t.Error(diff)
	}
}

func TestBadRequests(t *testing.T) {
	t.Parallel()
	w := begin(t)
	for _, c := range []struct {
		name, driver string
		options      map[string]string
		class        error
		text         string
	}{
		{"x", "", nil, errs.ErrInvalid, "too short"},
		{"a/b", "", nil, errs.ErrInvalid, "includes invalid characters"},
		{"..", "", nil, errs.ErrInvalid, "includes invalid characters"},
		{"-ab", "", nil, errs.ErrInvalid, "includes invalid characters"},
		{strings.Repeat("n", 256), "", nil, errs.ErrInvalid, "longer"},
		{"ok", "nfs-plugin", nil, errs.ErrNotFound, `plugin "nfs-plugin" not found`},
		{"ok", "", map[string]string{"o": "bind"}, errs.ErrInvalid, `missing required option: "device"`},
		{"ok", "", map[string]string{"device": "/x"}, errs.ErrInvalid, `missing required option: "type"`},
		{"ok", "", map[string]string{"colour": "red"}, errs.ErrInvalid, `invalid option: "colour"`},
		{"ok", "", map[string]string{"size": "1g"}, errs.ErrInvalid, "quota"},
	} {
		_, err := w.Create(t.Context(), c.name, c.driver, c.options, nil)
		if !errors.Is(err, c.class) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%q %v: %v", c.name, c.options, err)
		}
	}
	for _, filters := range []map[string][]string{{"colour": {"red"}}, {"dangling": {"perhaps"}}, {"dangling": {"true", "false"}}} {
		if _, err := w.List(filters); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%v: %v", filters, err)
		}
	}
	if _, err := w.Prune(t.Context(), map[string][]string{"until": {"1h"}}); !errors.Is(err, errs.ErrInvalid) {
		t.Error(err)
	}
	if left := w.names(t, nil); len(left) > 0 {
		t.Error(left)
	}
	if list, err := os.ReadDir(filepath.Join(w.dir, "volumes")); err != nil || len(list) > 0 {
		t.Error(list, err)
	}
}

func TestFiltersAndPrune(t *testing.T) {
	t.Parallel()
	w := begin(t)
	w.create(t, "web-data", nil, map[string]string{"app": "web", "keep": ""})
	w.create(t, "db-data", nil, map[string]string{"app": "db"})
	w.create(t, "cache", nil, nil)
	anonymous := w.create(t, "", nil, map[string]string{"app": "web"}).Name
	used := w.create(t, "", nil, nil).Name
	if err := w.Use(used, "c"); err != nil {
		t.Fatal(err)
	}
	sorted := func(list ...string) []string { slices.Sort(list); return list }
	for _, c := range []struct {
		filters map[string][]string
		want    []string
	}{
		{nil, sorted("web-data", "db-data", "cache", anonymous, used)},
		{map[string][]string{"name": {"data"}}, []string{"db-data", "web-data"}},
		{map[string][]string{"name": {"^cache$", "^db"}}, []string{"cache", "db-data"}},
		{map[string][]string{"name": {"[cache"}}, []string{}},
		{map[string][]string{"label": {"app=web"}}, sorted("web-data", anonymous)},
		{map[string][]string{"label": {"app", "keep"}}, []string{"web-data"}},
		{map[string][]string{"dangling": {"false"}}, []string{used}},
		{map[string][]string{"dangling": {"true"}, "name": {"c"}, "label": {"app"}, "driver": {"local"}}, slices.DeleteFunc([]string{anonymous}, func(s string) bool { return !strings.Contains(s, "c") })},
		{map[string][]string{"driver": {"other"}}, []string{}},
	} {
		if diff := cmp.Diff(c.want, w.names(t, c.filters)); diff != "" {
			t.Errorf("%v: %s", c.filters, diff)
		}
	}
	if err := os.WriteFile(filepath.Join(w.dir, "volumes", anonymous, "_data/f"), make([]byte, 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(filepath.Join(w.dir, "volumes", anonymous, "_data/f"), filepath.Join(w.dir, "volumes", anonymous, "_data/g")); err != nil {
		t.Fatal(err)
	}
	for i, v := range must[[]volume.Volume](t)(w.Usage(t.Context())) {
		if want := (volume.UsageData{RefCount: map[string]int64{used: 1}[v.Name], Size: map[string]int64{anonymous: 1000}[v.Name]}); *v.UsageData != want {
			t.Errorf("%d %s: %+v", i, v.Name, v.UsageData)
		}
	}
	prune := must[volume.PruneReport](t)
	if diff := cmp.Diff(volume.PruneReport{VolumesDeleted: []string{anonymous}, SpaceReclaimed: 1000}, prune(w.Prune(t.Context(), nil))); diff != "" {
		t.Error(diff)
	}
	all := map[string][]string{"all": {"true"}, "label!": {"app=db"}, "label": {"app"}}
	if diff := cmp.Diff(volume.PruneReport{VolumesDeleted: []string{"web-data"}}, prune(w.Prune(t.Context(), all))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(sorted("cache", "db-data", used), w.names(t, nil)); diff != "" {
		t.Error(diff)
	}
	w.create(t, "elsewhere", map[string]string{"type": "tmpfs", "device": "tmpfs"}, nil)
	if diff := cmp.Diff([]string{"cache", "db-data"}, prune(w.Prune(t.Context(), map[string][]string{"all": {"true"}})).VolumesDeleted); diff != "" {
		t.Errorf("a volume with options stays: %s", diff)
	}
}

func isMounted(t testing.TB, path string) bool {
	t.Helper()
	ok, err := mountinfo.Mounted(path)
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

func TestOptionsMount(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	w := begin(t)
	source := t.TempDir()
	if err := os.WriteFile(filepath.Join(source, "f"), []byte("host"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.create(t, "bound", map[string]string{"type": "none", "o": "bind,ro", "device": source}, nil)
	v := w.create(t, "memory", map[string]string{"type": "tmpfs", "o": "size=1m,mode=1770", "device": "tmpfs"}, nil)
	if isMounted(t, v.Mountpoint) {
		t.Error("mounted before anybody uses it")
	}
	for _, id := range []string{"c1", "c2"} {
		if got, err := w.Mount(t.Context(), "memory", volumes.Mounting{ContainerID: id, Destination: "/m", ReadWrite: true}); err != nil || got != v.Mountpoint {
			t.Error(got, err)
		}
	}
	info, err := os.Stat(v.Mountpoint)
	if err != nil || info.Mode().Perm() != 0o770 || !isMounted(t, v.Mountpoint) {
		t.Error(info, err)
	}
	path, err := w.Path("bound")
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(path, "f")); err != nil || string(b) != "host" {
		t.Error(string(b), err)
	}
	if err := os.WriteFile(filepath.Join(path, "new"), nil, 0o600); !errors.Is(err, unix.EROFS) {
		t.Error(err)
	}
	w.again(t, []string{"c1", "c2"}, []string{"c2"}) // c1 has died meanwhile
	if !isMounted(t, v.Mountpoint) || isMounted(t, path) {
		t.Error("wrong mounts after a restart")
	}
	if err := w.Unmount("c2"); err != nil || isMounted(t, v.Mountpoint) {
		t.Error("still mounted without a running container", err)
	}
	unmountAll(t, w.dir)
	if _, err := w.Mount(t.Context(), "memory", volumes.Mounting{ContainerID: "c1"}); err != nil {
		t.Error(err)
	}
	unmountAll(t, w.dir) // the host is started again
	w.again(t, []string{"c1", "c2"}, []string{"c1"})
	if !isMounted(t, v.Mountpoint) {
		t.Error("not mounted after a reboot")
	}
	w.again(t, nil, nil)
	if isMounted(t, v.Mountpoint) {
		t.Error("still mounted without containers")
	}
	if _, err := w.Path("bound"); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"bound", "memory"} {
		if err := w.Remove(t.Context(), name, false); err != nil {
			t.Error(err)
		}
	}
	if b, err := os.ReadFile(filepath.Join(source, "f")); err != nil || string(b) != "host" {
		t.Error("removing the volume removed what was mounted:", string(b), err)
	}
	want := []string{"create bound ", "create memory ", "mount memory c1", "mount memory c2", "unmount memory c2", "mount memory c1", "destroy bound ", "destroy memory "}
	if diff := cmp.Diff(want, w.told(t)); diff != "" {
		t.Error(diff)
	}
	w.create(t, "broken", map[string]string{"type": "none", "o": "bind", "device": "/nowhere"}, nil)
	if _, err := w.Path("broken"); err == nil || !strings.Contains(err.Error(), "broken/_data': failed to mount local volume: mount /nowhere") {
		t.Error(err)
	}
}

func TestCopyUp(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("owners can be set by root only")
	}
	w := begin(t)
	image := t.TempDir()
	for _, err := range []error{
		os.MkdirAll(filepath.Join(image, "a/b"), 0o755),
		os.WriteFile(filepath.Join(image, "a/b/f"), []byte("content"), 0o640),
		os.Chown(filepath.Join(image, "a/b/f"), 70, 71),
		os.Symlink("/etc/passwd", filepath.Join(image, "l")),
		os.Chown(image, 33, 34),
		os.Chmod(image, 0o750|fs.ModeSticky),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	v := w.create(t, "data", nil, nil)
	for range 2 {
		if err := w.CopyUp(t.Context(), "data", image); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(filepath.Join(v.Mountpoint, "a/b/f")); err != nil || string(b) != "content" {
			t.Error(string(b), err)
		}
		if err := os.WriteFile(filepath.Join(image, "a/b/f"), []byte("changed"), 0o640); err != nil { // is not copied again
			t.Fatal(err)
		}
	}
	var st unix.Stat_t
	if err := unix.Stat(v.Mountpoint, &st); err != nil || st.Uid != 33 || st.Gid != 34 || st.Mode&0o7777 != 0o1750 {
		t.Errorf("%+v %v", st, err)
	}
	if err := unix.Stat(filepath.Join(v.Mountpoint, "a/b/f"), &st); err != nil || st.Uid != 70 || st.Gid != 71 || st.Mode&0o7777 != 0o640 {
		t.Errorf("%+v %v", st, err)
	}
	// An empty folder of the image gives its owner and mode.
	bare := t.TempDir()
	if err := errors.Join(os.Chown(bare, 5, 6), os.Chmod(bare, 0o700)); err != nil {
		t.Fatal(err)
	}
	v = w.create(t, "bare", nil, nil)
	if err := w.CopyUp(t.Context(), "bare", bare); err != nil {
		t.Fatal(err)
	}
	if err := unix.Stat(v.Mountpoint, &st); err != nil || st.Uid != 5 || st.Mode&0o7777 != 0o700 {
		t.Errorf("%+v %v", st, err)
	}
	if err := w.CopyUp(t.Context(), "bare", "/nowhere"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	// What a failed copy leaves is removed.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.CopyUp(ctx, "bare", image); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if list, err := os.ReadDir(v.Mountpoint); err != nil || len(list) > 0 {
		t.Error(list, err)
	}
}

// Whatever was under way when the daemon was killed is ended at its next start.
func TestCrash(t *testing.T) {
	t.Parallel()
	w := begin(t)
	record := func(name, extra string) {
		t.Helper()
		type raw = map[string]any
		table := must[*metadata.Table[raw]](t)(metadata.NewTable[raw](w.db, "volumes"))
		r := raw{"Name": name, "Created": "2026-11-22T07:00:00Z"}
		if extra != "" {
			r[extra] = true
		}
		if extra == "Users" {
			r[extra] = []string{"dead", "live"}
		}
		if err := table.Put(name, r); err != nil {
			t.Fatal(err)
		}
	}
	folder := func(name string) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(filepath.Join(w.dir, "volumes", name, "_data"), 0o755),
			os.WriteFile(filepath.Join(w.dir, "volumes", name, "_data/f"), []byte("x"), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	record("creating", "")
	record("removing", "Removing")
	folder("removing")
	record("removed", "Removing")
	record("filling", "Filling")
	folder("filling")
	record("used", "Users")
	folder("used")
	folder("restored")
	if err := os.MkdirAll(filepath.Join(w.dir, "volumes/no-volume"), 0o700); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		w.again(t, []string{"live"}, []string{"live"})
		if diff := cmp.Diff([]string{"creating", "filling", "restored", "used"}, w.names(t, nil)); diff != "" {
			t.Error(diff)
		}
		var files []string
		for _, name := range w.names(t, nil) {
			list, err := os.ReadDir(filepath.Join(w.dir, "volumes", name, "_data"))
			if err != nil {
				t.Error(err)
			}
			for _, f := range list {
				files = append(files, name+"/"+f.Name())
			}
		}
		if diff := cmp.Diff([]string{"restored/f", "used/f"}, files); diff != "" {
			t.Error(diff)
		}
	}
	if err := w.Remove(t.Context(), "used", false); err == nil || !strings.Contains(err.Error(), "[live]") {
		t.Error(err)
	}
	if err := w.Release("live"); err != nil {
		t.Error(err)
	}
	if err := w.Remove(t.Context(), "used", false); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"creating", "filling", "restored"}, w.again(t, nil, nil).names(t, nil)); diff != "" {
		t.Error(diff)
	}
}

// Many at once of one name: one volume at a time, all errors documented ones, nothing left.
func TestConcurrency(t *testing.T) {
	t.Parallel()
	w := begin(t)
	var group sync.WaitGroup
	for n := range 16 {
		group.Go(func() {
			id := string(rune('a' + n))
			for range 20 {
				if _, err := w.Create(t.Context(), "one", "", nil, nil); err != nil && !errors.Is(err, errs.ErrConflict) {
					t.Error(err)
				}
				if err := w.Use("one", id); err == nil {
					if _, err := os.Stat(filepath.Join(w.dir, "volumes/one/_data")); err != nil {
						t.Error("a volume in use is gone:", err)
					}
				} else if !errors.Is(err, errs.ErrNotFound) {
					t.Error(err)
				}
				if err := w.Release(id); err != nil {
					t.Error(err)
				}
				if err := w.Remove(t.Context(), "one", false); err != nil && !errors.Is(err, errs.ErrNotFound) && !errors.Is(err, errs.ErrConflict) {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if err := w.Remove(t.Context(), "one", true); err != nil {
		t.Error(err)
	}
	if list, err := os.ReadDir(filepath.Join(w.dir, "volumes")); err != nil || len(list) > 0 {
		t.Error(list, err)
	}
	exists := false
	for _, e := range w.told(t) {
		if e == "create one " == exists || e == "destroy one " != exists {
			t.Fatalf("%q when the volume existed: %v", e, exists)
		}
		exists = !exists
	}
}
