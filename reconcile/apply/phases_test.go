package apply_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/api/errs"
)

var errBroken = fmt.Errorf("it broke: %w", errs.ErrInternal)

// scenario is one apply: every call that changes something, in order.
type scenario struct {
	had, now string
	given, o options
	fails    []string // calls that fail
	calls    string
	errs     string
	living   string // compared when something fails
	ledger   string
	failed   string // steps reported as failed, and as not tried
	again    string // the plan after it; the one after an apply of that is empty
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

func (s scenario) run(t *testing.T) {
	w := newWorld(t)
	w.slots = 1
	if s.had != "" {
		w.run(s.had, s.given)
	}
	if s.now == "" {
		s.now = s.had
	}
	e := w.engine("")
	for _, call := range s.fails {
		e.hooks[call] = func() error { return errBroken }
	}
	end := w.plan(s.now, s.o).apply(t.Context())
	want(t, "calls", lines(end.calls), s.calls)
	want(t, "errors", end.errs, s.errs)
	want(t, "ledger", w.ledger(), s.ledger)
	got := ""
	for _, address := range end.report.Failed {
		got += "failed " + address.String() + "\n"
	}
	for _, address := range end.report.NotTried {
		got += "not tried " + address.String() + "\n"
	}
	want(t, "report", got, s.failed)
	if len(s.fails) > 0 {
		want(t, "living", e.living(), s.living)
	}
	clear(e.hooks)
	s.o.replace = nil
	want(t, "plan after it", w.plan(s.now, s.o).text(), s.again)
	if s.o.destroy {
		return
	}
	w.run(s.now, s.o)
	want(t, "at last", w.plan(s.now, s.o).text(), "")
}

func lines(calls []string) string {
	if len(calls) == 0 {
		return ""
	}
	return strings.Join(calls, "\n") + "\n"
}

func image(name string) string {
	return "resource \"docker_mould\" \"base\" {\n name = \"" + name + "\"\n}\n"
}

func net(name, extra string) string {
	return "resource \"docker_network\" \"front\" {\n name = \"" + name + "\"\n" + extra + "\n}\n"
}

func web(extra string) string {
	return "resource \"docker_container\" \"web\" {\n name = \"web\"\n" + extra + "\n}\n"
}

const (
	onImage = "mould = docker_mould.base.name"
	onNet   = "uses = [docker_network.front.id]"
)

func TestPhases(t *testing.T) {
	old := "resource \"docker_container\" \"old\" {\n name = \"old\"\n}\n"
	scenarios(t, map[string]scenario{
		"prepare, remove, create": {
			had: old, now: image("base") + web(onImage),
			calls:  "write ledger\ncreate mould base\ndelete container old-1\ncreate container web\nwrite ledger\n",
			ledger: "docker_mould.base id=sha:base\n",
		},
		"a failing preparation removes nothing": {
			had: old, now: image("base") + web(onImage), fails: []string{"create mould base"},
			calls:  "write ledger\ncreate mould base\n",
			errs:   "Failed: docker_mould.base: it broke: internal.\n",
			living: "container old-1 (old)\n", ledger: "docker_mould.base id= intent\n",
			failed: "failed docker_mould.base\nnot tried docker_container.old\nnot tried docker_container.web\n",
			again:  "docker_container.old delete: no longer declared\ndocker_container.web create: does not exist\ndocker_mould.base create: does not exist\n",
		},
		"what a successor cannot get keeps the old ones": {
			had: net("n1", "") + web(onNet) + old, now: net("n2", "") + web(onNet), fails: []string{"fetch web"},
			calls:  "",
			errs:   "Failed: docker_container.web: it broke: internal.\n",
			living: "container old-1 (old)\ncontainer web-1 (web)\nnetwork n1-1 (n1)\n", ledger: "",
			failed: "failed docker_container.web\nnot tried docker_container.old\nnot tried docker_network.front\n",
			again:  "docker_container.old delete: no longer declared\ndocker_container.web replace uses!(configuration)\ndocker_network.front replace name!(configuration)\n",
		},
		"a ledger that cannot be written changes nothing": {
			had: old, now: image("base"), fails: []string{"write ledger"},
			calls:  "write ledger\n",
			errs:   "Ledger not written: ledger of p: it broke: internal. Nothing was changed.\n",
			living: "container old-1 (old)\n",
			failed: "not tried docker_container.old\nnot tried docker_mould.base\n",
			again:  "docker_container.old delete: no longer declared\ndocker_mould.base create: does not exist\n",
		},
		"what cannot stand aside goes early, dependants first": {
			had: net("front", "") + web(onNet), now: net("front", "color = \"red\"") + web(onNet),
			calls: "delete container web-1\ndelete network front-1\ncreate network front\ncreate container web\n",
		},
		"create_before_destroy": {
			had: net("n1", "lifecycle { create_before_destroy = true }") + web(onNet), now: net("n2", "lifecycle { create_before_destroy = true }") + web(onNet),
			calls: "create network n2\naside web-1\ncreate container web\nup web-2\ndelete container web-1\ndelete network n1-1\n",
		},
		"a replaced image": {
			had: image("base") + web(onImage), now: image("base2") + web(onImage),
			calls:  "write ledger\ncreate mould base2\naside web-1\ncreate container web\nup web-2\ndelete container web-1\ndelete mould base\nwrite ledger\n",
			ledger: "docker_mould.base id=sha:base2\n",
		},
		"a replaced image whose container does not come up": {
			had: image("base") + web(onImage), now: image("base2") + web(onImage), fails: []string{"up web-2"},
			calls:  "write ledger\ncreate mould base2\naside web-1\ncreate container web\nup web-2\ndelete container web-2\nrestore web-1\nwrite ledger\n",
			errs:   "Failed: docker_container.web: it broke: internal; the old one is back.\n",
			living: "container web-1 (web)\nmould sha:base (base)\nmould sha:base2 (base2)\n",
			ledger: "docker_mould.base id=sha:base2\n", failed: "failed docker_container.web\n",
			again: "docker_container.web replace mould!(configuration) mould_id!(image)\ndocker_mould.base delete: left behind by an interrupted replacement\n",
		},
		"a replaced image of which nothing is known to run": {
			had: image("base"), now: image("base2"),
			calls: "write ledger\ncreate mould base2\ndelete mould base\nwrite ledger\n", ledger: "docker_mould.base id=sha:base2\n",
		},
		"an image made anew in its place": {
			had: image("base"), o: options{replace: []string{"docker_mould.base"}},
			calls: "create mould base\n", ledger: "docker_mould.base id=sha:base\n",
		},
		"an image no longer declared goes last": {
			had: image("base") + web(onImage), now: web(""),
			calls: "aside web-1\ncreate container web\nup web-2\ndelete container web-1\ndelete mould base\n",
		},
		"what a failed step still needs stays": {
			had: image("base") + net("front", "") + web(onImage+"\n"+onNet), now: web(""), fails: []string{"up web-2"},
			calls:  "aside web-1\ncreate container web\nup web-2\ndelete container web-2\nrestore web-1\n",
			errs:   "Failed: docker_container.web: it broke: internal; the old one is back.\n",
			living: "container web-1 (web)\nmould sha:base (base)\nnetwork front-1 (front)\n", ledger: "docker_mould.base id=sha:base\n",
			failed: "failed docker_container.web\nnot tried docker_mould.base\nnot tried docker_network.front\n",
			again:  "docker_container.web replace mould!(configuration) uses!(configuration)\ndocker_mould.base delete: no longer declared\ndocker_network.front delete: no longer declared\n",
		},
		"destroy": {
			had: image("base") + net("front", "") + web(onImage+"\n"+onNet), o: options{destroy: true, targets: []string{"docker_network.front"}},
			calls: "delete container web-1\ndelete network front-1\n", ledger: "docker_mould.base id=sha:base\n",
		},
		"destroy that fails keeps what is below": {
			had: net("front", "") + web(onNet), o: options{destroy: true}, fails: []string{"delete container web-1"},
			calls: "delete container web-1\n", errs: "Failed: docker_container.web: removing web-1: it broke: internal.\n",
			living: "container web-1 (web)\nnetwork front-1 (front)\n", failed: "failed docker_container.web\nnot tried docker_network.front\n",
			again: "docker_container.web delete\ndocker_network.front delete\n",
		},
		"nothing changes": {had: image("base") + web(onImage), ledger: "docker_mould.base id=sha:base\n"},
		"only recorded": {
			had: web(""), now: web("keep = true"), calls: "write ledger\n", ledger: "docker_container.web id=web-1\n",
		},
		"in place": {
			had: web(""), now: web("size = 1"), calls: "update container web-1 size\nwrite ledger\n", ledger: "docker_container.web id=web-1\n",
		},
	})
}

// Every step of a replacement may fail.
func TestReplacementFails(t *testing.T) {
	red := web("color = \"red\"")
	const back = "Failed: docker_container.web: it broke: internal; the old one is back.\n"
	const planned = "docker_container.web replace color!(configuration)\n"
	const failed = "failed docker_container.web\n"
	scenarios(t, map[string]scenario{
		"aside": {
			had: web(""), now: red, fails: []string{"aside web-1"}, calls: "aside web-1\nrestore web-1\n",
			errs: "Failed: docker_container.web: it broke: internal.\n", living: "container web-1 (web)\n", failed: failed, again: planned,
		},
		"create": {
			had: web(""), now: red, fails: []string{"create container web"}, calls: "aside web-1\ncreate container web\nrestore web-1\n",
			errs: back, living: "container web-1 (web)\n", failed: failed, again: planned,
		},
		"start": {
			had: web(""), now: red, fails: []string{"start container web"}, calls: "aside web-1\ncreate container web\ndelete container web-2\nrestore web-1\n",
			errs: back, living: "container web-1 (web)\n", failed: failed, again: planned,
		},
		"up": {
			had: web(""), now: red, fails: []string{"up web-2"}, calls: "aside web-1\ncreate container web\nup web-2\ndelete container web-2\nrestore web-1\n",
			errs: back, living: "container web-1 (web)\n", failed: failed, again: planned,
		},
		"up, and the new one cannot be removed": {
			had: web(""), now: red, fails: []string{"up web-2", "delete container web-2"}, calls: "aside web-1\ncreate container web\nup web-2\ndelete container web-2\n",
			errs:   "Failed: docker_container.web: it broke: internal; and the old one did not come back: removing web-2: it broke: internal.\n",
			living: "container web-1 (web.cleat-aside)\ncontainer web-2 (web)\n", failed: failed,
			again: "docker_container.web delete: left behind by an interrupted replacement\n",
		},
		"up, and the old one does not come back": {
			had: web(""), now: red, fails: []string{"up web-2", "restore web-1"}, calls: "aside web-1\ncreate container web\nup web-2\ndelete container web-2\nrestore web-1\n",
			errs:   "Failed: docker_container.web: it broke: internal; and the old one did not come back: it broke: internal.\n",
			living: "container web-1 (web.cleat-aside)\n", failed: failed,
			again: "docker_container.web replace color!(configuration) name!(drift)\n",
		},
		"removing the old one": {
			had: web(""), now: red, fails: []string{"delete container web-1"}, calls: "aside web-1\ncreate container web\nup web-2\ndelete container web-1\n",
			errs:   "Failed: docker_container.web: removing web-1: it broke: internal.\n",
			living: "container web-1 (web.cleat-aside)\ncontainer web-2 (web)\n", failed: failed,
			again: "docker_container.web delete: left behind by an interrupted replacement\n",
		},
		"early removal": {
			had: net("front", ""), now: net("front", "color = \"red\""), fails: []string{"delete network front-1"}, calls: "delete network front-1\n",
			errs: "Failed: docker_network.front: removing front-1: it broke: internal.\n", living: "network front-1 (front)\n",
			failed: "failed docker_network.front\n", again: "docker_network.front replace color!(configuration)\n",
		},
		"create after an early removal": {
			had: net("front", "") + web(onNet), now: net("front", "color = \"red\"") + web(onNet), fails: []string{"create network front"},
			calls: "delete container web-1\ndelete network front-1\ncreate network front\n",
			errs:  "Failed: docker_network.front: it broke: internal.\n", failed: "failed docker_network.front\nnot tried docker_container.web\n",
			again: "docker_container.web create: does not exist\ndocker_network.front create: does not exist\n",
		},
		"late removal": {
			had: image("base") + web(onImage), now: image("base2") + web(onImage), fails: []string{"delete mould base"},
			calls:  "write ledger\ncreate mould base2\naside web-1\ncreate container web\nup web-2\ndelete container web-1\ndelete mould base\nwrite ledger\n",
			errs:   "Failed: docker_mould.base: removing sha:base: it broke: internal.\n",
			living: "container web-2 (web)\nmould sha:base (base)\nmould sha:base2 (base2)\n", ledger: "docker_mould.base id=sha:base2\n",
			again: "docker_mould.base delete: left behind by an interrupted replacement\n",
		},
	})
}

// What stays of an object that was made and is not as planned is repaired.
func TestPartialIsKept(t *testing.T) {
	scenarios(t, map[string]scenario{
		"first creation": {
			now: web("size = 1"), fails: []string{"start container web"}, calls: "create container web\n",
			errs: "Failed: docker_container.web: it broke: internal.\n", living: "container web-1 (web)\n", failed: "failed docker_container.web\n",
		},
		"of what the ledger knows": {
			now: image("base"), fails: []string{"start mould base"}, calls: "write ledger\ncreate mould base\nwrite ledger\n",
			errs: "Failed: docker_mould.base: it broke: internal.\n", living: "mould sha:base (base)\n", failed: "failed docker_mould.base\n",
			ledger: "docker_mould.base id=sha:base\n",
		},
	})
}

// A type that does not do what was planned is a bug, reported as such; the object stays and is seen by the next plan.
func TestCheckFailure(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.engine("")
	e.hooks["start container web"] = func() error {
		e.change("container", "web", func(m *thing) { m.Color = types.StringValue("blue") })
		return nil
	}
	end := w.plan(web("color = \"red\""), options{}).apply(t.Context())
	want(t, "errors", end.errs, "Failed: docker_container.web: this is a bug of cleat, please report it: the result differs from the plan: color: planned \"red\", the engine has \"blue\".\n")
	want(t, "living", e.living(), "container web-1 (web)\n")
	clear(e.hooks)
	want(t, "plan", w.plan(web("color = \"red\""), options{}).text(), "docker_container.web replace color!(drift)\n")
}

// A failed object skips what needs it and nothing else.
func TestFailureSkipsDependants(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.engine("")
	e.hooks["create network front"] = func() error { return errBroken }
	text := net("front", "") + web(onNet) + `
resource "docker_container" "above" {
  name = "above"
  uses = [docker_container.web.id]
}
resource "docker_volume" "beside" { name = "beside" }
resource "docker_container" "neighbour" {
  name = "neighbour"
  uses = [docker_volume.beside.id]
}
output "id" { value = docker_volume.beside.id }
`
	end := w.plan(text, options{}).apply(t.Context())
	want(t, "living", e.living(), "container neighbour-1 (neighbour)\nvolume beside (beside)\n")
	want(t, "report", fmt.Sprint(end.report.Failed, end.report.NotTried, end.report.Done.Add, end.report.Complete()),
		"[docker_network.front] [docker_container.above docker_container.web] 2 false")
	want(t, "outputs of an apply that failed are not recorded", w.ledger(), "")
}

// After an interrupt what runs is finished and the rest not tried.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.engine("")
	ctx, cancel := context.WithCancel(t.Context())
	e.hooks["create network front"] = func() error {
		cancel()
		return nil
	}
	text := image("base") + net("front", "") + web(onNet)
	end := w.plan(text, options{}).apply(ctx)
	want(t, "errors", end.errs, "Interrupted: What had begun was finished; the rest was not tried. Run cleat apply again to go on.\n")
	want(t, "living", e.living(), "mould sha:base (base)\nnetwork front-1 (front)\n")
	want(t, "report", fmt.Sprint(end.report.Failed, end.report.NotTried, end.report.Done.Add), "[] [docker_container.web] 2")
	want(t, "ledger", w.ledger(), "docker_mould.base id=sha:base\n")
	clear(e.hooks)
	want(t, "plan", w.plan(text, options{}).text(), "docker_container.web create: does not exist\n")

	// Before anything began nothing is done, not even of a destruction.
	over, cancel := context.WithCancel(t.Context())
	cancel()
	end = w.plan(text, options{destroy: true}).apply(over)
	want(t, "nothing is removed", strings.Join(end.calls, "\n"), "")
	if end.report.Complete() || !end.diags.HasErrors() {
		t.Errorf("an interrupted destruction is reported as complete: %+v %s", end.report, end.errs)
	}
}

