package acceptance

import (
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
)

// What happened to a container is told by the engine, and reading it ends although the engine lives on.
func TestEvents(t *testing.T) {
	const config = `
resource "docker_container" "a" {
  name    = "PREFIX"
  image   = "busybox:1"
  command = ["sleep", "3600"]
  destroy_grace_seconds = 0
}
data "docker_events" "e" {
  filter {
    name   = "container"
    values = [docker_container.a.id]
  }
  filter {
    name   = "event"
    values = ["start"]
  }
}
data "docker_events" "before" {
  since = "1970-01-02T00:00:00Z"
  until = "1000000"
  filter {
    name   = "container"
    values = [docker_container.a.id]
  }
}`
	each(t, func(b bench) {
		const address = "data.docker_events.e"
		checks := []resource.TestCheckFunc{
			resource.TestCheckResourceAttr(address, "events.#", "1"),
			resource.TestCheckResourceAttr(address, "events.0.action", "start"),
			resource.TestCheckResourceAttrPair(address, "events.0.actor_id", "docker_container.a", "id"),
			resource.TestMatchResourceAttr(address, "events.0.time", regexp.MustCompile(`^20\d\d-.*Z$`)),
			resource.TestCheckResourceAttr("data.docker_events.before", "events.#", "0"),
		}
		if !b.engine.IsOld() { // events had no types and attributes then
			checks = append(checks, resource.TestCheckResourceAttr(address, "events.0.attributes.name", b.prefix), resource.TestCheckResourceAttr(address, "events.0.type", "container"))
		}
		b.run(b.containerGone(b.prefix),
			resource.TestStep{Config: `data "docker_events" "e" { since = "yesterday" }`, PlanOnly: true, ExpectError: regexp.MustCompile(`found "yesterday", want an RFC 3339 time`)},
			resource.TestStep{Config: config, Check: resource.ComposeTestCheckFunc(checks...)},
		)
	})
}
