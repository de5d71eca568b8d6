package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/internal/acctest"
	"github.com/cleat-dev/cleat/resources/contract"
)

// engine is one column: an engine as it introduces itself, which is all a plan knows of it.
type engine struct {
	name, title  string
	product      string // what /version calls it, and its version
	version, api string
	swarm        bool
}

// engines are those the tests run on.
var engines = []engine{
	{"dockerd", "dockerd 20.10", "Engine", "20.10.24", "1.41", true},
	{"podman", "podman 4.3", "Podman Engine", "4.3.1", "1.41", false},
	{"cleatd", "cleatd", "", "", "1.44", false},
	{acctest.Old, "cleatd at API 1.18", "", "", "1.18", false},
}

// answers are what a plan without an object asks of an engine: its version, and whether it manages a swarm.
func (e engine) answers() http.Handler {
	platform := ""
	if e.product == "" {
		e.product, platform = "Engine", "cleat"
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var answer any
		switch {
		case strings.HasSuffix(r.URL.Path, "/version"):
			answer = map[string]any{
				"Platform": map[string]string{"Name": platform}, "Version": e.version, "ApiVersion": e.api, "MinAPIVersion": "1.12", "Os": "linux", "Arch": "amd64",
				"Components": []map[string]string{{"Name": e.product, "Version": e.version}},
			}
		case strings.HasSuffix(r.URL.Path, "/info"):
			answer = map[string]any{"Swarm": map[string]any{"ControlAvailable": e.swarm, "LocalNodeState": map[bool]string{true: "active", false: "inactive"}[e.swarm]}}
		default:
			http.Error(w, "a plan asked for "+r.URL.Path, http.StatusNotImplemented)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer) // a client that went away is the client's error
	})
}

// refusals are what an engine refuses of a type: by the path of an attribute, "" for the type as a whole.
type refusals map[string]string

// ask plans one object after the other that declares one attribute each.
func (e engine) ask(ctx context.Context, r contract.Resource) (refusals, error) {
	s := httptest.NewServer(e.answers())
	defer s.Close()
	c, err := client.New(ctx, client.Config{Host: "tcp://" + strings.TrimPrefix(s.URL, "http://")})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	plan := func(values map[string]attr.Value) error {
		object, err := r.Node().Object(values)
		if err != nil {
			return err
		}
		_, err = r.Plan(ctx, c, contract.Request{Config: object, Observed: r.Node().Null(), APIVersion: c.ClientVersion(), Lacks: contract.LacksOf(c)})
		return err
	}
	found := refusals{}
	err = never(ctx, r)
	if err == nil {
		err = plan(r.Node().Empty())
	}
	if err != nil {
		found[""] = reasonOf(err)
		return found, nil
	}
	all := declarable(r.Node(), "")
	for _, path := range all {
		values, err := with(ctx, r.Node(), strings.Split(path, "."), (*contract.Node).Empty, 0)
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", r.Name(), path, err)
		}
		if err := plan(values); err != nil {
			found[path] = reasonOf(err)
		}
	}
	return found, validated(ctx, r, all, found)
}

// validated adds the attributes no declaration may have. What is said of a block and only for some of its attributes
// means another one, which has to be there.
func validated(ctx context.Context, r contract.Resource, all []string, found refusals) error {
	whole := map[string]bool{}
	for _, p := range all {
		for block := above(p); block != ""; block = above(block) {
			whole[block] = true
		}
	}
	said := map[string]diag.DiagnosticWithPath{}
	for _, p := range all {
		d, err := always(ctx, r, strings.Split(p, "."))
		if err != nil {
			return fmt.Errorf("%s.%s: %w", r.Name(), p, err)
		}
		if d != nil {
			said[p] = d
			continue
		}
		for block := above(p); block != ""; block = above(block) {
			whole[block] = false
		}
	}
	for p, d := range said {
		if at := dotted(d.Path()); (at == p || whole[at]) && found[p] == "" {
			found[p] = d.Summary()
		}
	}
	return nil
}

// above is the block around an attribute or a block.
func above(path string) string { return path[:max(0, strings.LastIndex(path, "."))] }

// dotted is a path as rules have it: without the numbers of items.
func dotted(p path.Path) string {
	var names []string
	for _, step := range p.Steps() {
		if name, ok := step.(path.PathStepAttributeName); ok {
			names = append(names, string(name))
		}
	}
	return strings.Join(names, ".")
}

// always is what a type says of every declaration of an attribute, whatever its value and whatever else is declared.
func always(ctx context.Context, r contract.Resource, at []string) (diag.DiagnosticWithPath, error) {
	var all []map[string]attr.Value
	for _, rest := range []func(*contract.Node) map[string]attr.Value{(*contract.Node).Empty, unknown} {
		for n := range 2 {
			values, err := with(ctx, r.Node(), at, rest, n)
			if err != nil {
				return nil, err
			}
			all = append(all, values)
		}
	}
	d, err := common(ctx, r, all...)
	located, _ := d.(diag.DiagnosticWithPath)
	return located, err
}

