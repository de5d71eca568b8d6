package view

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/zclconf/go-cty/cty"

	"github.com/cleat-dev/cleat/reconcile/apply"
	"github.com/cleat-dev/cleat/reconcile/generate"
	"github.com/cleat-dev/cleat/reconcile/graph"
	"github.com/cleat-dev/cleat/reconcile/plan"
	"github.com/cleat-dev/cleat/resources/contract"
)

func object1(name string, n int64) cty.Value {
	return cty.ObjectVal(map[string]cty.Value{"name": cty.StringVal(name), "n": cty.NumberIntVal(n), "none": cty.NullVal(cty.String)})
}

// The difference of two values of any kind, line by line.
func TestChange(t *testing.T) {
	t.Parallel()
	unknown := cty.UnknownVal(cty.String)
	tests := map[string]struct {
		before, after cty.Value
		want          string
	}{
		"equal":        {cty.True, cty.True, "    v = true\n"},
		"bools":        {cty.True, cty.False, "  ~ v = true -> false\n"},
		"null":         {cty.StringVal("a"), cty.NullVal(cty.String), "  - v = \"a\" -> null\n"},
		"from null":    {cty.NullVal(cty.String), cty.StringVal("a"), "  + v = \"a\"\n"},
		"fractions":    {cty.NumberFloatVal(1.5), cty.MustParseNumberVal("1e3"), "  ~ v = 1.5 -> 1000\n"},
		"template":     {cty.StringVal("a"), cty.StringVal("${b}\t\"%{c}\x1b"), "  ~ v = \"a\" -> \"$${b}\\t\\\"%%{c}\\x1b\"\n"},
		"unknown":      {cty.StringVal("a"), unknown, "  ~ v = \"a\" -> (known after apply)\n"},
		"text unknown": {cty.StringVal("a\nb\n"), unknown, "  - v = <<-EOT\n        a\n        b\n    EOT -> (known after apply)\n"},
		"list gone":    {cty.TupleVal([]cty.Value{cty.True}), cty.NullVal(cty.DynamicPseudoType), "  - v = [\n      - true,\n    ] -> null\n"},
		"kinds": {
			cty.TupleVal([]cty.Value{cty.True}), cty.ObjectVal(map[string]cty.Value{"a": cty.True}),
			"  - v = [\n      - true,\n    ]\n  + v = {\n      + a = true\n    }\n",
		},
		"emptied": {cty.SetVal([]cty.Value{cty.StringVal("a")}), cty.SetValEmpty(cty.String), "  ~ v = [\n      - \"a\",\n    ]\n"},
		"set of numbers": {
			cty.SetVal([]cty.Value{cty.NumberIntVal(9), cty.NumberIntVal(10)}), cty.SetVal([]cty.Value{cty.NumberIntVal(9), cty.NumberIntVal(100)}),
			"  ~ v = [\n      - 10,\n      + 100,\n        # (1 unchanged element hidden)\n    ]\n",
		},
		"map": {
			cty.MapVal(map[string]cty.Value{"a b": cty.StringVal("1"), "c": cty.StringVal("2")}),
			cty.MapVal(map[string]cty.Value{"a b": cty.StringVal("1"), "d": cty.StringVal("2")}),
			"  ~ v = {\n      - \"c\"   = \"2\" -> null\n      + \"d\"   = \"2\"\n        # (1 unchanged entry hidden)\n    }\n",
		},
		"objects in a list": {
			cty.ListVal([]cty.Value{object1("a", 1), object1("b", 2)}), cty.ListVal([]cty.Value{object1("a", 1), object1("b", 3), object1("c", 4)}),
			"  ~ v = [\n      ~ {\n          ~ n    = 2 -> 3\n            # (1 unchanged entry hidden)\n        },\n" +
				"      + {\n          + n    = 4\n          + name = \"c\"\n        },\n        # (1 unchanged element hidden)\n    ]\n",
		},
		"control characters in text": {cty.StringVal("a\nb"), cty.StringVal("a\n\x1b[2Jb"), "  ~ v = <<-EOT\n        a\n      - b\n      + \\x1b[2Jb\n    EOT\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &printer{}
			p.change(0, "v = ", fromCty(test.before), fromCty(test.after), "")
			if diff := cmp.Diff(test.want, p.b.String()); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// deep is a schema with blocks in blocks, one of them single, and an object of which all is sensitive.
func deep(t *testing.T) *contract.Node {
	t.Helper()
	inner := schema.SingleNestedBlock{Attributes: map[string]schema.Attribute{
		"key":    schema.StringAttribute{Optional: true, Sensitive: true},
		"driver": schema.StringAttribute{Optional: true},
	}}
	n, err := contract.Compile(t.Context(), schema.Schema{
		Attributes: map[string]schema.Attribute{"name": schema.StringAttribute{Required: true}},
		Blocks: map[string]schema.Block{"mounts": schema.SetNestedBlock{NestedObject: schema.NestedBlockObject{
			Attributes: map[string]schema.Attribute{"target": schema.StringAttribute{Required: true}, "size": schema.Int64Attribute{Computed: true}},
			Blocks:     map[string]schema.Block{"options": inner},
		}}, "empty": schema.ListNestedBlock{NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{"x": schema.BoolAttribute{Optional: true}}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestNestedBlocks(t *testing.T) {
	t.Parallel()
	n := deep(t)
	mounts, _ := n.Block("mounts")
	options, _ := mounts.Node.Block("options")
	option := func(driver, key string) types.Object {
		return objectOf(t, options.Node, values{"driver": str(driver), "key": str(key)})
	}
	before := objectOf(t, n, values{
		"name":   str("a"),
		"mounts": blockItems(t, n, "mounts", values{"target": str("/a"), "size": num(1), "options": option("x", "hidden 1")}, values{"target": str("/b"), "size": num(2)}),
	})
	after := objectOf(t, n, values{
		"name": str("a"), "empty": blockItems(t, n, "empty", values{}),
		"mounts": blockItems(t, n, "mounts", values{"target": str("/a"), "size": types.Int64Unknown(), "options": option("y", "hidden 2")}, values{"target": str("/b"), "size": types.Int64Unknown()}),
	})
	mountsBlock, _ := n.Block("mounts")
	later := objectOf(t, n, values{"name": str("a"), "mounts": mountsBlock.Unknown})
	step := func(after types.Object, changes map[string]contract.Change, sensitive map[string]bool) *plan.Step {
		return &plan.Step{
			Address: address(t, "docker_container.a"), Action: plan.Update, Node: n, Before: before, After: after, Sensitive: sensitive,
			Changes: sorted(changesOf(before, after, changes)),
		}
	}
	p := &plan.Plan{Steps: []*plan.Step{
		step(after, map[string]contract.Change{"mounts": {Effect: contract.InPlace}, "empty": {Effect: contract.InPlace}}, nil),
		step(later, map[string]contract.Change{"mounts": {Cause: contract.BuildContext}}, nil),
		step(after, map[string]contract.Change{"mounts": {Effect: contract.InPlace}}, map[string]bool{"mounts": true}),
		{Address: address(t, "data.docker_info.x"), Action: plan.Read, Node: n, Before: n.Null(), After: later},
	}}
	for name, json := range map[string]bool{"nested": false, "nested_json": true} {
		s := newScreen()
		o := optionsAs(s, json)
		NewPlan(o).Planned(p)
		golden(t, name, s.out.String())
		if strings.Contains(s.out.String(), "hidden 1") || strings.Contains(s.out.String(), "hidden 2") {
			t.Errorf("%s: a secret is printed", name)
		}
	}
}

func optionsAs(s *screen, json bool) Options {
	o := options(s)
	o.JSON = json
	return o
}

func TestCommandsThatPrint(t *testing.T) {
	t.Parallel()
	p := everything(t)
	adopted := p.Steps[3]
	adopted.ID = "0123456789abcdef0123456789abcdef"
	outputs := []plan.Output{
		{Name: "ports", Before: cty.TupleVal([]cty.Value{cty.NumberIntVal(80)}), After: cty.TupleVal([]cty.Value{cty.NumberIntVal(80)})},
		{Name: "url", Before: cty.StringVal("http://<a>&b")},
	}
	tests := map[string]func(o Options){
		"show":        func(o Options) { NewShow(o).Objects([]*plan.Step{p.Steps[1], p.Steps[4]}) },
		"show_none":   func(o Options) { NewShow(o).Objects(nil) },
		"output":      func(o Options) { NewOutput(o).All(outputs) },
		"output_none": func(o Options) { NewOutput(o).All(nil) },
		"output_one":  func(o Options) { NewOutput(o).One(outputs[1]) },
		"explain": func(o Options) {
			NewExplain(o).Explained(Explanation{
				Step: p.Steps[4], ID: "3f1c", Engine: "unix:///run/docker.sock", Existed: true, Recorded: map[string]string{"image": "x", "env": "y"},
				Needs: []graph.Resource{{Type: "docker_image", Name: "base"}}, NeededBy: []graph.Resource{{Type: "docker_network", Name: "lan"}},
			})
		},
		"explain_absent": func(o Options) { NewExplain(o).Explained(Explanation{Step: p.Steps[0]}) },
		"adopt":          func(o Options) { NewAdopt(o).Adopted(adopted) },
		"adopt_all": func(o Options) {
			NewAdopt(o).Written(&generate.Result{
				Objects: []*generate.Object{
					{Address: address(t, "docker_container.web"), ID: "web"},
					{Address: address(t, "docker_container.db"), ID: "db", Differs: []string{"memory (replace): no reason"}},
					{Address: address(t, "docker_volume.data"), ID: "data"},
				},
				Skipped: []generate.Skipped{{Type: "docker_volume", Name: "0123456789abcdef0123456789abcdef", Reason: "has no name"}},
			}, "adopted.tf")
		},
		"adopt_nothing": func(o Options) { NewAdopt(o).Written(&generate.Result{}, "adopted.tf") },
		"adopt_same":    func(o Options) { NewAdopt(o).Adopted(p.Steps[2]) },
		"saved":         func(o Options) { NewPlan(o).Saved("next plan") },
		"cancelled":     func(o Options) { NewApply(o).Cancelled() },
		"interrupted": func(o Options) {
			v := NewApply(o)
			v.Interrupted(false)
			v.Interrupted(true)
		},
	}
	for name, print := range tests {
		for suffix, json := range map[string]bool{"": false, "_json": true} {
			t.Run(name+suffix, func(t *testing.T) {
				t.Parallel()
				s := newScreen()
				print(optionsAs(s, json))
				golden(t, name+suffix, s.out.String())
			})
		}
	}
}

func TestAsk(t *testing.T) {
	t.Parallel()
	s := newScreen()
	s.In = strings.NewReader("  yes \nno newline")
	for _, want := range []string{"yes", "no newline"} {
		if got, err := s.Ask("really? ", false); got != want || err != nil {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	if _, err := s.Ask("again? ", false); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("at the end of the input: %v", err)
	}
	s.Secret = func() (string, error) { return " hidden ", nil }
	if got, err := s.Ask("secret? ", true); got != " hidden " || err != nil {
		t.Errorf("secret: got %q, %v", got, err)
	}
	if diff := cmp.Diff("really? really? again? \nsecret? \n", s.err.String()); diff != "" {
		t.Error(diff)
	}
}

// The live view draws ten times a second by itself, and stops when it is settled.
func TestLiveDraws(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScreen()
		s.Live = true
		o := options(s)
		o.Now = time.Now
		v := NewApply(o)
		v.Applying(&plan.Plan{})
		v.Observe(apply.Event{Kind: apply.Started, Address: address(t, "docker_volume.a"), Action: plan.Create})
		<-time.After(1050 * time.Millisecond)
		synctest.Wait()
		if n := strings.Count(s.out.String(), "creating"); n != 10 {
			t.Errorf("drawn %d times in a second", n)
		}
		v.Observe(apply.Event{Kind: apply.Completed, Address: address(t, "docker_volume.a"), Action: plan.Create, Elapsed: time.Second})
		v.Settle()
		v.Settle()
		if screen := emulate(s.out.String(), 80); screen != "\ndocker_volume.a: created in 1.0s\n" {
			t.Errorf("left on the screen: %q", screen)
		}
	})
}

// TestNullInOutput: programs read an output as Terraform writes it, keys with null included.
func TestNullInOutput(t *testing.T) {
	t.Parallel()
	got, err := json.Marshal(fromCty(cty.ListVal([]cty.Value{object1("a", 1)})).plain())
	if want := `[{"n":1,"name":"a","none":null}]`; err != nil || string(got) != want {
		t.Errorf("%s, %v, want %s", got, err, want)
	}
}
