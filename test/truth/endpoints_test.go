package truth_test

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/network"
	moby "github.com/moby/moby/client"
)

// TestEndpointDrift: a container that somebody disconnected and connected again, with other settings, is given those
// declared, and is the same container: in a network it declares itself, and in one that an attachment declares.
func TestEndpointDrift(t *testing.T) {
	eachToday(t, func(t *testing.T, b *bench) {
		own, other := b.network(14), b.network(15)
		name := b.project + "-c"
		// The last part of addresses, and the value of the option.
		settings := func(n, part int, alias string) string {
			text := fmt.Sprintf("aliases = [%q]\nipv4_address = \"%s.%d\"\nipv6_address = \"%s:%d\"\n", alias, addresses(b, n), part, sixes(b, n), part)
			if b.tellsOptions() {
				text += fmt.Sprintf("driver_opts = [\"k=%d\"]\n", part)
			}
			if b.cleatd() {
				text += fmt.Sprintf("mac_address = \"02:00:00:00:00:%[1]d\"\nlink_local_ips = [\"169.254.1.%[1]d\"]\n", part)
			}
			return text
		}
		b.write(b.one(fmt.Sprintf("networks_advanced {\nname = %q\n%s}", own, settings(14, 77, "mine"))) +
			fmt.Sprintf("resource \"docker_network_attachment\" \"a\" {\ncontainer = docker_container.c.id\nnetwork = %q\n%s}\n", other, settings(15, 78, "ours")))
		b.Cleanup(b.destroy)
		b.apply()
		b.empty("creation")
		declared := b.endpoints(name)
		id := b.inspect(name).Container.ID
		again := func(net string, n, part int) {
			_, err := b.api.NetworkDisconnect(b.Context(), net, moby.NetworkDisconnectOptions{Container: name})
			b.must(err)
			_, err = b.api.NetworkConnect(b.Context(), net, moby.NetworkConnectOptions{Container: name, EndpointConfig: b.otherSettings(n, part)})
			b.must(err)
		}
		const inPlace = "docker_container.c update networks_advanced(drift)\n"
		attachment := "aliases!(drift)"
		if b.tellsOptions() {
			attachment += " driver_opts!(drift)"
		}
		attachment += " ipv4_address!(drift) ipv6_address!(drift)"
		if b.cleatd() {
			attachment += " link_local_ips!(drift) mac_address!(drift)"
		}
		attachment = "docker_network_attachment.a replace " + attachment + "\n"
		for _, d := range []struct {
			what, plan string
			do         func()
		}{
			{"its own", inPlace, func() { again(own, 14, 87) }},
			// By hand it has no mark of an attachment: the container takes it for one nobody declares.
			{"the attachment's", inPlace + attachment, func() { again(other, 15, 88) }},
		} {
			d.do()
			b.want(d.what, b.apply().String(), d.plan)
			b.empty("the repair of " + d.what)
			if diff := cmp.Diff(declared, b.endpoints(name)); diff != "" || b.inspect(name).Container.ID != id {
				t.Errorf("%s: the same container: %v, endpoints (-declared +now):\n%s", d.what, b.inspect(name).Container.ID == id, diff)
			}
		}
	})
}

// tellsOptions reports whether the engine tells the driver options of an endpoint: podman 4.3 takes no notice of them.
func (b *bench) tellsOptions() bool { return !b.podman() }

// cleatd has a hardware address per endpoint, which API 1.44 brought, and link-local addresses, which dockerd's bridges
// refuse and podman ignores.
func (b *bench) cleatd() bool { return b.engine.Name == "cleatd" }

// otherSettings are those of an endpoint made by hand.
func (b *bench) otherSettings(n, part int) *network.EndpointSettings {
	b.Helper()
	e := &network.EndpointSettings{Aliases: []string{"theirs"}, IPAMConfig: &network.EndpointIPAMConfig{
		IPv4Address: netip.MustParseAddr(fmt.Sprintf("%s.%d", addresses(b, n), part)), IPv6Address: netip.MustParseAddr(fmt.Sprintf("%s:%d", sixes(b, n), part)),
	}}
	if b.tellsOptions() {
		e.DriverOpts = map[string]string{"k": fmt.Sprint(part)}
	}
	if b.cleatd() {
		mac, err := net.ParseMAC(fmt.Sprintf("02:00:00:00:00:%d", part))
		b.must(err)
		e.MacAddress = network.HardwareAddr(mac)
		e.IPAMConfig.LinkLocalIPs = []netip.Addr{netip.MustParseAddr(fmt.Sprintf("169.254.1.%d", part))}
	}
	return e
}

// endpoints are what the engine says of a container's networks, as texts: of each what was declared and what it has.
func (b *bench) endpoints(name string) map[string]string {
	b.Helper()
	found := map[string]string{}
	for net, e := range b.inspect(name).Container.NetworkSettings.Networks {
		text := fmt.Sprintf("%v %v %v %v", strings.Join(e.Aliases, ","), e.IPAddress, e.GlobalIPv6Address, e.DriverOpts)
		if b.cleatd() {
			text += fmt.Sprint(" ", e.MacAddress, " ", e.IPAMConfig.LinkLocalIPs)
		}
		found[net] = text
	}
	return found
}
