package acceptance

import (
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
)

// The data sources that need nothing of their own on the engine.
func TestDataOfEngine(t *testing.T) {
	each(t, func(b bench) {
		config := `
data "docker_version" "e" {}
data "docker_info" "e" {}
data "docker_image" "i" { name = "busybox:1" }
`
		checks := []resource.TestCheckFunc{
			resource.TestCheckResourceAttr("data.docker_version.e", "api_version", b.engine.APIMax),
			resource.TestMatchResourceAttr("data.docker_info.e", "operating_system", regexp.MustCompile(`.`)),
			resource.TestMatchResourceAttr("data.docker_image.i", "id", regexp.MustCompile(`^sha256:`)),
		}
		if b.engine.IsOld() {
			b.run(nil,
				resource.TestStep{Config: config, Check: resource.ComposeTestCheckFunc(checks...)},
				resource.TestStep{Config: config, ConfigPlanChecks: empty()},
				resource.TestStep{Config: `data "docker_volume" "v" { name = "PREFIX" }`, ExpectError: regexp.MustCompile(`engine API 1.18\s+has\s+no\s+volumes;\s+needs\s+1.21`)},
				resource.TestStep{Config: `data "docker_network" "n" { name = "bridge" }`, ExpectError: regexp.MustCompile(`engine API 1.18\s+has\s+no\s+networks;\s+needs\s+1.21`)},
			)
			return
		}
		config += `
resource "docker_volume" "v" {
  name = "PREFIX"
  labels {
    label = "a"
    value = "1"
  }
}
resource "docker_network" "n" {
  name = "PREFIX"
  ipam_config { subnet = "SUBNET2" }
}
data "docker_volume" "v" { name = docker_volume.v.name }
data "docker_network" "n" { name = docker_network.n.name }
`
		b.run(nil,
			resource.TestStep{Config: config, Check: resource.ComposeTestCheckFunc(append(checks,
				resource.TestMatchResourceAttr("data.docker_info.e", "architecture", regexp.MustCompile(`.`)),
				resource.TestCheckResourceAttr("data.docker_volume.v", "labels.a", "1"),
				resource.TestCheckResourceAttrPair("data.docker_volume.v", "mountpoint", "docker_volume.v", "mountpoint"),
				resource.TestCheckResourceAttrPair("data.docker_network.n", "id", "docker_network.n", "id"),
			)...)},
			resource.TestStep{Config: config, ConfigPlanChecks: empty()},
			resource.TestStep{Config: `data "docker_volume" "v" { name = "PREFIX-missing" }`, ExpectError: regexp.MustCompile(`(?s)data docker_volume not read.*-missing`)},
		)
	})
}
