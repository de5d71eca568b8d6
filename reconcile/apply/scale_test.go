package apply_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
)

// many is n containers on one network and one image, each of which starts anew with its volume.
func many(n, size int) string {
	return image("base") + net("front", "") + fmt.Sprintf(`
resource "docker_volume" "v" {
  count = %[1]d
  name  = "v${count.index}"
  size  = %[2]d
}
resource "docker_container" "c" {
  count = %[1]d
  name  = "c${count.index}"
  mould = docker_mould.base.name
  uses  = [docker_network.front.id, docker_volume.v[count.index].name]
  lifecycle { replace_triggered_by = [docker_volume.v[count.index]] }
}
`, n, size)
}

// Calls grow with the number of objects and by no more than each needs.
func TestCallsOfMany(t *testing.T) {
	t.Parallel()
	const n = 100
	w := newWorld(t)
	w.slots = 10
	e := w.engine("")
	count := func(what string, limit int, run func()) {
		t.Helper()
		var calls atomic.Int64
		e.watch = func(call string) {
			if !strings.HasPrefix(call, "start ") { // no call of its own
				calls.Add(1)
			}
		}
		run()
		if e.watch = nil; calls.Load() > int64(limit) {
			t.Errorf("%s: %d calls, at most %d are needed", what, calls.Load(), limit)
		}
	}
	count("create", 3*n+12, func() { w.run(many(n, 1), options{}) })
	count("no change", 3*n+4, func() { // a read each, and one resolution
		if text := w.plan(many(n, 1), options{}).text(); text != "" {
			t.Error(text)
		}
	})
	p := w.plan(many(n, 2), options{})
	if got := strings.Count(p.text(), "replace: docker_volume.v["); got != n {
		t.Fatalf("%d replacements", got)
	}
	count("replace", 8*n+12, func() { // update, read; resolve, aside, create, up, delete
		if end := p.apply(t.Context()); end.errs != "" {
			t.Error(end.errs)
		}
	})
	count("destroy", 2*n+4, func() { w.run(many(n, 2), options{destroy: true}) })
	want(t, "living", e.living(), "")
}

// BenchmarkManyReplaced shows whether the time of an apply grows with more than its size: compare per-object figures.
func BenchmarkManyReplaced(b *testing.B) {
	for _, n := range []int{125, 500, 2000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				w := newWorld(b)
				w.run(many(n, 1), options{})
				p := w.plan(many(n, 2), options{})
				b.StartTimer()
				if end := p.apply(b.Context()); end.errs != "" {
					b.Fatal(end.errs)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*n), "µs/object")
		})
	}
}

func BenchmarkPlanMany(b *testing.B) {
	for _, n := range []int{125, 500, 2000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := newWorld(b)
			w.run(many(n, 1), options{})
			for b.Loop() {
				w.plan(many(n, 2), options{})
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*n), "µs/object")
		})
	}
}
