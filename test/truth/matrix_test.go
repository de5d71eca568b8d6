package truth_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/network"
	moby "github.com/moby/moby/client"
	"github.com/moby/moby/client/pkg/versions"

	"github.com/cleat-dev/cleat/internal/acctest"
	"github.com/cleat-dev/cleat/reconcile/plan"
	"github.com/cleat-dev/cleat/resources/container"
	"github.com/cleat-dev/cleat/resources/contract"
)

// effect is what a plan says of a transition.
type effect string

const (
	replaces effect = "!"
	inPlace  effect = "."
	// unseen: the plan says nothing, which the row gives the reason for.
	unseen effect = "-"
)

// row is one attribute, in two values and taken away.
type row struct {
	// path is the attribute: memory, ports.external.
	path string
	// a and b are what is declared, none what is left of it when it is taken away.
	a, b, none string
	// with is declared in every state.
	with string
	// required: the attribute cannot be taken away.
	required bool
	// change is what going from a to b does: replaces when not given. lift is what taking b away does, and first what
	// giving a again does; as change when not given.
	change, lift, first effect
	// says are the words of the plan by phase, where they are not the attribute's own.
	says map[string]string
	// also are words the plan says beside the attribute's own.
	also string
	// apart keeps rows that do not go together out of one container.
	apart string
	// own are attributes the row declares itself, which all others have.
	own string
	// idle: the container is not started, because this machine cannot run it.
	idle bool

	// at is the place in the engine's answer, and shows what is found there with b, and not with a or without.
	at, shows string
	// hidden says why the engine's answer shows nothing; told, that it shows a with b declared all the same.
	hidden string
	told   bool
	// why says why a transition is unseen.
	why string

	// since is the version that brought the values, where it is not that of the attribute; old has others.
	since string

	podman alternative
	old    alternative
}

// kind is what rows have to know of an engine.
type kind struct {
	podman, old bool
	api         string
}

// alternative is what differs on an engine.
type alternative struct {
	// a and b are declared in place of the row's.
	a, b                    string
	skip, at, shows, hidden string
	change, lift, first     effect
	idle, told              bool
	says                    map[string]string
}

func (r row) top() string { top, _, _ := strings.Cut(r.path, "."); return top }

// refused is the version the row's attribute needs, when the engine's is older.
func (k kind) refused(r row) string {
	rules := (container.Type{}).Rules()
	path := ""
	for name := range strings.SplitSeq(r.path, ".") { // of a block and what is in it the block is named
		path = strings.TrimPrefix(path+"."+name, ".")
		if needs := rules[path].Requires; needs != "" && versions.LessThan(k.api, needs) {
			return needs
		}
	}
	return ""
}

// on is the row as it holds on an engine.
func (r row) on(k kind) row {
	if k.old {
		r.a, r.b = cmp.Or(r.old.a, r.a), cmp.Or(r.old.b, r.b)
	}
	r.lift, r.first = cmp.Or(r.lift, r.change), cmp.Or(r.first, r.change)
	if r.required {
		r.none = r.a
	}
	if strings.HasSuffix(strings.TrimSpace(strings.Trim(r.a, "\n}")), "= false") && r.path != "init" {
		r.first = unseen // nothing and false mean the same there
	}
	p := alternative{}
	switch {
	case k.podman:
		p = r.podman
	case k.old:
		p = r.old
	}
	r.at, r.shows, r.hidden = cmp.Or(p.at, r.at), cmp.Or(p.shows, r.shows), cmp.Or(p.hidden, r.hidden)
	r.change, r.lift, r.first = cmp.Or(p.change, r.change), cmp.Or(p.lift, r.lift), cmp.Or(p.first, r.first)
	r.idle, r.told = r.idle || p.idle, r.told || p.told
	if p.says != nil {
		r.says = p.says
	}
	rule := (container.Type{}).Rules()[r.top()]
	// Podman 4.3 has no such call, or the version brought it later; the plan knows.
	if k.podman && rule.Call == contract.CallContainerUpdate || rule.Since != "" && versions.LessThan(k.api, rule.Since) {
		for _, e := range []*effect{&r.change, &r.lift, &r.first} {
			if *e == inPlace {
				*e = replaces
			}
		}
	}
	return r
}

