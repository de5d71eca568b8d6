//go:build linux

package bridge

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/nftables"
	"github.com/hashicorp/go-hclog"
	"github.com/vishvananda/netlink"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/metadata"
)

// childEnv makes this program a daemon that is going to be killed.
const childEnv = "CLEAT_BRIDGE_CHILD"

// childPlan is what that daemon does.
type childPlan struct {
	Config   Config
	Networks []Network
	Join     []Endpoint
}

// runChild plays the daemon, if this process is one: it does the plan, says so, and waits for its end.
func runChild() bool {
	raw := os.Getenv(childEnv)
	if raw == "" {
		return false
	}
	joined, err := func() (joined []Joined, err error) {
		var plan childPlan
		if err := json.Unmarshal([]byte(raw), &plan); err != nil {
			return nil, err
		}
		plan.Config.Log = hclog.New(nil)
		if plan.Config.DB, err = metadata.Open(filepath.Join(filepath.Dir(plan.Config.NetnsRoot), "db")); err != nil {
			return nil, err
		}
		d, err := Open(plan.Config)
		if err != nil {
			return nil, err
		}
		ctx, stop := testContext()
		defer stop()
		for _, n := range plan.Networks {
			if err := d.AddNetwork(ctx, n); err != nil {
				return nil, err
			}
		}
		for _, e := range plan.Join {
			if _, err := d.Sandbox(ctx, e.ContainerID); err != nil {
				return nil, err
			}
			j, err := d.Join(ctx, e)
			if err != nil {
				return nil, err
			}
			joined = append(joined, j)
		}
		return joined, nil
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_ = json.NewEncoder(os.Stdout).Encode(joined)
	_, _ = bufio.NewReader(os.Stdin).ReadByte() // until we are killed
	return true
}

// killedDaemon runs a plan in a process of its own, kills that, and returns what was joined.
func killedDaemon(t *testing.T, plan childPlan) []Joined {
	t.Helper()
	raw, err := json.Marshal(plan)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe")
	cmd.Env = append(os.Environ(), childEnv+"="+string(raw))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var joined []Joined
	err = json.NewDecoder(out).Decode(&joined)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if err != nil {
		t.Fatal("the daemon did not come so far: ", err)
	}
	return joined
}

func TestSurvivesKill(t *testing.T) {
	t.Parallel()
	config := testConfig(t)
	other := Network{ID: NewID(), Name: "other", Subnet: netip.MustParsePrefix(config.Pools[0].Base.Addr().String() + "/24")}
	config.Log = nil
	joined := killedDaemon(t, childPlan{Config: config, Networks: []Network{other}, Join: []Endpoint{
		{ContainerID: "lives", Ports: []Port{{Port: 80}, {Port: 80, Proto: "udp"}}},
		{ContainerID: "died", Ports: []Port{{Port: 80}}},
		{ContainerID: "elsewhere", Network: "other", Ports: []Port{{Port: 80}}},
	}})
	lives, died, elsewhere := joined[0], joined[1], joined[2]
	config.Log = hclog.New(&hclog.LoggerOptions{Output: testWriter{t}})

	// Nobody is there, and published ports work.
	dead := &Driver{config: config, instance: ""}
	for _, id := range []string{"lives", "elsewhere"} {
		echo(t, dead, id, "tcp", 80)
		echo(t, dead, id, "udp", 80)
	}
	gateway := lives.Gateway.String()
	local := func(j Joined, i int) string { return fmt.Sprintf("127.0.0.1:%d", j.Ports[i].HostPort) }
	wantCall(t, dead, "", "tcp", local(lives, 0), "lives "+gateway)
	wantCall(t, dead, "", "udp", local(lives, 1), "lives "+gateway)
	wantCall(t, dead, "", "tcp", local(elsewhere, 0), "elsewhere "+elsewhere.Gateway.String())

	// Another process takes a port meanwhile. It hears nothing on it.
	thief, err := net.Listen("tcp", fmt.Sprintf(":%d", elsewhere.Ports[0].HostPort))
	if err != nil {
		t.Fatal("a dead daemon cannot hold ports: ", err)
	}
	defer thief.Close()

	d := openDriver(t, config)
	if n, _ := d.Network("bridge"); n.ID != lives.NetworkID || n.Subnet != lives.IP.Masked() {
		t.Errorf("the default network is another one: %+v", n)
	}
	wantCall(t, d, "", "tcp", local(elsewhere, 0), "elsewhere "+elsewhere.Gateway.String()) // not even now interrupted
	if err := d.AddNetwork(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	stray := netlink.NewLinkAttrs()
	stray.Name = d.linkPrefix() + "stray"
	pair := netlink.NewVeth(stray)
	pair.PeerName = "peer" + d.instance
	if err := netlink.LinkAdd(pair); err != nil { // as of a Join that was cut off
		t.Fatal(err)
	}
	if err := d.Reconcile(t.Context(), map[string][]Endpoint{"lives": nil, "elsewhere": nil}); err != nil {
		t.Fatal(err)
	}
	wantCall(t, d, "", "tcp", local(lives, 0), "lives "+gateway)
	wantCall(t, d, "", "tcp", fmt.Sprintf("[::1]:%d", lives.Ports[0].HostPort), "lives "+gateway) // the proxy is back
	wantCall(t, d, "", "tcp", local(elsewhere, 0), "elsewhere "+elsewhere.Gateway.String())
	if got := d.Endpoints("bridge"); len(got) != 1 || cmp.Diff(lives, got[0], byValue) != "" {
		t.Errorf("endpoints: %+v", got)
	}
	if _, err := net.Listen("tcp", fmt.Sprintf(":%d", lives.Ports[0].HostPort)); err == nil {
		t.Error("a port of a living container is not reserved again")
	}
	listener, err := net.Listen("tcp", fmt.Sprintf(":%d", died.Ports[0].HostPort))
	if err != nil {
		t.Error("the port of a dead container is still reserved: ", err)
	} else {
		listener.Close()
	}
	if err := d.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := len(state(t, d).links); got != 4 { // two bridges, two containers
		t.Errorf("%d links: %v", got, state(t, d).links)
	}
	next := start(t, d, Endpoint{ContainerID: "next"})
	if next.IP == lives.IP || next.IP == died.IP {
		t.Errorf("address %s was given out again at once", next.IP)
	}
	// Again, and without the others: nothing of them is left.
	if err := d.Reconcile(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if err := d.RemoveNetwork(t.Context(), "other"); err != nil {
		t.Fatal(err)
	}
	if got := state(t, d); len(got.links) != 1 || len(got.files) != 0 || got.elements != emptyElements {
		t.Errorf("left behind: %+v", got)
	}
}

// TestOneBridgeOneDaemon opens a second driver with another root on the same bridge.
func TestOneBridgeOneDaemon(t *testing.T) {
	t.Parallel()
	first := testConfig(t)
	second := first
	second.NetnsRoot = filepath.Join(t.TempDir(), "netns")
	second.BIP = ""
	d := openDriver(t, first)
	n, _ := d.Network("bridge")
	second.DB = d.config.DB
	refused := func(text string) {
		t.Helper()
		if other, err := Open(second); !errors.Is(err, errs.ErrConflict) || !strings.Contains(err.Error(), text) {
			t.Errorf("%v, want %q", err, text)
			if err == nil {
				other.Close()
			}
		}
	}
	refused("another daemon that runs here")
	start(t, d, Endpoint{ContainerID: "a"})
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	refused("has containers of another daemon")
	if err := netlink.LinkDel(&netlink.GenericLink{LinkAttrs: netlink.LinkAttrs{Name: d.sandboxes["a"].endpoints[0].Link}}); err != nil {
		t.Fatal(err)
	}
	other, err := Open(second)
	if err != nil {
		t.Fatal("an empty bridge of a dead daemon is not taken over: ", err)
	}
	if m, _ := other.Network("bridge"); m.Subnet != n.Subnet {
		t.Errorf("subnet %s, the bridge has %s", m.Subnet, n.Subnet)
	}
	if err := other.Close(); err != nil {
		t.Error(err)
	}
	demolish(t, other)
}

// TestOwnerLeaves waits for a predecessor of which a child still has the socket.
func TestOwnerLeaves(t *testing.T) {
	t.Parallel()
	name := "@cleat/test/" + NewID()
	before, err := listenAlone(name)
	if err != nil {
		t.Fatal(err)
	}
	child, err := before.(*net.UnixListener).File()
	if err != nil {
		t.Fatal(err)
	}
	if err := before.Close(); err != nil {
		t.Fatal(err)
	}
	seen := make(chan struct{})
	go func() { // closes the child's copy once the successor has knocked
		defer close(seen)
		listener, err := net.FileListener(child)
		if err != nil {
			t.Error(err)
			return
		}
		conn, err := listener.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = child.Close(), listener.Close()
		_ = conn.Close()
	}()
	after, err := listenAlone(name)
	if err != nil {
		t.Fatal(err)
	}
	<-seen
	if err := after.Close(); err != nil {
		t.Error(err)
	}
}

// TestReboot starts on what is left when the kernel has forgotten everything: files of namespaces, and records.
func TestReboot(t *testing.T) {
	t.Parallel()
	config := testConfig(t)
	d := openDriver(t, config)
	j := start(t, d, Endpoint{ContainerID: "a", Ports: []Port{{Port: 80}}})
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	record, err := os.ReadFile(d.recordPath("a"))
	if err != nil {
		t.Fatal(err)
	}
	if err := unpin(d.netnsPath("a")); err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string][]byte{d.netnsPath("a"): nil, d.recordPath("a"): record, d.recordPath("b") + "~": nil} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	db := d.config.DB
	again, err := Open(d.config)
	if err != nil {
		t.Fatal(err)
	}
	again.config.DB = db
	defer again.Close()
	if err := again.Reconcile(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if got := state(t, again); len(got.links) != 1 || len(got.files) != 0 || got.elements != emptyElements {
		t.Errorf("left behind: %+v", got)
	}
	if k := start(t, again, Endpoint{ContainerID: "a", IP: j.IP.Addr(), Ports: j.Ports}); k.IP != j.IP {
		t.Errorf("the address of before is not to be had: %s", k.IP)
	}
}

// TestRecordLost adopts a container that the caller knows more about than we do.
func TestRecordLost(t *testing.T) {
	t.Parallel()
	d := openDriver(t, testConfig(t))
	j := start(t, d, Endpoint{ContainerID: "a", Ports: []Port{{Port: 80}}})
	echo(t, d, "a", "tcp", 80)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.recordPath("a"), []byte("{half"), 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := Open(d.config)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	live := map[string][]Endpoint{"a": {{ContainerID: "a", Network: "bridge", IP: j.IP.Addr(), Interface: "eth0", MAC: j.MAC, Ports: j.Ports}}}
	if err := again.Reconcile(t.Context(), live); err != nil {
		t.Fatal(err)
	}
	if got := again.Endpoints("bridge"); len(got) != 1 || got[0].IP != j.IP || len(got[0].Ports) != 1 || got[0].Ports[0] != j.Ports[0] {
		t.Errorf("adopted: %+v", got)
	}
	if err := again.Release(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if got := state(t, again); len(got.files) != 0 || got.elements != emptyElements {
		t.Errorf("left behind: %+v", got)
	}
}

// byValue compares addresses by value.
var byValue = cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})

// snapshot is what a driver has on the host.
type snapshot struct {
	links    []string
	files    []string
	elements int // in the sets of its table
	rules    int
	used     int // addresses
	ports    int
}

// emptyElements is the number of elements for the default network alone.
const emptyElements = 1 + 1 + 2 + 2 // bridges, pairs, local4, masq4

func state(t testing.TB, d *Driver) snapshot {
	t.Helper()
	var s snapshot
	links, err := dumped(netlink.LinkList)
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		name := link.Attrs().Name
		if link.Attrs().Alias == d.alias() || strings.HasPrefix(name, d.linkPrefix()) {
			s.links = append(s.links, name)
		}
	}
	entries, err := os.ReadDir(d.config.NetnsRoot)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		s.files = append(s.files, entry.Name())
	}
	c := &nftables.Conn{}
	for _, set := range d.rules.sets() {
		elements, err := c.GetSetElements(set)
		if err != nil {
			t.Fatal(err)
		}
		s.elements += len(elements)
	}
	chains, err := c.ListChainsOfTableFamily(d.rules.table.Family)
	if err != nil {
		t.Fatal(err)
	}
	for _, chain := range chains {
		if chain.Table.Name == d.rules.table.Name {
			rules, err := c.GetRules(chain.Table, chain)
			if err != nil {
				t.Fatal(err)
			}
			s.rules += len(rules)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, n := range d.networks {
		s.used += len(n.v4.used)
	}
	s.ports = len(slices.Collect(maps.Keys(d.ports)))
	return s
}
