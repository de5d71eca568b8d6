//go:build linux

package bridge

import (
	"errors"
	"net/netip"
	"slices"
	"sync"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// rules is the table of this instance in the packet filter of the host.
//
// Its chains are written once. What changes are the elements of its sets:
//
//	bridges   our bridges
//	pairs     from bridge, to bridge: what happens between containers of one network
//	internal  bridges nothing gets into or out of
//	uplinks   bridges of others by which the host reaches the world
//	local*    our subnets: what comes from there and was redirected has to come back through us
//	masq*     our subnets whose packets leave the host with the host's address
//	any*      published ports: protocol, port -> container address, port
//	one*      the same on one host address: address, protocol, port -> …
type rules struct {
	mu      sync.Mutex // one batch after the other
	conn    *nftables.Conn
	table   *nftables.Table
	private bool // drop what is forwarded neither from nor to a container, ours or of others

	bridges, pairs, internal, uplinks *nftables.Set
	known                             []string // uplinks in force
	v4, v6                            familySets
	foreign                           foreignRules
}

// familySets are the sets of one address family.
type familySets struct {
	local, masq, any, one *nftables.Set
}

// openRules takes over the table of an earlier daemon as it is, or makes an empty one. private is for a new table.
func openRules(instance string, private bool) (*rules, error) {
	r := &rules{table: &nftables.Table{Family: nftables.TableFamilyINet, Name: "cleat-" + instance}, private: private}
	r.foreign.tag = "cleat-" + instance
	r.describe()
	present := false
	err := r.with(func(c *nftables.Conn) (err error) {
		var policy nftables.ChainPolicy
		if present, policy, err = r.present(c); present {
			r.private = policy == nftables.ChainPolicyDrop
		}
		return err
	})
	if err != nil || present {
		return r, err
	}
	return r, r.rebuild(func() ([]Network, []target) { return nil, nil })
}

// with runs do with the connection to the packet filter, one at a time. The connection is kept, because the kernel
// holds up who closes one until everything deleted by it is out of use, some ten milliseconds. After an error it is
// replaced: answers nobody read would be taken for those to the next batch.
func (r *rules) with(do func(*nftables.Conn) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conn == nil {
		conn, err := nftables.New(nftables.AsLasting(), nftables.WithSockOptions(func(c *netlink.Conn) error {
			// A rebuild of everything is one batch, which has to fit in whole.
			return errors.Join(c.SetWriteBuffer(8<<20), c.SetReadBuffer(1<<20))
		}))
		if err != nil {
			return kernel(err, "packet filter")
		}
		r.conn = conn
	}
	err := do(r.conn)
	if err != nil {
		_ = r.conn.CloseLasting()
		r.conn = nil
	}
	return err
}

// close gives the connection back; the rules stay.
func (r *rules) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conn != nil {
		_ = r.conn.CloseLasting()
		r.conn = nil
	}
}

// present looks for our table, and for the policy of its forward chain.
func (r *rules) present(c *nftables.Conn) (bool, nftables.ChainPolicy, error) {
	chains, err := c.ListChainsOfTableFamily(r.table.Family)
	if err != nil {
		return false, 0, kernel(err, "packet filter")
	}
	i := slices.IndexFunc(chains, func(chain *nftables.Chain) bool {
		return chain.Table.Name == r.table.Name && chain.Name == "forward" && chain.Policy != nil
	})
	if i < 0 {
		return false, 0, nil
	}
	return true, *chains[i].Policy, nil
}