// never is why a type refuses every declaration: one that says nothing as well as one of which nothing is known yet.
func never(ctx context.Context, r contract.Resource) error {
	d, err := common(ctx, r, r.Node().Empty(), unknown(r.Node()))
	if err == nil && d != nil {
		err = errors.New(d.Summary())
	}
	return err
}

// common is the first error that the validation of every declaration ends with.
func common(ctx context.Context, r contract.Resource, declarations ...map[string]attr.Value) (diag.Diagnostic, error) {
	said := map[string]int{}
	for _, values := range declarations {
		object, err := r.Node().Object(values)
		if err != nil {
			return nil, err
		}
		for _, d := range r.ValidateAcross(ctx, object) {
			text := d.Summary() + d.Detail()
			if said[text]++; said[text] == len(declarations) && d.Severity() == diag.SeverityError {
				return d, nil
			}
		}
	}
	return nil, nil
}

// unknown is a declaration of which nothing is known yet.
func unknown(n *contract.Node) map[string]attr.Value {
	values := n.Empty()
	for _, a := range n.Attributes {
		values[a.Name] = a.Unknown
	}
	for _, b := range n.Blocks {
		values[b.Name] = b.Unknown
	}
	return values
}

var needs = regexp.MustCompile(`needs engine API (\S+) or newer`)

// reasonOf is the short form of a refusal.
func reasonOf(err error) string {
	if m := needs.FindStringSubmatch(err.Error()); m != nil {
		return "needs API " + m[1]
	}
	text, _, _ := strings.Cut(err.Error(), ": this needs")
	return strings.Join(strings.Fields(text), " ")
}

// declarable are the attributes somebody can declare, those of blocks with their path.
func declarable(n *contract.Node, prefix string) []string {
	var out []string
	for _, a := range n.Attributes {
		if a.Required || a.Optional {
			out = append(out, prefix+a.Name)
		}
	}
	for _, b := range n.Blocks {
		out = append(out, declarable(b.Node, prefix+b.Name+".")...)
	}
	return out
}

// with returns a declaration of one attribute, in the blocks around it; rest is what is declared beside it, and n tells
// two values of it apart.
func with(ctx context.Context, node *contract.Node, at []string, rest func(*contract.Node) map[string]attr.Value, n int) (map[string]attr.Value, error) {
	values := rest(node)
	if len(at) == 1 {
		a, ok := node.Attribute(at[0])
		if !ok {
			return nil, errors.New("no such attribute")
		}
		var err error
		values[a.Name], err = sample(ctx, a.Type, a.Default, n)
		return values, err
	}
	b, ok := node.Block(at[0])
	if !ok {
		return nil, errors.New("no such block")
	}
	inside, err := with(ctx, b.Node, at[1:], rest, n)
	if err != nil {
		return nil, err
	}
	item, err := b.Node.Object(inside)
	if err != nil {
		return nil, err
	}
	switch b.Nesting {
	case contract.Single:
		values[b.Name] = item
	case contract.Set:
		values[b.Name] = types.SetValueMust(b.Node.Type(), []attr.Value{item})
	default:
		values[b.Name] = types.ListValueMust(b.Node.Type(), []attr.Value{item})
	}
	return values, nil
}

// sample is the n-th value that is not the default and not nothing; there may be only one.
func sample(ctx context.Context, t attr.Type, otherThan attr.Value, n int) (attr.Value, error) {
	switch t := t.(type) {
	case types.ListType:
		item, err := sample(ctx, t.ElemType, nil, n)
		return types.ListValueMust(t.ElemType, []attr.Value{item}), err
	case types.SetType:
		item, err := sample(ctx, t.ElemType, nil, n)
		return types.SetValueMust(t.ElemType, []attr.Value{item}), err
	case types.MapType:
		item, err := sample(ctx, t.ElemType, nil, n)
		return types.MapValueMust(t.ElemType, map[string]attr.Value{"/x": item}), err
	}
	var found []attr.Value
	for _, v := range []attr.Value{
		types.StringValue("x"), types.StringValue("y"), types.BoolValue(true), types.BoolValue(false), types.Int64Value(7), types.Int64Value(8),
		types.Float64Value(7), types.Float64Value(8),
	} {
		if v.Type(ctx).Equal(t) && (otherThan == nil || !v.Equal(otherThan)) {
			found = append(found, v)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("no sample of %s", t)
	}
	return found[min(n, len(found)-1)], nil
}
