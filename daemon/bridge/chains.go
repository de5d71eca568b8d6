//go:build linux

package bridge

import (
	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// Registers: 1 and 2 hold 16 bytes each. The first is also four of four bytes, numbered 8 to 11.
const (
	reg1 = unix.NFT_REG_1
	reg2 = unix.NFT_REG_2
)

// NFT_META_IIFKIND and NFT_META_OIFKIND, the kinds of the links a packet came in by and leaves by, which package expr
// does not name.
const (
	metaIIFKIND = expr.MetaKey(26)
	metaOIFKIND = expr.MetaKey(27)
)

// reg32 is the n-th register of four bytes.
func reg32(n uint32) uint32 { return unix.NFT_REG32_00 + n }

// A statement is a part of a rule: the rule goes on to the next one when it matches.
type statement []expr.Any

// chains writes the chains of our table, which never change. The comments show them as nft would print them.
func (r *rules) chains(c *nftables.Conn) {
	base := func(name string, kind nftables.ChainType, hook *nftables.ChainHook, priority *nftables.ChainPriority) func(...statement) {
		chain := c.AddChain(&nftables.Chain{Name: name, Table: r.table, Type: kind, Hooknum: hook, Priority: priority})
		return func(parts ...statement) { r.rule(c, chain, parts...) }
	}

	// No packet from elsewhere may reach what listens on 127.0.0.1 only, containers and other hosts included. The
	// kernel refuses such packets, but not where route_localnet is set, nor after they were redirected.
	raw := base("raw", nftables.ChainTypeFilter, nftables.ChainHookPrerouting, nftables.ChainPriorityRaw)
	raw(ipv4(), iif("lo", true), network4(16, 127), verdict(expr.VerdictDrop)) // ip daddr 127.0.0.0/8
	raw(ipv4(), iif("lo", true), network4(12, 127), verdict(expr.VerdictDrop)) // ip saddr 127.0.0.0/8

	// meta nfproto ipv4 ip daddr . meta l4proto . th dport map @one4 …
	ports := c.AddChain(&nftables.Chain{Name: "ports", Table: r.table})
	r.redirect(c, ports, ipv4(), r.v4, unix.NFPROTO_IPV4)
	r.rule(c, ports, ipv6(), loopback6(), verdict(expr.VerdictReturn)) // ::1 cannot be the source of a forwarded packet
	r.redirect(c, ports, ipv6(), r.v6, unix.NFPROTO_IPV6)

	// fib daddr type local jump ports
	toPorts := statement{&expr.Verdict{Kind: expr.VerdictJump, Chain: "ports"}}
	base("prerouting", nftables.ChainTypeNAT, nftables.ChainHookPrerouting, nftables.ChainPriorityNATDest)(local(), toPorts)
	base("output", nftables.ChainTypeNAT, nftables.ChainHookOutput, nftables.ChainPriorityNATDest)(local(), toPorts)

	post := base("postrouting", nftables.ChainTypeNAT, nftables.ChainHookPostrouting, nftables.ChainPriorityNATSource)
	masquerade := statement{&expr.Masq{}}
	post(ipv4(), oif(r.bridges, false), network4(12, 127), masquerade)                 // 127.0.0.1 -> container
	post(ipv4(), oif(r.bridges, false), source4(r.v4.local), redirected(), masquerade) // container -> host port -> container
	post(ipv6(), oif(r.bridges, false), source6(r.v6.local), redirected(), masquerade) // the same
	post(ipv4(), oif(r.bridges, true), source4(r.v4.masq), masquerade)                 // container -> world
	post(ipv6(), oif(r.bridges, true), source6(r.v6.masq), masquerade)                 // the same

	r.forward(c)
}

// forward writes the chain that says who may talk to whom.
func (r *rules) forward(c *nftables.Conn) {
	policy := nftables.ChainPolicyAccept
	if r.private {
		policy = nftables.ChainPolicyDrop
	}
	chain := c.AddChain(&nftables.Chain{
		Name: "forward", Table: r.table, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookForward, Priority: nftables.ChainPriorityFilter, Policy: &policy,
	})
	forward := func(parts ...statement) { r.rule(c, chain, parts...) }
	accept, drop := verdict(expr.VerdictAccept), verdict(expr.VerdictDrop)
	forward(established(), accept)
	forward(redirected(), accept) // published ports are for everybody
	forward(statement{            // iifname . oifname vmap @pairs
		&expr.Meta{Key: expr.MetaKeyIIFNAME, Register: reg1},
		&expr.Meta{Key: expr.MetaKeyOIFNAME, Register: reg2},
		&expr.Lookup{SourceRegister: reg1, DestRegister: unix.NFT_REG_VERDICT, IsDestRegSet: true, SetName: r.pairs.Name, SetID: r.pairs.ID},
	})
	forward(iifIn(r.internal, false), drop)
	forward(oif(r.bridges, false), drop)                                              // other networks, and hosts outside
	forward(iifIn(r.bridges, false), bridge(metaOIFKIND), oif(r.uplinks, true), drop) // networks of other engines, whose own rules ours would overrule
	forward(iifIn(r.bridges, false), accept)
	if r.private { // what containers and machines of others may do is for others to say
		forward(bridge(metaIIFKIND), iifIn(r.uplinks, true), accept)
		forward(bridge(metaOIFKIND), oif(r.uplinks, true), accept)
	}
}

func (r *rules) rule(c *nftables.Conn, chain *nftables.Chain, parts ...statement) {
	var all []expr.Any
	for _, part := range parts {
		all = append(all, part...)
	}
	c.AddRule(&nftables.Rule{Table: r.table, Chain: chain, Exprs: all})
}

// redirect adds the two rules which look a published port up: on this address, then on all.
func (r *rules) redirect(c *nftables.Conn, chain *nftables.Chain, family statement, sets familySets, nfproto uint32) {
	words := uint32(1) // registers of four bytes an address takes
	offset := uint32(16)
	if nfproto == unix.NFPROTO_IPV6 {
		words, offset = 4, 24
	}
	for _, set := range []*nftables.Set{sets.one, sets.any} {
		var key statement
		next := uint32(0)
		if set == sets.one {
			key = append(key, &expr.Payload{DestRegister: reg32(0), Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: words * 4})
			next = words
		}
		key = append(key,
			&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: reg32(next)},
			&expr.Payload{DestRegister: reg32(next + 1), Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
			&expr.Lookup{SourceRegister: reg32(0), DestRegister: reg32(0), IsDestRegSet: true, SetName: set.Name, SetID: set.ID},
			&expr.NAT{Type: expr.NATTypeDestNAT, Family: nfproto, RegAddrMin: reg32(0), RegProtoMin: reg32(words), Specified: true},
		)
		r.rule(c, chain, family, ports(), key)
	}
}

func family(nfproto byte) statement {
	return statement{
		&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: reg1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: reg1, Data: []byte{nfproto}},
	}
}