// describe names the sets.
func (r *rules) describe() {
	id := uint32(0) // of a set within a batch; the library's own count is not safe for two drivers in a process
	set := func(name string, key nftables.SetDatatype) *nftables.Set {
		id++
		return &nftables.Set{Table: r.table, ID: id, Name: name, KeyType: key}
	}
	concat := nftables.MustConcatSetType
	r.bridges = set("bridges", nftables.TypeIFName)
	r.internal = set("internal", nftables.TypeIFName)
	r.uplinks = set("uplinks", nftables.TypeIFName)
	r.pairs = set("pairs", concat(nftables.TypeIFName, nftables.TypeIFName))
	r.pairs.Concatenation, r.pairs.IsMap, r.pairs.DataType = true, true, nftables.TypeVerdict
	for _, f := range []struct {
		sets    *familySets
		suffix  string
		address nftables.SetDatatype
	}{{&r.v4, "4", nftables.TypeIPAddr}, {&r.v6, "6", nftables.TypeIP6Addr}} {
		f.sets.local = set("local"+f.suffix, f.address)
		f.sets.masq = set("masq"+f.suffix, f.address)
		f.sets.local.Interval, f.sets.masq.Interval = true, true
		f.sets.any = set("any"+f.suffix, concat(nftables.TypeInetProto, nftables.TypeInetService))
		f.sets.one = set("one"+f.suffix, concat(f.address, nftables.TypeInetProto, nftables.TypeInetService))
		for _, ports := range []*nftables.Set{f.sets.any, f.sets.one} {
			ports.Concatenation, ports.IsMap = true, true
			ports.DataType = concat(f.address, nftables.TypeInetService)
		}
	}
}

// sets returns all of them.
func (r *rules) sets() []*nftables.Set {
	return []*nftables.Set{
		r.bridges, r.pairs, r.internal, r.uplinks,
		r.v4.local, r.v4.masq, r.v4.any, r.v4.one, r.v6.local, r.v6.masq, r.v6.any, r.v6.one,
	}
}

// rebuild replaces the whole table, in one step, by one with what current returns. No change comes between the two:
// who adds notes it for current before, who removes has it left out by current before.
func (r *rules) rebuild(current func() ([]Network, []target)) error {
	return r.with(func(c *nftables.Conn) error {
		networks, ports := current()
		up, err := findUplinks()
		if err != nil {
			return err
		}
		c.AddTable(r.table) // so that there is one to delete
		c.DelTable(r.table)
		c.AddTable(r.table)
		for _, s := range r.sets() {
			if err := c.AddSet(s, nil); err != nil {
				return kernel(err, "packet filter: set %s", s.Name)
			}
		}
		r.chains(c)
		all := r.portElements(ports)
		for _, n := range networks {
			all = append(all, r.networkElements(n)...)
		}
		all = append(all, r.uplinkElements(up)...)
		if err := r.send(c, all, (*nftables.Conn).SetAddElements); err != nil {
			return err
		}
		r.known = up
		return nil
	})
}

func (r *rules) addNetwork(n Network) error    { return r.add(r.networkElements(n)) }
func (r *rules) removeNetwork(n Network) error { return r.remove(r.networkElements(n)) }
func (r *rules) addPorts(p []target) error     { return r.add(r.portElements(p)) }
func (r *rules) removePorts(p []target) error  { return r.remove(r.portElements(p)) }

// elements of one set.
type elements struct {
	set  *nftables.Set
	list []nftables.SetElement
}

// add adds elements, all or none. Those that are there already are no error.
func (r *rules) add(all []elements) error {
	if len(all) == 0 {
		return nil
	}
	return r.with(func(c *nftables.Conn) error { return r.send(c, all, (*nftables.Conn).SetAddElements) })
}

// remove deletes elements, all at once. When some are not there it deletes the others.
func (r *rules) remove(all []elements) error {
	if len(all) == 0 {
		return nil
	}
	del := func(all []elements) error {
		return r.with(func(c *nftables.Conn) error { return r.send(c, all, (*nftables.Conn).SetDeleteElements) })
	}
	if err := del(all); !errors.Is(err, unix.ENOENT) {
		return err
	}
	var failed error
	for _, e := range all {
		size := 1
		if e.set.Interval {
			size = len(e.list) // the two ends of one
		}
		for one := range slices.Chunk(e.list, size) {
			if err := del([]elements{{e.set, one}}); !errors.Is(err, unix.ENOENT) {
				failed = errors.Join(failed, err)
			}
		}
	}
	return failed
}

