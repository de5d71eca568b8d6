package containerfile

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
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
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/internal/containerexec/exectest"
	"github.com/cleat-dev/cleat/resources/contract"
)

var _ API = (*client.Client)(nil)

var idOne, idTwo = strings.Repeat("1", 64), strings.Repeat("2", 64)

// engine has containers by name, each with files by path and directories that exist; its commands are rm and rmdir.
type engine struct {
	*exectest.Engine
	names map[string]string
	files map[string]map[string]tar.Header
	text  map[string]string
	dirs  map[string]bool
	noRm  bool
	calls []string
}

func newEngine() *engine {
	e := &engine{
		names: map[string]string{"c": idOne}, files: map[string]map[string]tar.Header{idOne: {}, idTwo: {}}, text: map[string]string{}, dirs: map[string]bool{"/": true, "/etc": true},
	}
	e.Engine = exectest.New(func(r exectest.Run, _ io.Reader, out io.Writer) int {
		switch {
		case e.noRm:
			fmt.Fprint(out, "exec failed: no rm")
			return 127
		case r.Cmd[0] == "rm":
			for _, name := range r.Cmd[3:] {
				delete(e.files[r.Container], name)
			}
		}
		return 0
	})
	return e
}

func (e *engine) ContainerInspect(_ context.Context, name string, _ moby.ContainerInspectOptions) (moby.ContainerInspectResult, error) {
	e.calls = append(e.calls, "inspect")
	id, ok := e.names[name]
	if !ok {
		return moby.ContainerInspectResult{}, fmt.Errorf("no such container: %s: %w", name, errs.ErrNotFound)
	}
	return moby.ContainerInspectResult{Container: container.InspectResponse{ID: id}}, nil
}

func (e *engine) CopyToContainer(_ context.Context, id string, o moby.CopyToContainerOptions) (moby.CopyToContainerResult, error) {
	e.calls = append(e.calls, "put "+o.DestinationPath)
	if !e.dirs[o.DestinationPath] || e.files[id] == nil {
		return moby.CopyToContainerResult{}, errs.ErrNotFound
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
		content, err := io.ReadAll(in)
		if err != nil {
			return moby.CopyToContainerResult{}, err
		}
		if h.Typeflag != tar.TypeDir {
			name := path.Join(o.DestinationPath, h.Name)
			e.files[id][name], e.text[id+name] = *h, string(content)
		}
	}
}

func (e *engine) CopyFromContainer(_ context.Context, id string, o moby.CopyFromContainerOptions) (moby.CopyFromContainerResult, error) {
	e.calls = append(e.calls, "get "+o.SourcePath)
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	add := func(h tar.Header, name, content string) {
		h.Name, h.Size = name, int64(len(content))
		_ = w.WriteHeader(&h)
		_, _ = io.WriteString(w, content)
	}
	base := path.Base(o.SourcePath)
	for _, name := range slices.Sorted(maps.Keys(e.files[id])) {
		h := e.files[id][name]
		switch rest, inside := strings.CutPrefix(name, o.SourcePath+"/"); {
		case name == o.SourcePath:
			add(h, base, e.text[id+name])
		case inside && out.Len() == 0:
			add(tar.Header{Typeflag: tar.TypeDir}, base+"/", "")
			fallthrough
		case inside:
			add(h, base+"/"+rest, e.text[id+name])
		}
	}
	if out.Len() == 0 {
		return moby.CopyFromContainerResult{}, fmt.Errorf("no such file: %w", errs.ErrNotFound)
	}
	_ = w.Close()
	return moby.CopyFromContainerResult{Content: io.NopCloser(&out)}, nil
}

func (e *engine) taken() string {
	calls := strings.Join(e.calls, "; ")
	e.calls = nil
	return calls
}

type config map[string]attr.Value

func (c config) with(name string, v attr.Value) config {
	next := maps.Clone(c)
	next[name] = v
	return next
}

func str(s string) attr.Value { return types.StringValue(s) }

type bench struct {
	*testing.T
	contract.Resource
	e *engine
}

func newBench(t *testing.T) bench {
	t.Helper()
	r, err := contract.Host(t.Context(), Type{})
	if err != nil {
		t.Fatal(err)
	}
	return bench{t, r, newEngine()}
}

func (b bench) object(values config) types.Object {
	b.Helper()
	all := b.Node().Empty()
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
	p := b.plan(c, b.Node().Null())
	o, err := b.Create(b.Context(), b.e, p.Planned)
	if err != nil {
		b.Fatal(err)
	}
	if err := b.Check(p.Planned, o); err != nil {
		b.Error(err)
	}
	return o
}

