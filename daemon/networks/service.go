//go:build linux

package networks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/api/types/network"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/bridge"
	"github.com/cleat-dev/cleat/daemon/event"
	"github.com/cleat-dev/cleat/daemon/metadata"
)

// Containers is what this service asks of the containers' service.
type Containers interface {
	// ConnectNetwork adds a network, by name, to a container, and joins it when the container runs. nil settings are
	// the defaults. errs.ErrNotFound without the container.
	ConnectNetwork(ctx context.Context, ref, network string, settings *network.EndpointSettings) error
	// DisconnectNetwork takes a network from a container, and leaves it when the container runs. With force a container
	// that does not exist is no error.
	DisconnectNetwork(ctx context.Context, ref, network string, force bool) error
	// ContainerName is the name of a container by its whole ID, without the slash; false when there is none.
	ContainerName(id string) (string, bool)
}

// Config is what a Service is made of. All fields are required.
type Config struct {
	DB         *metadata.DB
	Driver     *bridge.Driver
	Events     *event.Bus
	Containers Containers
	Log        hclog.Logger
}

// Service keeps networks. Its methods may be called from any goroutine.
type Service struct {
	Config
	table *metadata.Table[record]

	making sync.Mutex // one network is made or removed at a time: they are compared with all others

	mu  sync.Mutex
	all map[string]record // by ID
}

// record is a network as it is kept. Spec is empty for host and none, and for the default network, which the driver
// itself remembers.
type record struct {
	Network network.Network
	Spec    bridge.Network
	// Pooled says that nobody chose the subnet of a family, so that nobody can count on an address in it.
	Pooled4, Pooled6 bool `json:",omitempty"`
}

// New loads the records, brings the networks up, and makes those every engine has. A network that cannot be brought up,
// because the host uses its subnet now, is logged; containers cannot join it.
func New(ctx context.Context, c Config) (*Service, error) {
	table, err := metadata.NewTable[record](c.DB, "networks")
	if err != nil {
		return nil, fmt.Errorf("networks: %w", err)
	}
	s := &Service{Config: c, table: table}
	if s.all, err = table.All(); err != nil {
		return nil, fmt.Errorf("networks: %w", err)
	}
	for _, r := range s.all {
		if r.Spec.ID == "" {
			continue
		}
		if err := c.Driver.AddNetwork(ctx, r.Spec); err != nil {
			c.Log.Error("a network cannot be brought up", "network", r.Network.Name, "error", err)
		}
	}
	for _, name := range []string{network.NetworkHost, network.NetworkNone} {
		if err := s.predefine(name); err != nil {
			return nil, fmt.Errorf("networks: %w", err)
		}
	}
	return s, nil
}

// predefine makes the record of host or none, once.
func (s *Service) predefine(name string) error {
	for _, r := range s.all {
		if r.Network.Name == name {
			return nil
		}
	}
	driver := name
	if name == network.NetworkNone {
		driver = "null"
	}
	r := record{Network: network.Network{
		Name: name, ID: bridge.NewID(), Created: time.Now().UTC(), Scope: "local", Driver: driver, EnableIPv4: true,
		IPAM: network.IPAM{Driver: "default", Config: []network.IPAMConfig{}}, Options: map[string]string{}, Labels: map[string]string{},
	}}
	s.all[r.Network.ID] = r
	return s.table.Put(r.Network.ID, r)
}

// defaultNetwork describes the network of the driver.
func (s *Service) defaultNetwork() record {
	n, _ := s.Driver.Network(bridge.DefaultNetwork)
	return record{Spec: n, Network: network.Network{
		Name: n.Name, ID: n.ID, Created: n.Created, Scope: "local", Driver: "bridge", EnableIPv4: true, EnableIPv6: n.Subnet6.IsValid(),
		IPAM:   network.IPAM{Driver: "default", Config: ipam(n)},
		Labels: map[string]string{},
		Options: map[string]string{
			"com.docker.network.bridge.default_bridge":       "true",
			"com.docker.network.bridge.enable_icc":           yes(!n.Isolated),
			"com.docker.network.bridge.enable_ip_masquerade": yes(!n.NoMasquerade),
			"com.docker.network.bridge.host_binding_ipv4":    hostBinding(n),
			"com.docker.network.bridge.name":                 n.Bridge,
			"com.docker.network.driver.mtu":                  fmt.Sprint(n.MTU),
		},
	}}
}

// records returns all networks, by name.
func (s *Service) records() []record {
	list := []record{s.defaultNetwork()}
	s.mu.Lock()
	for _, r := range s.all {
		list = append(list, r)
	}
	s.mu.Unlock()
	slices.SortFunc(list, func(a, b record) int { return strings.Compare(a.Network.Name, b.Network.Name) })
	return list
}

// find returns the network a name, an ID or the beginning of one stands for.
func (s *Service) find(ref string) (record, error) {
	list := s.records()
	for _, same := range []func(network.Network) bool{
		func(n network.Network) bool { return n.ID == ref },
		func(n network.Network) bool { return n.Name == ref },
	} {
		if i := slices.IndexFunc(list, func(r record) bool { return same(r.Network) }); i >= 0 {
			return list[i], nil
		}
	}
	var found []record
	for _, r := range list {
		if ref != "" && strings.HasPrefix(r.Network.ID, ref) {
			found = append(found, r)
		}
	}
	switch len(found) {
	case 0:
		return record{}, fmt.Errorf("network %s not found: %w", ref, errs.ErrNotFound)
	case 1:
		return found[0], nil
	default:
		return record{}, fmt.Errorf("network %s is ambiguous (%d matches found based on ID prefix): %w", ref, len(found), errs.ErrInvalid)
	}
}