// send puts a change of elements at the end of the batch of c, and the batch into force.
func (r *rules) send(c *nftables.Conn, all []elements, do func(*nftables.Conn, *nftables.Set, []nftables.SetElement) error) error {
	for _, e := range all {
		// The list of elements is one attribute, whose length has 16 bits.
		for chunk := range slices.Chunk(e.list, 500) {
			if err := do(c, e.set, chunk); err != nil {
				return kernel(err, "packet filter: set %s", e.set.Name)
			}
		}
	}
	return kernel(c.Flush(), "packet filter: table %s", r.table.Name)
}

// networkElements is what the sets have of a network.
func (r *rules) networkElements(n Network) []elements {
	name := ifname(n.Bridge)
	verdict := expr.VerdictAccept
	if n.Isolated {
		verdict = expr.VerdictDrop
	}
	all := []elements{
		{r.bridges, []nftables.SetElement{{Key: name}}},
		{r.pairs, []nftables.SetElement{{Key: slices.Concat(name, name), VerdictData: &expr.Verdict{Kind: verdict}}}},
		{r.v4.local, interval(n.Subnet)},
	}
	if n.Internal {
		all = append(all, elements{r.internal, []nftables.SetElement{{Key: name}}})
	}
	masquerade := !n.NoMasquerade && !n.Internal
	if masquerade {
		all = append(all, elements{r.v4.masq, interval(n.Subnet)})
	}
	if n.Subnet6.IsValid() {
		all = append(all, elements{r.v6.local, interval(n.Subnet6)})
		if masquerade {
			all = append(all, elements{r.v6.masq, interval(n.Subnet6)})
		}
	}
	return all
}

// A target is a published port as the packet filter sees it.
type target struct {
	proto    string
	host     netip.Addr // unspecified: all of its family
	hostPort uint16
	to       netip.Addr
	port     uint16
}

// protocolNumber is that of IP; Port.complete has checked the name.
func protocolNumber(proto string) byte {
	switch proto {
	case "udp":
		return unix.IPPROTO_UDP
	case "sctp":
		return unix.IPPROTO_SCTP
	default:
		return unix.IPPROTO_TCP
	}
}

// portElements is what the sets have of published ports.
func (r *rules) portElements(ports []target) []elements {
	bySet := map[*nftables.Set][]nftables.SetElement{}
	for _, p := range ports {
		sets := &r.v4
		if p.to.Is6() {
			sets = &r.v6
		}
		key := []byte{protocolNumber(p.proto), 0, 0, 0, byte(p.hostPort >> 8), byte(p.hostPort), 0, 0}
		set := sets.any
		if !p.host.IsUnspecified() {
			set = sets.one
			key = append(p.host.AsSlice(), key...)
		}
		bySet[set] = append(bySet[set], nftables.SetElement{
			Key: key, Val: append(p.to.AsSlice(), byte(p.port>>8), byte(p.port), 0, 0),
		})
	}
	var all []elements
	for _, set := range r.sets() {
		if list := bySet[set]; len(list) > 0 {
			all = append(all, elements{set, list})
		}
	}
	return all
}

// interval is a subnet as two elements: where it begins, and the first address behind it.
func interval(p netip.Prefix) []nftables.SetElement {
	from := nftables.SetElement{Key: p.Addr().AsSlice()}
	behind := lastAddress(p).Next()
	if !behind.IsValid() {
		return []nftables.SetElement{from}
	}
	return []nftables.SetElement{from, {Key: behind.AsSlice(), IntervalEnd: true}}
}

// ifname is the name of an interface as the kernel compares it.
func ifname(name string) []byte {
	b := make([]byte, unix.IFNAMSIZ)
	copy(b, name)
	return b
}
