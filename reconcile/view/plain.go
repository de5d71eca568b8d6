package view

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/docker/go-units"

	"github.com/cleat-dev/cleat/reconcile/apply"
	"github.com/cleat-dev/cleat/reconcile/graph"
	"github.com/cleat-dev/cleat/reconcile/plan"
)

// quiet is how long an object says nothing on a plain output after a line about its progress.
const quiet = 10 * time.Second

// plain tells work under way in lines, for logs and pipes.
type plain struct {
	applying bool
	now      func() time.Time
	paint    paint

	mu   sync.Mutex
	w    io.Writer
	last map[graph.Instance]time.Time // of the last line about an object that is worked on
}

func newPlain(o Options, applying bool) *plain {
	return &plain{applying: applying, now: o.now(), paint: o.Terminal.paint(), w: o.Terminal.Out, last: map[graph.Instance]time.Time{}}
}

// Observe prints a line; progress at most every ten seconds for one object. While planning only work that takes
// long is told.
func (p *plain) Observe(e apply.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	switch e.Kind {
	case apply.Started:
		_, again := p.last[e.Address]
		p.last[e.Address] = now
		if again {
			return // the next part of what runs already
		}
	case apply.Progress:
		last, ok := p.last[e.Address]
		if !ok {
			p.last[e.Address] = now
			return
		}
		if now.Sub(last) < quiet {
			return
		}
		p.last[e.Address] = now
	default:
		delete(p.last, e.Address)
	}
	if p.applying || e.Kind == apply.Progress {
		fmt.Fprintln(p.w, told(p.paint, e))
	}
}

// Settle has nothing to end.
func (p *plain) Settle() {}

func (p *plain) note(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintln(p.w, text)
}

// told is an event in one line.
func told(p paint, e apply.Event) string {
	subject := p.bold(subject(e)) + ": "
	switch e.Kind {
	case apply.Started:
		return subject + doing(e.Action) + "…"
	case apply.Completed:
		id := ""
		if e.ID != "" {
			id = " [" + clean(shortID(e.ID)) + "]"
		}
		return subject + p.green(did(e.Action)) + " in " + seconds(e.Elapsed) + p.faint(id)
	case apply.Errored:
		return subject + p.red("failed") + " after " + seconds(e.Elapsed)
	case apply.Skipped:
		return subject + p.yellow("not tried")
	default:
		return subject + news(e) + " (" + seconds(e.Elapsed) + ")"
	}
}

func subject(e apply.Event) string {
	if e.Host != "" {
		return fmt.Sprintf("%s on %q", clean(e.Address.String()), e.Host)
	}
	return clean(e.Address.String())
}

// news is what is being done now, and how far it is.
func news(e apply.Event) string {
	var parts []string
	for _, s := range []string{e.Phase, e.Message} {
		if s != "" {
			parts = append(parts, clean(s))
		}
	}
	if len(parts) == 0 {
		parts = append(parts, doing(e.Action))
	}
	text := strings.Join(parts, ": ")
	switch {
	case e.Total <= 0 || e.Current < 0:
		return text
	case e.Total < 1000: // steps
		return fmt.Sprintf("%s %d/%d", text, e.Current, e.Total)
	default:
		return fmt.Sprintf("%s %s/%s", text, units.HumanSize(float64(e.Current)), units.HumanSize(float64(e.Total)))
	}
}

// shortID is an id as the docker command prints it: the first twelve digits of a long hexadecimal number, also where
// a name follows it. Names stay as they are.
func shortID(id string) string {
	id = strings.TrimPrefix(id, "sha256:")
	digits := len(id) - len(strings.TrimLeft(id, "0123456789abcdef"))
	if digits >= 32 {
		return id[:12]
	}
	return id
}

func doing(a plan.Action) string {
	switch a {
	case plan.Create:
		return "creating"
	case plan.Update:
		return "updating"
	case plan.Replace:
		return "replacing"
	case plan.Delete:
		return "destroying"
	case plan.Forget:
		return "forgetting"
	case plan.Read:
		return "reading"
	default:
		return "recording"
	}
}

func did(a plan.Action) string {
	switch a {
	case plan.Create:
		return "created"
	case plan.Update:
		return "updated"
	case plan.Replace:
		return "replaced"
	case plan.Delete:
		return "destroyed"
	case plan.Forget:
		return "forgotten"
	case plan.Read:
		return "read"
	default:
		return "recorded"
	}
}