// An interrupt in the middle of a replacement does not leave the old object aside.
func TestInterruptDuringReplacement(t *testing.T) {
	t.Parallel()
	for _, call := range []string{"aside web-1", "create container web", "up web-2", "delete container web-1"} {
		w := newWorld(t)
		w.run(web(""), options{})
		ctx, cancel := context.WithCancel(t.Context())
		w.engine("").hooks[call] = func() error {
			cancel()
			return nil
		}
		end := w.plan(web("color = \"red\""), options{}).apply(ctx)
		want(t, call, w.engine("").living()+end.errs, "container web-2 (web)\n")
	}
}

// What the plan could not know never makes the apply do more than was shown.
func TestNeverMoreThanThePlan(t *testing.T) {
	t.Parallel()
	text := func(network, color string) string { return net("front", network) + web("color = "+color) }
	for name, c := range map[string]struct {
		had, now, planned string
		since             func(*engine) // between plan and apply
		errs, calls       string
	}{
		"a value that turns out to be the old one does nothing": {
			had: text("", "docker_network.front.address"), now: text("size = 2", "docker_network.front.address"),
			planned: "docker_container.web replace color!(configuration)\ndocker_network.front update size(configuration)\n",
			calls:   "update network front-1 size\nwrite ledger",
		},
		"an image that moved between plan and apply": {
			had: image("base") + web(onImage), now: image("base") + web(onImage+"\nsize = 2"),
			planned: "docker_container.web update size(configuration)\n",
			since: func(e *engine) {
				e.mu.Lock()
				defer e.mu.Unlock()
				e.store("mould", thing{Name: types.StringValue("base"), Color: types.StringValue("other")}, nil)
			},
			errs: "Failed: docker_container.web: docker_container.web: update was planned and replace would be needed now (mould_id changes); plan again.\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.slots = 1
			w.run(c.had, options{})
			p := w.plan(c.now, options{})
			want(t, "plan", p.text(), c.planned)
			if c.since != nil {
				c.since(w.engine(""))
			}
			end := p.apply(t.Context())
			want(t, "calls", strings.Join(end.calls, "\n"), c.calls)
			want(t, "errors", end.errs, c.errs)
		})
	}
}

