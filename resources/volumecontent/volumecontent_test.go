package volumecontent

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/volume"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/internal/emptyimage"
	"github.com/cleat-dev/cleat/resources/contract"
)

var _ API = (*client.Client)(nil)

type file struct {
	header tar.Header
	text   string
}

// engine has one volume, v, and the containers that reach it; those that run remove what they are told.
type engine struct {
	empty      bool // the empty image is there
	files      map[string]file
	containers map[string]moby.ContainerCreateOptions
	calls      []string
	exit       int64
	failWrite  error
}

func newEngine() *engine {
	return &engine{files: map[string]file{}, containers: map[string]moby.ContainerCreateOptions{}}
}

func (e *engine) call(name string) { e.calls = append(e.calls, name) }

func (e *engine) taken() string {
	calls := strings.Join(e.calls, " ")
	e.calls = nil
	return calls
}

func (e *engine) VolumeInspect(_ context.Context, name string, _ moby.VolumeInspectOptions) (moby.VolumeInspectResult, error) {
	e.call("volume")
	if name != "v" {
		return moby.VolumeInspectResult{}, errs.ErrNotFound
	}
	return moby.VolumeInspectResult{Volume: volume.Volume{Name: name}}, nil
}

func (e *engine) ContainerCreate(_ context.Context, o moby.ContainerCreateOptions) (moby.ContainerCreateResult, error) {
	e.call("create")
	if o.Config.Image == emptyimage.Name && !e.empty || o.Config.Image == "missing" {
		return moby.ContainerCreateResult{}, errs.ErrNotFound
	}
	e.containers[o.Name] = o
	return moby.ContainerCreateResult{ID: o.Name}, nil
}

func (e *engine) ImageLoad(_ context.Context, archive io.Reader, _ ...moby.ImageLoadOption) (moby.ImageLoadResult, error) {
	e.call("load")
	_, err := io.Copy(io.Discard, archive)
	e.empty = true
	return io.NopCloser(strings.NewReader("{}")), err
}

func (e *engine) ImageRemove(context.Context, string, moby.ImageRemoveOptions) (moby.ImageRemoveResult, error) {
	e.call("unload")
	e.empty = false
	return moby.ImageRemoveResult{}, nil
}

func (e *engine) ContainerList(context.Context, moby.ContainerListOptions) (moby.ContainerListResult, error) {
	e.call("list")
	var all []container.Summary
	for id := range e.containers {
		all = append(all, container.Summary{ID: id, Mounts: []container.MountPoint{{Name: "v"}}})
	}
	return moby.ContainerListResult{Items: all}, nil
}

func (e *engine) ContainerStart(_ context.Context, id string, _ moby.ContainerStartOptions) (moby.ContainerStartResult, error) {
	e.call("start")
	for _, name := range e.containers[id].Config.Cmd[3:] {
		delete(e.files, path.Clean(name))
	}
	return moby.ContainerStartResult{}, nil
}

func (e *engine) ContainerWait(context.Context, string, moby.ContainerWaitOptions) moby.ContainerWaitResult {
	e.call("wait")
	result := make(chan container.WaitResponse, 1)
	result <- container.WaitResponse{StatusCode: e.exit}
	return moby.ContainerWaitResult{Result: result, Error: make(chan error)}
}

func (e *engine) ContainerRemove(_ context.Context, id string, _ moby.ContainerRemoveOptions) (moby.ContainerRemoveResult, error) {
	e.call("remove")
	delete(e.containers, id)
	return moby.ContainerRemoveResult{}, nil
}

func (e *engine) CopyToContainer(_ context.Context, _ string, o moby.CopyToContainerOptions) (moby.CopyToContainerResult, error) {
	e.call("put")
	if e.failWrite != nil {
		return moby.CopyToContainerResult{}, e.failWrite
	}
	in := tar.NewReader(o.Content)
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return moby.CopyToContainerResult{}, nil
		}
		if err != nil {
			return moby.CopyToContainerResult{}, err
		}
		text, err := io.ReadAll(in)
		if err != nil {
			return moby.CopyToContainerResult{}, err
		}
		if h.Typeflag == tar.TypeReg {
			e.files[h.Name] = file{*h, string(text)}
		}
	}
}

func (e *engine) CopyFromContainer(context.Context, string, moby.CopyFromContainerOptions) (moby.CopyFromContainerResult, error) {
	e.call("get")
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "cleat-volume/"})
	for _, name := range slices.Sorted(maps.Keys(e.files)) {
		f := e.files[name]
		f.header.Name = "cleat-volume/" + name
		errHeader := w.WriteHeader(&f.header)
		_, errText := io.WriteString(w, f.text)
		err = errors.Join(err, errHeader, errText)
	}
	return moby.CopyFromContainerResult{Content: io.NopCloser(&out)}, errors.Join(err, w.Close())
}