// phase is a state of the configuration, and what the way to it does.
type phase struct {
	name   string
	text   func(r row) string
	before func(r row) string
	effect func(r row) effect
}

func declaredA(r row) string { return r.a }
func declaredB(r row) string { return r.b }
func takenAway(r row) string { return r.none }

var phases = []phase{
	{"given", declaredA, nil, nil},
	{"changed", declaredB, declaredA, func(r row) effect { return r.change }},
	{"taken away", takenAway, declaredB, func(r row) effect { return r.lift }},
	{"given again", declaredA, takenAway, func(r row) effect { return r.first }},
}

// group is a container several rows share.
type group struct {
	name string
	rows []row
}

// pack puts rows that do not disturb each other into one container: those that change in the same way, of different
// attributes.
func pack(rows []row, k kind) []group {
	type bin struct {
		key string
		group
	}
	var bins []*bin
	for _, r := range rows {
		if k.podman && r.podman.skip != "" || k.refused(r) != "" || !k.old && r.since != "" && versions.LessThan(k.api, r.since) {
			continue
		}
		r = r.on(k)
		key := fmt.Sprint(r.change, r.lift, r.first, r.idle, r.own)
		i := slices.IndexFunc(bins, func(b *bin) bool {
			return b.key == key && !slices.ContainsFunc(b.rows, func(other row) bool {
				return other.top() == r.top() || r.apart != "" && other.apart == r.apart || r.apart == "alone" || other.apart == "alone"
			})
		})
		if i < 0 {
			bins = append(bins, &bin{key: key, group: group{name: fmt.Sprintf("c%02d", len(bins))}})
			i = len(bins) - 1
		}
		bins[i].rows = append(bins[i].rows, r)
	}
	groups := make([]group, len(bins))
	for i, b := range bins {
		groups[i] = b.group
	}
	return groups
}