// Objects are read after they were made only when something refers to what is not known of them.
func TestReadsOnlyWhatIsReferredTo(t *testing.T) {
	t.Parallel()
	for refers, read := range map[string]bool{"name": false, "id": false, "address": true} {
		w := newWorld(t)
		p := w.plan(web("")+"output \"o\" {\n value = docker_container.web."+refers+"\n}\n", options{})
		e := w.engine("")
		reads := 0
		e.hooks["read container web-1"] = func() error {
			reads++
			return nil
		}
		if end := p.apply(t.Context()); end.errs != "" {
			t.Fatal(end.errs)
		}
		if reads > 1 || read != (reads == 1) {
			t.Errorf("%s: %d reads", refers, reads)
		}
	}
}

// TestMovedUnderneath: what was made from something that has another address since is removed before it, whoever knows of
// the new address.
func TestMovedUnderneath(t *testing.T) {
	t.Parallel()
	front := net("front", "") + web(onNet)
	back := strings.ReplaceAll(front, "front\"", "back\"")
	back = strings.ReplaceAll(strings.Replace(back, `name = "back"`, `name = "front"`, 1), "docker_network.front", "docker_network.back")
	moved := "moved {\n from = docker_network.front\n to = docker_network.back\n}\n"
	for name, c := range map[string]struct {
		text string
		o    options
	}{
		"destroyed":                    {back + moved, options{destroy: true}},
		"destroyed, the block is gone": {back, options{destroy: true}},
		"one target":                   {back, options{destroy: true, targets: []string{"docker_network.back"}}},
		"declared no longer":           {moved, options{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.slots = 1
			w.run(front, options{})
			w.run(back+moved, options{})
			planned := w.plan(c.text, c.o)
			for _, step := range planned.made.Steps {
				if needs := fmt.Sprint(step.Needs); step.Address.Type == "docker_container" && !strings.Contains(needs, "docker_network.back") {
					t.Errorf("needs %s", needs) // not only by chance the first
				}
			}
			end := planned.apply(t.Context())
			want(t, "errors", end.errs, "")
			want(t, "calls", lines(end.calls), "delete container web-1\ndelete network front-1\n")
			want(t, "living", w.engine("").living(), "")
			want(t, "ledger", w.ledger(), "")
		})
	}
}
