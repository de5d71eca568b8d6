package container

import (
	"fmt"
	"testing"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/google/go-cmp/cmp"

	"github.com/cleat-dev/cleat/resources/contract"
)

func TestDelete(t *testing.T) {
	t.Parallel()
	inProgress := fmt.Errorf("removal of container %s is already in progress: %w", createdID, cerrdefs.ErrConflict)
	mount := func(kind string, readOnly bool) func(*Model) {
		return func(m *Model) {
			mount := Mount{Target: str("/data"), Type: str(kind), ReadOnly: yes(readOnly)}
			if kind != "tmpfs" {
				mount.Source = str("/srv/data")
			}
			m.Mounts = contract.BlocksOf(mount)
		}
	}
	volume := func(m *Model) {
		m.Volumes = contract.BlocksOf(Volume{ContainerPath: str("/data"), VolumeName: str("data")})
	}
	for name, c := range map[string]struct {
		f     func(*Model)
		then  func(*engine)
		calls []string
		fails bool
	}{
		"nothing to keep": {nil, nil, []string{"remove volumes=true by force"}, false},
		"keeps a volume":  {volume, nil, []string{"stop -", "remove volumes=true"}, false},
		"keeps a mount":   {mount("bind", false), nil, []string{"stop -", "remove volumes=true"}, false},
		"only reads":      {mount("bind", true), nil, []string{"remove volumes=true by force"}, false},
		"in memory":       {mount("tmpfs", false), nil, []string{"remove volumes=true by force"}, false},
		"has a signal":    {func(m *Model) { m.StopSignal = str("SIGQUIT") }, nil, []string{"stop -", "remove volumes=true"}, false},
		"has a time":      {func(m *Model) { m.StopTimeout = num(5) }, nil, []string{"stop -", "remove volumes=true"}, false},
		"has no time":     {func(m *Model) { m.StopTimeout = num(0); volume(m) }, nil, []string{"remove volumes=true by force"}, false},
		"grace":           {func(m *Model) { m.DestroyGraceSeconds, m.RemoveVolumes = num(3), yes(false) }, nil, []string{"stop 3", "remove volumes=false"}, false},
		"no grace":        {func(m *Model) { m.DestroyGraceSeconds, m.RemoveVolumes = num(0), yes(false); volume(m) }, nil, []string{"remove volumes=false by force"}, false},
		"signal kills":    {func(m *Model) { m.StopSignal = str("9"); volume(m) }, nil, []string{"remove volumes=true by force"}, false},
		"killed, stopped": {func(m *Model) { m.Start = yes(false) }, nil, []string{"remove volumes=true"}, false},
		"started since":   {func(m *Model) { m.Start = yes(false) }, func(e *engine) { e.c.State.Running = true }, []string{"remove volumes=true", "stop 0", "remove volumes=true"}, false},
		"gone":            {volume, func(e *engine) { e.exists = false }, []string{"stop -"}, false},
		"being removed":   {volume, func(e *engine) { e.fail["remove"] = inProgress }, []string{"stop -", "remove volumes=true", "wait removed"}, false},
		"cannot be":       {volume, func(e *engine) { e.fail["remove"] = cerrdefs.ErrInternal }, []string{"stop -", "remove volumes=true"}, true},
		"cannot be ended": {volume, func(e *engine) { e.fail["stop"] = cerrdefs.ErrUnavailable }, []string{"stop -"}, true},
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
