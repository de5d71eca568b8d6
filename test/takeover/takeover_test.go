package takeover

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// subnets counts the worlds: each has one of its own.
var subnets atomic.Int32

func TestMain(m *testing.M) { acctest.Main(m) }

const (
	ours       = "cleat-dev/docker"
	composed   = "compose"   // the age of what Compose files make, which has names of its own
	registries = "registry"  // the age of what is in a registry of the world's own
	kept       = "busybox:1" // the image every configuration keeps locally
)

// ages are those of the peer provider: what its configurations and its states call it.
var ages = []struct{ name, source, provider string }{
	{"kreuzwerker-4", "kreuzwerker/docker", "registry.terraform.io/kreuzwerker/docker"},
	{"kreuzwerker-2", "kreuzwerker/docker", "registry.terraform.io/kreuzwerker/docker"},
	{"terraform-0.12", "terraform-providers/docker", "registry.terraform.io/-/docker"},
}

// A state of the peer, of any age, is taken over by another source and one command.
func TestReplaceProvider(t *testing.T) {
	t.Parallel()
	test := func(t *testing.T, e *acctest.Engine, name, source, provider string) {
		w := newWorld(t, e, name)
		w.source(source)
		w.terraform("state", "replace-provider", "-auto-approve", provider, ours)
		w.empty(0)
		w.destroy()
	}
	acctest.EachToday(t, func(t *testing.T, e *acctest.Engine) { test(t, e, ages[0].name, ages[0].source, ages[0].provider) })
	for _, age := range ages[1:] { // what differs is in the state alone
		t.Run(age.name, func(t *testing.T) { test(t, acctest.Dockerd(t), age.name, age.source, age.provider) })
	}
	for _, name := range []string{registries, composed} {
		t.Run(name, func(t *testing.T) {
			acctest.EachToday(t, func(t *testing.T, e *acctest.Engine) { test(t, e, name, ages[0].source, ages[0].provider) })
		})
	}
	t.Run("plugin", func(t *testing.T) { test(t, acctest.Dockerd(t), "plugin", ages[0].source, ages[0].provider) })
}

// So are the services, secrets and configs of a swarm. A service that is changed afterwards stays what it is otherwise: its
// tasks are not started anew for what the peer wrote and we do not.
func TestReplaceProviderOfSwarm(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acctest.Swarm(t), "swarm")
	w.source(ages[0].source)
	w.terraform("state", "replace-provider", "-auto-approve", ages[0].provider, ours)
	if out := w.terraform("plan", "-no-color", "-refresh=false"); !unrefreshed.MatchString(out) {
		t.Errorf("a plan without refresh does more than to record values the peer does not know:\n%s", out)
	}
	w.empty(0)
	plain := w.objects["plain"]
	text := w.file("main.tf")
	const name, mode = "-plain\"\n", "  mode {\n    replicated {\n      replicas = 3\n    }\n  }\n"
	w.write("main.tf", strings.Replace(text, name, name+mode, 1))
	w.apply("0 added, 1 changed, 0 destroyed")
	w.empty(0)
	before, after := w.walk(plain.inspected, "Spec"), w.walk(w.inspect(plain.path()), "Spec")
	if got := w.walk(after, "Mode.Replicated.Replicas"); got != float64(3) {
		t.Errorf("replicas: %v, want 3", got)
	}
	for _, part := range []string{"TaskTemplate", "EndpointSpec"} {
		if diff := cmp.Diff(w.walk(before, part), w.walk(after, part)); diff != "" {
			t.Errorf("%s of a service that was only scaled (-had +has):\n%s", part, diff)
		}
	}
	w.write("main.tf", text) // what is inherited stays when it is declared no longer, as the peer has it
	w.empty(0)
	w.destroy()
}

// source lets the configuration name our provider.
func (w *world) source(was string) {
	w.t.Helper()
	text := w.file("main.tf")
	now := strings.Replace(text, fmt.Sprintf("source = %q", was), fmt.Sprintf("source = %q", ours), 1)
	if now == text {
		w.t.Fatalf("main.tf does not name %s", was)
	}
	w.write("main.tf", now)
}

// empty demands a plan that changes nothing, of objects that are as the state says. Its exit code is 2 when something
// moves.
func (w *world) empty(want int) {
	w.t.Helper()
	code, out := w.try("plan", "-no-color", "-detailed-exitcode", "-out=plan")
	if code != want {
		w.t.Errorf("terraform plan: exit %d, want %d\n%s", code, want, out)
	}
	var plan struct {
		Drift   []change `json:"resource_drift"`
		Changes []change `json:"resource_changes"`
	}
	if err := json.Unmarshal([]byte(w.terraform("show", "-json", "plan")), &plan); err != nil {
		w.t.Fatal(err)
	}
	for _, c := range plan.Changes {
		if !slices.Equal(c.Change.Actions, []string{"no-op"}) {
			w.t.Errorf("%s: %v%s", c.Address, c.Change.Actions, c.differences())
		} else if c.Mode == "managed" {
			w.shown.Add(c.Type, acctest.TakesOver)
		}
	}
	for _, c := range plan.Drift {
		if w.engine.Name == "podman" { // the states have dockerd's runtime and sizes: the peer knows no other engine
			break
		}
		if fills(c.Change.Before, c.Change.After) {
			continue
		}
		w.t.Errorf("%s: refreshed%s", c.Address, c.differences())
	}
}

