package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// TestHealthySuccessor: a container that replaces another has to be healthy before that one goes. One that never is
// leaves the other where it was. podman 4.3 runs health checks only under systemd.
func TestHealthySuccessor(t *testing.T) {
	t.Parallel()
	for kind, start := range map[string]func(testing.TB) *acctest.Engine{"dockerd": acctest.Dockerd, "cleatd": acctest.Cleatd} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			e := start(t)
			const address = "docker_container.c"
			configuration := func(version, init, check string) string {
				return fmt.Sprintf(`
resource "docker_container" "c" {
  name    = "successor"
  image   = "busybox:1"
  command = ["sh", "-c", "trap 'exit 0' TERM; sleep 1; touch /tmp/up; sleep 1000 & wait $!"]
  env     = ["VERSION=%s"]
  init    = %s
  wait    = true
  healthcheck {
    test     = ["CMD", "test", "-e", %q]
    interval = "300ms"
    retries  = 6
  }
}
`, version, init, check)
			}
			p := newCleat(t, e, "successor", configuration("1", "false", "/tmp/up"))
			p.apply(t)
			first := p.healthy(t, "1")
			p.configure(t, configuration("2", "true", "/tmp/never"))
			if out := p.must(t, 1, "apply", "-auto-approve"); !strings.Contains(out, "is unhealthy") {
				t.Errorf("the reason is not told:\n%s", lastLines(out, 20))
			}
			if now := p.inspect(t); now.ID != first || !now.State.Running {
				t.Errorf("after a successor that failed %s is there, running %t; it was %s", now.ID, now.State.Running, first)
			}
			p.configure(t, configuration("3", "true", "/tmp/up"))
			p.apply(t)
			if now := p.healthy(t, "3"); now == first {
				t.Error("nothing was replaced")
			}
			if c := p.inspect(t); c.HostConfig.Init == nil || !*c.HostConfig.Init {
				t.Error("the successor has no init")
			}
			p.settled(t, []string{address})
			p.destroy(t)
		})
	}
}

func (p *project) inspect(t *testing.T) container.InspectResponse {
	t.Helper()
	found, err := p.engine.Client(t).ContainerInspect(t.Context(), p.name(), client.ContainerInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return found.Container
}

// healthy returns the container's id when it is the version wanted and healthy.
func (p *project) healthy(t *testing.T, version string) (id string) {
	t.Helper()
	c := p.inspect(t)
	if h := c.State.Health; h == nil || h.Status != container.Healthy {
		t.Fatalf("cleat has waited, and yet: %+v", h)
	}
	if env := strings.Join(c.Config.Env, " "); !strings.Contains(env, "VERSION="+version) {
		t.Fatalf("version %s is wanted: %s", version, env)
	}
	return c.ID
}
