package graph_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cleat-dev/cleat/reconcile/graph"
)

func TestInstanceRoundTrip(t *testing.T) {
	t.Parallel()
	tests := []struct{ text, resource, module string }{
		{"docker_container.web", "docker_container.web", ""},
		{"docker_container.web[0]", "docker_container.web", ""},
		{`docker_container.web["a"]`, "docker_container.web", ""},
		{`data.docker_image.base`, "data.docker_image.base", ""},
		{`ephemeral.docker_container.once`, "ephemeral.docker_container.once", ""},
		{`module.a.docker_container.web`, "module.a.docker_container.web", "module.a"},
		{`module.a["x"].module.b-c[10].data.docker_image.i["y"]`, "module.a.module.b-c.data.docker_image.i", `module.a["x"].module.b-c[10]`},
		{`docker_container.web["a\"]\\ \n${"]`, "", ""}, // interpolation is no key
		{`docker_container.web["a\"]\\.b[0]\n$${x}%%{y}\u0007"]`, "docker_container.web", ""},
		{`module.x["module.y.z"].docker_network.n`, "module.x.docker_network.n", `module.x["module.y.z"]`},
		{`docker_container.été`, "docker_container.été", ""},
	}
	for _, test := range tests {
		i, err := graph.ParseInstance(test.text)
		if test.resource == "" {
			if err == nil {
				t.Errorf("%s: parsed as %s, want an error", test.text, i)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		if diff := cmp.Diff([]string{test.text, test.resource, test.module}, []string{i.String(), i.Resource().String(), i.Module.String()}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.text, diff)
		}
	}
}

func TestParseErrorsSayWhere(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"":                         "empty",
		"docker_container":         "no resource name at column 17",
		"docker_container.":        "no name at column 18",
		"docker_container.web[":    "no closing bracket",
		"docker_container.web[x]":  "want a number such as [0]",
		"docker_container.web[01]": "want a number such as [0]",
		"docker_container.web[-1]": "want a number such as [0]",
		`docker_container.web["x`:  "no closing quote",
		`docker_container.web["x"`: "no closing bracket",
		"docker_container.web.id":  `".id" after the resource at column 21`,
		"module.a.":                "ends with a dot",
		"module.a.b":               "no resource name",
		"data.docker_image":        "no resource name",
		"module.a[0]x":             "want a dot",
		"module":                   "no resource name",
		`docker_c.x["\q"]`:         `unknown escape \q`,
	}
	for text, want := range tests {
		if _, err := graph.ParseTarget(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", text, err, want)
		}
	}
	if _, err := graph.ParseInstance("module.a"); err == nil {
		t.Error("a module is no instance")
	}
	if _, err := graph.ParseResource("docker_container.web[0]"); err == nil {
		t.Error("an instance is no block")
	}
}

func TestModuleInstance(t *testing.T) {
	t.Parallel()
	m := graph.ModuleInstance{}.Child("a", graph.StringKey(`x"].module.b`)).Child("c", graph.IntKey(3))
	parsed, err := graph.ParseModuleInstance(m.String())
	if err != nil || parsed != m {
		t.Fatalf("%s: parsed as %s, %v", m, parsed, err)
	}
	parent, step := m.Parent()
	if step.Name != "c" || step.Key != graph.IntKey(3) || parent.Child("c", graph.IntKey(3)) != m {
		t.Errorf("parent %s step %v", parent, step)
	}
	if !parent.Contains(m) || m.Contains(parent) || !(graph.ModuleInstance{}).Contains(m) {
		t.Error("containment of instances")
	}
	if got := m.Module().String(); got != "module.a.module.c" {
		t.Errorf("module %s", got)
	}
	call, name := m.Module().Call()
	if call.String() != "module.a" || name != "c" {
		t.Errorf("call %s %s", call, name)
	}
	if (graph.Module{}.Child("a")).Contains(graph.Module{}.Child("ab")) {
		t.Error("module.a contains module.ab")
	}
}

func TestCompareOrdersKeysByValue(t *testing.T) {
	t.Parallel()
	want := []string{
		"data.docker_image.a", "docker_container.a", "docker_container.b[2]", "docker_container.b[10]",
		`docker_container.b["a"]`, "docker_network.a", "module.a.docker_container.a", "module.a[2].docker_container.a",
		"module.a[10].docker_container.a", "module.a[10].module.x.docker_container.a",
	}
	slices.SortFunc(want, func(a, b string) int { return strings.Compare(b, a) })
	var got []graph.Instance
	for _, text := range want {
		i, err := graph.ParseInstance(text)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, i)
	}
	slices.SortFunc(got, graph.Instance.Compare)
	var texts []string
	for _, i := range got {
		texts = append(texts, i.String())
	}
	want = []string{
		"docker_container.a", "docker_container.b[2]", "docker_container.b[10]",
		`docker_container.b["a"]`, "docker_network.a", "data.docker_image.a", "module.a.docker_container.a", "module.a[2].docker_container.a",
		"module.a[10].docker_container.a", "module.a[10].module.x.docker_container.a",
	}
	if diff := cmp.Diff(want, texts); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTargetMatches(t *testing.T) {
	t.Parallel()
	tests := []struct {
		target, instance string
		instanceIn       bool
		blockIn          bool
	}{
		{"docker_container.web", "docker_container.web", true, true},
		{"docker_container.web", "docker_container.web[3]", true, true},
		{"docker_container.web[3]", "docker_container.web[3]", true, true},
		{"docker_container.web[3]", "docker_container.web[4]", false, true},
		{"docker_container.web", "docker_container.webs", false, false},
		{"docker_container.web", "data.docker_container.web", false, false},
		{"docker_container.web", "module.a.docker_container.web", false, false},
		{"module.a", "module.a.docker_container.web", true, true},
		{"module.a", `module.a["x"].module.b[0].docker_container.web`, true, true},
		{`module.a["x"]`, `module.a["x"].docker_container.web`, true, true},
		{`module.a["x"]`, `module.a["y"].docker_container.web`, false, true},
		{`module.a["x"].docker_container.web`, `module.a["x"].docker_container.web[1]`, true, true},
		{`module.a.docker_container.web`, `module.a["x"].docker_container.web[1]`, true, true},
		{"module.a", "docker_container.web", false, false},
		{"module.a.module.b", "module.a.docker_container.web", false, false},
	}
	for _, test := range tests {
		target, err := graph.ParseTarget(test.target)
		if err != nil {
			t.Fatal(err)
		}
		i, err := graph.ParseInstance(test.instance)
		if err != nil {
			t.Fatal(err)
		}
		if got := target.Matches(i); got != test.instanceIn {
			t.Errorf("%s matches %s: %v", target, i, got)
		}
		if got := target.MatchesResource(i.Resource()); got != test.blockIn {
			t.Errorf("%s matches block %s: %v", target, i.Resource(), got)
		}
		if target.String() != test.target {
			t.Errorf("%s prints as %s", test.target, target)
		}
	}
}

func FuzzParseTarget(f *testing.F) {
	for _, seed := range []string{`module.a["x"].docker_container.web[0]`, `data.a.b["${"]`, `a.b["\U0010ffff"]`, "module.", `a.b["$${"]`, "a.b[\"\x80\"]"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		target, err := graph.ParseTarget(text)
		if err != nil {
			return
		}
		again, err := graph.ParseTarget(target.String())
		if err != nil || again != target {
			t.Fatalf("%q prints as %q, which parses as %q: %v", text, target, again, err)
		}
	})
}
