package container

import (
	"fmt"
	"testing"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/google/go-cmp/cmp"
)

func TestDelete(t *testing.T) {
	t.Parallel()
	inProgress := fmt.Errorf("removal of container %s is already in progress: %w", createdID, cerrdefs.ErrConflict)
	for name, c := range map[string]struct {
		f     func(*Model)
		then  func(*engine)
		calls []string
		fails bool
	}{
		"running":         {nil, nil, []string{"stop -", "remove volumes=true"}, false},
		"grace":           {func(m *Model) { m.DestroyGraceSeconds, m.RemoveVolumes = num(3), yes(false) }, nil, []string{"stop 3", "remove volumes=false"}, false},
		"no grace":        {func(m *Model) { m.DestroyGraceSeconds, m.RemoveVolumes = num(0), yes(false) }, nil, []string{"remove volumes=false by force"}, false},
		"signal kills":    {func(m *Model) { m.StopSignal = str("9") }, nil, []string{"remove volumes=true by force"}, false},
		"killed, stopped": {func(m *Model) { m.DestroyGraceSeconds, m.Start = num(0), yes(false) }, nil, []string{"remove volumes=true"}, false},
		"never started":   {func(m *Model) { m.Start = yes(false) }, nil, []string{"remove volumes=true"}, false},
		"started since":   {func(m *Model) { m.Start = yes(false) }, func(e *engine) { e.c.State.Running = true }, []string{"remove volumes=true", "stop -", "remove volumes=true"}, false},
		"gone":            {nil, func(e *engine) { e.exists = false }, []string{"stop -"}, false},
		"being removed":   {nil, func(e *engine) { e.fail["remove"] = inProgress }, []string{"stop -", "remove volumes=true", "wait removed"}, false},
		"cannot be":       {nil, func(e *engine) { e.fail["remove"] = cerrdefs.ErrInternal }, []string{"stop -", "remove volumes=true"}, true},
		"cannot be ended": {nil, func(e *engine) { e.fail["stop"] = cerrdefs.ErrUnavailable }, []string{"stop -"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEngine(t, "docker")
			observed := apply(t, e, object(t, declared(c.f)))
			if c.then != nil {
				c.then(e)
			}
			e.calls = nil
			if err := host(t).Delete(t.Context(), e, observed); (err != nil) != c.fails {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.calls, e.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		})
	}
}
