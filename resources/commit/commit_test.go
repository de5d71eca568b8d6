package commit

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/image"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/resources/contract"
)

var _ API = (*client.Client)(nil)

// engine has one image name per commit and writes down the calls that are not plain reads of an image.
type engine struct {
	containers map[string]string // name -> id
	names      map[string]string // image name -> id
	images     map[string]image.InspectResponse
	bare       bool // the commit call answers without the id's algorithm, as podman does
	used       bool
	last       moby.ContainerCommitOptions
	calls      []string
}

func newEngine() *engine {
	return &engine{containers: map[string]string{"c": "id1"}, names: map[string]string{}, images: map[string]image.InspectResponse{}}
}

func (e *engine) ContainerInspect(_ context.Context, name string, _ moby.ContainerInspectOptions) (moby.ContainerInspectResult, error) {
	e.calls = append(e.calls, "inspect "+name)
	for n, id := range e.containers {
		if n == name || id == name {
			return moby.ContainerInspectResult{Container: container.InspectResponse{ID: id}}, nil
		}
	}
	return moby.ContainerInspectResult{}, fmt.Errorf("no such container: %s: %w", name, errs.ErrNotFound)
}

func (e *engine) ContainerCommit(_ context.Context, id string, o moby.ContainerCommitOptions) (moby.ContainerCommitResult, error) {
	e.calls = append(e.calls, "commit "+id+" "+o.Reference)
	e.last = o
	made := fmt.Sprintf("sha256:%d", len(e.images)+1)
	e.images[made] = image.InspectResponse{ID: made, Comment: o.Comment, Author: o.Author}
	e.names[o.Reference] = made
	if e.bare {
		return moby.ContainerCommitResult{ID: strings.TrimPrefix(made, "sha256:")}, nil
	}
	return moby.ContainerCommitResult{ID: made}, nil
}

func (e *engine) ImageInspect(_ context.Context, name string, _ ...moby.ImageInspectOption) (moby.ImageInspectResult, error) {
	id, ok := e.names[name]
	if !ok {
		id = name
	}
	found, ok := e.images[id]
	if !ok {
		return moby.ImageInspectResult{}, fmt.Errorf("no such image: %s: %w", name, errs.ErrNotFound)
	}
	for n, i := range e.names {
		if i == id {
			found.RepoTags = append(found.RepoTags, n)
		}
	}
	return moby.ImageInspectResult{InspectResponse: found}, nil
}

func (e *engine) ImageRemove(_ context.Context, name string, o moby.ImageRemoveOptions) (moby.ImageRemoveResult, error) {
	e.calls = append(e.calls, fmt.Sprintf("remove %s force=%t", name, o.Force))
	if e.used && !o.Force {
		return moby.ImageRemoveResult{}, errs.ErrConflict
	}
	delete(e.names, name)
	return moby.ImageRemoveResult{}, nil
}

func (e *engine) taken() string {
	calls := strings.Join(e.calls, "; ")
	e.calls = nil
	return calls
}

