package acceptance

import (
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/moby/moby/api/types/container"
)

// TestContainerWaitFor: a start waits for every wait_for block, and says which one does not come to hold, why, and what
// the container has written. Health has a test of its own.
func TestContainerWaitFor(t *testing.T) {
	const (
		address = "docker_container.a"
		bad     = `
resource "docker_container" "silent" {
  name    = "PREFIX-silent"
  image   = "busybox:1"
  command = ["sh", "-c", "echo bad luck; exec sleep 1000"]
  destroy_grace_seconds = 0
  wait_for {
    log     = "^ready$"
    timeout = "3s"
  }
}
resource "docker_container" "brief" {
  name    = "PREFIX-brief"
  image   = "busybox:1"
  command = ["sh", "-c", "echo worse luck; exit 3"]
  wait_for { port = 8080 }
}
resource "docker_container" "job" {
  name     = "PREFIX-job"
  image    = "busybox:1"
  command  = ["sh", "-c", "echo no luck; exit 5"]
  must_run = false
  wait_for { state = "exited" }
}
`
		good = `
resource "docker_container" "a" {
  name    = "PREFIX"
  image   = "busybox:1"
  command = ["sh", "-c", "echo getting ready; httpd -p 8080; echo ready; exec sleep 1000"]
  destroy_grace_seconds = 0
  wait_for { state = "running" }
  wait_for { port = 8080 }
  wait_for { log = "^ready$" }
}
resource "docker_container" "job" {
  name     = "PREFIX-job"
  image    = "busybox:1"
  command  = ["sh", "-c", "exit 3"]
  must_run = false
  wait_for {
    state     = "exited"
    exit_code = 3
  }
}
`
	)
	eachToday(t, good, `wait_for\[2\].log: needs engine API 1.19`, func(b bench) {
		b.run(b.containerGone(b.prefix),
			resource.TestStep{Config: bad, ExpectError: inAnyOrder(
				`did not write a line\s+that matches "\^ready\$" within 3s; it is running; its last output:\s+bad luck`,
				`did not listen on\s+TCP port 8080 before it exited with code 3; its last output:\s+worse luck`,
				`did not exit with\s+code 0 but with code 5; its last output:\s+no luck`,
			)},
			resource.TestStep{Config: good, Check: resource.ComposeTestCheckFunc(
				resource.TestCheckResourceAttr("docker_container.job", "exit_code", "3"),
				b.inspect(b.prefix, func(c container.InspectResponse) error { return wants("running", c.State.Running, true) }),
			)},
			resource.TestStep{Config: good, ConfigPlanChecks: empty()},
			resource.TestStep{
				Config: strings.Replace(good, "{ port = 8080 }", "{ port = 8081 }", 1), ConfigPlanChecks: plans(address, plancheck.ResourceActionUpdate),
				Check: b.inspect(b.prefix, func(c container.InspectResponse) error { return wants("running", c.State.Running, true) }),
			},
		)
	})
}

// inAnyOrder matches a text that has a match of each of three expressions: errors of objects made side by side.
func inAnyOrder(a, b, c string) *regexp.Regexp {
	var all []string
	for _, order := range [][]string{{a, b, c}, {a, c, b}, {b, a, c}, {b, c, a}, {c, a, b}, {c, b, a}} {
		all = append(all, strings.Join(order, ".*"))
	}
	return regexp.MustCompile("(?s)" + strings.Join(all, "|"))
}
