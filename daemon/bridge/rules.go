//go:build linux

package bridge

import (
	"fmt"
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
//	local*    our subnets: what comes from there and was redirected has to come back through us
//	masq*     our subnets whose packets leave the host with the host's address
//	any*      published ports: protocol, port -> container address, port
//	one*      the same on one host address: address, protocol, port -> …
type rules struct {
	mu      sync.Mutex // one batch after the other: a batch is not a transaction across two sockets
	table   *nftables.Table
	private bool // drop what is forwarded neither from nor to a container

	bridges, pairs, internal *nftables.Set
	v4, v6                   familySets
	foreign                  foreignRules
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
	c, err := connection()
	if err != nil {
		return nil, err
	}
	present, policy, err := r.present(c)
	if err != nil {
		return nil, err
	}
	if present {
		r.private = policy == nftables.ChainPolicyDrop
		return r, nil
	}
	return r, r.rebuild(nil, nil)
}

// connection returns a connection for one batch. It is not kept: after a refused batch, answers would be left in it.
func connection() (*nftables.Conn, error) {
	c, err := nftables.New(nftables.WithSockOptions(func(c *netlink.Conn) error {
		// A rebuild of everything is one batch, which has to fit in whole.
		if err := c.SetWriteBuffer(8 << 20); err != nil {
			return err
		}
		return c.SetReadBuffer(1 << 20)
	}))
	return c, kernel(err, "packet filter")
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
	set := func(name string, key nftables.SetDatatype) *nftables.Set {
		return &nftables.Set{Table: r.table, Name: name, KeyType: key}
	}
	concat := nftables.MustConcatSetType
	r.bridges = set("bridges", nftables.TypeIFName)
	r.internal = set("internal", nftables.TypeIFName)
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
		r.bridges, r.pairs, r.internal,
		r.v4.local, r.v4.masq, r.v4.any, r.v4.one, r.v6.local, r.v6.masq, r.v6.any, r.v6.one,
	}
}

// rebuild replaces the whole table, in one step, by one with these networks and ports.
func (r *rules) rebuild(networks []Network, ports []target) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, err := connection()
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
	for _, n := range networks {
		if err := r.change(c, n, (*nftables.Conn).SetAddElements); err != nil {
			return err
		}
	}
	if err := r.changePorts(c, ports, (*nftables.Conn).SetAddElements); err != nil {
		return err
	}
	return kernel(c.Flush(), "packet filter: table %s", r.table.Name)
}

// a change adds or deletes elements.
type change func(*nftables.Conn, *nftables.Set, []nftables.SetElement) error

func (r *rules) addNetwork(n Network) error {
	return r.batch(func(c *nftables.Conn) error { return r.change(c, n, (*nftables.Conn).SetAddElements) })
}

func (r *rules) removeNetwork(n Network) error {
	return r.batch(func(c *nftables.Conn) error { return r.change(c, n, (*nftables.Conn).SetDeleteElements) })
}

func (r *rules) addPorts(ports []target) error {
	if len(ports) == 0 {
		return nil
	}
	return r.batch(func(c *nftables.Conn) error { return r.changePorts(c, ports, (*nftables.Conn).SetAddElements) })
}

func (r *rules) removePorts(ports []target) error {
	if len(ports) == 0 {
		return nil
	}
	return r.batch(func(c *nftables.Conn) error { return r.changePorts(c, ports, (*nftables.Conn).SetDeleteElements) })
}

// batch does what fill puts into a batch, all or nothing.
func (r *rules) batch(fill func(*nftables.Conn) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, err := connection()
	if err != nil {
		return err
	}
	if err := fill(c); err != nil {
		return kernel(err, "packet filter")
	}
	return kernel(c.Flush(), "packet filter: table %s", r.table.Name)
}

// change adds or removes a network.
func (r *rules) change(c *nftables.Conn, n Network, do change) error {
	name := ifname(n.Bridge)
	verdict := expr.VerdictAccept
	if n.Isolated {
		verdict = expr.VerdictDrop
	}
	type elements struct {
		set  *nftables.Set
		list []nftables.SetElement
	}
	todo := []elements{
		{r.bridges, []nftables.SetElement{{Key: name}}},
		{r.pairs, []nftables.SetElement{{Key: slices.Concat(name, name), VerdictData: &expr.Verdict{Kind: verdict}}}},
		{r.v4.local, interval(n.Subnet)},
	}
	if n.Internal {
		todo = append(todo, elements{r.internal, []nftables.SetElement{{Key: name}}})
	}
	masquerade := !n.NoMasquerade && !n.Internal
	if masquerade {
		todo = append(todo, elements{r.v4.masq, interval(n.Subnet)})
	}
	if n.Subnet6.IsValid() {
		todo = append(todo, elements{r.v6.local, interval(n.Subnet6)})
		if masquerade {
			todo = append(todo, elements{r.v6.masq, interval(n.Subnet6)})
		}
	}
	for _, e := range todo {
		if err := do(c, e.set, e.list); err != nil {
			return fmt.Errorf("set %s: %w", e.set.Name, err)
		}
	}
	return nil
}

// A target is a published port as the packet filter sees it.
type target struct {
	proto    string
	host     netip.Addr // unspecified: all of its family
	hostPort uint16
	to       netip.Addr
	port     uint16
}

// protocols are the ones that have ports and can be published.
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

// changePorts adds or removes published ports.
func (r *rules) changePorts(c *nftables.Conn, ports []target, do change) error {
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
	for _, set := range r.sets() {
		// The list of elements is one attribute, whose length has 16 bits.
		for chunk := range slices.Chunk(bySet[set], 500) {
			if err := do(c, set, chunk); err != nil {
				return fmt.Errorf("set %s: %w", set.Name, err)
			}
		}
	}
	return nil
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
