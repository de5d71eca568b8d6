package parity

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// difference is one thing in which the two programs do not agree.
type difference struct {
	// step counts from 1.
	step int
	// subject is an address, an output ("output.x") or what else was compared; field is what of it.
	subject, field   string
	terraform, cleat any
}

func (d difference) String() string {
	return fmt.Sprintf("step %d: %s: %s (-terraform +cleat):\n%s", d.step, d.subject, d.field, cmp.Diff(d.terraform, d.cleat))
}

// compare returns in what two plans differ.
func compare(n int, t, c planned) []difference {
	all := compareAll(n, "", fieldsOf(t.objects), fieldsOf(c.objects))
	return append(all, compareAll(n, "output.", fieldsOf(t.outputs), fieldsOf(c.outputs))...)
}

func fieldsOf[T interface{ fields() map[string]any }](all map[string]T) map[string]map[string]any {
	out := map[string]map[string]any{}
	for name, v := range all {
		out[name] = v.fields()
	}
	return out
}

func compareAll(n int, prefix string, t, c map[string]map[string]any) []difference {
	var all []difference
	for _, name := range unionOf(t, c) {
		tf, inT := t[name]
		cl, inC := c[name]
		if !inT || !inC { // one of them does nothing to it
			all = append(all, difference{n, prefix + name, "action", orNoOp(tf["action"]), orNoOp(cl["action"])})
			continue
		}
		for _, field := range unionOf(tf, cl) {
			if !cmp.Equal(tf[field], cl[field]) {
				all = append(all, difference{n, prefix + name, field, tf[field], cl[field]})
			}
		}
	}
	return all
}

func orNoOp(action any) any {
	if action == nil {
		return "no-op"
	}
	return action
}

func unionOf[V any](a, b map[string]V) []string {
	names := slices.Collect(maps.Keys(a))
	for name := range b {
		if _, ok := a[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// allowance is a difference that is known and meant.
type allowance struct {
	// fixture, subject and field are patterns of path.Match; step 0 is any.
	fixture        string
	step           int
	subject, field string
	// terraform and cleat are the values allowed; nil is any.
	terraform, cleat any
	why              string
}

func (a allowance) covers(fixture string, d difference) bool {
	for pattern, text := range map[string]string{a.fixture: fixture, a.subject: d.subject, a.field: d.field} {
		if ok, err := path.Match(pattern, text); err != nil || !ok {
			return false
		}
	}
	return (a.step == 0 || a.step == d.step) && (a.terraform == nil || cmp.Equal(a.terraform, d.terraform)) && (a.cleat == nil || cmp.Equal(a.cleat, d.cleat))
}

// ledger remembers which allowances were needed, so that one for a difference that is gone does not stay.
type ledger struct {
	mu   sync.Mutex
	used map[int]bool
}

// unexpected reports the differences nothing allows.
func (l *ledger) unexpected(t *testing.T, fixture string, all []difference) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, d := range all {
		i := slices.IndexFunc(allowed, func(a allowance) bool { return a.covers(fixture, d) })
		if i < 0 {
			t.Error(d)
			continue
		}
		l.used[i] = true
	}
}

// stale reports the allowances of fixtures that ran and did not differ.
func (l *ledger) stale(t *testing.T, ran []string) {
	t.Helper()
	for i, a := range allowed {
		if !l.used[i] && slices.ContainsFunc(ran, func(f string) bool { ok, _ := path.Match(a.fixture, f); return ok }) {
			t.Errorf("nothing differs any more, take it out of the table: %+v", a)
		}
	}
}
