//go:build linux

package dns

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"
	"github.com/miekg/dns"
)

// populated is a server with two networks; "web" is on both of them.
func populated() *Server {
	s := New("/nonexistent", hclog.NewNullLogger())
	member := func(container, network string, names ...string) Member {
		n := byte(len(container) + 10*len(network))
		return Member{
			Identity: Identity{Names: names}, Container: container, Network: network, NetworkName: "net." + network,
			Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, n, 1})},
		}
	}
	web := member("web", "a", "web", "www", "Both")
	web.Links = map[string]string{"Store": "DB"}
	s.Join(web)
	s.Join(member("db", "a", "db", "www", "b.c"))
	second := member("web", "bb", "web", "www")
	second.Addresses = append(second.Addresses, netip.MustParseAddr("fd00::1"))
	s.Join(second)
	s.Join(member("other", "bb", "both"))
	for i := range 50 {
		s.Join(Member{Identity: Identity{Names: []string{"many"}}, Container: fmt.Sprint("many", i), Network: "a", Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 1, 0, byte(i)})}})
	}
	return s
}

func TestLookup(t *testing.T) {
	t.Parallel()
	s := populated()
	for _, c := range []struct{ who, name, want string }{
		{"web", "web", "10.0.13.1"}, // the first network by name decides
		{"web", "WWW", "10.0.12.1 10.0.13.1"},
		{"web", "web.net.a", "10.0.13.1"},
		{"web", "web.NET.bb", "10.0.23.1 fd00::1"},
		{"web", "b.c", "10.0.12.1"},
		{"web", "b.c.net.a", "10.0.12.1"},
		{"web", "both", "10.0.13.1"},
		{"web", "both.net.bb", "10.0.25.1"},
		{"web", "store", "10.0.12.1"},
		{"web", "store.net.a", "10.0.12.1"},
		{"web", "store.net.bb", "unknown"},
		{"db", "store", "unknown"},
		{"db", "both", "10.0.13.1"},
		{"other", "db", "unknown"},
		{"other", "web.net.a", "unknown"},
		{"nobody", "web", "unknown"},
		{"web", "", "unknown"},
		{"web", ".", "unknown"},
		{"web", ".web", "unknown"},
	} {
		found, known := s.lookup(c.who, c.name)
		got := "unknown"
		if known {
			slices.SortFunc(found, netip.Addr.Compare)
			got = strings.Trim(fmt.Sprint(found), "[]")
		}
		if got != c.want {
			t.Errorf("%q of %s: %s, want %s", c.name, c.who, got, c.want)
		}
	}
	for _, container := range []string{"web", "db", "other"} {
		for _, network := range []string{"a", "bb", "a"} {
			s.Leave(container, network)
		}
	}
	for i := range 50 {
		s.Stop(fmt.Sprint("many", i))
	}
	if len(s.zones) != 0 || len(s.askers) != 0 {
		t.Errorf("remembered: %v %v", s.zones, s.askers)
	}
}

