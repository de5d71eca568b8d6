package image

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	mobyimage "github.com/moby/moby/api/types/image"
	"github.com/moby/moby/api/types/registry"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/resources/contract"
)

var _ API = (*client.Client)(nil)

// engine is an engine of names and images that writes down the calls it gets.
type engine struct {
	version string
	names   map[string]string                    // name -> id
	images  map[string]mobyimage.InspectResponse // id -> image
	calls   []string

	pulled   string // the id a pull gives the name
	pullErr  error
	stream   string // of a pull; a plain success when empty
	buildIDs []string
	buildOut string // of a build, instead of a success
	auths    map[string]registry.AuthConfig
	built    moby.ImageBuildOptions
	body     []byte
	used     map[string]bool // ids of images that containers use
}

func (e *engine) called(format string, args ...any) {
	e.calls = append(e.calls, fmt.Sprintf(format, args...))
}

func (e *engine) taken() string {
	calls := strings.Join(e.calls, "; ")
	e.calls = nil
	return calls
}

func (e *engine) ClientVersion() string { return e.version }

func (e *engine) ImageInspect(_ context.Context, name string, _ ...moby.ImageInspectOption) (moby.ImageInspectResult, error) {
	e.called("inspect %s", name)
	id, ok := e.names[name]
	if !ok {
		id = name
	}
	found, ok := e.images[id]
	if !ok {
		return moby.ImageInspectResult{}, fmt.Errorf("no such image: %s: %w", name, errs.ErrNotFound)
	}
	found.ID = id
	for n, i := range e.names {
		if i == id && !strings.Contains(n, "@") {
			found.RepoTags = append(found.RepoTags, n)
		}
	}
	return moby.ImageInspectResult{InspectResponse: found}, nil
}

type pullStream struct {
	moby.ImagePullResponse
	io.Reader
}

func (p pullStream) Read(b []byte) (int, error) { return p.Reader.Read(b) }
func (p pullStream) Close() error               { return nil }

func (e *engine) ImagePull(_ context.Context, ref string, o moby.ImagePullOptions) (moby.ImagePullResponse, error) {
	e.called("pull %s auth=%q platforms=%d", ref, o.RegistryAuth, len(o.Platforms))
	if e.pullErr != nil {
		return nil, e.pullErr
	}
	if e.stream == "" {
		e.names[ref] = e.pulled
	}
	return pullStream{Reader: strings.NewReader(e.stream)}, nil
}

func (e *engine) ImageBuild(_ context.Context, body io.Reader, o moby.ImageBuildOptions) (moby.ImageBuildResult, error) {
	e.called("build %s", strings.Join(o.Tags, ","))
	e.built = o
	if body != nil {
		var err error
		if e.body, err = io.ReadAll(body); err != nil {
			return moby.ImageBuildResult{}, err
		}
	}
	out := e.buildOut
	if out == "" {
		id := e.buildIDs[0]
		e.buildIDs = e.buildIDs[1:]
		for _, name := range o.Tags {
			e.names[name] = id
		}
		out = fmt.Sprintf(`{"stream":"Step 1/1 : FROM scratch\n"}{"aux":{"ID":%q}}`, id)
	}
	return moby.ImageBuildResult{Body: io.NopCloser(strings.NewReader(out))}, nil
}

func (e *engine) ImageRemove(_ context.Context, name string, o moby.ImageRemoveOptions) (moby.ImageRemoveResult, error) {
	e.called("remove %s force=%t", name, o.Force)
	id, named := e.names[name]
	if !named {
		id = name
	}
	if _, ok := e.images[id]; !ok {
		return moby.ImageRemoveResult{}, fmt.Errorf("no such image: %w", errs.ErrNotFound)
	}
	if e.used[id] && !o.Force {
		return moby.ImageRemoveResult{}, fmt.Errorf("a container uses it: %w", errs.ErrConflict)
	}
	delete(e.names, name)
	return moby.ImageRemoveResult{}, nil
}

func (e *engine) RegistryAuth(context.Context, string) (string, error) { return "token", nil }

func (e *engine) RegistryAuthConfigs(context.Context) (map[string]registry.AuthConfig, error) {
	return e.auths, nil
}

