package acceptance

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/moby/moby/api/types/container"
	moby "github.com/moby/moby/client"
)

// richContainer has something of every kind of attribute; the changes of the test replace one text of it each. MORE is
// richer, or what the oldest engine has in its place.
const richContainer = `
resource "docker_container" "a" {
  name     = "PREFIX"
  image    = "busybox:1"
  command  = ["sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait"]
  env      = ["B=2", "A=1"]
  hostname = "inside"
  user     = "0"
  working_dir = "/tmp"
  restart  = "no"
  memory   = 64
  destroy_grace_seconds = 3
  labels {
    label = "b"
    value = "2"
  }
  labels {
    label = "a"
    value = "1"
  }
  ports {
    internal = 53
    protocol = "udp"
    ip       = "127.0.0.1"
  }
  ports { internal = 80 }
  capabilities {
    add  = ["NET_ADMIN"]
    drop = ["MKNOD"]
  }
  host {
    host = "far"
    ip   = "10.0.0.9"
  }
MORE
}
`

// richer is what later versions of the API brought.
const richer = `
  tmpfs = { "/run" = "rw,noexec,size=65536k" }
  volumes {
    volume_name    = docker_volume.v.name
    container_path = "/data"
  }
  healthcheck {
    test     = ["CMD", "true"]
    interval = "1m30s"
    retries  = 2
  }
  networks_advanced {
    name    = docker_network.n.name
    aliases = ["web"]
  }
  upload {
    file    = "/etc/greeting"
    content = "hello"
  }
}
resource "docker_network" "n" { name = "PREFIX" }
resource "docker_network" "m" { name = "PREFIX-m" }
resource "docker_volume" "v" {
  name = "PREFIX"
`

// plainer is what every version has in its place.
const plainer = `
  volumes {
    host_path      = "/tmp"
    container_path = "/data"
    read_only      = true
  }
`

func TestContainer(t *testing.T) {
	each(t, func(b bench) {
		const address = "docker_container.a"
		rich := strings.Replace(richContainer, "MORE", richer, 1)
		if b.engine.IsOld() {
			rich = strings.Replace(richContainer, "MORE", plainer, 1)
		}
		step := func(from, to string) string {
			changed := regexp.MustCompile(regexp.QuoteMeta(from)).ReplaceAllLiteralString(rich, to)
			if from != to && changed == rich {
				t.Fatalf("%q is not in the configuration", from)
			}
			return changed
		}
		var id remembered
		limited := step("memory   = 64", "memory   = 128")
		renamed := strings.Replace(limited, `name     = "PREFIX"`, `name     = "PREFIX-new"`, 1)
		joined := strings.Replace(limited, "  upload {", "  networks_advanced { name = docker_network.m.name }\n  upload {", 1)
		// What podman 4.3 does not report of an object it has no record of: an image's short name, and a health check,
		// which may be the image's.
		var untold []string
		// podman 4.3 has no call to update a container: new limits need a new one.
		update, afterUpdate := plancheck.ResourceActionUpdate, id.same
		if b.engine.Name == "podman" {
			update, afterUpdate = plancheck.ResourceActionDestroyBeforeCreate, id.other
			untold = []string{"image", "healthcheck"}
		}
		if b.engine.IsOld() { // nor has 1.18
			update, afterUpdate = plancheck.ResourceActionDestroyBeforeCreate, id.other
		}
		steps := []resource.TestStep{
			{Config: rich, ConfigPlanChecks: plans(address, plancheck.ResourceActionCreate), Check: resource.ComposeTestCheckFunc(
				id.keep(address, "id"),
				resource.TestMatchResourceAttr(address, "ports.0.external", regexp.MustCompile(`^\d+$`)),
				resource.TestCheckResourceAttr(address, "network_data.#", "1"),
				b.inspect(b.prefix, func(c container.InspectResponse) error { return wants("running", c.State.Running, true) }),
			)},
			{Config: rich, ConfigPlanChecks: empty()},
			{Config: limited, ConfigPlanChecks: plans(address, update), Check: resource.ComposeTestCheckFunc(
				afterUpdate(address, "id"), id.keep(address, "id"),
				b.inspect(b.prefix, func(c container.InspectResponse) error { return wants("memory", c.HostConfig.Memory, 128<<20) }),
			)},
			{Config: limited, ConfigPlanChecks: empty()},
			{Config: renamed, ConfigPlanChecks: plans(address, plancheck.ResourceActionUpdate), Check: resource.ComposeTestCheckFunc(
				id.same(address, "id"), b.containerGone(b.prefix),
			)},
		}
		if !b.engine.IsOld() { // which has no networks
			steps = append(steps,
				resource.TestStep{Config: joined, ConfigPlanChecks: plans(address, plancheck.ResourceActionUpdate), Check: resource.ComposeTestCheckFunc(
					id.same(address, "id"), resource.TestCheckResourceAttr(address, "network_data.#", "2"),
				)},
				resource.TestStep{Config: joined, ConfigPlanChecks: empty()})
		}
		steps = append(steps,
			resource.TestStep{Config: limited, ConfigPlanChecks: plans(address, plancheck.ResourceActionUpdate), Check: id.same(address, "id")},
			resource.TestStep{Config: limited, ResourceName: address, ImportState: true, ImportStateId: b.prefix, ImportStateVerify: true,
				ImportStateVerifyIgnore: append(untold, "upload", "upload_hash", "destroy_grace_seconds", "start", "container_logs", "wait", "wait_timeout", "attach", "logs", "remove_volumes",
					"container_read_refresh_timeout_milliseconds")},
			resource.TestStep{Config: step(`"A=1"`, `"A=3"`), ConfigPlanChecks: plans(address, plancheck.ResourceActionDestroyBeforeCreate), Check: id.other(address, "id")},
			resource.TestStep{Config: step(`"A=1"`, `"A=3"`), ConfigPlanChecks: empty()},
		)
		b.run(b.containerGone(b.prefix), steps...)
	})
}