type bench struct {
	*testing.T
	contract.Resource
	e   *engine
	dir string
}

func newBench(t *testing.T) bench {
	t.Helper()
	r, err := contract.Host(t.Context(), Type{})
	if err != nil {
		t.Fatal(err)
	}
	b := bench{t, r, newEngine(), t.TempDir()}
	b.write("a", "1")
	b.write("sub/b", "2")
	return b
}

func (b bench) write(name, text string) {
	b.Helper()
	at := filepath.Join(b.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, []byte(text), 0o644)); err != nil {
		b.Fatal(err)
	}
}

type config map[string]attr.Value

func (b bench) object(values config) types.Object {
	b.Helper()
	all := b.Node().Empty()
	all["volume"], all["source"] = types.StringValue("v"), types.StringValue(b.dir)
	maps.Copy(all, values)
	o, err := b.Node().Object(all)
	if err != nil {
		b.Fatal(err)
	}
	return o
}

func (b bench) plan(c config, observed types.Object) contract.Plan {
	b.Helper()
	p, err := b.Plan(b.Context(), b.e, contract.Request{Config: b.object(c), Observed: observed})
	if err != nil {
		b.Fatal(err)
	}
	return p
}

func (b bench) created(c config) types.Object {
	b.Helper()
	o, err := b.Create(b.Context(), b.e, b.plan(c, b.Node().Null()).Planned)
	if err != nil {
		b.Fatal(err)
	}
	return o
}

func (b bench) read(o types.Object) types.Object {
	b.Helper()
	o, err := b.Read(b.Context(), b.e, o)
	if err != nil {
		b.Fatal(err)
	}
	if len(b.e.containers) > 0 {
		b.Errorf("left: %v", b.e.containers)
	}
	return o
}

// applied plans, updates and returns the changes, the files of the volume and the warnings.
func (b bench) applied(c config, observed types.Object) (changes, files, warned string) {
	b.Helper()
	p := b.plan(c, b.read(observed))
	for _, change := range p.Changes {
		changes += change.Path + " "
	}
	ctx, warnings := contract.Collect(b.Context())
	if len(p.Changes) > 0 {
		o, err := b.Update(ctx, b.e, observed, p.Planned, p.Changes)
		if err != nil {
			b.Fatal(err)
		}
		if again := b.plan(c, b.read(o)); len(again.Changes) > 0 {
			b.Errorf("the next plan is not empty: %v", again.Changes)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b.e.files)) {
		files += name + "=" + b.e.files[name].text + " "
	}
	return changes, files, strings.Join(warnings(), "; ")
}

func TestChanges(t *testing.T) {
	t.Parallel()
	helped := config{"helper_image": types.StringValue("busybox")}
	pruned := config{"helper_image": types.StringValue("busybox"), "prune": types.BoolValue(true)}
	drop := func(b bench) {
		if err := os.Remove(filepath.Join(b.dir, "a")); err != nil {
			b.Fatal(err)
		}
	}
	foreign := func(b bench) {
		b.e.files["foreign"] = file{tar.Header{Typeflag: tar.TypeReg, Name: "foreign", Size: 1}, "f"}
	}
	for name, c := range map[string]struct {
		first, then            config
		disturb                func(b bench)
		changes, files, warned string
	}{
		"nothing":           {nil, nil, func(bench) {}, "", "a=1 sub/b=2 ", ""},
		"source":            {nil, nil, func(b bench) { b.write("a", "new") }, "files ", "a=new sub/b=2 ", ""},
		"drift":             {nil, nil, func(b bench) { delete(b.e.files, "a") }, "files ", "a=1 sub/b=2 ", ""},
		"foreign":           {nil, nil, foreign, "", "a=1 foreign=f sub/b=2 ", ""},
		"foreign, pruned":   {pruned, pruned, foreign, "files ", "a=1 sub/b=2 ", ""},
		"pruned from now":   {helped, pruned, foreign, "prune ", "a=1 sub/b=2 ", ""},
		"dropped":           {helped, helped, drop, "files ", "sub/b=2 ", ""},
		"dropped, no image": {nil, nil, drop, "files ", "a=1 sub/b=2 ", "engines remove no files"},
		"owner":             {nil, config{"uid": types.Int64Value(3)}, func(bench) {}, "files uid ", "a=1 sub/b=2 ", ""},
		"only recorded":     {nil, helped, func(bench) {}, "helper_image ", "a=1 sub/b=2 ", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			o := b.created(c.first)
			c.disturb(b)
			changes, files, warned := b.applied(c.then, o)
			if diff := cmp.Diff([]string{c.changes, c.files}, []string{changes, files}); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if !strings.Contains(warned, c.warned) || (warned == "") != (c.warned == "") {
				t.Errorf("warnings %q", warned)
			}
		})
	}
}

