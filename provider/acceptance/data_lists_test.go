package acceptance

import (
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
)

// The data sources that list: what was made is found by its label, and what an engine finds wrong with a filter is said.
func TestDataLists(t *testing.T) {
	const made = `
resource "docker_volume" "v" {
  name = "PREFIX"
  labels {
    label = "of"
    value = "PREFIX"
  }
}
resource "docker_network" "n" {
  name = "PREFIX"
  ipam_config { subnet = "SUBNET1" }
  labels {
    label = "of"
    value = "PREFIX"
  }
}
`
	const lists = `
data "docker_volumes" "v" {
  filter {
    name   = "label"
    values = ["of=PREFIX"]
  }
}
data "docker_networks" "n" {
  filter {
    name   = "label"
    values = ["of=PREFIX"]
  }
}
data "docker_images" "i" {
  filter {
    name   = "reference"
    values = ["busybox:1"]
  }
}
data "docker_disk_usage" "d" {}
`
	each(t, func(b bench) {
		if b.engine.IsOld() {
			b.run(nil,
				resource.TestStep{Config: `data "docker_images" "i" {}`, Check: resource.TestMatchResourceAttr("data.docker_images.i", "images.0.id", regexp.MustCompile(`^sha256:`))},
				resource.TestStep{Config: `data "docker_volumes" "v" {}`, ExpectError: regexp.MustCompile(`engine API 1.18\s+has\s+no\s+volumes;\s+needs\s+1.21`)},
				resource.TestStep{Config: `data "docker_networks" "n" {}`, ExpectError: regexp.MustCompile(`engine API 1.18\s+has\s+no\s+networks;\s+needs\s+1.21`)},
				resource.TestStep{Config: `data "docker_disk_usage" "d" {}`, ExpectError: regexp.MustCompile(`engine API 1.18\s+has\s+no\s+disk\s+usage;\s+needs\s+1.25`)},
			)
			return
		}
		size := resource.TestMatchResourceAttr("data.docker_disk_usage.d", "images.size", regexp.MustCompile(`^[1-9]`))
		tag := "busybox:1"
		if b.engine.Name == "podman" {
			tag = "docker.io/library/busybox:1"
			size = resource.TestCheckNoResourceAttr("data.docker_disk_usage.d", "images.size")
		}
		b.run(nil,
			resource.TestStep{Config: made},
			resource.TestStep{Config: made + lists, Check: resource.ComposeTestCheckFunc(
				resource.TestCheckResourceAttr("data.docker_volumes.v", "volumes.#", "1"),
				resource.TestCheckResourceAttrPair("data.docker_volumes.v", "volumes.0.mountpoint", "docker_volume.v", "mountpoint"),
				resource.TestCheckResourceAttr("data.docker_networks.n", "networks.#", "1"),
				resource.TestCheckResourceAttrPair("data.docker_networks.n", "networks.0.id", "docker_network.n", "id"),
				resource.TestCheckResourceAttr("data.docker_networks.n", "networks.0.subnets.#", "1"),
				resource.TestMatchResourceAttr("data.docker_images.i", "images.0.id", regexp.MustCompile(`^sha256:`)),
				resource.TestCheckTypeSetElemAttr("data.docker_images.i", "images.0.tags.*", tag),
				resource.TestMatchResourceAttr("data.docker_disk_usage.d", "images.total", regexp.MustCompile(`^[1-9]`)),
				size,
				resource.TestMatchResourceAttr("data.docker_disk_usage.d", "volumes.total", regexp.MustCompile(`^[1-9]`)),
			)},
			resource.TestStep{Config: made + lists, ConfigPlanChecks: empty()},
			resource.TestStep{Config: `data "docker_networks" "n" {
  filter {
    name   = "colour"
    values = ["red"]
  }
}`, ExpectError: regexp.MustCompile(`colour`)},
		)
	})
}
