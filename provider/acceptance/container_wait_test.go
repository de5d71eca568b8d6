package acceptance

import (
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/moby/moby/api/types/container"
)

// TestContainerWait: wait waits for the health check, and tells what a container has written that does not get healthy.
// The same for a wait_for block, which leaves no doubt that there has to be a health check.
func TestContainerWait(t *testing.T) {
	const address = "docker_container.a"
	config := func(check, retries string) string {
		return `
resource "docker_container" "a" {
  name    = "PREFIX"
  image   = "busybox:1"
  command = ["sh", "-c", "echo no luck; sleep 1; touch /tmp/up; sleep 1000"]
  init    = true
  wait    = true
  destroy_grace_seconds = 0
  healthcheck {
    test     = ["CMD-SHELL", "` + check + `"]
    interval = "300ms"
    retries  = ` + retries + `
  }
}
`
	}
	good := config("test -e /tmp/up", "100") // no engine is so busy that it fails so often before the file is there
	eachToday(t, good, "healthcheck: needs engine API 1.24", func(b bench) {
		if b.engine.Name == "podman" {
			b.t.Skip("podman 4.3 runs health checks by timers of systemd, which is not process 1 here: a container stays \"starting\" for good")
		}
		bad := config("exit 1", "2")
		b.run(b.containerGone(b.prefix),
			resource.TestStep{Config: bad, ExpectError: regexp.MustCompile(`(?s)is unhealthy.*no luck`)},
			resource.TestStep{Config: good, Check: resource.ComposeTestCheckFunc(
				b.inspect(b.prefix, func(c container.InspectResponse) error {
					if c.State.Health == nil {
						return wants("health", "none", "healthy")
					}
					return wants("health", c.State.Health.Status, container.Healthy)
				}),
			)},
			resource.TestStep{Config: good, ConfigPlanChecks: empty()},
			resource.TestStep{Config: strings.Replace(strings.Replace(good, "init    = true", "init    = false", 1), "wait    = true", "wait_for { state = \"healthy\" }", 1),
				ConfigPlanChecks: plans(address, plancheck.ResourceActionDestroyBeforeCreate)},
		)
	})
}

// TestContainerEndsAtOnce: what has ended when the apply looks at it is no bug of the provider; the error has its exit code,
// its last output and what to do.
func TestContainerEndsAtOnce(t *testing.T) {
	config := `
resource "docker_container" "a" {
  name    = "PREFIX"
  image   = "busybox:1"
  command = ["echo", "all done"]
  attach  = true
}
`
	each(t, func(b bench) {
		b.run(b.containerGone(b.prefix),
			resource.TestStep{Config: config, ExpectError: regexp.MustCompile(`(?s)did not stay as planned.*exited with code 0, but.*must_run = false.*all\sdone`)})
	})
}
