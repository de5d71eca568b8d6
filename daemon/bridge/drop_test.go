//go:build linux

package bridge

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/nftables"
)

// dropChain makes a chain of somebody else that drops what is forwarded, and removes it at the end.
func dropChain(t *testing.T, table string) {
	t.Helper()
	c := &nftables.Conn{}
	policy := nftables.ChainPolicyDrop
	tab := c.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: table})
	c.AddChain(&nftables.Chain{
		Name: "FORWARD", Table: tab, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookForward, Priority: nftables.ChainPriorityFilter, Policy: &policy,
	})
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c := &nftables.Conn{}
		c.DelTable(tab)
		if err := c.Flush(); err != nil {
			t.Error(err)
		}
	})
}

// The tests of this file are not parallel: what they drop is everybody's.

func TestForwardDropBefore(t *testing.T) {
	dropChain(t, "filter")
	d := openDriver(t, testConfig(t))
	checkForwarding(t, d)
	// iptables, of which the rules could be, understands them.
	if iptables, err := exec.LookPath("iptables-nft"); err == nil {
		out, err := exec.Command(iptables, "-S", "FORWARD").CombinedOutput()
		if err != nil || !strings.Contains(string(out), "-A FORWARD -i "+d.config.Name+" ") || !strings.Contains(string(out), "-j ACCEPT") {
			t.Errorf("iptables -S FORWARD: %v\n%s", err, out)
		}
	}
	if err := d.rules.closeForeign(d.config.Name); err != nil {
		t.Fatal(err)
	}
	_, outsider := outside(t, d, "out2")
	echo(t, d, "out2", "tcp", 80)
	wantCall(t, d, "a", "tcp", outsider+":80", "") // or the test could not fail
}

func TestForwardDropLater(t *testing.T) {
	d := openDriver(t, testConfig(t))
	ctx, stop := context.WithCancel(t.Context())
	changed := make(chan struct{}, 100)
	watching := make(chan error, 1)
	ready := make(chan struct{})
	go func() { watching <- d.watch(ctx, func() { close(ready) }, func() { changed <- struct{}{} }) }()
	<-ready
	dropChain(t, "later")
	await(t, changed, func() bool { return strings.Contains(foreignState(t, d), "later") })
	checkForwarding(t, d)

	// Somebody flushes everything, as a restart of a firewall service does.
	c := &nftables.Conn{}
	c.DelTable(d.rules.table)
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	await(t, changed, func() bool {
		present, _, err := d.rules.present(&nftables.Conn{})
		return err == nil && present
	})
	checkForwarding(t, d)
	stop()
	if err := <-watching; err != nil {
		t.Error(err)
	}
}

func TestForwardDropLegacy(t *testing.T) {
	needRoot(t)
	iptables, err := exec.LookPath("iptables-legacy")
	if err != nil {
		t.Skip("no iptables-legacy to make the rules with")
	}
	run := func(args ...string) string {
		t.Helper()
		out, err := exec.Command(iptables, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("iptables %v: %v: %s", args, err, out)
		}
		return string(out)
	}
	if out, err := exec.Command(iptables, "-S").CombinedOutput(); err != nil {
		t.Skipf("the kernel has no legacy tables: %s", out)
	}
	t.Cleanup(func() {
		run("-P", "FORWARD", "ACCEPT")
		run("-F")
		run("-X")
	})
	// Jumps forward and back, a rule that only counts, matches with data, counters: all have to come through.
	for _, args := range [][]string{
		{"-N", "LATER"}, {"-N", "FIRST"}, {"-A", "FIRST", "-m", "comment", "--comment", "text", "-j", "RETURN"},
		{"-A", "LATER", "-p", "tcp", "--dport", "7", "-j", "FIRST"}, {"-A", "INPUT", "-j", "LATER"},
		{"-A", "FORWARD", "-s", "192.0.2.0/24"}, {"-A", "FORWARD", "-j", "LATER"}, {"-A", "OUTPUT", "-j", "FIRST"},
		{"-A", "FORWARD", "-c", "12345", "678900", "-i", "nobody", "-j", "ACCEPT"}, {"-P", "FORWARD", "DROP"},
	} {
		run(args...)
	}
	before := run("-S")
	d := openDriver(t, testConfig(t))
	name := d.config.Name
	ours := "-A FORWARD -i " + name + " -j ACCEPT\n-A FORWARD -o " + name + " -j ACCEPT\n"
	want := strings.Replace(before, "-A FORWARD -s", ours+"-A FORWARD -s", 1)
	for range 2 { // a second time changes nothing
		if diff := cmp.Diff(want, run("-S")); diff != "" {
			t.Fatal(diff)
		}
		if err := openLegacy([]string{name}); err != nil {
			t.Fatal(err)
		}
	}
	if out := run("-S", "FORWARD", "-v"); !strings.Contains(out, "-i nobody -c 12345 678900 -j ACCEPT") {
		t.Errorf("counters are lost:\n%s", out)
	}
	checkForwarding(t, d)
	if err := closeLegacy(name); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, run("-S")); diff != "" {
		t.Error(diff)
	}
	_, outsider := outside(t, d, "out2")
	echo(t, d, "out2", "tcp", 80)
	wantCall(t, d, "a", "tcp", outsider+":80", "")
}

