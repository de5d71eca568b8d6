//go:build linux

package dns

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

const (
	// usual is the port our sockets have: outside of the range the kernel chooses from, so that a daemon that comes
	// again most likely finds it free, and the rules for it in place.
	usual = 30053
	// service is the port that clients use.
	service = 53
	// tablePrefix begins the name of our table, which ends in the port.
	tablePrefix = "cleat-dns-"
)

// lateInput is behind whatever the container itself has to say about its packets.
const lateInput = 250

// redirect has packets to port 53 of Address arrive at another one, in the namespace of the calling thread. A table for
// that port is complete, because it was made in one step; those for other ports are removed.
//
// Packets are rewritten behind connection tracking on their way in, and before it on their way out: if the container has
// rules of its own, these see one conversation with port 53.
func redirect(port uint16) error {
	c, err := nftables.New()
	if err != nil {
		return fmt.Errorf("packet filter of the container: %w", err)
	}
	present, err := c.ListTablesOfFamily(nftables.TableFamilyIPv4)
	if err != nil {
		return fmt.Errorf("packet filter of the container: %w", err)
	}
	name := fmt.Sprint(tablePrefix, port)
	there := false
	for _, table := range present {
		if table.Name == name {
			there = true
		} else if strings.HasPrefix(table.Name, tablePrefix) {
			c.DelTable(table)
		}
	}
	if !there {
		writeTable(c, name, port)
	}
	if err := c.Flush(); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("packet filter of the container: %w", err)
	}
	return nil
}

// writeTable puts the table into the batch:
//
//	chain input  { type filter hook input priority 250; ip daddr 127.0.0.11 udp dport 53 udp dport set PORT; … tcp … }
//	chain output { type filter hook output priority raw; ip saddr 127.0.0.11 udp sport PORT udp sport set 53; … tcp … }
func writeTable(c *nftables.Conn, name string, port uint16) {
	const source, destination = 0, 2       // offsets of the ports
	const sourceIP, destinationIP = 12, 16 // and of the addresses
	table := c.CreateTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: name})
	for _, way := range []struct {
		name                string
		hook                *nftables.ChainHook
		priority            *nftables.ChainPriority
		address, portOffset uint32
		from, to            uint16
	}{
		{"input", nftables.ChainHookInput, nftables.ChainPriorityRef(lateInput), destinationIP, destination, service, port},
		{"output", nftables.ChainHookOutput, nftables.ChainPriorityRaw, sourceIP, source, port, service},
	} {
		chain := c.AddChain(&nftables.Chain{
			Name: way.name, Table: table, Type: nftables.ChainTypeFilter, Hooknum: way.hook, Priority: way.priority,
		})
		for _, proto := range []struct {
			number   byte
			checksum uint32
		}{{unix.IPPROTO_UDP, 6}, {unix.IPPROTO_TCP, 16}} {
			c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{
				&expr.Payload{DestRegister: unix.NFT_REG_1, Base: expr.PayloadBaseNetworkHeader, Offset: way.address, Len: 4},
				&expr.Cmp{Op: expr.CmpOpEq, Register: unix.NFT_REG_1, Data: netip.MustParseAddr(Address).AsSlice()},
				&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: unix.NFT_REG_1},
				&expr.Cmp{Op: expr.CmpOpEq, Register: unix.NFT_REG_1, Data: []byte{proto.number}},
				&expr.Payload{DestRegister: unix.NFT_REG_1, Base: expr.PayloadBaseTransportHeader, Offset: way.portOffset, Len: 2},
				&expr.Cmp{Op: expr.CmpOpEq, Register: unix.NFT_REG_1, Data: binary.BigEndian.AppendUint16(nil, way.from)},
				&expr.Immediate{Register: unix.NFT_REG_1, Data: binary.BigEndian.AppendUint16(nil, way.to)},
				&expr.Payload{
					OperationType: expr.PayloadWrite, SourceRegister: unix.NFT_REG_1, Base: expr.PayloadBaseTransportHeader,
					Offset: way.portOffset, Len: 2, CsumType: expr.CsumTypeInet, CsumOffset: proto.checksum,
				},
			}})
		}
	}
}
