package compose

import (
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/composefile"
)

// interfaceName is the option of an endpoint that names its interface.
const interfaceName = "com.docker.network.endpoint.ifname"

// attach sets the mode for the first network of a service, by priority and name, and returns the endpoints of the create
// call and those that come after it: engines before API 1.44 take one at creation.
func (r replica) attach(h *container.HostConfig) (map[string]*network.EndpointSettings, []later, error) {
	if r.s.NetworkMode != "" {
		return nil, nil, nil
	}
	names := r.s.NetworksByPriority()
	if len(names) == 0 {
		h.NetworkMode = network.NetworkNone
		return nil, nil, nil
	}
	endpoints := map[string]*network.EndpointSettings{}
	var rest []later
	for i, name := range names {
		endpoint, err := r.endpoint(name, i == 0)
		if err != nil {
			return nil, nil, err
		}
		real := r.p.Networks[name].Name
		if i > 0 && !r.several {
			rest = append(rest, later{real, endpoint})
			continue
		}
		endpoints[real] = endpoint
	}
	h.NetworkMode = container.NetworkMode(r.p.Networks[names[0]].Name)
	return endpoints, rest, nil
}

func (r replica) endpoint(name string, first bool) (*network.EndpointSettings, error) {
	config := r.s.Networks[name]
	e := &network.EndpointSettings{Aliases: []string{composefile.ContainerName(r.p, r.s, r.number)}}
	if config.ServiceNameAliasEnabled() {
		e.Aliases = append(e.Aliases, r.s.Name)
	}
	for _, link := range r.s.Links {
		service, alias, found := strings.Cut(link, ":")
		if !found {
			alias = service
		}
		e.Links = append(e.Links, composefile.ContainerName(r.p, r.p.Services[service], 1)+":"+alias)
	}
	e.Links = append(e.Links, r.s.ExternalLinks...)
	mac := ""
	if first {
		mac = r.s.MacAddress
	}
	if config != nil {
		e.Aliases = append(e.Aliases, config.Aliases...)
		e.GwPriority = config.GatewayPriority
		if config.MacAddress != "" {
			mac = config.MacAddress
		}
		for key, value := range config.DriverOpts {
			if e.DriverOpts == nil {
				e.DriverOpts = map[string]string{}
			}
			e.DriverOpts[key] = value
		}
		if config.InterfaceName != "" {
			if e.DriverOpts == nil {
				e.DriverOpts = map[string]string{}
			}
			e.DriverOpts[interfaceName] = config.InterfaceName
		}
		var err error
		if e.IPAMConfig, err = addresses(config); err != nil {
			return nil, at(r.s, "networks."+name, err)
		}
	}
	if mac != "" {
		parsed, err := net.ParseMAC(mac)
		if err != nil {
			return nil, at(r.s, "networks."+name+".mac_address", err)
		}
		e.MacAddress = network.HardwareAddr(parsed)
	}
	return e, nil
}

func addresses(config *types.ServiceNetworkConfig) (*network.EndpointIPAMConfig, error) {
	if config.Ipv4Address == "" && config.Ipv6Address == "" && len(config.LinkLocalIPs) == 0 {
		return nil, nil
	}
	i := &network.EndpointIPAMConfig{}
	var err error
	if config.Ipv4Address != "" {
		if i.IPv4Address, err = address(config.Ipv4Address); err != nil {
			return nil, fmt.Errorf("ipv4_address: %w", err)
		}
	}
	if config.Ipv6Address != "" {
		if i.IPv6Address, err = address(config.Ipv6Address); err != nil {
			return nil, fmt.Errorf("ipv6_address: %w", err)
		}
	}
	for _, text := range config.LinkLocalIPs {
		ip, err := address(text)
		if err != nil {
			return nil, fmt.Errorf("link_local_ips: %w", err)
		}
		i.LinkLocalIPs = append(i.LinkLocalIPs, ip)
	}
	return i, nil
}

func address(text string) (netip.Addr, error) { return netip.ParseAddr(strings.Trim(text, "[]")) }

// networkOptions is the create call for a network.
func networkOptions(p *types.Project, key string, n types.NetworkConfig) (moby.NetworkCreateOptions, error) {
	hash, err := composefile.NetworkHash(n)
	if err != nil {
		return moby.NetworkCreateOptions{}, err
	}
	o := moby.NetworkCreateOptions{
		Driver: n.Driver, Options: n.DriverOpts, Internal: n.Internal, Attachable: n.Attachable, EnableIPv4: n.EnableIPv4, EnableIPv6: n.EnableIPv6,
		Labels: owned(p, n.Labels, map[string]string{labelNetwork: key, labelHash: hash}),
	}
	if n.Ipam.Driver == "" && len(n.Ipam.Config) == 0 && len(n.Ipam.Options) == 0 {
		return o, nil
	}
	o.IPAM = &network.IPAM{Driver: n.Ipam.Driver, Options: n.Ipam.Options}
	for i, pool := range n.Ipam.Config {
		c, err := ipamPool(pool)
		if err != nil {
			return o, fmt.Errorf("networks.%s.ipam.config[%d]: %w", key, i, err)
		}
		o.IPAM.Config = append(o.IPAM.Config, c)
	}
	return o, nil
}

func ipamPool(pool *types.IPAMPool) (network.IPAMConfig, error) {
	var c network.IPAMConfig
	var err error
	if pool.Subnet != "" {
		if c.Subnet, err = netip.ParsePrefix(pool.Subnet); err != nil {
			return c, fmt.Errorf("subnet: %w", err)
		}
	}
	if pool.IPRange != "" {
		if c.IPRange, err = netip.ParsePrefix(pool.IPRange); err != nil {
			return c, fmt.Errorf("ip_range: %w", err)
		}
	}
	if pool.Gateway != "" {
		if c.Gateway, err = address(pool.Gateway); err != nil {
			return c, fmt.Errorf("gateway: %w", err)
		}
	}
	for name, text := range pool.AuxiliaryAddresses {
		ip, err := address(text)
		if err != nil {
			return c, fmt.Errorf("aux_addresses: %w", err)
		}
		if c.AuxAddress == nil {
			c.AuxAddress = map[string]netip.Addr{}
		}
		c.AuxAddress[name] = ip
	}
	return c, nil
}

// volumeOptions is the create call for a volume.
func volumeOptions(p *types.Project, key string, v types.VolumeConfig) (moby.VolumeCreateOptions, error) {
	hash, err := composefile.VolumeHash(v)
	return moby.VolumeCreateOptions{
		Name: v.Name, Driver: v.Driver, DriverOpts: v.DriverOpts, Labels: owned(p, v.Labels, map[string]string{labelVolume: key, labelHash: hash}),
	}, err
}

// owned adds the labels of docker compose to those declared.
func owned(p *types.Project, declared types.Labels, ours map[string]string) map[string]string {
	all := map[string]string{labelProject: p.Name, labelVersion: labelVersionText}
	for name, value := range declared {
		all[name] = value
	}
	for name, value := range ours {
		all[name] = value
	}
	return all
}
