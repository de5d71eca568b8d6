//go:build linux

package dns

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

const (
	// headerSize is that of every message.
	headerSize = 12
	// plainSize is what a client without EDNS takes by UDP.
	plainSize = 512
	// largestUDP is what we send by UDP at most, and say that we take: it passes every network in one piece.
	largestUDP = 4096
	// ttl of our answers in seconds, as dockerd's.
	ttl = 600
)

// query is a question that was understood.
type query struct {
	packet   []byte // as it came
	question []byte // the part of packet with name, type and class
	name     string // without the dot at the end
	kind     uint16
	limit    int // bytes the client takes
}

// answer decides about a message of a container. reply is nil for one that is to be forwarded, which forward describes;
// both are nil for what deserves no reply.
func (s *Server) answer(container string, packet []byte, tcp bool) (reply []byte, forward *query) {
	if len(packet) < headerSize || packet[2]&0x80 != 0 { // too short, or a reply
		return nil, nil
	}
	asked := new(dns.Msg)
	if asked.Unpack(packet) != nil {
		return refuse(packet[:headerSize:headerSize], nil, dns.RcodeFormatError), nil
	}
	out := new(dns.Msg)
	out.SetReply(asked)
	out.RecursionAvailable = true
	limit := dns.MaxMsgSize - 1
	if !tcp {
		limit = plainSize
	}
	if edns := asked.IsEdns0(); edns != nil {
		if !tcp {
			limit = min(max(plainSize, int(edns.UDPSize())), largestUDP)
		}
		out.SetEdns0(largestUDP, edns.Do())
		if edns.Version() != 0 {
			out.Rcode = dns.RcodeBadVers
			return pack(out, limit), nil
		}
	}
	switch {
	case asked.Opcode != dns.OpcodeQuery:
		out.Rcode = dns.RcodeNotImplemented
		return pack(out, limit), nil
	case len(asked.Question) != 1:
		out.Rcode = dns.RcodeFormatError
		return pack(out, limit), nil
	}
	question := asked.Question[0]
	if question.Qclass == dns.ClassINET || question.Qclass == dns.ClassANY {
		if s.fill(out, container, question) {
			return pack(out, limit), nil
		}
	}
	_, end, err := dns.UnpackDomainName(packet, headerSize)
	if err != nil || end+4 > len(packet) {
		return refuse(packet[:headerSize:headerSize], nil, dns.RcodeFormatError), nil
	}
	return nil, &query{
		packet: packet, question: packet[headerSize : end+4], name: strings.TrimSuffix(question.Name, "."), kind: question.Qtype, limit: limit,
	}
}

// fill writes the answer into out; false when the name is none of ours.
func (s *Server) fill(out *dns.Msg, container string, q dns.Question) bool {
	header := dns.RR_Header{Name: q.Name, Class: dns.ClassINET, Ttl: ttl}
	if address, ok := reverseAddress(q.Name); ok {
		name, known := s.reverse(container, address)
		if known && (q.Qtype == dns.TypePTR || q.Qtype == dns.TypeANY) {
			header.Rrtype = dns.TypePTR
			out.Answer = append(out.Answer, &dns.PTR{Hdr: header, Ptr: dns.Fqdn(name)})
		}
		return known
	}
	found, known := s.lookup(container, strings.TrimSuffix(q.Name, "."))
	rand.Shuffle(len(found), func(i, j int) { found[i], found[j] = found[j], found[i] })
	for _, address := range found {
		switch {
		case address.Is4() && (q.Qtype == dns.TypeA || q.Qtype == dns.TypeANY):
			header.Rrtype = dns.TypeA
			out.Answer = append(out.Answer, &dns.A{Hdr: header, A: address.AsSlice()})
		case address.Is6() && (q.Qtype == dns.TypeAAAA || q.Qtype == dns.TypeANY):
			header.Rrtype = dns.TypeAAAA
			out.Answer = append(out.Answer, &dns.AAAA{Hdr: header, AAAA: address.AsSlice()})
		}
	}
	return known
}

// pack writes a message, cut to the limit.
func pack(m *dns.Msg, limit int) []byte {
	m.Compress = true
	m.Truncate(limit)
	raw, err := m.Pack()
	if err != nil { // a name that can be read and not written
		m.Answer, m.Rcode = nil, dns.RcodeServerFailure
		raw, _ = m.Pack()
	}
	return raw
}

// refuse makes a reply without answer out of a query's header and question.
func refuse(header, question []byte, code int) []byte {
	out := make([]byte, headerSize, headerSize+len(question))
	copy(out, header[:2])                           // identifier
	out[2] = header[2]&0x79 | 0x80                  // a reply, with the query's operation, and its wish for recursion
	out[3] = 0x80 | header[3]&0x10 | byte(code&0xf) // recursion is available; checking disabled, if it was
	if len(question) > 0 {
		binary.BigEndian.PutUint16(out[4:], 1)
	}
	return append(out, question...)
}

// failed is the reply to a query that nobody answered, truncated the one to a query whose answer is too long for UDP.
func (q *query) failed() []byte { return refuse(q.packet, q.question, dns.RcodeServerFailure) }

func (q *query) truncated(reply []byte) []byte {
	out := refuse(q.packet, q.question, int(reply[3]&0xf))
	out[2] |= 0x02 // TC
	return out
}

// reverseAddress reads a name below in-addr.arpa or ip6.arpa.
func reverseAddress(name string) (netip.Addr, bool) {
	name = strings.ToLower(name)
	if labels, ok := strings.CutSuffix(name, ".in-addr.arpa."); ok {
		parts := strings.Split(labels, ".")
		if len(parts) != 4 {
			return netip.Addr{}, false
		}
		var b [4]byte
		for i, part := range parts {
			n, err := strconv.ParseUint(part, 10, 8)
			if err != nil {
				return netip.Addr{}, false
			}
			b[3-i] = byte(n)
		}
		return netip.AddrFrom4(b), true
	}
	labels, ok := strings.CutSuffix(name, ".ip6.arpa.")
	if !ok || len(labels) != 63 {
		return netip.Addr{}, false
	}
	var b [16]byte
	for i := range 32 {
		if i > 0 && labels[2*i-1] != '.' {
			return netip.Addr{}, false
		}
		n, err := strconv.ParseUint(labels[2*i:2*i+1], 16, 8)
		if err != nil {
			return netip.Addr{}, false
		}
		b[15-i/2] |= byte(n) << (4 * (i % 2))
	}
	return netip.AddrFrom16(b), true
}