// TestCalls: a plan makes four calls, or one when nobody wants to know of drift.
func TestCalls(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	o := b.created(nil)
	if got, want := b.e.taken(), "volume create load create put remove"; got != want {
		t.Errorf("create: %s, want %s", got, want)
	}
	b.read(o)
	if got, want := b.e.taken(), "volume create get remove"; got != want {
		t.Errorf("read: %s, want %s", got, want)
	}
	trusting := o.Attributes()
	trusting["detect_drift"] = types.BoolValue(false)
	b.read(b.object(trusting))
	if got := b.e.taken(); got != "volume" {
		t.Errorf("without drift: %s", got)
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config config
		files  int
		warned bool
	}{
		"removed":  {config{"helper_image": types.StringValue("busybox")}, 0, false},
		"no image": {nil, 2, true},
		"kept":     {config{"keep_on_destroy": types.BoolValue(true)}, 2, false},
	} {
		b := newBench(t)
		o := b.created(c.config)
		b.e.containers["left by a killed process"] = moby.ContainerCreateOptions{}
		ctx, warnings := contract.Collect(t.Context())
		if err := b.Delete(ctx, b.e, o); err != nil {
			t.Fatal(err)
		}
		if len(b.e.files) != c.files || (len(warnings()) > 0) != c.warned || len(b.e.containers) > 0 || b.e.empty {
			t.Errorf("%s: %d files, warnings %q, containers %v, image %t", name, len(b.e.files), warnings(), b.e.containers, b.e.empty)
		}
	}
}

// TestFailures: whatever fails, no container is left, and the error says what to do.
func TestFailures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config  config
		disturb func(e *engine)
		path    string
	}{
		"no volume":       {config{"volume": types.StringValue("w")}, func(*engine) {}, "volume"},
		"no directory":    {config{"source": types.StringValue("/does/not/exist")}, func(*engine) {}, "source"},
		"no archive":      {config{"source": types.StringNull(), "archive": types.StringValue("/does/not/exist")}, func(*engine) {}, "archive"},
		"write":           {nil, func(e *engine) { e.failWrite = errs.ErrInternal }, ""},
		"no helper image": {config{"helper_image": types.StringValue("missing"), "prune": types.BoolValue(true)}, func(e *engine) { e.files["x"] = file{tar.Header{Typeflag: tar.TypeReg}, ""} }, "helper_image"},
		"helper fails": {config{"helper_image": types.StringValue("busybox"), "prune": types.BoolValue(true)},
			func(e *engine) { e.exit, e.files["x"] = 1, file{tar.Header{Typeflag: tar.TypeReg}, ""} }, "helper_image"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			c.disturb(b.e)
			_, err := b.Create(t.Context(), b.e, b.plan(c.config, b.Node().Null()).Planned)
			if at, _ := contract.PathOf(err); err == nil || at != c.path {
				t.Errorf("error %v at %q, want %q", err, at, c.path)
			}
			if len(b.e.containers) > 0 {
				t.Errorf("left: %v", b.e.containers)
			}
		})
	}
}

func TestImport(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if _, err := b.Import(t.Context(), b.e, "v"); !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("an empty volume: %v", err)
	}
	b.created(nil)
	o, err := b.Import(t.Context(), b.e, "v")
	if err != nil {
		t.Fatal(err)
	}
	if p := b.plan(nil, o); len(p.Changes) != 1 || p.Changes[0].Path != "source" { // which is only recorded
		t.Errorf("plan after import: %v", p.Changes)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for name, c := range map[string]struct {
		config config
		good   bool
	}{
		"base":         {nil, true},
		"two sources":  {config{"archive": types.StringValue("a")}, false},
		"no source":    {config{"source": types.StringNull()}, false},
		"not known":    {config{"source": types.StringUnknown()}, true},
		"prune alone":  {config{"prune": types.BoolValue(true)}, false},
		"prune later":  {config{"prune": types.BoolValue(true), "helper_image": types.StringUnknown()}, true},
		"a bind":       {config{"volume": types.StringValue("/srv")}, false},
		"permissions":  {config{"permissions": types.StringValue("rw")}, false},
		"negative uid": {config{"uid": types.Int64Value(-1)}, false},
	} {
		if d := b.Validate(t.Context(), b.object(c.config)); d.HasError() == c.good {
			t.Errorf("%s: %v", name, d)
		}
	}
}
