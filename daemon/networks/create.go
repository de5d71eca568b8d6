//go:build linux

package networks

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/api/types/network"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/bridge"
	"github.com/cleat-dev/cleat/daemon/metadata"
)

// Options of the bridge driver that mean something here. Others are kept and shown, as dockerd does.
const (
	optionBridge     = "com.docker.network.bridge.name"
	optionICC        = "com.docker.network.bridge.enable_icc"
	optionMasquerade = "com.docker.network.bridge.enable_ip_masquerade"
	optionHostIP     = "com.docker.network.bridge.host_binding_ipv4"
	optionMTU        = "com.docker.network.driver.mtu"
	optionPrefix     = "com.docker.network.container_iface_prefix"
)

var nameForm = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]*$`)

// Create makes a network and returns its ID.
//
// Errors: errs.ErrInvalid for what does not fit together, errs.ErrConflict when name, bridge or subnet are taken,
// errs.ErrNotFound for another driver, [errs.Forbidden] for names and drivers that are not for users.
func (s *Service) Create(ctx context.Context, want network.CreateRequest) (id string, err error) {
	if err := allowed(want); err != nil {
		return "", err
	}
	s.making.Lock()
	defer s.making.Unlock()
	for _, r := range s.records() {
		if r.Network.Name == want.Name {
			return "", fmt.Errorf("network with name %s already exists: %w", want.Name, errs.ErrConflict)
		}
	}
	spec := bridge.Network{ID: bridge.NewID(), Name: want.Name, Internal: want.Internal}
	if err := options(&spec, want.Options); err != nil {
		return "", fmt.Errorf("network %q: %w", want.Name, err)
	}
	if err := s.subnets(&spec, want); err != nil {
		return "", err // it begins as clients know it
	}
	pooled4, pooled6 := !asked(want.IPAM, netip.Addr.Is4), !asked(want.IPAM, netip.Addr.Is6)
	if err := s.Driver.AddNetwork(ctx, spec); err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			_ = s.Driver.RemoveNetwork(context.WithoutCancel(ctx), spec.ID)
		}
	}()
	spec, _ = s.Driver.Network(spec.ID) // with what the driver filled in
	r := record{Spec: spec, Pooled4: pooled4, Pooled6: pooled6, Network: network.Network{
		Name: want.Name, ID: spec.ID, Created: time.Now().UTC(), Scope: "local", Driver: "bridge",
		EnableIPv4: true, EnableIPv6: spec.Subnet6.IsValid(), Internal: want.Internal, Attachable: want.Attachable,
		Options: orEmpty(want.Options), Labels: orEmpty(want.Labels), IPAM: network.IPAM{Driver: "default", Config: ipam(spec)},
	}}
	if want.IPAM != nil {
		r.Network.IPAM.Options = maps.Clone(want.IPAM.Options)
		for i := range r.Network.IPAM.Config {
			for _, c := range want.IPAM.Config {
				if r.Network.IPAM.Config[i].Subnet.Overlaps(c.Subnet) {
					r.Network.IPAM.Config[i].AuxAddress = maps.Clone(c.AuxAddress)
				}
			}
		}
	}
	err = s.change(happened(r, events.ActionCreate), func(tx *metadata.Tx) error { return s.table.PutIn(tx, r.Network.ID, r) })
	if err != nil {
		return "", fmt.Errorf("network %q: %w", want.Name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all[r.Network.ID] = r
	return r.Network.ID, nil
}

// allowed refuses networks that are not for users to make here.
func allowed(want network.CreateRequest) error {
	invalid := func(format string, args ...any) error {
		return fmt.Errorf(format+": %w", append(args, errs.ErrInvalid)...)
	}
	switch {
	case want.Name == "":
		return invalid("network name cannot be empty")
	case predefined(want.Name) || want.Name == network.NetworkDefault:
		return forbidden("operation is not permitted on predefined %s network", want.Name)
	case !nameForm.MatchString(want.Name):
		return invalid("invalid network name %q: only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed", want.Name)
	case want.Driver == "host" || want.Driver == "null":
		return forbidden("only one instance of %q network is allowed", want.Driver)
	case want.Ingress:
		return forbidden("Ingress network can only be global scope network")
	case want.Scope == "swarm" || want.Driver == "overlay":
		return forbidden("cannot create a swarm scoped network when swarm is not active")
	case want.Driver != "" && want.Driver != "bridge" && want.Driver != network.NetworkDefault:
		return fmt.Errorf("could not find plugin %s in v1 plugin registry: plugin %q not found: %w", want.Driver, want.Driver, errs.ErrNotFound)
	case want.ConfigOnly || want.ConfigFrom != nil && want.ConfigFrom.Network != "":
		return invalid("network %q: config-only networks are not supported", want.Name)
	case want.EnableIPv4 != nil && !*want.EnableIPv4:
		return invalid("network %q: IPv4 cannot be disabled", want.Name)
	case want.IPAM != nil && want.IPAM.Driver != "" && want.IPAM.Driver != network.NetworkDefault:
		return fmt.Errorf("ipam driver %q not found: %w", want.IPAM.Driver, errs.ErrNotFound)
	}
	return nil
}

// options reads the options of the driver.
func options(spec *bridge.Network, given map[string]string) error {
	bad := func(name, want string) error {
		return fmt.Errorf("option %s=%q: want %s: %w", name, given[name], want, errs.ErrInvalid)
	}
	boolean := func(name string, no *bool) error {
		if value := given[name]; value != "" {
			yes, err := strconv.ParseBool(value)
			if err != nil {
				return bad(name, "true or false")
			}
			*no = !yes
		}
		return nil
	}
	spec.Bridge, spec.Prefix = given[optionBridge], given[optionPrefix]
	if err := boolean(optionICC, &spec.Isolated); err != nil {
		return err
	}
	if err := boolean(optionMasquerade, &spec.NoMasquerade); err != nil {
		return err
	}
	if value := given[optionHostIP]; value != "" {
		ip, err := netip.ParseAddr(value)
		if err != nil || !ip.Is4() {
			return bad(optionHostIP, "an IPv4 address")
		}
		spec.HostIP = ip
	}
	if value := given[optionMTU]; value != "" {
		mtu, err := strconv.ParseUint(value, 10, 16)
		if err != nil || mtu < 68 {
			return bad(optionMTU, "68 to 65535 bytes")
		}
		spec.MTU = int(mtu)
	}
	return nil
}

// subnets takes the subnets asked for, and finds free ones for families without.
func (s *Service) subnets(spec *bridge.Network, want network.CreateRequest) (err error) {
	six := want.EnableIPv6 != nil && *want.EnableIPv6
	if want.IPAM != nil {
		for _, c := range want.IPAM.Config {
			if err := subnet(spec, c, six); err != nil {
				return err
			}
		}
	}
	if !spec.Subnet.IsValid() {
		if spec.Subnet, err = s.Driver.FreeSubnet(false); err != nil {
			return err
		}
	}
	if six && !spec.Subnet6.IsValid() {
		spec.Subnet6, err = s.Driver.FreeSubnet(true)
	}
	return err
}

// asked reports whether a request has a subnet of a family.
func asked(ipam *network.IPAM, family func(netip.Addr) bool) bool {
	return ipam != nil && slices.ContainsFunc(ipam.Config, func(c network.IPAMConfig) bool { return c.Subnet.IsValid() && family(c.Subnet.Addr()) })
}

// subnet takes one.
func subnet(spec *bridge.Network, c network.IPAMConfig, six bool) error {
	invalid := func(format string, args ...any) error {
		return fmt.Errorf(format+": %w", append(args, errs.ErrInvalid)...)
	}
	if !c.Subnet.IsValid() {
		if c.Gateway.IsValid() || c.IPRange.IsValid() || len(c.AuxAddress) > 0 {
			return invalid("invalid IPAM configuration: gateway, range and auxiliary addresses need a subnet")
		}
		return nil
	}
	to, gateway, pool := &spec.Subnet, &spec.Gateway, &spec.Range
	if c.Subnet.Addr().Is6() {
		if !six {
			return invalid("subnet %s: IPv6 is not enabled", c.Subnet)
		}
		to, gateway, pool = &spec.Subnet6, &spec.Gateway6, &spec.Range6
	}
	if to.IsValid() {
		return errs.Forbid(fmt.Errorf("bridge driver doesn't support multiple subnets: %s and %s: %w", *to, c.Subnet, errs.ErrInvalid))
	}
	if c.Subnet.Addr().BitLen()-c.Subnet.Bits() < 1 {
		return invalid("subnet %s has no room for a container", c.Subnet)
	}
	*to, *gateway, *pool = c.Subnet.Masked(), c.Gateway, c.IPRange
	for name, address := range c.AuxAddress {
		if !c.Subnet.Contains(address) {
			return invalid("auxiliary address: (%s:%s) must belong to the master pool: %s", name, address, c.Subnet)
		}
		if address == c.Gateway || slices.Contains(spec.Reserved, address) {
			return errs.Forbid(fmt.Errorf("failed to allocate secondary ip address (%s:%s): Address already in use: %w", name, address, errs.ErrConflict))
		}
		spec.Reserved = append(spec.Reserved, address)
	}
	return nil
}

// ipam describes the subnets of a network.
func ipam(n bridge.Network) []network.IPAMConfig {
	list := []network.IPAMConfig{{Subnet: n.Subnet, Gateway: n.Gateway, IPRange: n.Range}}
	if n.Subnet6.IsValid() {
		list = append(list, network.IPAMConfig{Subnet: n.Subnet6, Gateway: n.Gateway6, IPRange: n.Range6})
	}
	return list
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return maps.Clone(m)
}

func yes(b bool) string { return strconv.FormatBool(b) }

func hostBinding(n bridge.Network) string {
	if n.HostIP.IsValid() {
		return n.HostIP.String()
	}
	return "0.0.0.0"
}