func (b bench) read(o types.Object) types.Object {
	b.Helper()
	o, err := b.Read(b.Context(), b.e, o)
	if err != nil {
		b.Fatal(err)
	}
	return o
}

var base = config{"container": str("c"), "path": str("/etc/app"), "content": str("one")}

func changes(all contract.Changes) string {
	var words []string
	for _, c := range all {
		words = append(words, c.Path+" "+c.Effect.String())
	}
	return strings.Join(words, ", ")
}

func TestPlan(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		disturb func(e *engine)
		config  config
		changes string
		calls   string // of the update
	}{
		"same":                 {nil, base, "", ""},
		"by id":                {nil, base.with("container", str(idOne)), "container update", ""},
		"same bytes":           {nil, config{"container": str("c"), "path": str("/etc/app"), "content_base64": str("b25l")}, "content update, content_base64 update", ""},
		"same permissions":     {nil, base.with("permissions", str("0644")), "permissions update", ""},
		"content":              {nil, base.with("content", str("two")), "content update, files update", "put /etc"},
		"owner":                {nil, base.with("uid", types.Int64Value(7)), "files update, uid update", "put /etc"},
		"unknown content":      {nil, base.with("content", types.StringUnknown()), "content update, files update", "put /etc"},
		"path":                 {nil, base.with("path", str("/etc/other")), "path replace", ""},
		"changed behind":       {func(e *engine) { e.text[idOne+"/etc/app"] = "2" }, base, "files update", "put /etc"},
		"another container":    {func(e *engine) { e.names["d"] = idTwo }, base.with("container", str("d")), "container update, container_id update", "put /etc"},
		"container to come":    {func(e *engine) { e.names["d"] = idTwo }, base.with("container", types.StringUnknown()), "container update, container_id update", "inspect; put /etc"},
		"the same, known late": {nil, base.with("container", types.StringUnknown()), "container update, container_id update", "inspect"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			observed := b.created(base)
			if c.disturb != nil {
				c.disturb(b.e)
			}
			b.e.taken()
			observed = b.read(observed)
			if got := b.e.taken(); got != "get /etc/app" {
				t.Errorf("read made calls %s", got)
			}
			p := b.plan(c.config, observed)
			if diff := cmp.Diff(c.changes, changes(p.Changes)); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
			if len(p.Changes) == 0 || p.Changes.Effect() == contract.Replace {
				return
			}
			planned := p.Planned.Attributes()
			if planned["container"].IsUnknown() {
				planned["container"] = str("c")
				if b.e.names["d"] != "" {
					planned["container"] = str("d")
				}
			}
			if planned["content"].IsUnknown() {
				planned["content"] = str("three")
			}
			b.e.taken()
			after := b.object(planned)
			result, err := b.Update(t.Context(), b.e, observed, after, b.Diff(observed, after, ""))
			if err != nil {
				t.Fatal(err)
			}
			if err := b.Check(after, result); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(c.calls, b.e.taken()); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			declared := maps.Clone(c.config)
			declared["container"] = planned["container"]
			if p := b.plan(config(after.Attributes()).declared(declared), b.read(result)); len(p.Changes) > 0 {
				t.Errorf("the next plan is not empty: %s", changes(p.Changes))
			}
		})
	}
}

// declared is a declaration whose unknown values are those of the object.
func (c config) declared(d config) config {
	for name, v := range d {
		if v.IsUnknown() {
			d[name] = c[name]
		}
	}
	return d
}

