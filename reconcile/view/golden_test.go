package view

import (
	"bytes"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/reconcile/graph"
	"github.com/cleat-dev/cleat/resources/contract"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares what was printed with a file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (go test -update writes it)", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: -want +got (go test -update accepts it)\n%s", path, diff)
	}
}

// screen is a terminal that keeps what is written.
type screen struct {
	Terminal
	out, err bytes.Buffer
}

func newScreen() *screen {
	s := &screen{}
	s.Out, s.Err = &s.out, &s.err
	return s
}

// fixed is a clock that stands still.
func fixed() time.Time { return time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC) }

func options(s *screen) Options {
	return Options{Terminal: &s.Terminal, Version: "1.2.3", Now: fixed}
}

// thing is a schema with one attribute of every sort.
func thing(t *testing.T) *contract.Node {
	t.Helper()
	n, err := contract.Compile(t.Context(), schema.Schema{
		Attributes: map[string]schema.Attribute{
			"id":       schema.StringAttribute{Computed: true},
			"image":    schema.StringAttribute{Required: true},
			"name":     schema.StringAttribute{Required: true},
			"memory":   schema.Int64Attribute{Optional: true},
			"script":   schema.StringAttribute{Optional: true},
			"password": schema.StringAttribute{Optional: true, Sensitive: true},
			"restart":  schema.StringAttribute{Optional: true, Computed: true, Default: stringdefault.StaticString("no")},
			"must_run": schema.BoolAttribute{Optional: true, Computed: true, Default: booldefault.StaticBool(true)},
			"env":      schema.SetAttribute{Optional: true, ElementType: types.StringType},
			"command":  schema.ListAttribute{Optional: true, ElementType: types.StringType},
			"sysctls":  schema.MapAttribute{Optional: true, ElementType: types.StringType},
			"address":  schema.StringAttribute{Computed: true},
		},
		Blocks: map[string]schema.Block{
			"ports": schema.ListNestedBlock{NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{
				"internal": schema.Int64Attribute{Required: true},
				"external": schema.Int64Attribute{Optional: true, Computed: true},
				"protocol": schema.StringAttribute{Optional: true, Computed: true, Default: stringdefault.StaticString("tcp")},
			}}},
			"upload": schema.SetNestedBlock{NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{
				"file":    schema.StringAttribute{Required: true},
				"content": schema.StringAttribute{Optional: true, Sensitive: true},
			}}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

type values map[string]attr.Value

func (v values) with(other values) values {
	all := maps.Clone(v)
	maps.Copy(all, other)
	return all
}

func objectOf(t *testing.T, n *contract.Node, v values) types.Object {
	t.Helper()
	all := n.Empty()
	maps.Copy(all, v)
	o, err := n.Object(all)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func str(s string) attr.Value { return types.StringValue(s) }
func num(n int64) attr.Value  { return types.Int64Value(n) }

func strs(all ...string) []attr.Value {
	elements := make([]attr.Value, len(all))
	for i, s := range all {
		elements[i] = str(s)
	}
	return elements
}

func setOf(all ...string) attr.Value  { return types.SetValueMust(types.StringType, strs(all...)) }
func listOf(all ...string) attr.Value { return types.ListValueMust(types.StringType, strs(all...)) }

// blockItems is a block of the node with these items.
func blockItems(t *testing.T, n *contract.Node, name string, all ...values) attr.Value {
	t.Helper()
	b, ok := n.Block(name)
	if !ok {
		t.Fatalf("no block %q", name)
	}
	items := make([]attr.Value, len(all))
	for i, v := range all {
		items[i] = objectOf(t, b.Node, v)
	}
	if b.Nesting == contract.Set {
		return types.SetValueMust(b.Node.Type(), items)
	}
	return types.ListValueMust(b.Node.Type(), items)
}

func address(t *testing.T, s string) graph.Instance {
	t.Helper()
	i, err := graph.ParseInstance(s)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func at(file string, line int) *hcl.Range {
	return &hcl.Range{Filename: file, Start: hcl.Pos{Line: line, Column: 1}, End: hcl.Pos{Line: line, Column: 10}}
}

// changesOf are the differences of two objects, each replacing or not.
func changesOf(before, after types.Object, effects map[string]contract.Change) contract.Changes {
	var all contract.Changes
	b, a := before.Attributes(), after.Attributes()
	for path, c := range effects {
		c.Path, c.Before, c.After = path, b[path], a[path]
		all = append(all, c)
	}
	return all
}