// fills reports whether a refresh only adds what a state does not say, null or empty, or drops a zero: the peer records less
// than there is, and zeros for what is not set, also blocks of nothing else.
func fills(before, after any) bool {
	switch b := before.(type) {
	case nil:
		return true
	case map[string]any:
		a, ok := after.(map[string]any)
		for name, value := range b {
			ok = ok && fills(value, a[name])
		}
		return ok
	case []any:
		a, ok := after.([]any)
		if len(a) == 0 && hollow(b) {
			return true
		}
		ok = ok && len(a) == len(b)
		for i, value := range b {
			ok = ok && fills(value, a[i])
		}
		return ok
	}
	zero := before == false || before == float64(0)
	return before == "" || before == after || zero && after == nil
}

// hollow reports whether a value says no more than none does.
func hollow(value any) bool {
	switch v := value.(type) {
	case map[string]any:
		for _, inside := range v {
			if !hollow(inside) {
				return false
			}
		}
		return true
	case []any:
		return !slices.ContainsFunc(v, func(item any) bool { return !hollow(item) })
	}
	return value == nil || slices.Contains([]any{false, float64(0), "", "0s", "vip"}, value)
}

type change struct {
	Address string `json:"address"`
	Mode    string `json:"mode"`
	Type    string `json:"type"`
	Change  struct {
		Actions []string       `json:"actions"`
		Before  map[string]any `json:"before"`
		After   map[string]any `json:"after"`
	} `json:"change"`
}

// differences are the attributes that a refresh may not change, or a plan.
func (c change) differences() string {
	var lines strings.Builder
	for name, before := range c.Change.Before {
		if after := c.Change.After[name]; !fills(before, after) || !fills(after, before) {
			fmt.Fprintf(&lines, "\n\t%s: %v -> %v", name, before, after)
		}
	}
	return lines.String()
}

// destroy has everything removed that is not to be kept: the state was the truth.
func (w *world) destroy() {
	w.t.Helper()
	w.terraform("destroy", "-no-color", "-auto-approve")
	w.gone()
}

func (w *world) gone() {
	w.t.Helper()
	for name, o := range w.objects {
		if o.kind != "" && w.exists(o) {
			w.t.Errorf("%s %q is still there after destroy", o.kind, name)
		}
	}
}

// A moved block takes an object over by itself, under another name, with no command. Terraform wants the provider of the
// state beside ours for its schema, so ours stands in for it; legacy ones have none that could be installed.
func TestMoved(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acctest.Dockerd(t), ages[0].name)
	w.source(ages[0].source)
	w.rename()
	w.empty(2)
	if out := w.terraform("plan", "-no-color", "-refresh=false"); !unrefreshed.MatchString(out) {
		t.Errorf("a plan without refresh does more than to record values the peer does not know:\n%s", out)
	}
	w.apply("0 added, 0 changed, 0 destroyed")
	// An image by name is only recorded, and what is inherited stays when something is changed in place.
	const plain = "image   = docker_image.app-new.image_id\n"
	w.write("main.tf", strings.Replace(w.file("main.tf"), plain, fmt.Sprintf("image = %q\n  restart = \"always\"\n", kept), 1))
	w.apply("0 added, 1 changed, 0 destroyed")
	w.empty(0)
	w.destroy()
}

// unrefreshed is the end of a plan that replaces nothing.
var unrefreshed = regexp.MustCompile(`Plan: 0 to add, \d+ to change, 0 to destroy`)

func (w *world) apply(want string) {
	w.t.Helper()
	if out := w.terraform("apply", "-no-color", "-auto-approve"); !strings.Contains(out, want) {
		w.t.Errorf("terraform apply: not %q\n%s", want, out)
	}
}

var declared = regexp.MustCompile(`(?m)^resource "([a-z_]+)" "([a-z]+)"`)

// rename gives every resource another name, and a moved block.
func (w *world) rename() {
	w.t.Helper()
	text := w.file("main.tf")
	for _, found := range declared.FindAllStringSubmatch(text, -1) {
		kind, name := found[1], found[2]
		text = strings.ReplaceAll(text, found[0], fmt.Sprintf("resource %q %q", kind, name+"-new"))
		text = strings.ReplaceAll(text, kind+"."+name+".", kind+"."+name+"-new.")
		text += fmt.Sprintf("\nmoved {\n  from = %s.%s\n  to   = %s.%s-new\n}\n", kind, name, kind, name)
	}
	w.write("main.tf", text)
}

// Under cleat, whose state is the engine, objects of the peer are adopted: its plan says so, and how. No engine tells
// which files were uploaded, so those are left out.
func TestAdopt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acctest.Dockerd(t), "kreuzwerker-2")
	w.source("kreuzwerker/docker")
	w.write("main.tf", uploads.ReplaceAllString(w.file("main.tf"), ""))
	cleat := func(want int, args ...string) string {
		t.Helper()
		code, out := w.run(acctest.Built(t, "cleat"), append(args, "-no-color")...)
		if code != want {
			t.Errorf("cleat %s: exit %d, want %d\n%s", strings.Join(args, " "), code, want, out)
		}
		return out
	}
	for _, said := range adoption.FindAllStringSubmatch(cleat(1, "plan"), -1) {
		cleat(0, "adopt", said[1], said[2])
	}
	cleat(0, "adopt", "docker_image.app", kept) // nothing else can have it, so nothing is in the way
	if out := cleat(2, "plan", "-detailed-exitcode"); !strings.Contains(out, "0 to add, 2 to change, 0 to replace, 0 to destroy") {
		t.Errorf("more is planned than to record what no engine tells:\n%s", out)
	}
	cleat(0, "apply", "-auto-approve")
	cleat(0, "plan", "-detailed-exitcode")
	cleat(0, "destroy", "-auto-approve")
	w.gone()
}

var uploads = regexp.MustCompile(`(?ms)^  upload \{.*?^  \}\n`)

// adoption is what a plan says of an object that is there and is nobody's.
var adoption = regexp.MustCompile(`cleat adopt '([^']+)' (\S+)`)