// TestAnswers: what is said to queries that are not plain ones.
func TestAnswers(t *testing.T) {
	t.Parallel()
	s := populated()
	for name, c := range map[string]struct {
		change  func(q *dns.Msg)
		code    int
		answers int
		forward bool
	}{
		"address":               {func(*dns.Msg) {}, dns.RcodeSuccess, 2, false},
		"other family":          {func(q *dns.Msg) { q.Question[0].Qtype = dns.TypeAAAA }, dns.RcodeSuccess, 0, false},
		"type nobody has":       {func(q *dns.Msg) { q.Question[0].Qtype = dns.TypeMX }, dns.RcodeSuccess, 0, false},
		"everything":            {func(q *dns.Msg) { q.Question[0].Name, q.Question[0].Qtype = "web.net.bb.", dns.TypeANY }, dns.RcodeSuccess, 2, false},
		"name of nobody":        {func(q *dns.Msg) { q.Question[0].Name = "example.org." }, 0, 0, true},
		"other class":           {func(q *dns.Msg) { q.Question[0].Qclass = dns.ClassCHAOS }, 0, 0, true},
		"reverse":               {func(q *dns.Msg) { q.SetQuestion("1.13.0.10.in-addr.arpa.", dns.TypePTR) }, dns.RcodeSuccess, 1, false},
		"reverse, of nobody":    {func(q *dns.Msg) { q.SetQuestion("9.13.0.10.in-addr.arpa.", dns.TypePTR) }, 0, 0, true},
		"reverse, other type":   {func(q *dns.Msg) { q.SetQuestion("1.13.0.10.IN-ADDR.arpa.", dns.TypeTXT) }, dns.RcodeSuccess, 0, false},
		"reverse, IPv6":         {func(q *dns.Msg) { name, _ := dns.ReverseAddr("fd00::1"); q.SetQuestion(name, dns.TypePTR) }, dns.RcodeSuccess, 1, false},
		"two questions":         {func(q *dns.Msg) { q.Question = append(q.Question, q.Question[0]) }, dns.RcodeFormatError, 0, false},
		"no question":           {func(q *dns.Msg) { q.Question = nil }, dns.RcodeFormatError, 0, false},
		"another operation":     {func(q *dns.Msg) { q.Opcode = dns.OpcodeNotify }, dns.RcodeNotImplemented, 0, false},
		"a later EDNS":          {func(q *dns.Msg) { q.SetEdns0(4096, false); q.IsEdns0().SetVersion(1) }, dns.RcodeBadVers, 0, false},
		"EDNS":                  {func(q *dns.Msg) { q.SetEdns0(1232, true) }, dns.RcodeSuccess, 2, false},
		"several that need cut": {func(q *dns.Msg) { q.Question[0].Name = "many." }, dns.RcodeSuccess, 30, false},
	} {
		q := new(dns.Msg)
		q.SetQuestion("www.", dns.TypeA)
		c.change(q)
		raw, err := q.Pack()
		if err != nil {
			t.Fatal(err)
		}
		reply, forward := s.answer("web", raw, false)
		if (forward != nil) != c.forward || (reply == nil) != c.forward {
			t.Errorf("%s: forwarded %t", name, forward != nil)
			continue
		}
		if c.forward {
			continue
		}
		got := new(dns.Msg)
		if err := got.Unpack(reply); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got.Id != q.Id || !got.Response || !got.RecursionAvailable || got.Rcode != c.code || len(got.Answer) != c.answers && !got.Truncated || (got.IsEdns0() != nil) != (q.IsEdns0() != nil) {
			t.Errorf("%s: %v", name, got)
		}
	}
	for _, junk := range [][]byte{nil, make([]byte, 11), append([]byte{1, 2, 0x80}, make([]byte, 9)...)} {
		if reply, q := s.answer("web", junk, true); reply != nil || q != nil {
			t.Errorf("%x is answered: %x", junk, reply)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	for _, name := range []string{"web.", "many.", "example.org.", "1.13.0.10.in-addr.arpa."} {
		q := new(dns.Msg)
		q.SetQuestion(name, dns.TypeA)
		raw, _ := q.Pack()
		f.Add(raw, []byte{1, 2, 0x80, 3}, false)
		q.SetEdns0(4096, true)
		raw, _ = q.Pack()
		f.Add(raw, raw, true)
	}
	s := populated()
	f.Fuzz(func(t *testing.T, packet, upstream []byte, tcp bool) {
		before := bytes.Clone(packet)
		reply, q := s.answer("web", packet, tcp)
		if !bytes.Equal(before, packet) {
			t.Fatal("the query was changed")
		}
		if reply != nil && q != nil {
			t.Fatal("answered and forwarded")
		}
		check := func(what string, reply []byte, limit int) {
			got := new(dns.Msg)
			if err := got.Unpack(reply); err != nil {
				t.Fatalf("%s cannot be read: %v", what, err)
			}
			if got.Id != binary.BigEndian.Uint16(packet) || !got.Response {
				t.Fatalf("%s is no reply to the query: %v", what, got)
			}
			if !tcp && len(reply) > limit {
				t.Fatalf("%s has %d bytes of %d", what, len(reply), limit)
			}
		}
		if reply != nil {
			check("answer", reply, largestUDP)
		}
		if q == nil {
			return
		}
		check("failure", q.failed(), q.limit)
		id := uint16(7)
		if q.answeredBy(upstream, id) {
			if out := q.fit(bytes.Clone(upstream)); !bytes.Equal(out[:2], packet[:2]) {
				t.Fatal("a forwarded reply has not the identifier of the query")
			}
		}
		// A server that echoes the question is believed, whatever follows.
		echo := slices.Concat(binary.BigEndian.AppendUint16(nil, id), []byte{0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0}, q.question, upstream)
		if !q.answeredBy(echo, id) || q.answeredBy(echo, id+1) {
			t.Fatal("a reply is not known as one")
		}
		out := q.fit(bytes.Clone(echo))
		if len(out) > q.limit || !bytes.Equal(out[:2], packet[:2]) || len(echo) > q.limit && out[2]&2 == 0 {
			t.Fatalf("%d bytes became %d of %d", len(echo), len(out), q.limit)
		}
		q.detach()
		if !bytes.Contains(q.packet, q.question) {
			t.Fatal("the question is lost")
		}
	})
}

func FuzzReverseAddress(f *testing.F) {
	f.Add("1.13.0.10.in-addr.arpa.")
	f.Add("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa.")
	f.Fuzz(func(t *testing.T, name string) {
		address, ok := reverseAddress(name)
		if !ok {
			return
		}
		back, err := dns.ReverseAddr(address.String())
		if err == nil && address.Is6() && back != strings.ToLower(name) && !address.Is4In6() {
			t.Errorf("%s is %s is %s", name, address, back)
		}
	})
}

func FuzzResolv(f *testing.F) {
	f.Add([]byte("nameserver 10.0.0.1\nsearch a b\noptions ndots:2\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r := parseResolv(raw)
		again := parseResolv(r.Bytes())
		if diff := cmp.Diff(r, again); diff != "" && !bytes.Contains(raw, []byte{'#'}) {
			t.Error(diff)
		}
	})
}

func TestEmbedded(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                       "nameserver 127.0.0.11\noptions ndots:0\n",
		"nameserver 10.0.0.1\n":  "nameserver 127.0.0.11\noptions ndots:0\n",
		"domain a.example\n":     "search a.example\nnameserver 127.0.0.11\noptions ndots:0\n",
		"options edns0 rotate\n": "nameserver 127.0.0.11\noptions edns0 rotate ndots:0\n",
		"search a\noptions ndots:2\nnameserver ::1\n": "search a\nnameserver 127.0.0.11\noptions ndots:2\n",
	} {
		r := parseResolv([]byte(text))
		out := r.Embedded()
		if got := string(out.Bytes()); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestHostServers: the host's file is read again when it was written, replaced or removed.
func TestHostServers(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "resolv.conf")
	h := &hostServers{path: path}
	want := func(servers ...string) {
		t.Helper()
		var got []string
		for _, a := range h.get() {
			got = append(got, a.String())
		}
		if !slices.Equal(got, servers) {
			t.Errorf("%v, want %v", got, servers)
		}
	}
	write := func(path, text string, age time.Duration) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if when := time.Now().Add(-age); os.Chtimes(path, when, when) != nil {
			t.Fatal("no times")
		}
	}
	want()
	write(path, "nameserver 10.0.0.1\nnameserver fe80::1%eth0\nnameserver junk\n", time.Hour)
	want("10.0.0.1", "fe80::1%eth0")
	want("10.0.0.1", "fe80::1%eth0")
	write(path, "nameserver 10.0.0.2\nnameserver fe80::1%eth0\nnameserver junk\n", time.Minute)
	want("10.0.0.2", "fe80::1%eth0")
	write(path+"~", "nameserver 10.0.0.3\nnameserver fe80::1%eth0\nnameserver junk\n", time.Minute)
	if err := os.Rename(path+"~", path); err != nil {
		t.Fatal(err)
	}
	want("10.0.0.3", "fe80::1%eth0")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	want()
}
