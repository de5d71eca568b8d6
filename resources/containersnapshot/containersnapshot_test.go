package containersnapshot

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/image"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/resources/contract"
)

var _ API = (*client.Client)(nil)

// engine has image names and writes down what is done to them.
type engine struct {
	names  map[string]string // name -> id
	prefix string            // how the engine calls a name without a registry
	used   string            // a name that cannot be removed
	calls  []string
}

func newEngine(prefix string) *engine {
	e := &engine{names: map[string]string{}, prefix: prefix}
	for _, name := range []string{"other:20200101-000000.000", "app:latest", "app:20200101", "team/app:20200101-000000.000"} {
		e.names[prefix+name] = "foreign"
	}
	return e
}

func (e *engine) ContainerCommit(_ context.Context, id string, o moby.ContainerCommitOptions) (moby.ContainerCommitResult, error) {
	e.calls = append(e.calls, "commit "+id)
	if id == "gone" {
		return moby.ContainerCommitResult{}, errs.ErrNotFound
	}
	made := fmt.Sprintf("sha256:%d", len(e.names))
	e.names[e.prefix+o.Reference] = made
	return moby.ContainerCommitResult{ID: made}, nil
}

func (e *engine) ImageList(context.Context, moby.ImageListOptions) (moby.ImageListResult, error) {
	e.calls = append(e.calls, "list")
	var all []image.Summary
	for name, id := range e.names { // in no order
		all = append(all, image.Summary{ID: id, RepoTags: []string{name}})
	}
	return moby.ImageListResult{Items: all}, nil
}

func (e *engine) ImageInspect(context.Context, string, ...moby.ImageInspectOption) (moby.ImageInspectResult, error) {
	return moby.ImageInspectResult{}, errs.ErrNotFound
}

func (e *engine) ImageRemove(_ context.Context, name string, _ moby.ImageRemoveOptions) (moby.ImageRemoveResult, error) {
	if name == e.used {
		return moby.ImageRemoveResult{}, errs.ErrConflict
	}
	e.calls = append(e.calls, "remove")
	delete(e.names, e.prefix+name)
	return moby.ImageRemoveResult{}, nil
}

func (e *engine) taken() string {
	calls := strings.Join(e.calls, "; ")
	e.calls = nil
	return calls
}