// FuzzLegacyTable changes tables of any bytes: what the kernel says is believed, but not followed anywhere.
func FuzzLegacyTable(f *testing.F) {
	entry := legacyAccept("cleat0", false)
	policy := legacyAccept("", false)
	put32(policy[entrySize+targetNumber:], 0xffffffff)
	f.Add(slices.Concat(entry, policy), uint32(0), uint32(len(entry)))
	f.Add(policy, uint32(0), uint32(0))
	f.Fuzz(func(t *testing.T, entries []byte, first, last uint32) {
		table := &legacyTable{hooks: 1 << forwardHook, entries: slices.Clone(entries)}
		table.first[forwardHook], table.policy[forwardHook] = first, last
		if table.walk(func(int, uint32) bool { table.changed = append(table.changed, 0); return true }) != nil {
			return
		}
		_, _ = table.verdict(last)
		was := slices.Clone(table.entries)
		if table.insert(first, legacyAccept("br0", true)) != nil {
			return
		}
		if err := table.remove(first); err != nil || !slices.Equal(was, table.entries) {
			t.Errorf("inserted and removed: %v\n%x\n%x", err, was, table.entries)
		}
	})
}

// TestContainersAreNoUplinks: that containers come and go is no reason to look at all links of the host.
func TestContainersAreNoUplinks(t *testing.T) {
	d := openDriver(t, testConfig(t))
	var looks atomic.Int32
	looked := make(chan struct{}, 1)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- d.watchLinks(ctx, func() {
			looks.Add(1)
			select {
			case looked <- struct{}{}:
			default:
			}
		})
	}()
	<-looked
	const many = 30
	for i := range many {
		id := fmt.Sprintf("c%d", i)
		start(t, d, Endpoint{ContainerID: id})
		if err := d.Release(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	foreignBridge(t, d, "last"+d.instance[:6], "theirs") // which comes behind all of that
	<-looked
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if n := looks.Load(); n >= many {
		t.Errorf("%d looks for %d containers", n, many)
	}
}

// await returns when is holds; it looks whenever something changed.
func await(t *testing.T, changed <-chan struct{}, is func() bool) {
	t.Helper()
	for !is() {
		select {
		case <-changed:
		case <-t.Context().Done():
			t.Fatal("nothing happened")
		}
	}
}

// foreignState lists the tables that have our rules.
func foreignState(t *testing.T, d *Driver) string {
	t.Helper()
	var tables []string
	err := d.rules.eachForeign(func(_ *nftables.Conn, chain *nftables.Chain, ours []*nftables.Rule) {
		if len(ours) > 0 {
			tables = append(tables, chain.Table.Name)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(tables, " ")
}

// checkForwarding shows that containers get out and published ports in.
func checkForwarding(t *testing.T, d *Driver) {
	t.Helper()
	a := start(t, d, Endpoint{ContainerID: "a", Ports: []Port{{Port: 80}}})
	host, outsider := outside(t, d, "out")
	defer func() { _ = unpin(d.netnsPath("out")) }()
	if _, err := call(d, "", "tcp", a.IP.Addr().String()+":80", long); err != nil { // not yet from an earlier check
		echo(t, d, "a", "tcp", 80)
	}
	echo(t, d, "out", "tcp", 80)
	wantCall(t, d, "a", "tcp", outsider+":80", "out "+host)
	wantCall(t, d, "out", "tcp", host+":"+portOf(a), "a "+outsider)
}

func portOf(j Joined) string {
	return j.Ports[0].String()[strings.LastIndex(j.Ports[0].String(), ":")+1:]
}
