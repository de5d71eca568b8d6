package acceptance

import (
	"context"
	"errors"
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
)

func (b bench) volumeGone(name string) resource.TestCheckFunc {
	return goneCheck("volume "+name, func() (bool, error) {
		_, err := b.docker.VolumeInspect(context.WithoutCancel(b.t.Context()), name, moby.VolumeInspectOptions{})
		if errors.Is(err, errs.ErrNotFound) {
			return false, nil
		}
		return true, err
	})
}

// volumeOption checks an option the engine has of a volume.
func (b bench) volumeOption(name, option, want string) resource.TestCheckFunc {
	return func(*terraform.State) error {
		found, err := b.docker.VolumeInspect(b.t.Context(), name, moby.VolumeInspectOptions{})
		return errors.Join(err, wants("volume "+name+": "+option, found.Volume.Options[option], want))
	}
}

// needs121 is what the oldest API says of volumes and networks.
const needs121 = `needs engine API\s+1.21`

func TestVolume(t *testing.T) {
	eachToday(t, `resource "docker_volume" "a" { name = "PREFIX" }`, needs121, func(b bench) {
		const address = "docker_volume.a"
		first := `
resource "docker_volume" "a" {
  name = "PREFIX"
  driver_opts = {
    type   = "tmpfs"
    device = "tmpfs"
    o      = "nodev"
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
		second := `
resource "docker_volume" "a" {
  name        = "PREFIX"
  driver_opts = { type = "tmpfs", device = "tmpfs", o = "noexec" }
  labels {
    label = "a"
    value = "other"
  }
}`
		remove := b.must(func() error {
			_, err := b.docker.VolumeRemove(t.Context(), b.prefix, moby.VolumeRemoveOptions{})
			return err
		})
		b.run(b.volumeGone(b.prefix),
			resource.TestStep{Config: first, ConfigPlanChecks: plans(address, plancheck.ResourceActionCreate), Check: resource.ComposeTestCheckFunc(
				resource.TestCheckResourceAttr(address, "id", b.prefix),
				resource.TestCheckResourceAttr(address, "driver", "local"),
				resource.TestMatchResourceAttr(address, "mountpoint", regexp.MustCompile("^/.*"+b.prefix)),
			)},
			resource.TestStep{Config: first, ConfigPlanChecks: empty()},
			resource.TestStep{Config: first, ResourceName: address, ImportState: true, ImportStateVerify: true, ImportStateId: b.prefix},
			resource.TestStep{Config: second, ConfigPlanChecks: plans(address, plancheck.ResourceActionDestroyBeforeCreate)},
			resource.TestStep{Config: second, ConfigPlanChecks: empty()},
			resource.TestStep{PreConfig: remove, Config: second, ConfigPlanChecks: plans(address, plancheck.ResourceActionCreate)},
			resource.TestStep{ // another one of the same name, made by hand: its labels and options are not the declared ones
				PreConfig: b.must(func() error {
					remove()
					_, err := b.docker.VolumeCreate(t.Context(), moby.VolumeCreateOptions{Name: b.prefix, DriverOpts: map[string]string{"type": "tmpfs", "device": "tmpfs", "o": "nodev"}})
					return err
				}),
				Config: second, ConfigPlanChecks: plans(address, plancheck.ResourceActionDestroyBeforeCreate), Check: b.volumeOption(b.prefix, "o", "noexec"),
			},
			resource.TestStep{Config: second, ConfigPlanChecks: empty()},
		)
	})
}

// A volume without a name gets one from the engine and keeps it.
func TestVolumeUnnamed(t *testing.T) {
	eachToday(t, `resource "docker_volume" "a" {}`, needs121, func(b bench) {
		const address = "docker_volume.a"
		var name remembered
		b.run(nil,
			resource.TestStep{Config: `resource "docker_volume" "a" {}`, Check: name.keep(address, "name")},
			resource.TestStep{Config: `resource "docker_volume" "a" {}`, ConfigPlanChecks: empty(), Check: name.same(address, "name")},
		)
	})
}

// Wrong values are refused at plan, at their line.
func TestVolumeBadInput(t *testing.T) {
	eachToday(t, "resource \"docker_volume\" \"a\" {\n  driver_opts = { type = \"tmpfs\" }\n}", `needs engine API\s+1.2`, func(b bench) {
		b.run(nil,
			resource.TestStep{Config: "resource \"docker_volume\" \"a\" {\n  name = \"-x\"\n}", PlanOnly: true,
				ExpectError: regexp.MustCompile(`(?s)line \d+, in resource "docker_volume" "a".*name = "-x".*a volume name has`)},
			resource.TestStep{Config: "resource \"docker_volume\" \"a\" {\n  labels {\n    label = \"a\"\n    value = \"1\"\n  }\n  labels {\n    label = \"a\"\n    value = \"2\"\n  }\n}", PlanOnly: true,
				ExpectError: regexp.MustCompile(`The label "a" is given twice`)},
		)
	})
}
