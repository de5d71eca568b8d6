//go:build linux

package networks_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/hashicorp/go-hclog"
	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/api/types/network"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/bridge"
	"github.com/cleat-dev/cleat/daemon/event"
	"github.com/cleat-dev/cleat/daemon/metadata"
	"github.com/cleat-dev/cleat/daemon/networks"
	"github.com/cleat-dev/cleat/internal/acctest"
)

func TestMain(m *testing.M) { acctest.Main(m) }

type counter struct{ atomic.Int32 }

var numbers counter

// world is a daemon's networks, which can be opened again on the same disk.
type world struct {
	*networks.Service
	driver *bridge.Driver
	db     *metadata.DB
	bus    *event.Bus
	number int
	dir    string
	fake   *containers
}

// containers is the containers' service: it writes down what it is asked.
type containers struct{ asked []string }

func (c *containers) ConnectNetwork(_ context.Context, ref, name string, _ *network.EndpointSettings) error {
	c.asked = append(c.asked, "connect "+ref+" "+name)
	return nil
}

func (c *containers) DisconnectNetwork(_ context.Context, ref, name string, force bool) error {
	c.asked = append(c.asked, fmt.Sprint("disconnect ", ref, " ", name, " ", force))
	return nil
}

func (c *containers) ContainerName(id string) (string, bool) { return "name-" + id, true }