// TestMissingDirectories: they are made, at the price of a second call.
func TestMissingDirectories(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.created(base.with("path", str("/opt/new/app")))
	if got := b.e.taken(); got != "inspect; put /opt/new; put /" {
		t.Errorf("calls %s", got)
	}
	if b.e.text[idOne+"/opt/new/app"] != "one" {
		t.Errorf("files %v", b.e.text)
	}
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	dir := t.TempDir()
	write := func(name, text string) {
		if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755), os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	write("a", "1")
	write("sub/b", "2")
	c := config{"container": str("c"), "path": str("/etc/tree"), "source": str(dir)}
	o := b.created(c)
	b.e.files[idOne]["/etc/tree/foreign"] = tar.Header{Typeflag: tar.TypeReg}
	if p := b.plan(c, b.read(o)); len(p.Changes) > 0 {
		t.Errorf("a foreign file is a change: %s", changes(p.Changes))
	}
	write("c", "3")
	if err := os.Remove(filepath.Join(dir, "sub", "b")); err != nil {
		t.Fatal(err)
	}
	p := b.plan(c, b.read(o))
	if reason := p.Changes[0].Reason; changes(p.Changes) != "files update" || !strings.Contains(reason, "c") || !strings.Contains(reason, "sub/b") {
		t.Errorf("changes %s: %s", changes(p.Changes), reason)
	}
	b.e.Taken()
	o, err := b.Update(t.Context(), b.e, o, p.Planned, p.Changes)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := b.e.Taken(), idOne+": rm -f -- /etc/tree/sub/b; "+idOne+": rmdir -- /etc/tree/sub"; got != want {
		t.Errorf("commands %s", got)
	}
	write("a", "changed after the plan")
	if _, err := b.Create(t.Context(), b.e, p.Planned); !errors.Is(err, errs.ErrConflict) || !strings.Contains(err.Error(), "plan again") {
		t.Errorf("a source that changed since the plan: %v", err)
	}
	// Without a memory of the names, those of the source are ours.
	forgotten := o.Attributes()
	forgotten["files"] = types.MapNull(types.StringType)
	if got := b.read(b.object(forgotten)).Attributes()["files"].(types.Map).Elements(); len(got) != 2 {
		t.Errorf("files %v", got)
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config  config
		refuse  error
		noRm    bool
		left    bool
		warning string
	}{
		"removed":     {base, nil, false, false, ""},
		"kept":        {base.with("keep_on_destroy", types.BoolValue(true)), nil, false, true, ""},
		"not running": {base, errs.ErrConflict, false, true, "does not run"},
		"no rm":       {base, nil, true, true, "has no rm"},
		"gone":        {base, errs.ErrNotFound, false, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			o := b.created(c.config)
			b.e.Refuse[idOne], b.e.noRm = c.refuse, c.noRm
			ctx, warnings := contract.Collect(t.Context())
			if err := b.Delete(ctx, b.e, o); err != nil {
				t.Fatal(err)
			}
			if _, left := b.e.files[idOne]["/etc/app"]; left != c.left {
				t.Errorf("left: %t", left)
			}
			if got := strings.Join(warnings(), ""); !strings.Contains(got, c.warning) || (got == "") != (c.warning == "") {
				t.Errorf("warnings %q", got)
			}
		})
	}
}

func TestReadAndImport(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	o := b.created(base)
	imported, err := b.Import(t.Context(), b.e, "c:/etc/app")
	if err != nil {
		t.Fatal(err)
	}
	if got := changes(b.plan(base, imported).Changes); got != "content update" { // which is only recorded
		t.Errorf("plan after import: %s", got)
	}
	for _, id := range []string{"c", "c:", ":/a", "c:a", "c:/a/"} {
		if _, err := b.Import(t.Context(), b.e, id); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("import %q: %v", id, err)
		}
	}
	delete(b.e.files[idOne], "/etc/app")
	if _, err := b.Read(t.Context(), b.e, o); !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("gone: %v", err)
	}
	if _, err := b.Read(t.Context(), b.e, b.object(config{"container": types.StringUnknown(), "path": str("/a")})); !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("container not known: %v", err)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for name, c := range map[string]struct {
		config config
		good   bool
	}{
		"base":           {base, true},
		"two contents":   {base.with("source", str("/a")), false},
		"no content":     {base.with("content", types.StringNull()), false},
		"not known":      {base.with("content", types.StringUnknown()), true},
		"relative":       {base.with("path", str("a")), false},
		"root":           {base.with("path", str("/")), false},
		"slash":          {base.with("path", str("/a/")), false},
		"dots":           {base.with("path", str("/a/../b")), false},
		"permissions":    {base.with("permissions", str("rw-r--r--")), false},
		"base64":         {config{"container": str("c"), "path": str("/a"), "content_base64": str("***")}, false},
		"negative owner": {base.with("uid", types.Int64Value(-1)), false},
	} {
		if d := b.Validate(t.Context(), b.object(c.config)); d.HasError() == c.good {
			t.Errorf("%s: %v", name, d)
		}
	}
	if _, err := b.Plan(t.Context(), b.e, contract.Request{Config: b.object(base), Observed: b.Node().Null(), APIVersion: "1.19"}); !errors.Is(err, errs.ErrInvalid) {
		t.Errorf("on 1.19: %v", err)
	}
}

func TestBatches(t *testing.T) {
	t.Parallel()
	var names []string
	for i := range 3000 {
		names = append(names, fmt.Sprintf("/%s/%d", strings.Repeat("x", 50), i))
	}
	got := batches(names)
	for _, batch := range got {
		if n := len(strings.Join(batch, " ")); n > removeBytes {
			t.Errorf("a batch of %d bytes", n)
		}
	}
	if diff := cmp.Diff(names, slices.Concat(got...)); diff != "" || len(got) < 2 {
		t.Errorf("%d batches, -want +got:\n%s", len(got), diff)
	}
}
