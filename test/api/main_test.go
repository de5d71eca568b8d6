package api

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cleat-dev/cleat/internal/acctest"
)

func TestMain(m *testing.M) { acctest.Main(m) }

// kind is an engine to start.
type kind struct {
	name  string
	start func(testing.TB) *acctest.Engine
}

// engines are what the suite runs on.
var engines = []kind{
	{"dockerd", acctest.Dockerd},
	{"cleatd", acctest.Cleatd},
}

// each runs a test on every engine.
func each(t *testing.T, test func(t *testing.T, e *engine)) {
	t.Helper()
	for _, kind := range engines {
		kind.run(t, test)
	}
}

// run runs a test on the engine, which it must leave as it was.
func (k kind) run(t *testing.T, test func(t *testing.T, e *engine)) {
	t.Helper()
	t.Run(k.name, func(t *testing.T) {
		e := newEngine(k.start(t))
		before := e.things(t)
		t.Cleanup(func() {
			if diff := cmp.Diff(before, e.things(t)); diff != "" {
				t.Errorf("left behind (-before +after):\n%s", diff)
			}
		})
		test(t, e)
	})
}