func newEngine() *engine {
	return &engine{
		version: "1.41", pulled: "sha256:new", names: map[string]string{}, used: map[string]bool{},
		buildIDs: []string{"sha256:built1", "sha256:built2", "sha256:built3"},
		images: map[string]mobyimage.InspectResponse{
			"sha256:old":    {Os: "linux", Architecture: "amd64", RepoDigests: []string{"team/busybox@sha256:" + strings.Repeat("b", 64), "busybox@sha256:" + strings.Repeat("a", 64)}},
			"sha256:new":    {Os: "linux", Architecture: "amd64"},
			"sha256:built1": {}, "sha256:built2": {}, "sha256:built3": {},
		},
	}
}

// rig drives the type as hosts do.
type rig struct {
	*testing.T
	r contract.Resource
	e *engine
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r, err := contract.Host(t.Context(), New())
	if err != nil {
		t.Fatal(err)
	}
	return &rig{t, r, newEngine()}
}

func (g *rig) object(values map[string]attr.Value) types.Object {
	g.Helper()
	return object(g.T, g.r.Node(), values)
}

func object(t *testing.T, n *contract.Node, values map[string]attr.Value) types.Object {
	t.Helper()
	all := n.Empty()
	for name, v := range values {
		if _, ok := all[name]; !ok {
			t.Fatalf("no attribute %q", name)
		}
		all[name] = v
	}
	o, err := n.Object(all)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// item returns a list or set of one block.
func item(t *testing.T, n *contract.Node, block string, values map[string]attr.Value) attr.Value {
	t.Helper()
	b, ok := n.Block(block)
	if !ok {
		t.Fatalf("no block %q", block)
	}
	o := object(t, b.Node, values)
	switch b.Nesting {
	case contract.Set:
		return types.SetValueMust(b.Node.Type(), []attr.Value{o})
	case contract.List:
		return types.ListValueMust(b.Node.Type(), []attr.Value{o})
	default:
		return o
	}
}

func (g *rig) build(values map[string]attr.Value) attr.Value {
	g.Helper()
	return item(g.T, g.r.Node(), "build", values)
}

func (g *rig) plan(config, observed types.Object) contract.Plan {
	g.Helper()
	p, err := g.r.Plan(g.Context(), g.e, contract.Request{Config: config, Observed: observed, APIVersion: g.e.version})
	if err != nil {
		g.Fatal(err)
	}
	return p
}

// apply plans and applies, reads as Terraform does, and demands that the next plan is empty.
func (g *rig) apply(config, observed types.Object) types.Object {
	g.Helper()
	p := g.plan(config, observed)
	result, err := g.do(p, observed)
	if err != nil {
		g.Fatal(err)
	}
	calls := g.e.calls
	if result, err = g.r.Read(g.Context(), g.e, result); err != nil {
		g.Fatal(err)
	}
	g.e.calls = calls // what the read calls is not looked at here
	if err := g.r.Check(p.Planned, result); err != nil {
		g.Error(err)
	}
	if again := g.plan(config, result); len(again.Changes) > 0 {
		g.Errorf("the next plan is not empty: %v", changes(again.Changes))
	}
	return result
}

func (g *rig) do(p contract.Plan, observed types.Object) (types.Object, error) {
	g.Helper()
	if observed.IsNull() {
		return g.r.Create(g.Context(), g.e, p.Planned)
	}
	return g.r.Update(g.Context(), g.e, observed, p.Planned, g.r.Diff(observed, p.Planned, g.e.version))
}

func changes(all contract.Changes) string {
	var words []string
	for _, c := range all {
		word := c.Path + " " + c.Effect.String() + " (" + string(c.Cause) + ")"
		if c.Reason != "" {
			word += ": " + c.Reason
		}
		words = append(words, word)
	}
	return strings.Join(words, ", ")
}

func value(o types.Object, name string) string {
	v, _ := o.Attributes()[name].(types.String)
	return v.ValueString()
}

func str(s string) attr.Value { return types.StringValue(s) }

func list(words ...string) attr.Value {
	var all []attr.Value
	for _, w := range words {
		all = append(all, str(w))
	}
	return types.ListValueMust(types.StringType, all)
}

func dict(pairs ...string) attr.Value {
	all := map[string]attr.Value{}
	for i := 0; i < len(pairs); i += 2 {
		all[pairs[i]] = str(pairs[i+1])
	}
	return types.MapValueMust(types.StringType, all)
}

// contextDir writes a build context.
func contextDir(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		put(t, dir, name, content)
	}
	return dir
}

func put(t *testing.T, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
