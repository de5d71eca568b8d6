package acceptance

import (
	"context"
	"errors"
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
)

func (b bench) networkGone(name string) resource.TestCheckFunc {
	return goneCheck("network "+name, func() (bool, error) {
		_, err := b.docker.NetworkInspect(context.WithoutCancel(b.t.Context()), name, moby.NetworkInspectOptions{})
		if errors.Is(err, errs.ErrNotFound) {
			return false, nil
		}
		return true, err
	})
}

func TestNetwork(t *testing.T) {
	eachToday(t, "resource \"docker_network\" \"a\" {\n  name = \"PREFIX\"\n  ipam_config {\n    subnet = \"SUBNET0\"\n  }\n}", needs121, func(b bench) {
		const address = "docker_network.a"
		first := `
resource "docker_network" "a" {
  name     = "PREFIX"
  internal = true
  ipam_config {
    subnet  = "SUBNET0"
    gateway = "HOST01"
  }
  labels {
    label = "b"
    value = "2"
  }
  labels {
    label = "a"
    value = "1"
  }
}
resource "docker_network" "b" {
  name = "${docker_network.a.name}-b"
}`
		recorded := `
resource "docker_network" "a" {
  name     = "PREFIX"
  internal = true
  ipam_config {
    subnet = "SUBNET0"
  }
  labels {
    label = "b"
    value = "2"
  }
  labels {
    label = "a"
    value = "1"
  }
}`
		moved := `
resource "docker_network" "a" {
  name = "PREFIX"
  ipam_config {
    subnet = "SUBNET1"
  }
}`
		var id remembered
		remove := b.must(func() error {
			_, err := b.docker.NetworkRemove(t.Context(), b.prefix, moby.NetworkRemoveOptions{})
			return err
		})
		b.run(b.networkGone(b.prefix),
			resource.TestStep{Config: first, ConfigPlanChecks: plans(address, plancheck.ResourceActionCreate), Check: resource.ComposeTestCheckFunc(
				resource.TestCheckResourceAttr(address, "driver", "bridge"),
				resource.TestCheckResourceAttr(address, "ipam.0.subnet", b.engine.Subnet(0).String()),
				id.keep(address, "id"),
			)},
			resource.TestStep{Config: first, ConfigPlanChecks: empty()},
			resource.TestStep{Config: recorded, ConfigPlanChecks: plans(address, plancheck.ResourceActionUpdate), Check: id.same(address, "id")},
			resource.TestStep{Config: recorded, ConfigPlanChecks: empty()},
			resource.TestStep{Config: recorded, ResourceName: address, ImportState: true, ImportStateId: b.prefix, ImportStateVerify: true,
				ImportStateVerifyIgnore: []string{"ipam_config"}},
			resource.TestStep{Config: moved, ConfigPlanChecks: plans(address, plancheck.ResourceActionDestroyBeforeCreate), Check: id.other(address, "id")},
			resource.TestStep{PreConfig: remove, Config: moved, ConfigPlanChecks: plans(address, plancheck.ResourceActionCreate)},
			resource.TestStep{ // another network of that name, made by hand, is not the recorded one
				PreConfig: b.must(func() error {
					remove()
					_, err := b.docker.NetworkCreate(t.Context(), b.prefix, moby.NetworkCreateOptions{Driver: "bridge", Internal: true})
					return err
				}),
				Config:      moved,
				ExpectError: regexp.MustCompile(b.prefix),
			},
			resource.TestStep{PreConfig: remove, Config: moved, ConfigPlanChecks: plans(address, plancheck.ResourceActionCreate)},
		)
	})
}

// A network whose addresses the engine chooses.
func TestNetworkPlain(t *testing.T) {
	eachToday(t, `resource "docker_network" "a" { name = "PREFIX" }`, needs121, func(b bench) {
		const address = "docker_network.a"
		plain := `resource "docker_network" "a" { name = "PREFIX" }`
		var id remembered
		b.run(b.networkGone(b.prefix),
			resource.TestStep{Config: plain, Check: id.keep(address, "id")},
			resource.TestStep{Config: plain, ConfigPlanChecks: empty()},
			resource.TestStep{Config: plain, ResourceName: address, ImportState: true, ImportStateId: b.prefix, ImportStateVerify: true},
		)
	})
}

// Wrong values are refused at plan, at their line.
func TestNetworkBadInput(t *testing.T) {
	eachToday(t, "resource \"docker_network\" \"a\" {\n  name = \"PREFIX\"\n  internal = true\n}", `needs engine API\s+1.2`, func(b bench) {
		b.run(nil,
			resource.TestStep{Config: "resource \"docker_network\" \"a\" {\n  name = \"host\"\n}", PlanOnly: true,
				ExpectError: regexp.MustCompile(`(?s)line \d+, in resource "docker_network" "a".*name = "host"`)},
			resource.TestStep{Config: "resource \"docker_network\" \"a\" {\n  name = \"PREFIX\"\n  ipam_config {\n    subnet = \"10.1.0.0\"\n  }\n}", PlanOnly: true,
				ExpectError: regexp.MustCompile(`(?s)Invalid address range.*in resource "docker_network" "a".*"10.1.0.0" is not an address`)},
		)
	})
}