func host(t *testing.T) contract.Resource {
	t.Helper()
	r, err := contract.Host(t.Context(), Type{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func object(t *testing.T, r contract.Resource, values map[string]attr.Value) types.Object {
	t.Helper()
	all := r.Node().Empty()
	maps.Copy(all, values)
	o, err := r.Node().Object(all)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func str(s string) attr.Value { return types.StringValue(s) }

func list(words ...string) attr.Value {
	var all []attr.Value
	for _, w := range words {
		all = append(all, str(w))
	}
	return types.ListValueMust(types.StringType, all)
}

func dict(name string, v attr.Value) attr.Value {
	return types.MapValueMust(types.StringType, map[string]attr.Value{name: v})
}

func plan(t *testing.T, r contract.Resource, e *engine, config, observed types.Object) contract.Plan {
	t.Helper()
	if d := r.Validate(t.Context(), config); d.HasError() {
		t.Fatal(d)
	}
	p, err := r.Plan(t.Context(), e, contract.Request{Config: config, Observed: observed})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func changes(all contract.Changes) string {
	var words []string
	for _, c := range all {
		words = append(words, c.Path+" "+c.Effect.String())
	}
	return strings.Join(words, ", ")
}

type config map[string]attr.Value

func (c config) with(name string, v attr.Value) config {
	next := maps.Clone(c)
	next[name] = v
	return next
}

var base = config{"container": str("c"), "repository": str("app"), "message": str("m"), "changes": list("LABEL a=b", `CMD ["x"]`)}

// created commits base and reads it.
func created(t *testing.T, r contract.Resource, e *engine) types.Object {
	t.Helper()
	null := r.Node().Null()
	p := plan(t, r, e, object(t, r, base), null)
	observed, err := r.Create(t.Context(), e, p.Planned)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Check(p.Planned, observed); err != nil {
		t.Error(err)
	}
	if observed, err = r.Read(t.Context(), e, observed); err != nil {
		t.Fatal(err)
	}
	if err := r.Check(p.Planned, observed); err != nil {
		t.Error(err)
	}
	return observed
}

func TestCreate(t *testing.T) {
	t.Parallel()
	for _, bare := range []bool{false, true} {
		r, e := host(t), newEngine()
		e.bare = bare
		observed := created(t, r, e)
		if diff := cmp.Diff("inspect c; commit id1 app:latest", e.taken()); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
		want := moby.ContainerCommitOptions{Reference: "app:latest", Comment: "m", Changes: []string{"LABEL a=b", `CMD ["x"]`}, Config: &container.Config{}}
		if diff := cmp.Diff(want, e.last); diff != "" {
			t.Errorf("options (-want +got):\n%s", diff)
		}
		for name, want := range map[string]string{"id": "app:latest", "name": "app:latest", "image_id": "sha256:1", "container_id": "id1", "message": "m"} {
			if got := observed.Attributes()[name].(types.String).ValueString(); got != want {
				t.Errorf("%s = %q, want %q", name, got, want)
			}
		}
		if p := plan(t, r, e, object(t, r, base), observed); len(p.Changes) > 0 {
			t.Errorf("the next plan is not empty: %s", changes(p.Changes))
		}
	}
}

func TestAgain(t *testing.T) {
	t.Parallel()
	again := "commit id1 app:latest; remove sha256:1 force=false"
	for name, c := range map[string]struct {
		disturb func(e *engine)
		config  config
		plan    string
		unknown bool // image_id in the plan
		calls   string
	}{
		"another container of the name": {func(e *engine) { e.containers["c"] = "id2" }, base, "container_id update", true, "commit id2 app:latest; remove sha256:1 force=false"},
		"container gone":                {func(e *engine) { delete(e.containers, "c") }, base, "", false, ""},
		"same container by id":          {nil, base.with("container", str("id1")), "container update", true, ""},
		"container to come":             {nil, base.with("container", str("later")), "container update", true, "inspect later; commit id3 app:latest; remove sha256:1 force=false"},
		"message":                       {nil, base.with("message", str("n")), "message update", true, again},
		"no message":                    {nil, base.with("message", types.StringNull()), "message update", true, again},
		"author":                        {nil, base.with("author", str("me")), "author update", true, again},
		"changes":                       {nil, base.with("changes", list("LABEL a=c")), "changes update", true, again},
		"trigger":                       {nil, base.with("triggers", dict("a", str("1"))), "triggers update", true, again},
		"unknown trigger":               {nil, base.with("triggers", dict("a", types.StringUnknown())), "container_id update, triggers update", true, "inspect c; " + again},
		"pause":                         {nil, base.with("pause", types.BoolValue(false)), "pause update", false, ""},
		"keep":                          {nil, base.with("keep_locally", types.BoolValue(true)).with("author", str("me")), "author update, keep_locally update", true, "commit id1 app:latest"},
		"repository":                    {nil, base.with("repository", str("other")), "repository replace", true, ""},
		"other spelling":                {nil, base.with("repository", str("docker.io/library/app")), "", false, ""},
		"tag":                           {nil, base.with("tag", str("v1")), "tag replace", true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, e := host(t), newEngine()
			observed := created(t, r, e)
			if c.disturb != nil {
				c.disturb(e)
			}
			p := plan(t, r, e, object(t, r, c.config), observed)
			if diff := cmp.Diff(c.plan, changes(p.Changes)); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
			if got := p.Planned.Attributes()["image_id"].IsUnknown(); got != c.unknown {
				t.Errorf("planned image_id %s", p.Planned.Attributes()["image_id"])
			}
			if len(p.Changes) == 0 || p.Changes.Effect() == contract.Replace {
				return
			}
			e.containers["later"] = "id3"
			e.taken()
			all := p.Planned.Attributes()
			if strings.HasPrefix(name, "unknown") {
				all["triggers"] = dict("a", str("known now"))
			}
			planned := object(t, r, all)
			result, err := r.Update(t.Context(), e, observed, planned, r.Diff(observed, planned, ""))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.calls, e.taken()); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if result, err = r.Read(t.Context(), e, result); err != nil {
				t.Fatal(err)
			}
			if err := r.Check(planned, result); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestContainerKnownLate: the container's id was not known at plan and turns out to be the one that was committed.
func TestContainerKnownLate(t *testing.T) {
	t.Parallel()
	r, e := host(t), newEngine()
	observed := created(t, r, e)
	p := plan(t, r, e, object(t, r, base.with("container", types.StringUnknown())), observed)
	if got := changes(p.Changes); got != "container update, container_id update" {
		t.Errorf("plan: %s", got)
	}
	all := p.Planned.Attributes()
	all["container"] = str("c")
	planned := object(t, r, all)
	e.taken()
	result, err := r.Update(t.Context(), e, observed, planned, r.Diff(observed, planned, ""))
	if err != nil {
		t.Fatal(err)
	}
	if calls := e.taken(); calls != "inspect c" {
		t.Errorf("calls: %s", calls)
	}
	if diff := cmp.Diff(observed.String(), result.String()); diff != "" {
		t.Errorf("(-observed +result):\n%s", diff)
	}
}

func TestMissingContainer(t *testing.T) {
	t.Parallel()
	r, e := host(t), newEngine()
	delete(e.containers, "c")
	_, err := r.Create(t.Context(), e, plan(t, r, e, object(t, r, base), r.Node().Null()).Planned)
	if path, _ := contract.PathOf(err); path != "container" || !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("error %v", err)
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	yes := types.BoolValue(true)
	for name, c := range map[string]struct {
		m     Model
		used  bool
		calls string
		class error
	}{
		"plain":  {Model{}, false, "remove app:v1 force=false", nil},
		"kept":   {Model{KeepLocally: yes}, true, "", nil},
		"in use": {Model{}, true, "remove app:v1 force=false", errs.ErrConflict},
		"forced": {Model{ForceRemove: yes}, true, "remove app:v1 force=true", nil},
	} {
		e := newEngine()
		e.used = c.used
		c.m.Repository, c.m.Tag = types.StringValue("app"), types.StringValue("v1")
		if err := (Type{}).Delete(t.Context(), e, c.m); errs.Class(err) != c.class {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(c.calls, e.taken()); diff != "" {
			t.Errorf("%s: calls (-want +got):\n%s", name, diff)
		}
	}
}

func TestImport(t *testing.T) {
	t.Parallel()
	r, e := host(t), newEngine()
	created(t, r, e)
	imported, err := r.Import(t.Context(), e, "docker.io/library/app")
	if err != nil {
		t.Fatal(err)
	}
	p := plan(t, r, e, object(t, r, base), imported)
	// What no engine reports differs: the container, and what was done to the image's configuration.
	if got := changes(p.Changes); got != "changes update, container update, container_id update" {
		t.Errorf("plan after import: %s", got)
	}
	for id, class := range map[string]error{"gone:1": errs.ErrNotFound, "A B": errs.ErrInvalid, "a@sha256:" + strings.Repeat("ab", 32): errs.ErrInvalid} {
		if _, err := r.Import(t.Context(), e, id); errs.Class(err) != class {
			t.Errorf("%s: %v", id, err)
		}
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	r := host(t)
	for name, c := range map[string]struct {
		config config
		good   bool
	}{
		"base":           {base, true},
		"bad container":  {base.with("container", str("a b")), false},
		"tag inside":     {base.with("repository", str("app:v1")), false},
		"bad tag":        {base.with("tag", str("a/b")), false},
		"FROM":           {base.with("changes", list("FROM x")), false},
		"no instruction": {base.with("changes", list("LABEL")), false},
		"lower case":     {base.with("changes", list("label a=b")), true},
	} {
		if d := r.Validate(t.Context(), object(t, r, c.config)); d.HasError() == c.good {
			t.Errorf("%s: %v", name, d)
		}
	}
}
