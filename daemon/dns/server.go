//go:build linux

package dns

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/go-hclog"
)

// Address is where containers reach the name service.
const Address = "127.0.0.11"

// An Identity is what a container is to the name service of a network. Its JSON form is part of the records of
// daemon/bridge.
type Identity struct {
	Names []string          `json:"names,omitempty"` // those it has; its address resolves to the first
	Links map[string]string `json:"links,omitempty"` // names of others on the network, by what only this one calls them
	// Servers are asked about names of others, instead of the host's.
	Servers []netip.Addr `json:"servers,omitempty"`
	// KeepShort: names without a dot are not for servers outside, as options ndots of 1 and more say.
	KeepShort bool `json:"keep_short,omitempty"`
}

// A Member is a container on a network.
type Member struct {
	Identity
	Container   string // id
	Network     string // id
	NetworkName string
	Addresses   []netip.Addr
	Priority    int // the highest one is asked first
}

// A Namespace is the network of a container.
type Namespace interface {
	// Do runs a function on a thread that is in it.
	Do(do func() error) error
	// Outward reports whether there is a way out now: a network that is not internal.
	Outward() bool
}

// Server answers the queries of all containers. Its methods may be called from any goroutine.
type Server struct {
	log  hclog.Logger
	host *hostServers

	mu     sync.RWMutex
	zones  map[string]*zone  // by id of the network
	askers map[string]*asker // by id of the container
	closed bool
}

// zone has the names of a network.
type zone struct {
	name      string
	byName    map[string][]*Member // lower case
	byAddress map[netip.Addr]*Member
}

// asker is a container.
type asker struct {
	in      []*Member // what it is on, in the order it is asked
	last    Identity  // of the network it joined last, with the servers for other names
	sockets *sockets  // nil until Serve
}

// New returns a server that knows nobody. hostResolv is the path of the host's resolv.conf.
func New(hostResolv string, log hclog.Logger) *Server {
	return &Server{log: log, host: &hostServers{path: hostResolv}, zones: map[string]*zone{}, askers: map[string]*asker{}}
}

// Close stops answering. The rules in namespaces stay, for the next one.
func (s *Server) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, a := range s.askers {
		a.sockets.close()
	}
	s.zones, s.askers = map[string]*zone{}, map[string]*asker{}
}

// Join makes a container known on a network, and lets it ask for the names there; what was known of it there before is
// replaced. To be heard it needs Serve as well.
func (s *Server) Join(m Member) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.leave(m.Container, m.Network)
	links := m.Links
	m.Links = make(map[string]string, len(links))
	for alias, name := range links {
		m.Links[strings.ToLower(alias)] = strings.ToLower(name)
	}
	z := s.zones[m.Network]
	if z == nil {
		z = &zone{name: m.NetworkName, byName: map[string][]*Member{}, byAddress: map[netip.Addr]*Member{}}
		s.zones[m.Network] = z
	}
	for _, name := range m.names() {
		z.byName[name] = append(z.byName[name], &m)
	}
	for _, address := range m.Addresses {
		z.byAddress[address] = &m
	}
	a := s.askers[m.Container]
	if a == nil {
		a = &asker{}
		s.askers[m.Container] = a
	}
	a.last = m.Identity
	a.in = append(a.in, &m)
	slices.SortStableFunc(a.in, func(x, y *Member) int {
		return cmp.Or(cmp.Compare(y.Priority, x.Priority), cmp.Compare(x.NetworkName, y.NetworkName))
	})
}

// names are the member's as they are compared, each once.
func (m *Member) names() []string {
	var out []string
	for _, name := range m.Names {
		name = strings.ToLower(strings.TrimSuffix(name, "."))
		if name != "" && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// Leave makes a container forgotten on a network. Its sockets stay, for programs that go on asking there; see Stop.
func (s *Server) Leave(container, network string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leave(container, network)
}

// leave does it; s.mu is held.
func (s *Server) leave(container, network string) {
	a := s.askers[container]
	if a == nil {
		return
	}
	i := slices.IndexFunc(a.in, func(m *Member) bool { return m.Network == network })
	if i < 0 {
		return
	}
	m := a.in[i]
	a.in = slices.Delete(slices.Clone(a.in), i, i+1)
	if len(a.in) == 0 && a.sockets == nil {
		delete(s.askers, container)
	}
	z := s.zones[network]
	for _, name := range m.names() {
		z.byName[name] = slices.DeleteFunc(slices.Clone(z.byName[name]), func(o *Member) bool { return o == m })
		if len(z.byName[name]) == 0 {
			delete(z.byName, name)
		}
	}
	for _, address := range m.Addresses {
		if z.byAddress[address] == m {
			delete(z.byAddress, address)
		}
	}
	if len(z.byAddress) == 0 && len(z.byName) == 0 {
		delete(s.zones, network)
	}
}

// Serve opens the sockets of a container that has joined a network. One that is served already is no error.
func (s *Server) Serve(container string, namespace Namespace) error {
	s.mu.RLock()
	a := s.askers[container]
	needed := !s.closed && a != nil && a.sockets == nil
	s.mu.RUnlock()
	if !needed {
		return nil
	}
	k, err := openSockets(s, container, namespace)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a = s.askers[container]
	if s.closed || a == nil || a.sockets != nil {
		k.close()
		return nil
	}
	a.sockets = k
	k.serve()
	return nil
}

// Stop ends the service for a container whose namespace goes away, and forgets it on all networks.
func (s *Server) Stop(container string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.askers[container]
	if a == nil {
		return
	}
	for _, m := range slices.Clone(a.in) {
		s.leave(container, m.Network)
	}
	a.sockets.close()
	delete(s.askers, container)
}

// lookup returns the addresses of a name, without the dot at its end, as a container sees it; known is false for names
// that are none of ours.
//
// Names of containers and of networks may have dots, so "a.b.c" is looked for whole, then as "a.b" on network "c", then
// as "a" on network "b.c".
func (s *Server) lookup(container, name string) (found []netip.Addr, known bool) {
	name = strings.ToLower(name)
	s.mu.RLock()
	defer s.mu.RUnlock()
	a := s.askers[container]
	if a == nil {
		return nil, false
	}
	for at := len(name); at > 0; at = strings.LastIndexByte(name[:at], '.') {
		host, network := name[:at], strings.TrimPrefix(name[at:], ".")
		for _, linked := range []bool{true, false} {
			for _, m := range a.in {
				z := s.zones[m.Network]
				if network != "" && !strings.EqualFold(network, z.name) {
					continue
				}
				called := host
				if linked {
					called = m.Links[host]
				}
				if holders := z.byName[called]; len(holders) > 0 {
					for _, holder := range holders {
						found = append(found, holder.Addresses...)
					}
					return found, true
				}
			}
		}
	}
	return nil, false
}

// reverse returns "name.network" of an address on one of the container's networks.
func (s *Server) reverse(container string, address netip.Addr) (string, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if a := s.askers[container]; a != nil {
		for _, m := range a.in {
			z := s.zones[m.Network]
			if holder := z.byAddress[address]; holder != nil && len(holder.Names) > 0 {
				return holder.Names[0] + "." + z.name, true
			}
		}
	}
	return "", false
}