// predefined reports whether a network is one that every engine has.
func predefined(name string) bool {
	return name == network.NetworkBridge || name == network.NetworkHost || name == network.NetworkNone
}

// Inspect describes a network with the containers that are connected to it and run; errs.ErrNotFound.
func (s *Service) Inspect(ref string) (network.Inspect, error) {
	r, err := s.find(ref)
	if err != nil {
		return network.Inspect{}, err
	}
	return s.inspect(r), nil
}

func (s *Service) inspect(r record) network.Inspect {
	out := network.Inspect{Network: r.Network, Containers: map[string]network.EndpointResource{}}
	for _, e := range s.Driver.Endpoints(r.Network.ID) {
		name, _ := s.Containers.ContainerName(e.ContainerID)
		resource := network.EndpointResource{Name: name, EndpointID: e.EndpointID, IPv4Address: e.IP, IPv6Address: e.IP6}
		_ = resource.MacAddress.UnmarshalText([]byte(e.MAC)) // the driver's own
		out.Containers[e.ContainerID] = resource
	}
	return out
}

// List describes the networks that pass the filters, by name: driver, id, name, label, scope, type, dangling.
// errs.ErrInvalid for other filters.
func (s *Service) List(filters map[string][]string) ([]network.Inspect, error) {
	pass, err := listFilter(filters)
	if err != nil {
		return nil, err
	}
	list := []network.Inspect{}
	for _, r := range s.records() {
		one := s.inspect(r)
		if pass(one) {
			list = append(list, one)
		}
	}
	return list, nil
}

// Remove removes a network of a user that no running container is connected to. Others are [errs.Forbidden].
func (s *Service) Remove(ctx context.Context, ref string) error {
	s.making.Lock()
	defer s.making.Unlock()
	r, err := s.find(ref)
	if err != nil {
		return err
	}
	return s.remove(ctx, r)
}

// remove does it; s.making is held.
func (s *Service) remove(ctx context.Context, r record) error {
	if predefined(r.Network.Name) {
		return forbidden("%s is a pre-defined network and cannot be removed", r.Network.Name)
	}
	// Nobody sees it any more while its bridge goes, which takes the kernel a while: who lists networks then must not
	// count on it.
	if len(s.Driver.Endpoints(r.Network.ID)) == 0 {
		s.show(r, false)
	}
	err := s.Driver.RemoveNetwork(ctx, r.Network.ID)
	if err != nil {
		s.show(r, true)
	}
	if errors.Is(err, errs.ErrConflict) {
		return errs.Forbid(err)
	}
	if err != nil {
		return err
	}
	err = s.change(happened(r, events.ActionDestroy), func(tx *metadata.Tx) error { return s.table.DeleteIn(tx, r.Network.ID) })
	if err != nil {
		s.show(r, true)
		return fmt.Errorf("network %q: %w", r.Network.Name, err)
	}
	s.show(r, false)
	return nil
}

// show puts a network into the index, or takes it out.
func (s *Service) show(r record, there bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if there {
		s.all[r.Network.ID] = r
	} else {
		delete(s.all, r.Network.ID)
	}
}

// Prune removes the networks of users that nobody is connected to and that pass the filters until and label.
func (s *Service) Prune(ctx context.Context, filters map[string][]string) (network.PruneReport, error) {
	pass, err := pruneFilter(filters, time.Now())
	if err != nil {
		return network.PruneReport{}, err
	}
	s.making.Lock()
	defer s.making.Unlock()
	var report network.PruneReport
	for _, r := range s.records() {
		if err := ctx.Err(); err != nil {
			return report, err
		}
		if predefined(r.Network.Name) || !pass(r.Network) || len(s.Driver.Endpoints(r.Network.ID)) > 0 {
			continue
		}
		if err := s.remove(ctx, r); err != nil {
			s.Log.Warn("a network is not pruned", "network", r.Network.Name, "error", err) // in use since
			continue
		}
		report.NetworksDeleted = append(report.NetworksDeleted, r.Network.Name)
	}
	m := events.Message{Type: events.NetworkEventType, Action: events.ActionPrune, Actor: events.Actor{Attributes: map[string]string{"reclaimed": "0"}}}
	s.Events.Publish(m)
	return report, nil
}

// change stores something and tells of it, in one transaction.
func (s *Service) change(m events.Message, store func(*metadata.Tx) error) error {
	var announce func()
	err := s.DB.Update(func(tx *metadata.Tx) (err error) {
		if err = store(tx); err != nil {
			return err
		}
		announce, err = s.Events.PublishIn(tx, m)
		return err
	})
	if err == nil {
		announce()
	}
	return err
}

// happened is an event of a network.
func happened(r record, action events.Action) events.Message {
	attributes := map[string]string{"name": r.Network.Name, "type": r.Network.Driver}
	return events.Message{Type: events.NetworkEventType, Action: action, Actor: events.Actor{ID: r.Network.ID, Attributes: attributes}}
}

// forbidden is an error of what is never allowed, or not to somebody in the way.
func forbidden(format string, args ...any) error {
	return errs.Forbid(fmt.Errorf(format+": %w", append(args, errs.ErrConflict)...))
}