func begin(t *testing.T) *world {
	t.Helper()
	if os.Geteuid() != 0 || os.Getenv("CLEAT_ACCTEST_NETNS") == "" {
		t.Skip("needs root and a network namespace of its own")
	}
	w := &world{number: int(numbers.Add(1)), dir: t.TempDir(), fake: &containers{}}
	w.open(t)
	t.Cleanup(func() {
		for _, n := range w.names(t, nil) {
			for _, e := range w.driver.Endpoints(n) {
				if err := w.Release(context.WithoutCancel(t.Context()), e.ContainerID); err != nil {
					t.Error(err)
				}
			}
			if n != "bridge" && n != "host" && n != "none" {
				if err := w.Remove(context.WithoutCancel(t.Context()), n); err != nil {
					t.Error(err)
				}
			}
		}
		w.close(t)
		entries, _ := os.ReadDir(filepath.Join(w.dir, "netns"))
		for _, entry := range entries {
			_ = unix.Unmount(filepath.Join(w.dir, "netns", entry.Name()), unix.MNT_DETACH)
		}
		link, err := netlink.LinkByName(fmt.Sprintf("nt%d", w.number))
		if err == nil {
			err = netlink.LinkDel(link)
		}
		if err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *world) open(t *testing.T) {
	t.Helper()
	var err error
	if w.db, err = metadata.Open(filepath.Join(w.dir, "db")); err != nil {
		t.Fatal(err)
	}
	if w.bus, err = event.Open(w.db, 1000); err != nil {
		t.Fatal(err)
	}
	w.driver, err = bridge.Open(bridge.Config{
		Name: fmt.Sprintf("nt%d", w.number), BIP: fmt.Sprintf("10.60.%d.1/24", w.number), NetnsRoot: filepath.Join(w.dir, "netns"),
		Pools: []bridge.Pool{
			{Base: netip.MustParsePrefix(fmt.Sprintf("10.%d.0.0/16", 61+w.number)), Size: 24},
			{Base: netip.MustParsePrefix(fmt.Sprintf("fd00:%d::/48", w.number)), Size: 64},
		},
		DB: w.db, Log: hclog.NewNullLogger(),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Service, err = networks.New(t.Context(), networks.Config{DB: w.db, Driver: w.driver, Events: w.bus, Containers: w.fake, Log: hclog.NewNullLogger()})
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) close(t *testing.T) {
	t.Helper()
	if err := w.driver.Close(); err != nil {
		t.Error(err)
	}
	if err := w.db.Close(); err != nil {
		t.Error(err)
	}
}

func (w *world) names(t *testing.T, filters map[string][]string) []string {
	t.Helper()
	list, err := w.List(filters)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, n := range list {
		names = append(names, n.Name)
	}
	return names
}

// told returns what the events say happened to networks.
func (w *world) told(t *testing.T) []string {
	t.Helper()
	var all []string
	for m := range w.bus.Subscribe(t.Context(), time.Unix(1, 0), time.Now(), func(m events.Message) bool { return m.Type == events.NetworkEventType }) {
		all = append(all, string(m.Action)+" "+m.Actor.Attributes["name"])
	}
	return all
}

var byValue = cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})

func TestPredefined(t *testing.T) {
	t.Parallel()
	w := begin(t)
	before, err := w.List(nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"bridge", "host", "none"}, w.names(t, nil)); diff != "" {
		t.Error(diff)
	}
	n, err := w.Inspect("bridge")
	if err != nil || n.Driver != "bridge" || n.Options["com.docker.network.bridge.default_bridge"] != "true" || len(n.IPAM.Config) != 1 || n.Created.IsZero() {
		t.Errorf("%+v, %v", n, err)
	}
	for _, name := range []string{"bridge", "host", "none"} {
		if err := w.Remove(t.Context(), name); !errs.Forbidden(err) {
			t.Errorf("remove %s: %v", name, err)
		}
		if _, err := w.Create(t.Context(), network.CreateRequest{Name: name}); !errs.Forbidden(err) {
			t.Errorf("create %s: %v", name, err)
		}
	}
	w.close(t)
	w.open(t)
	after, err := w.List(nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, after, byValue); diff != "" {
		t.Error("they changed with a restart: ", diff)
	}
}

func TestLife(t *testing.T) {
	t.Parallel()
	w := begin(t)
	six := true
	id, err := w.Create(t.Context(), network.CreateRequest{
		Name: "front", Driver: "bridge", EnableIPv6: &six, Labels: map[string]string{"a": "b"},
		Options: map[string]string{"com.docker.network.bridge.name": fmt.Sprintf("front%d", w.number), "com.docker.network.driver.mtu": "1400", "x": "y"},
		IPAM: &network.IPAM{Config: []network.IPAMConfig{{
			Subnet: netip.MustParsePrefix(fmt.Sprintf("10.59.%d.0/24", w.number)), IPRange: netip.MustParsePrefix(fmt.Sprintf("10.59.%d.128/25", w.number)),
			AuxAddress: map[string]netip.Addr{"router": netip.MustParseAddr(fmt.Sprintf("10.59.%d.128", w.number))},
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	made, err := w.Inspect("front")
	if err != nil || made.ID != id || !made.EnableIPv6 || len(made.IPAM.Config) != 2 || made.IPAM.Config[0].Gateway.String() != fmt.Sprintf("10.59.%d.1", w.number) ||
		made.Options["x"] != "y" || len(made.IPAM.Config[0].AuxAddress) != 1 || made.Containers == nil {
		t.Errorf("%+v, %v", made, err)
	}
	link, err := netlink.LinkByName(fmt.Sprintf("front%d", w.number))
	if err != nil || link.Attrs().MTU != 1400 {
		t.Errorf("bridge: %+v, %v", link, err)
	}
	join := func(container string) bridge.Joined {
		t.Helper()
		if _, err := w.Sandbox(t.Context(), container); err != nil {
			t.Fatal(err)
		}
		j, err := w.Join(t.Context(), bridge.Endpoint{ContainerID: container, Network: id[:12]})
		if err != nil {
			t.Fatal(err)
		}
		return j
	}
	j := join("c1")
	if j.IP.Addr().String() != fmt.Sprintf("10.59.%d.129", w.number) || !j.IP6.IsValid() {
		t.Errorf("joined: %+v", j)
	}
	m := j.Event(events.ActionConnect)
	if m.Actor.ID != id || m.Actor.Attributes["container"] != "c1" || m.Actor.Attributes["name"] != "front" {
		t.Errorf("event: %+v", m)
	}
	connected, err := w.Inspect(id)
	if err != nil || connected.Containers["c1"].Name != "name-c1" || connected.Containers["c1"].IPv4Address != j.IP || connected.Containers["c1"].EndpointID != j.EndpointID {
		t.Errorf("connected: %+v, %v", connected, err)
	}
	if err := w.Remove(t.Context(), "front"); !errs.Forbidden(err) || !strings.Contains(err.Error(), "has active endpoints") {
		t.Errorf("remove a network in use: %v", err)
	}

	// Another daemon finds everything as it was.
	w.close(t)
	w.open(t)
	if err := w.Reconcile(t.Context(), map[string][]bridge.Endpoint{"c1": nil}); err != nil {
		t.Fatal(err)
	}
	again, err := w.Inspect("front")
	if diff := cmp.Diff(connected, again, byValue); err != nil || diff != "" {
		t.Error(diff, err)
	}
	if next := join("c2"); next.IP == j.IP {
		t.Errorf("address %s twice", j.IP)
	}
	for _, c := range []string{"c1", "c2"} {
		if err := w.Leave(t.Context(), c, "front"); err != nil {
			t.Fatal(err)
		}
		if err := w.Release(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Remove(t.Context(), "front"); err != nil {
		t.Fatal(err)
	}
	if _, err := netlink.LinkByName(fmt.Sprintf("front%d", w.number)); err == nil {
		t.Error("the bridge is left")
	}
	if _, err := w.Inspect("front"); !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("removed: %v", err)
	}
	if diff := cmp.Diff([]string{"create front", "destroy front"}, w.told(t)); diff != "" {
		t.Error(diff)
	}
}

func TestCreateRefuses(t *testing.T) {
	t.Parallel()
	w := begin(t)
	no := false
	if _, err := w.Create(t.Context(), network.CreateRequest{Name: "taken"}); err != nil {
		t.Fatal(err)
	}
	taken, err := w.Inspect("taken")
	if err != nil {
		t.Fatal(err)
	}
	config := func(c ...network.IPAMConfig) *network.IPAM { return &network.IPAM{Config: c} }
	subnet := func(s string) netip.Prefix { return netip.MustParsePrefix(s) }
	for name, c := range map[string]struct {
		want  network.CreateRequest
		class error
		text  string
	}{
		"no name":         {network.CreateRequest{}, errs.ErrInvalid, "name cannot be empty"},
		"bad name":        {network.CreateRequest{Name: "a b"}, errs.ErrInvalid, `"a b"`},
		"same name":       {network.CreateRequest{Name: "taken"}, errs.ErrConflict, "network with name taken already exists"},
		"same subnet":     {network.CreateRequest{Name: "n", IPAM: config(network.IPAMConfig{Subnet: taken.IPAM.Config[0].Subnet})}, errs.ErrConflict, "Pool overlaps with other one on this address space"},
		"same bridge":     {network.CreateRequest{Name: "n", Options: map[string]string{"com.docker.network.bridge.name": "br-" + taken.ID[:12]}}, errs.ErrConflict, "networks have same bridge name"},
		"no bridge":       {network.CreateRequest{Name: "n", Options: map[string]string{"com.docker.network.bridge.name": "lo"}}, errs.ErrConflict, "is no bridge"},
		"bad bridge":      {network.CreateRequest{Name: "n", Options: map[string]string{"com.docker.network.bridge.name": "a/b"}}, errs.ErrInvalid, `"a/b"`},
		"bad icc":         {network.CreateRequest{Name: "n", Options: map[string]string{"com.docker.network.bridge.enable_icc": "maybe"}}, errs.ErrInvalid, "maybe"},
		"bad MTU":         {network.CreateRequest{Name: "n", Options: map[string]string{"com.docker.network.driver.mtu": "-1"}}, errs.ErrInvalid, "-1"},
		"bad host IP":     {network.CreateRequest{Name: "n", Options: map[string]string{"com.docker.network.bridge.host_binding_ipv4": "x"}}, errs.ErrInvalid, `"x"`},
		"gateway outside": {network.CreateRequest{Name: "n", IPAM: config(network.IPAMConfig{Subnet: subnet("10.58.1.0/24"), Gateway: netip.MustParseAddr("10.58.2.1")})}, errs.ErrInvalid, "gateway 10.58.2.1"},
		"range outside":   {network.CreateRequest{Name: "n", IPAM: config(network.IPAMConfig{Subnet: subnet("10.58.1.0/24"), IPRange: subnet("10.58.0.0/16")})}, errs.ErrInvalid, "range 10.58.0.0/16"},
		"aux outside":     {network.CreateRequest{Name: "n", IPAM: config(network.IPAMConfig{Subnet: subnet("10.58.1.0/24"), AuxAddress: map[string]netip.Addr{"a": netip.MustParseAddr("10.58.2.1")}})}, errs.ErrInvalid, "(a:10.58.2.1)"},
		"gateway alone":   {network.CreateRequest{Name: "n", IPAM: config(network.IPAMConfig{Gateway: netip.MustParseAddr("10.58.2.1")})}, errs.ErrInvalid, "need a subnet"},
		"two subnets":     {network.CreateRequest{Name: "n", IPAM: config(network.IPAMConfig{Subnet: subnet("10.58.1.0/24")}, network.IPAMConfig{Subnet: subnet("10.58.2.0/24")})}, errs.ErrInvalid, "doesn't support multiple subnets"},
		"no room":         {network.CreateRequest{Name: "n", IPAM: config(network.IPAMConfig{Subnet: subnet("10.58.1.0/32")})}, errs.ErrInvalid, "no room"},
		"IPv6 not on":     {network.CreateRequest{Name: "n", IPAM: config(network.IPAMConfig{Subnet: subnet("fd00::/64")})}, errs.ErrInvalid, "IPv6 is not enabled"},
		"no IPv4":         {network.CreateRequest{Name: "n", EnableIPv4: &no}, errs.ErrInvalid, "IPv4 cannot be disabled"},
		"driver":          {network.CreateRequest{Name: "n", Driver: "macvlan"}, errs.ErrNotFound, `plugin "macvlan" not found`},
		"IPAM driver":     {network.CreateRequest{Name: "n", IPAM: &network.IPAM{Driver: "x"}}, errs.ErrNotFound, `ipam driver "x"`},
		"swarm":           {network.CreateRequest{Name: "n", Driver: "overlay"}, errs.ErrConflict, "cannot create a swarm scoped network"},
		"ingress":         {network.CreateRequest{Name: "n", Ingress: true}, errs.ErrConflict, "Ingress network"},
		"host":            {network.CreateRequest{Name: "n", Driver: "host"}, errs.ErrConflict, "only one instance"},
		"config only":     {network.CreateRequest{Name: "n", ConfigOnly: true}, errs.ErrInvalid, "config-only"},
	} {
		if _, err := w.Create(t.Context(), c.want); errs.Class(err) != c.class || !strings.Contains(fmt.Sprint(err), c.text) {
			t.Errorf("%s: %v (%v), want %v with %q", name, err, errs.Class(err), c.class, c.text)
		}
	}
	if diff := cmp.Diff([]string{"bridge", "host", "none", "taken"}, w.names(t, nil)); diff != "" {
		t.Error("refused networks left something: ", diff)
	}
}

func TestConnect(t *testing.T) {
	t.Parallel()
	w := begin(t)
	config := &network.IPAM{Config: []network.IPAMConfig{{Subnet: netip.MustParsePrefix("10.57.1.0/24")}}}
	if _, err := w.Create(t.Context(), network.CreateRequest{Name: "n", IPAM: config}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Create(t.Context(), network.CreateRequest{Name: "pooled"}); err != nil {
		t.Fatal(err)
	}
	n, err := w.Inspect("n")
	if err != nil {
		t.Fatal(err)
	}
	at := func(ip netip.Addr) *network.EndpointSettings {
		return &network.EndpointSettings{IPAMConfig: &network.EndpointIPAMConfig{IPv4Address: ip}}
	}
	inside := n.IPAM.Config[0].Gateway.Next()
	for name, c := range map[string]struct {
		ref  string
		want network.ConnectRequest
		text string
	}{
		"by prefix":      {n.ID[:6], network.ConnectRequest{Container: "a", EndpointConfig: at(inside)}, ""},
		"no network":     {"m", network.ConnectRequest{Container: "a"}, "network m not found"},
		"no container":   {"n", network.ConnectRequest{}, "no container"},
		"address":        {"n", network.ConnectRequest{Container: "a", EndpointConfig: at(netip.MustParseAddr("192.0.2.1"))}, "Invalid address 192.0.2.1: It does not belong to any of this network's subnets"},
		"pooled":         {"pooled", network.ConnectRequest{Container: "a", EndpointConfig: at(inside)}, "only when connecting to networks with user configured subnets"},
		"no IPv6":        {"n", network.ConnectRequest{Container: "a", EndpointConfig: &network.EndpointSettings{IPAMConfig: &network.EndpointIPAMConfig{IPv6Address: netip.MustParseAddr("fd00::5")}}}, "user configured subnets"},
		"alias":          {"bridge", network.ConnectRequest{Container: "a", EndpointConfig: &network.EndpointSettings{Aliases: []string{"x"}}}, "network-scoped alias is supported only"},
		"link-local":     {"n", network.ConnectRequest{Container: "a", EndpointConfig: &network.EndpointSettings{IPAMConfig: &network.EndpointIPAMConfig{LinkLocalIPs: []netip.Addr{inside}}}}, "invalid link-local IP address"},
		"none":           {"none", network.ConnectRequest{Container: "a"}, "private (none) mode"},
		"default":        {"bridge", network.ConnectRequest{Container: "a", EndpointConfig: at(inside)}, "user defined networks only"},
		"the host's":     {"host", network.ConnectRequest{Container: "a"}, "or connected to host network"},
		"by name, plain": {"n", network.ConnectRequest{Container: "a"}, ""},
	} {
		err := w.Connect(t.Context(), c.ref, c.want)
		if (err == nil) != (c.text == "") || !strings.Contains(fmt.Sprint(err), c.text) && c.text != "" {
			t.Errorf("%s: %v, want %q", name, err, c.text)
		}
	}
	if err := w.Disconnect(t.Context(), "n", network.DisconnectRequest{Container: "a", Force: true}); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"connect a n", "connect a n", "disconnect a n true"}, w.fake.asked); diff != "" {
		t.Error(diff)
	}
}

func TestListAndPrune(t *testing.T) {
	t.Parallel()
	w := begin(t)
	for _, n := range []string{"used", "old", "kept"} {
		if _, err := w.Create(t.Context(), network.CreateRequest{Name: n, Labels: map[string]string{"is": n}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Sandbox(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Join(t.Context(), bridge.Endpoint{ContainerID: "c", Network: "used"}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		filters string
		want    string
	}{
		{"name=us", "used"}, {"name=^o", "old"}, {"name=old name=kept", "kept old"}, {"driver=bridge", "bridge kept old used"}, {"driver=null", "none"},
		{"type=builtin", "bridge host none"}, {"type=custom", "kept old used"}, {"label=is", "kept old used"}, {"label=is=old", "old"}, {"label=is label=is=old", "old"},
		{"dangling=true", "kept old"}, {"dangling=false", "bridge host none used"}, {"scope=global", ""}, {"type=custom dangling=false", "used"},
	} {
		got := w.names(t, filters(c.filters))
		slices.Sort(got)
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, want %s", c.filters, got, c.want)
		}
	}
	for _, bad := range []string{"x=y", "type=x", "dangling=x"} {
		if _, err := w.List(filters(bad)); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	for _, c := range []struct{ filters, want string }{
		{"until=1h", ""}, {"until=2006-01-02", ""}, {"label=none", ""}, {"label!=is=kept until=0s", "old"}, {"label=is", "kept"}, {"", ""},
	} {
		report, err := w.Prune(t.Context(), filters(c.filters))
		if err != nil || strings.Join(report.NetworksDeleted, " ") != c.want {
			t.Errorf("prune %s: %v, %v, want %s", c.filters, report.NetworksDeleted, err, c.want)
		}
	}
	for _, bad := range []string{"x=y", "until=x", "until=1h until=2h"} {
		if _, err := w.Prune(t.Context(), filters(bad)); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("prune %s: %v", bad, err)
		}
	}
}

// filters reads "term=value term=value".
func filters(text string) map[string][]string {
	all := map[string][]string{}
	for _, pair := range strings.Fields(text) {
		term, value, _ := strings.Cut(pair, "=")
		if rest, not := strings.CutPrefix(pair, "label!="); not {
			term, value = "label!", rest
		}
		all[term] = append(all[term], value)
	}
	return all
}
