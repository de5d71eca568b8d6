package plan_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/reconcile/ownership"
)

// scenario is one plan: what was applied before, what happened since, what is declared now.
type scenario struct {
	had       string
	given     options // of the apply before
	since     func(w *world)
	now       string // "" is what was declared before
	o         options
	want      string
	stillWant bool // a plan that is applied is empty the next time, unless this is set
}

func (s scenario) run(t *testing.T) {
	w := newWorld(t)
	if s.had != "" {
		w.run(s.had, s.given)
	}
	if s.since != nil {
		s.since(w)
	}
	if s.now == "" {
		s.now = s.had
	}
	p := w.plan(s.now, s.o)
	want(t, "plan", p.text(), s.want)
	want(t, "the same plan again", w.plan(s.now, s.o).text(), p.text())
	if p.diags.HasErrors() || s.o.refresh || s.stillWant {
		return
	}
	end := p.apply(t.Context())
	if end.errs != "" || !end.report.Complete() {
		t.Fatalf("apply: %s%+v\n%s", end.errs, end.report, strings.Join(end.calls, "\n"))
	}
	want(t, "after apply", w.plan(s.now, s.o.again()).text(), "")
}

// again are the options without what asks for a change each time.
func (o options) again() options {
	o.replace = nil
	return o
}

func scenarios(t *testing.T, table map[string]scenario) {
	t.Helper()
	t.Parallel()
	for name, s := range table {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s.run(t)
		})
	}
}

// declared is a network and a container on it.
const declared = `
resource "docker_network" "front" {
  name = "front"
}
resource "docker_container" "web" {
  name = "web"
  uses = [docker_network.front.id]
}
`

func with(attributes string) string {
	return strings.Replace(declared, `name = "web"`, "name = \"web\"\n"+attributes, 1)
}

func TestActions(t *testing.T) {
	scenarios(t, map[string]scenario{
		"create": {now: declared, want: `
docker_container.web create: does not exist
docker_network.front create: does not exist
`},
		"nothing":  {had: declared},
		"in place": {had: declared, now: with("size = 3"), want: "docker_container.web update size(configuration)\n"},
		"replace":  {had: declared, now: with(`color = "red"`), want: "docker_container.web replace color!(configuration)\n"},
		"replace and in place": {
			had: declared, now: with("color = \"red\"\nsize = 3"),
			want: "docker_container.web replace color!(configuration) size(configuration)\n",
		},
		"delete": {
			had: declared, now: `resource "docker_network" "front" { name = "front" }`,
			want: "docker_container.web delete: no longer declared\n",
		},
		"destroy": {had: declared, o: options{destroy: true}, want: "docker_container.web delete\ndocker_network.front delete\n"},
		"gone": {
			had: declared, since: func(w *world) { w.engine("").lose("container", "web") },
			want: "docker_container.web create: does not exist\n",
		},
		"config-only": {had: declared, now: with("keep = true"), want: "docker_container.web update keep(configuration)\n"},
		"config-only and gone again": {
			had: with("keep = true"), now: declared, want: "docker_container.web update keep(configuration)\n",
		},
		"unreported is remembered":           {had: with(`token = "a"`)},
		"unreported changes":                 {had: with(`token = "a"`), now: with(`token = "b"`), want: "docker_container.web replace token!(configuration)\n"},
		"long unreported is remembered":      {had: with(`token = join("", [for i in range(100) : "0123456789"])`)},
		"long unreported changes":            {had: with(`token = join("", [for i in range(100) : "0123456789"])`), now: with(`token = join("", [for i in range(100) : "x123456789"])`), want: "docker_container.web replace token!(configuration)\n"},
		"null and empty are the same":        {had: declared, now: with("mould = \"\"\nsecret = \"\"")},
		"default written out":                {had: declared, now: with(`color = "plain"`)},
		"one instance less":                  {had: count(3), now: count(2), want: "docker_volume.v[2] delete: no longer declared\n"},
		"instances in order of number":       {now: count(11), want: numbered(11)},
		"for_each":                           {had: each("a", "b"), now: each("b", "c"), want: "docker_volume.v[\"a\"] delete: no longer declared\ndocker_volume.v[\"c\"] create: does not exist\n"},
		"image moved":                        {had: moulded, since: func(w *world) { w.repull("base") }, want: "docker_container.web replace mould_id!(image)\n"},
		"image of an object cleat knows not": {had: `resource "docker_container" "web" { name = "web" }`, now: moulded, want: "docker_container.web replace mould!(configuration) mould_id!(image)\ndocker_mould.base create: does not exist\n"},
		"image replaced":                     {had: moulded, now: strings.ReplaceAll(moulded, "\"base\"\n", "\"base2\"\n"), want: "docker_container.web replace mould!(configuration) mould_id!(image)\ndocker_mould.base replace name!(configuration)\n"},
		"image replaced in its place":        {had: moulded, now: strings.ReplaceAll(moulded, "\"base\"\n", "\"base\"\ncolor = \"red\"\n"), want: "docker_mould.base replace color!(configuration)\n", stillWant: true},
	})
}

