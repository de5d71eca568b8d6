package acceptance

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// connected checks whether the engine has a container in a network.
func (b bench) connected(name, network string, want bool) resource.TestCheckFunc {
	return b.inspect(name, func(c container.InspectResponse) error {
		_, have := c.NetworkSettings.Networks[network]
		return wants("container "+name+" in network "+network+":", have, want)
	})
}

// A container is connected by somebody else than its own declaration, which lives with it: no plan of either undoes the
// other's work, and what is done by hand is seen.
func TestNetworkAttachment(t *testing.T) {
	const refused = `resource "docker_network_attachment" "a" {
  container = "x"
  network   = "y"
}`
	eachToday(t, refused, `needs engine API\s+1.22`, func(b bench) {
		const address, of = "docker_network_attachment.a", "docker_container.c"
		base := func(container string) string {
			return `
resource "docker_network" "a" {
  name = "PREFIX-a"
  ipam_config { subnet = "SUBNET0" }
}
resource "docker_network" "b" { name = "PREFIX-b" }
resource "docker_container" "c" {
  name    = "PREFIX"
  image   = "busybox:1"
  command = ["sleep", "3600"]
  destroy_grace_seconds = 0
` + container + "}\n"
		}
		attached := func(rest string) string {
			return `
resource "docker_network_attachment" "a" {
  container = docker_container.c.id
  network   = docker_network.a.name
` + rest + "}\n"
		}
		first := base("") + attached("  aliases = [\"www\"]\n  ipv4_address = \"HOST07\"\n")
		alone := base("  networks_advanced { name = docker_network.b.name }\n")
		own := alone + attached("  aliases = [\"www\", \"front\"]\n")
		twice := own + `
resource "docker_network_attachment" "again" {
  container = docker_container.c.name
  network   = docker_network_attachment.a.network_name
}`
		disconnect := b.must(func() error {
			_, err := b.docker.NetworkDisconnect(t.Context(), b.prefix+"-a", moby.NetworkDisconnectOptions{Container: b.prefix})
			return err
		})
		again := b.must(func() error { // by hand: without the mark, so that the container sees a network nobody declares
			disconnect()
			_, err := b.docker.NetworkConnect(t.Context(), b.prefix+"-a", moby.NetworkConnectOptions{Container: b.prefix, EndpointConfig: &network.EndpointSettings{Aliases: []string{"theirs"}}})
			return err
		})
		var id, attachment remembered
		net := b.prefix + "-a"
		b.run(b.containerGone(b.prefix),
			resource.TestStep{Config: first, Check: resource.ComposeTestCheckFunc(
				id.keep(of, "id"), b.connected(b.prefix, net, true),
				resource.TestCheckResourceAttrPair(address, "container_id", of, "id"),
				resource.TestCheckResourceAttr(address, "network_name", net),
				resource.TestMatchResourceAttr(address, "ip_address", regexp.MustCompile(`\.7$`)),
			)},
			resource.TestStep{PreConfig: disconnect, Config: first, ConfigPlanChecks: plans(address, plancheck.ResourceActionCreate), Check: b.connected(b.prefix, net, true)},
			resource.TestStep{Config: own, ConfigPlanChecks: plans(of, plancheck.ResourceActionUpdate), Check: resource.ComposeTestCheckFunc(
				id.same(of, "id"), b.connected(b.prefix, net, true), b.connected(b.prefix, b.prefix+"-b", true), attachment.keep(address, "container_id"),
			)},
			resource.TestStep{PreConfig: again, Config: own, ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(address, plancheck.ResourceActionDestroyBeforeCreate), plancheck.ExpectResourceAction(of, plancheck.ResourceActionUpdate),
			}}, Check: resource.ComposeTestCheckFunc(id.same(of, "id"), b.connected(b.prefix, net, true))},
			resource.TestStep{Config: twice, ExpectError: regexp.MustCompile(`is in network\s+"` + net + `"\s+already`)},
			resource.TestStep{Config: strings.ReplaceAll(own, "3600", "3601"), ConfigPlanChecks: plans(address, plancheck.ResourceActionDestroyBeforeCreate),
				Check: resource.ComposeTestCheckFunc(attachment.other(address, "container_id"), b.connected(b.prefix, net, true))},
			resource.TestStep{Config: strings.ReplaceAll(alone, "3600", "3601"),
				ConfigPlanChecks: plans(address, plancheck.ResourceActionDestroy), Check: b.connected(b.prefix, net, false)},
		)
	})
}

// What is there already is imported by names too, and a container that nothing declares is left as it is otherwise.
func TestNetworkAttachmentImport(t *testing.T) {
	acctest.EachToday(t, func(t *testing.T, e *acctest.Engine) { // the oldest refuses it: see TestNetworkAttachment
		t.Parallel()
		b, ctx := newBench(t, e), t.Context()
		const address = "docker_network_attachment.a"
		config := `
import {
  to = docker_network_attachment.a
  id = "PREFIX:PREFIX-net"
}
resource "docker_network_attachment" "a" {
  container = "PREFIX"
  network   = "PREFIX-net"
  aliases   = ["www"]
}`
		b.must(func() error {
			if _, err := b.docker.NetworkCreate(ctx, b.prefix+"-net", moby.NetworkCreateOptions{Driver: "bridge"}); err != nil {
				return err
			}
			_, err := b.docker.ContainerCreate(ctx, moby.ContainerCreateOptions{Name: b.prefix, Config: &container.Config{Image: "busybox:1", Cmd: []string{"sleep", "1"}}})
			return err
		})()
		t.Cleanup(func() {
			ctx := context.WithoutCancel(ctx)
			_, errC := b.docker.ContainerRemove(ctx, b.prefix, moby.ContainerRemoveOptions{Force: true})
			_, errN := b.docker.NetworkRemove(ctx, b.prefix+"-net", moby.NetworkRemoveOptions{})
			if errC != nil || errN != nil {
				t.Error(errC, errN)
			}
		})
		b.run(nil,
			resource.TestStep{Config: config, ExpectError: regexp.MustCompile(`(?s)Cannot import|is not connected to\s+network`)},
			resource.TestStep{PreConfig: b.must(func() error {
				_, err := b.docker.NetworkConnect(ctx, b.prefix+"-net", moby.NetworkConnectOptions{Container: b.prefix, EndpointConfig: &network.EndpointSettings{Aliases: []string{"www"}}})
				return err
			}), Config: config, ConfigPlanChecks: plans(address, plancheck.ResourceActionNoop)},
			resource.TestStep{Config: config, ConfigPlanChecks: empty()},
		)
	})
}