// Everything somebody changes behind our back is seen and repaired, in place where that is possible.
func TestContainerDrift(t *testing.T) {
	each(t, func(b bench) {
		const address = "docker_container.a"
		config := `
resource "docker_container" "a" {
  name    = "PREFIX"
  image   = "busybox:1"
  command = ["sleep", "3600"]
  memory  = 64
  destroy_grace_seconds = 0
  ports { internal = 80 } # the engine chooses the other side anew when networks come and go
`
		networks := 1
		if b.engine.IsOld() {
			config += "}\n"
		} else {
			networks = 2
			config += `
  networks_advanced { name = docker_network.n.id }
  networks_advanced { name = docker_network.m.name }
}
resource "docker_network" "n" { name = "PREFIX" }
resource "docker_network" "m" { name = "PREFIX-m" }`
		}
		ctx := t.Context()
		var id remembered
		drift := func(f func() error) resource.TestStep {
			return resource.TestStep{PreConfig: b.must(f), Config: config, ConfigPlanChecks: plans(address, plancheck.ResourceActionUpdate), Check: resource.ComposeTestCheckFunc(
				id.same(address, "id"),
				b.inspect(b.prefix, func(c container.InspectResponse) error {
					return errors.Join(wants("memory", c.HostConfig.Memory, 64<<20), wants("running", c.State.Running, true), wants("paused", c.State.Paused, false), wants("networks", len(c.NetworkSettings.Networks), networks))
				}),
			)}
		}
		zero := 0
		steps := []resource.TestStep{
			{Config: config, Check: id.keep(address, "id")},
			drift(func() error {
				_, err := b.docker.ContainerStop(ctx, b.prefix, moby.ContainerStopOptions{Timeout: &zero})
				return err
			}),
			drift(func() error {
				_, err := b.docker.ContainerPause(ctx, b.prefix, moby.ContainerPauseOptions{})
				return err
			}),
		}
		if !b.engine.IsOld() {
			steps = append(steps, drift(func() error {
				for _, network := range []string{b.prefix, b.prefix + "-m"} {
					if _, err := b.docker.NetworkDisconnect(ctx, network, moby.NetworkDisconnectOptions{Container: b.prefix, Force: true}); err != nil {
						return err
					}
				}
				return nil
			}))
		}
		steps = append(steps,
			resource.TestStep{Config: config, ConfigPlanChecks: empty()},
			resource.TestStep{
				PreConfig: b.must(func() error {
					_, err := b.docker.ContainerRemove(ctx, b.prefix, moby.ContainerRemoveOptions{Force: true})
					return err
				}),
				Config: config, ConfigPlanChecks: plans(address, plancheck.ResourceActionCreate), Check: id.other(address, "id"),
			},
		)
		b.run(b.containerGone(b.prefix), steps...)
	})
}