// declare is the container of a group in a phase.
func (g group) declare(prefix string, p phase) string {
	base := map[string]string{
		"name":    fmt.Sprintf("name = %q", prefix+g.name),
		"image":   fmt.Sprintf("image = %q", acctest.Busybox),
		"command": `command = ["sleep", "1000"]`,

		"destroy_grace_seconds": "destroy_grace_seconds = 0",
	}
	var lines []string
	for _, r := range g.rows {
		for name := range strings.FieldsSeq(r.own) {
			delete(base, name)
		}
		delete(base, r.top())
		for _, line := range []string{r.with, p.text(r)} {
			if !slices.Contains(lines, line) {
				lines = append(lines, line)
			}
		}
		if r.idle {
			base["start"] = "start = false"
		}
	}
	for _, line := range base {
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return fmt.Sprintf("resource \"docker_container\" %q {\n%s\n}\n", g.name, strings.Join(lines, "\n"))
}

// expected are the words the plan has to say of a group.
func (g group) expected(p phase) string {
	var words []string
	for _, r := range g.rows {
		e := p.effect(r)
		if p.text(r) == p.before(r) || e == unseen {
			continue
		}
		if says, ok := r.says[p.name]; ok {
			words = append(words, strings.Fields(says)...)
			continue
		}
		word := r.top()
		if e == replaces {
			word += "!"
		}
		words = append(append(words, word), strings.Fields(r.also)...)
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}

func networkOptions(e *acctest.Engine, n int) moby.NetworkCreateOptions {
	subnet := e.Subnet(n)
	six := netip.MustParsePrefix(fmt.Sprintf("fd00:%x:%x::/64", subnet.Addr().As4()[1], subnet.Addr().As4()[2]))
	return moby.NetworkCreateOptions{Driver: "bridge", EnableIPv6: new(true), IPAM: &network.IPAM{Config: []network.IPAMConfig{
		{Subnet: subnet, Gateway: subnet.Addr().Next()}, {Subnet: six, Gateway: six.Addr().Next()},
	}}}
}

// places are what rows refer to that differs between engines. An engine without networks has none: no row on it names one.
func (b *bench) places() *strings.Replacer {
	for name, text := range map[string]string{"one": "first\n", "two": "second\n"} {
		b.must(os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o600))
	}
	for _, dir := range []string{"x", "y"} {
		b.must(os.MkdirAll(filepath.Join(b.engine.Dir(), b.project, dir), 0o755))
	}
	net1, net2 := "net1", "net2"
	if !b.engine.IsOld() {
		net1, net2 = b.network(1), b.network(2)
	}
	first, second := b.engine.Subnet(1).Addr().As4(), b.engine.Subnet(2).Addr().As4()
	return strings.NewReplacer(
		"{net1}", net1, "{net2}", net2,
		"{six1}", fmt.Sprintf("fd00:%x:%x:", first[1], first[2]),
		"{ip1}", fmt.Sprintf("%d.%d.%d", first[0], first[1], first[2]), "{ip2}", fmt.Sprintf("%d.%d.%d", second[0], second[1], second[2]),
		"{dir}", filepath.Join(b.engine.Dir(), b.project), "{here}", b.dir, "{p}", b.project,
		"{port1}", fmt.Sprint(acctest.FreePort(b)), "{port2}", fmt.Sprint(acctest.FreePort(b)), "{port3}", fmt.Sprint(acctest.FreePort(b)),
	)
}

// TestMatrix is the truth of every attribute.
func TestMatrix(t *testing.T) {
	each(t, matrix)
}

// TestMatrixBetween is the same where much of the API began: what came later is left out, as TestOldRefuses shows for the oldest.
func TestMatrixBetween(t *testing.T) {
	t.Parallel()
	for _, api := range []string{"1.24", "1.30"} {
		t.Run(api, func(t *testing.T) { matrix(t, newBench(t, acctest.HeldCleatd(t, api))) })
	}
}

func matrix(t *testing.T, b *bench) {
	t.Helper()
	replacer := b.places()
	var all []row
	for _, r := range rows() {
		for _, s := range []*string{&r.a, &r.b, &r.none, &r.with, &r.shows, &r.podman.shows, &r.old.b, &r.old.shows} {
			*s = replacer.Replace(*s)
		}
		all = append(all, r)
	}
	groups := pack(all, b.kind())
	prefix := b.project + "-"
	// Containers others take mounts and namespaces from.
	shareable := "ipc_mode = \"shareable\""
	if versions.LessThan(b.engine.APIMax, "1.32") {
		shareable = "" // it was always so
	}
	helpers := fmt.Sprintf("resource \"docker_container\" \"helper\" {\n  for_each = toset([\"h1\", \"h2\"])\n  name = \"%s${each.key}\"\n  image = %q\n  command = [\"sleep\", \"1000\"]\n  %s\n  destroy_grace_seconds = 0\n  volumes {\n    container_path = \"/shared\"\n  }\n}\n", prefix, acctest.Busybox, shareable)
	b.write(helpers)
	makings := b.listen()
	b.apply()
	b.Cleanup(b.destroy)
	ids := map[string]string{}
	var before map[string]making
	for _, p := range phases {
		text := helpers
		for _, g := range groups {
			text += g.declare(prefix, p)
		}
		b.write(text)
		if dir := os.Getenv("TRUTH_DUMP"); dir != "" {
			_ = os.WriteFile(filepath.Join(dir, b.engine.Name+"-"+p.name+".tf"), []byte(text), 0o600)
		}
		begun := time.Now()
		made := b.apply()
		b.Logf("%s: %d containers, %s", p.name, len(groups), time.Since(begun).Round(time.Millisecond))
		if dir := os.Getenv("TRUTH_DUMP"); dir != "" {
			for _, g := range groups {
				r, err := b.api.ContainerInspect(b.Context(), prefix+g.name, moby.ContainerInspectOptions{})
				if err == nil {
					_ = os.WriteFile(filepath.Join(dir, b.engine.Name+"-"+p.name+"-"+g.name+".json"), r.Raw, 0o600)
				}
			}
		}
		for _, g := range groups {
			b.planned(made, g, p)
			ids[g.name] = b.shown(prefix, g, p, ids[g.name])
		}
		b.empty(p.name)
		if p.name == "changed" {
			b.madeAgain(groups, prefix, before, ids)
		}
		before = makings.until()
	}
}

// planned compares the plan with the rules.
func (b *bench) planned(made *plan.Plan, g group, p phase) {
	b.Helper()
	if p.before == nil {
		return
	}
	got := ""
	for _, s := range made.Steps {
		if s.Address.Name == g.name {
			got = changes(s)
		}
	}
	if want := g.expected(p); got != want {
		var about []string
		for _, r := range g.rows {
			if strings.Contains(want, r.top()) != strings.Contains(got, r.top()) {
				about = append(about, r.path)
			}
		}
		b.Errorf("%s, %s: the plan says\n %s\nwant\n %s\nabout %s", p.name, g.name, got, want, about)
	}
}

// shown compares the engine's answer with what is declared, and returns the container's id.
func (b *bench) shown(prefix string, g group, p phase, id string) string {
	b.Helper()
	name := prefix + g.name
	for _, r := range g.rows {
		if r.path == "name" {
			_, name, _ = strings.Cut(p.text(r), " = ")
			name = strings.Trim(name, `"`)
		}
	}
	answer := b.inspect(name)
	var tree any
	b.must(json.Unmarshal(answer.Raw, &tree))
	kept := p.effect != nil
	for _, r := range g.rows {
		kept = kept && (p.effect(r) != replaces || p.text(r) == p.before(r))
		if r.hidden != "" {
			continue
		}
		found := lookup(tree, r.at)
		has := strings.Contains(found, r.shows)
		want := p.text(r) == r.b
		if p.effect != nil && p.effect(r) == unseen && p.text(r) != p.before(r) {
			continue
		}
		if has != want {
			b.Errorf("%s: %s: %s in %s has %q: %v, want %v", p.name, r.path, r.at, found, r.shows, has, want)
		}
	}
	if id != "" && kept != (answer.Container.ID == id) {
		b.Errorf("%s: %s: the same container: %v, want %v", p.name, g.name, answer.Container.ID == id, kept)
	}
	return answer.Container.ID
}

// lookup is the part of an answer at a path, as JSON. A path may name several places, parted by |.
func lookup(tree any, path string) string {
	var out []string
	for one := range strings.SplitSeq(path, "|") {
		v := tree
		for part := range strings.SplitSeq(one, ".") {
			m, ok := v.(map[string]any)
			if !ok {
				v = nil
				break
			}
			v = m[part]
		}
		text, err := json.Marshal(v)
		if err == nil {
			out = append(out, string(text))
		}
	}
	return strings.Join(out, "|")
}

// TestEveryAttributeHasARow: nothing of the schema is forgotten.
func TestEveryAttributeHasARow(t *testing.T) {
	t.Parallel()
	r, err := contract.Host(t.Context(), container.Type{})
	if err != nil {
		t.Fatal(err)
	}
	covered := map[string]bool{}
	for _, row := range rows() {
		covered[row.path] = true
		if row.at == "" && row.hidden == "" {
			t.Errorf("%s: neither a place in the engine's answer nor a reason why there is none", row.path)
		}
		if (row.change == unseen || row.lift == unseen || row.podman.lift == unseen || row.podman.change == unseen) && row.why == "" {
			t.Errorf("%s: unseen without a reason", row.path)
		}
	}
	known := map[string]bool{}
	for _, path := range paths(r.Node(), "") {
		known[path] = true
		if !covered[path] && reasons[path] == "" {
			t.Errorf("%s has neither a row nor a reason", path)
		}
		if covered[path] && reasons[path] != "" {
			t.Errorf("%s has a row: its reason is out of date", path)
		}
	}
	for path := range covered {
		if !known[path] {
			t.Errorf("a row for %s, which is not in the schema", path)
		}
	}
	for path := range reasons {
		if !known[path] {
			t.Errorf("a reason for %s, which is not in the schema", path)
		}
	}
}

// paths are the attributes somebody can declare, also those of blocks.
func paths(n *contract.Node, prefix string) []string {
	var out []string
	for _, a := range n.Attributes {
		if a.Required || a.Optional {
			out = append(out, prefix+a.Name)
		}
	}
	for _, b := range n.Blocks {
		out = append(out, paths(b.Node, prefix+b.Name+".")...)
	}
	return out
}