// snapshots are the names of app with a time, the last one first.
func (e *engine) snapshots() []string {
	var all []string
	for name := range e.names {
		name = strings.TrimPrefix(name, e.prefix)
		if tag, ok := strings.CutPrefix(name, "app:"); ok && tagForm.MatchString(tag) {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	slices.Reverse(all)
	return all
}

type config map[string]attr.Value

func (c config) with(name string, v attr.Value) config {
	next := maps.Clone(c)
	next[name] = v
	return next
}

func trigger(s string) attr.Value {
	return types.MapValueMust(types.StringType, map[string]attr.Value{"t": types.StringValue(s)})
}

var base = config{"container": types.StringValue("c"), "repository": types.StringValue("app"), "triggers": trigger("1"), "keep": types.Int64Value(2)}

type bench struct {
	*testing.T
	contract.Resource
	e *engine
}

func newBench(t *testing.T, prefix string) bench {
	t.Helper()
	r, err := contract.Host(t.Context(), Type{})
	if err != nil {
		t.Fatal(err)
	}
	return bench{t, r, newEngine(prefix)}
}

func (b bench) object(c config) types.Object {
	b.Helper()
	all := b.Node().Empty()
	maps.Copy(all, c)
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

// applied brings the object to a declaration; the result is as planned and has a plan without changes.
func (b bench) applied(c config, observed types.Object) types.Object {
	b.Helper()
	p := b.plan(c, observed)
	var o types.Object
	var err error
	if observed.IsNull() {
		o, err = b.Create(b.Context(), b.e, p.Planned)
	} else {
		o, err = b.Update(b.Context(), b.e, observed, p.Planned, p.Changes)
	}
	if err == nil {
		err = b.Check(p.Planned, o)
	}
	if err == nil {
		o, err = b.Read(b.Context(), b.e, o)
	}
	if err != nil {
		b.Fatal(err)
	}
	if again := b.plan(c, o); len(again.Changes) > 0 {
		b.Errorf("the next plan is not empty: %v", again.Changes)
	}
	var names []string
	for _, v := range o.Attributes()["snapshots"].(types.List).Elements() {
		names = append(names, v.(types.String).ValueString())
	}
	if diff := cmp.Diff(b.e.snapshots(), names); diff != "" {
		b.Errorf("snapshots (-engine +object):\n%s", diff)
	}
	return o
}

func name(o types.Object) string { return o.Attributes()["name"].(types.String).ValueString() }

// TestLife: a trigger takes a snapshot and nothing else does; as many are kept as is declared; images of others stay.
func TestLife(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"", "localhost/"} {
		b := newBench(t, prefix)
		foreign := len(b.e.names)
		o := b.applied(base, b.Node().Null())
		first := name(o)
		if got := b.e.taken(); got != "commit c; list; list" {
			t.Errorf("calls %s", got)
		}
		if o = b.applied(base.with("container", types.StringValue("d")).with("message", types.StringValue("m")), o); name(o) != first {
			t.Error("another container took a snapshot")
		}
		last := first
		for n := 2; n < 5; n++ {
			if o = b.applied(base.with("triggers", trigger(fmt.Sprint(n))), o); name(o) <= last || len(b.e.snapshots()) != 2 {
				t.Errorf("trigger %d: %s after %s, %v", n, name(o), last, b.e.snapshots())
			}
			last = name(o)
		}
		o = b.applied(base.with("triggers", trigger("4")).with("keep", types.Int64Value(1)), o)
		if diff := cmp.Diff([]string{last}, b.e.snapshots()); diff != "" {
			t.Errorf("keep one (-want +got):\n%s", diff)
		}
		if err := b.Delete(t.Context(), b.e, o); err != nil || len(b.e.names) != foreign {
			t.Errorf("%v, left %v", err, b.e.names)
		}
	}
}

// TestLost: the last snapshot was removed by hand; another is taken, and those from before are still looked after.
func TestLost(t *testing.T) {
	t.Parallel()
	b := newBench(t, "")
	b.e.names["app:20200101-000000.000"] = "older"
	o := b.applied(base, b.Node().Null())
	delete(b.e.names, name(o))
	if _, err := b.Read(t.Context(), b.e, o); !errors.Is(err, errs.ErrNotFound) {
		t.Fatalf("read: %v", err)
	}
	b.applied(base, b.Node().Null())
	if got := b.e.snapshots(); len(got) != 2 {
		t.Errorf("snapshots %v", got)
	}
}

func TestInUse(t *testing.T) {
	t.Parallel()
	b := newBench(t, "")
	one := base.with("keep", types.Int64Value(1))
	o := b.applied(one, b.Node().Null())
	b.e.used = name(o)
	ctx, warnings := contract.Collect(t.Context())
	p := b.plan(one.with("triggers", trigger("2")), o)
	o, err := b.Update(ctx, b.e, o, p.Planned, p.Changes)
	if err != nil || len(warnings()) != 1 || len(b.e.snapshots()) != 2 {
		t.Errorf("%v, warnings %q, %v", err, warnings(), b.e.snapshots())
	}
	if err := b.Delete(t.Context(), b.e, o); !errors.Is(err, errs.ErrConflict) || !strings.Contains(err.Error(), "keep_on_destroy") || len(b.e.snapshots()) != 1 {
		t.Errorf("delete: %v, %v", err, b.e.snapshots())
	}
	b.e.used = ""
	b.applied(one.with("triggers", trigger("3")), o)
	if got := b.e.snapshots(); len(got) != 1 {
		t.Errorf("not used any more: %v", got)
	}
}

func TestImport(t *testing.T) {
	t.Parallel()
	b := newBench(t, "")
	if _, err := b.Import(t.Context(), b.e, "app"); !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("none: %v", err)
	}
	o := b.applied(base.with("triggers", trigger("2")), b.applied(base, b.Node().Null()))
	for id, want := range map[string]string{"app": name(o), "docker.io/library/app": name(o), b.e.snapshots()[1]: b.e.snapshots()[1]} {
		if got, err := b.Import(t.Context(), b.e, id); err != nil || name(got) != want {
			t.Errorf("%s: %v, %s", id, err, name(got))
		}
	}
	if _, err := b.Import(t.Context(), b.e, "A b"); !errors.Is(err, errs.ErrInvalid) {
		t.Errorf("bad name: %v", err)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t, "")
	_, err := b.Create(t.Context(), b.e, b.plan(base.with("container", types.StringValue("gone")), b.Node().Null()).Planned)
	if at, _ := contract.PathOf(err); at != "container" || !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("no container: %v", err)
	}
	for what, c := range map[string]config{"keep": base.with("keep", types.Int64Value(0)), "tag": base.with("repository", types.StringValue("app:v1")), "container": base.with("container", types.StringValue("a b"))} {
		if d := b.Validate(t.Context(), b.object(c)); !d.HasError() {
			t.Errorf("%s was taken", what)
		}
	}
	kept := b.applied(base.with("keep_on_destroy", types.BoolValue(true)), b.Node().Null())
	if err := b.Delete(t.Context(), b.e, kept); err != nil || len(b.e.snapshots()) != 1 {
		t.Errorf("kept: %v, %v", err, b.e.snapshots())
	}
}
