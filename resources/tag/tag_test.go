package tag

import (
	"context"
	"errors"
	"fmt"
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

// engine is an engine of names that writes down the calls that change it.
type engine struct {
	names map[string]string // name -> id
	used  bool              // containers use every image
	calls []string
}

func (e *engine) find(name string) (string, error) {
	for n, id := range e.names {
		if n == name || id == name {
			return id, nil
		}
	}
	return "", fmt.Errorf("no such image: %s: %w", name, errs.ErrNotFound)
}

func (e *engine) ImageInspect(_ context.Context, name string, _ ...moby.ImageInspectOption) (moby.ImageInspectResult, error) {
	id, err := e.find(name)
	return moby.ImageInspectResult{InspectResponse: image.InspectResponse{ID: id}}, err
}

func (e *engine) ImageTag(_ context.Context, o moby.ImageTagOptions) (moby.ImageTagResult, error) {
	e.calls = append(e.calls, "tag "+o.Source+" "+o.Target)
	id, err := e.find(o.Source)
	if err == nil {
		e.names[o.Target] = id
	}
	return moby.ImageTagResult{}, err
}

func (e *engine) ImageRemove(_ context.Context, name string, o moby.ImageRemoveOptions) (moby.ImageRemoveResult, error) {
	e.calls = append(e.calls, fmt.Sprintf("remove %s force=%t", name, o.Force))
	if e.used {
		return moby.ImageRemoveResult{}, errs.ErrConflict
	}
	delete(e.names, name)
	return moby.ImageRemoveResult{}, nil
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
	for name, v := range values {
		all[name] = v
	}
	o, err := r.Node().Object(all)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func str(s string) attr.Value { return types.StringValue(s) }

func triggers(all ...attr.Value) attr.Value { return types.SetValueMust(types.StringType, all) }

func TestLife(t *testing.T) {
	t.Parallel()
	type config = map[string]attr.Value
	base := config{"source_image": str("app:1"), "target_image": str("app:stable")}
	with := func(name string, v attr.Value) config {
		c := config{}
		for n, v := range base {
			c[n] = v
		}
		c[name] = v
		return c
	}
	for name, c := range map[string]struct {
		disturb func(e *engine)
		config  config
		plan    string // changes
		id      string // planned source_image_id, "?" for unknown
		calls   string
		target  string // what the target stands for afterwards
	}{
		"nothing":           {nil, base, "", "sha256:1", "", "sha256:1"},
		"source moved":      {func(e *engine) { e.names["app:1"] = "sha256:2" }, base, "source_image_id update (image)", "sha256:2", "tag sha256:2 app:stable", "sha256:2"},
		"target moved":      {func(e *engine) { e.names["app:stable"] = "sha256:2" }, base, "source_image_id update (image)", "sha256:1", "tag sha256:1 app:stable", "sha256:1"},
		"source gone":       {func(e *engine) { delete(e.names, "app:1") }, base, "", "sha256:1", "", "sha256:1"},
		"other spelling":    {nil, with("source_image", str("docker.io/library/app:1")), "", "sha256:1", "", "sha256:1"},
		"other source":      {nil, with("source_image", str("app:2")), "source_image update (configuration), source_image_id update (image)", "sha256:2", "tag sha256:2 app:stable", "sha256:2"},
		"source to come":    {nil, with("source_image", str("later")), "source_image update (configuration)", "?", "tag later app:stable", ""},
		"trigger":           {nil, with("tag_triggers", triggers(str("x"))), "tag_triggers update (configuration)", "sha256:1", "tag sha256:1 app:stable", "sha256:1"},
		"unknown trigger":   {nil, with("tag_triggers", triggers(types.StringUnknown())), "source_image_id update (image), tag_triggers update (configuration)", "?", "tag app:1 app:stable", "sha256:1"},
		"target elsewhere":  {nil, with("target_image", str("app:beta")), "target_image replace (configuration)", "sha256:1", "", ""},
		"same target again": {nil, with("target_image", str("docker.io/library/app:stable")), "", "sha256:1", "", "sha256:1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := host(t)
			e := &engine{names: map[string]string{"app:1": "sha256:1", "app:2": "sha256:2"}}
			null := r.Node().Null()
			first := plan(t, r, e, object(t, r, base), null)
			observed, err := r.Create(t.Context(), e, first.Planned)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"tag app:1 app:stable"}, e.calls); diff != "" {
				t.Errorf("create (-want +got):\n%s", diff)
			}
			if c.disturb != nil {
				c.disturb(e)
			}
			if observed, err = r.Read(t.Context(), e, observed); err != nil {
				t.Fatal(err)
			}
			p := plan(t, r, e, object(t, r, c.config), observed)
			if diff := cmp.Diff(c.plan, changes(p.Changes)); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
			id := p.Planned.Attributes()["source_image_id"].(types.String)
			if got := id.ValueString(); got != c.id && (c.id != "?" || !id.IsUnknown()) {
				t.Errorf("planned source_image_id %s, want %s", id, c.id)
			}
			if len(p.Changes) == 0 || p.Changes.Effect() == contract.Replace {
				return
			}
			update(t, r, e, c.config, observed, p, c.calls, c.target)
		})
	}
}