const moulded = `
resource "docker_mould" "base" {
  name = "base"
}
resource "docker_container" "web" {
  name  = "web"
  mould = docker_mould.base.name
}
`

// repull lets a name stand for another mould.
func (w *world) repull(name string) {
	e := w.engine("")
	e.mu.Lock()
	defer e.mu.Unlock()
	old := e.find("mould", name)
	next := *old
	old.thing.Name = types.StringValue("<none>")
	next.thing.ID = types.StringValue(old.thing.ID.ValueString() + "'")
	e.objects["mould/"+next.thing.ID.ValueString()] = &next
}

func count(n int) string {
	return `resource "docker_volume" "v" {
  count = ` + string(rune('0'+n/10)) + string(rune('0'+n%10)) + `
  name  = "v${count.index}"
}`
}

func each(keys ...string) string {
	return "resource \"docker_volume\" \"v\" {\n for_each = toset([\"" + strings.Join(keys, "\", \"") + "\"])\n name = each.key\n}\n"
}

func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("docker_volume.v[" + strings.TrimLeft(string(rune('0'+i/10)), "0") + string(rune('0'+i%10)) + "] create: does not exist\n")
	}
	return b.String()
}

func TestCauses(t *testing.T) {
	resize := func(w *world) {
		w.engine("").change("container", "web", func(m *thing) { m.Size = types.Int64Value(9) })
	}
	unrecorded := func(w *world) {
		e := w.engine("")
		e.find("container", "web").labels[ownership.LabelRecord] = ""
	}
	both := func(w *world) { resize(w); unrecorded(w) }
	scenarios(t, map[string]scenario{
		"drift":                         {had: with("size = 3"), since: resize, want: "docker_container.web update size(drift)\n"},
		"drift of what is not declared": {had: declared, since: resize, want: "docker_container.web update size(drift)\n"},
		"drift to what is declared now": {had: with("size = 3"), since: resize, now: with("size = 9")},
		"both":                          {had: with("size = 3"), since: resize, now: with("size = 4"), want: "docker_container.web update size(configuration)\n"},
		"drift and configuration": {
			had: with("size = 3"), since: resize, now: with("size = 3\ncolor = \"red\""),
			want: "docker_container.web replace color!(configuration) size(drift)\n",
		},
		"drift of a default": {
			had: with("size = 3"), since: func(w *world) {
				w.engine("").change("container", "web", func(m *thing) { m.Color = types.StringValue("blue") })
			},
			want: "docker_container.web replace color!(drift)\n",
		},
		"without a record it is configuration": {had: with("size = 3"), since: both, want: "docker_container.web update size(configuration)\n"},
		"without a record and as declared":     {had: with("size = 3"), since: unrecorded},
		"refresh only reports drift": {
			had: with("size = 3"), since: resize, now: with("size = 3\ncolor = \"red\""), o: options{refresh: true},
			want: "docker_container.web replace size(drift)\n",
		},
		"refresh only reports no configuration": {had: declared, now: with("size = 3"), o: options{refresh: true}},
		"refresh only reports no orphan":        {had: declared, now: `locals {}`, o: options{refresh: true}},
	})
}

func TestUnknowns(t *testing.T) {
	scenarios(t, map[string]scenario{
		"a replacement below makes the id unknown": {
			had: declared, now: strings.Replace(declared, `name = "front"`, "name = \"front\"\ncolor = \"red\"", 1),
			want: `
docker_container.web replace uses!(configuration)
docker_network.front replace color!(configuration)
`,
		},
		"an update below moves only what it moves": {
			had: declared, now: strings.Replace(declared, `name = "front"`, "name = \"front\"\nsize = 2", 1),
			want: "docker_network.front update size(configuration)\n",
		},
		"what an update moves is unknown above": {
			had: reader(""), now: reader("size = 2"),
			want: `
docker_container.web replace color!(configuration)
docker_network.front update size(configuration)
output at: "at front-1" -> unknown
`,
			// The address turns out to be what it was: the apply does less than was planned.
		},
		"known after apply counts, not instances": {
			now: `
resource "docker_network" "front" { name = "front" }
resource "docker_volume" "v" {
  for_each = toset([docker_network.front.id])
  name = "v"
}`,
			want: "Invalid for_each argument: The for_each of docker_volume.v: it is a set with elements that are known only after apply. " +
				"Use -target to apply first only what it depends on, then apply again; or make it depend on variables and local values only.\n",
		},
	})
}

// reader takes an attribute of a network that changes of it move.
func reader(attributes string) string {
	return `
resource "docker_network" "front" {
  name = "front"
  ` + attributes + `
}
resource "docker_container" "web" {
  name  = "web"
  color = docker_network.front.address
}
output "at" { value = docker_network.front.address }
`
}

// The copy of this world in reconcile/apply needs it.
var _ = (*engine).copied
