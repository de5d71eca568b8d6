//go:build linux

package bridge

import (
	"context"
	"os/exec"
	"strings"
	"testing"

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