// update applies a plan, with what was unknown known by then, and looks at the calls and the result.
func update(t *testing.T, r contract.Resource, e *engine, config map[string]attr.Value, observed types.Object, p contract.Plan, calls, target string) {
	t.Helper()
	planned := p.Planned
	if config["tag_triggers"] != nil {
		all := planned.Attributes()
		all["tag_triggers"] = triggers(str("known now"))
		planned = object(t, r, all)
	}
	e.calls = nil
	result, err := r.Update(t.Context(), e, observed, planned, r.Diff(observed, planned, ""))
	if diff := cmp.Diff(calls, strings.Join(e.calls, "; ")); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	if target == "" {
		if path, _ := contract.PathOf(err); path != "source_image" || !errors.Is(err, errs.ErrNotFound) {
			t.Errorf("error %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if result, err = r.Read(t.Context(), e, result); err != nil {
		t.Fatal(err)
	}
	if err := r.Check(planned, result); err != nil {
		t.Error(err)
	}
	if e.names["app:stable"] != target {
		t.Errorf("the target stands for %s", e.names["app:stable"])
	}
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
		words = append(words, c.Path+" "+c.Effect.String()+" ("+string(c.Cause)+")")
	}
	return strings.Join(words, ", ")
}

func TestDelete(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		names map[string]string
		used  bool
		calls []string
		class error
	}{
		"ours":   {map[string]string{"app:stable": "sha256:1"}, false, []string{"remove app:stable force=false"}, nil},
		"moved":  {map[string]string{"app:stable": "sha256:2"}, false, nil, nil},
		"gone":   {nil, false, nil, nil},
		"in use": {map[string]string{"app:stable": "sha256:1"}, true, []string{"remove app:stable force=false"}, errs.ErrConflict},
	} {
		e := &engine{names: c.names, used: c.used}
		err := Type{}.Delete(t.Context(), e, Model{TargetImage: types.StringValue("app:stable"), SourceImageID: types.StringValue("sha256:1")})
		if errs.Class(err) != c.class {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(c.calls, e.calls); diff != "" {
			t.Errorf("%s: calls (-want +got):\n%s", name, diff)
		}
	}
}

func TestImport(t *testing.T) {
	t.Parallel()
	r := host(t)
	e := &engine{names: map[string]string{"app:1": "sha256:1", "app:latest": "sha256:1"}}
	imported, err := r.Import(t.Context(), e, "app")
	if err != nil {
		t.Fatal(err)
	}
	p := plan(t, r, e, object(t, r, map[string]attr.Value{"source_image": str("app:1"), "target_image": str("app")}), imported)
	if got := changes(p.Changes); got != "source_image update (configuration)" { // no engine knows where a tag came from
		t.Errorf("plan after import: %s", got)
	}
	for id, class := range map[string]error{"nothing": errs.ErrNotFound, "A B": errs.ErrInvalid} {
		if _, err := r.Import(t.Context(), e, id); errs.Class(err) != class {
			t.Errorf("%s: %v", id, err)
		}
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	r := host(t)
	digest := "@sha256:" + strings.Repeat("ab", 32)
	for name, c := range map[string]struct {
		source, target string
		good           bool
	}{
		"names": {"app", "registry.test:5000/app:v1", true}, "id": {"sha256:" + strings.Repeat("ab", 32), "app", true},
		"short id": {"0123456789ab", "app", true}, "pinned source": {"app" + digest, "app", true},
		"pinned target": {"app", "app" + digest, false}, "bad source": {"A B", "app", false}, "bad target": {"app", "https://x/y", false},
	} {
		d := r.Validate(t.Context(), object(t, r, map[string]attr.Value{"source_image": str(c.source), "target_image": str(c.target)}))
		if d.HasError() == c.good {
			t.Errorf("%s: %v", name, d)
		}
	}
}

func TestClaims(t *testing.T) {
	t.Parallel()
	want := []contract.Claim{{Kind: contract.ClaimImageName, Value: "app:latest", Path: "target_image"}}
	if diff := cmp.Diff(want, Type{}.Claims(Model{TargetImage: types.StringValue("docker.io/library/app")})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := (Type{}).Claims(Model{TargetImage: types.StringUnknown()}); got != nil {
		t.Errorf("an unknown target claims %v", got)
	}
}