func ipv4() statement { return family(unix.NFPROTO_IPV4) }
func ipv6() statement { return family(unix.NFPROTO_IPV6) }

func verdict(kind expr.VerdictKind) statement { return statement{&expr.Verdict{Kind: kind}} }

// ports matches protocols whose header begins with two ports: the set is small enough to be compared one by one, but
// a rule has no "or", so it is written as TCP (6) to SCTP (132), which map lookups narrow down.
func ports() statement {
	return statement{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: reg1},
		&expr.Range{Op: expr.CmpOpEq, Register: reg1, FromData: []byte{unix.IPPROTO_TCP}, ToData: []byte{unix.IPPROTO_SCTP}},
	}
}

// local matches packets to an address of this host.
func local() statement {
	return statement{
		&expr.Fib{Register: reg1, FlagDADDR: true, ResultADDRTYPE: true},
		&expr.Cmp{Op: expr.CmpOpEq, Register: reg1, Data: binaryutil.NativeEndian.PutUint32(unix.RTN_LOCAL)},
	}
}

// iif matches the name of the interface a packet came in by, or any other.
func iif(name string, not bool) statement {
	op := expr.CmpOpEq
	if not {
		op = expr.CmpOpNeq
	}
	return statement{
		&expr.Meta{Key: expr.MetaKeyIIFNAME, Register: reg1},
		&expr.Cmp{Op: op, Register: reg1, Data: ifname(name)},
	}
}

// iifIn matches packets that came in by a link of the set, or by any other.
func iifIn(set *nftables.Set, not bool) statement { return named(expr.MetaKeyIIFNAME, set, not) }

// oif matches packets that leave by a link of the set, or by any other.
func oif(set *nftables.Set, not bool) statement { return named(expr.MetaKeyOIFNAME, set, not) }

func named(key expr.MetaKey, set *nftables.Set, not bool) statement {
	return statement{
		&expr.Meta{Key: key, Register: reg1},
		&expr.Lookup{SourceRegister: reg1, SetName: set.Name, SetID: set.ID, Invert: not},
	}
}

// bridge matches packets whose link of the key, in or out, is a bridge.
func bridge(key expr.MetaKey) statement {
	return statement{
		&expr.Meta{Key: key, Register: reg1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: reg1, Data: ifname("bridge")},
	}
}

// network4 matches the first byte of an IPv4 address: 12 is the offset of the source, 16 of the destination.
func network4(offset uint32, first byte) statement {
	return statement{
		&expr.Payload{DestRegister: reg1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: reg1, Data: []byte{first}},
	}
}

func source4(set *nftables.Set) statement { return source(set, 12, 4) }
func source6(set *nftables.Set) statement { return source(set, 8, 16) }

func source(set *nftables.Set, offset, size uint32) statement {
	return statement{
		&expr.Payload{DestRegister: reg1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: size},
		&expr.Lookup{SourceRegister: reg1, SetName: set.Name, SetID: set.ID},
	}
}

// loopback6 matches packets to ::1.
func loopback6() statement {
	one := make([]byte, 16)
	one[15] = 1
	return statement{
		&expr.Payload{DestRegister: reg1, Base: expr.PayloadBaseNetworkHeader, Offset: 24, Len: 16},
		&expr.Cmp{Op: expr.CmpOpEq, Register: reg1, Data: one},
	}
}

// redirected matches connections whose destination was rewritten: by us, or by another who publishes ports.
func redirected() statement { return conntrack(expr.CtKeySTATUS, 1<<5) } // IPS_DST_NAT

// established matches answers, and what belongs to a connection that was accepted before.
func established() statement {
	return conntrack(expr.CtKeySTATE, expr.CtStateBitESTABLISHED|expr.CtStateBitRELATED)
}

// conntrack matches when one of the bits is set.
func conntrack(key expr.CtKey, bits uint32) statement {
	zero := make([]byte, 4)
	return statement{
		&expr.Ct{Key: key, Register: reg1},
		&expr.Bitwise{SourceRegister: reg1, DestRegister: reg1, Len: 4, Mask: binaryutil.NativeEndian.PutUint32(bits), Xor: zero},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: reg1, Data: zero},
	}
}
