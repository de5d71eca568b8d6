//go:build linux

package bridge

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/dns"
	"github.com/cleat-dev/cleat/daemon/metadata"
)

// DefaultNetwork is the name of the network containers join when they name none, and the key it has in a Driver.
const DefaultNetwork = "bridge"

// Config is what a Driver needs to know.
type Config struct {
	// Name of the bridge of the default network; "cleat0" when empty. A bridge of that name that exists is used,
	// with its address unless BIP is given.
	Name string
	// BIP is the address of the host on the default bridge with the length of the subnet, "172.20.0.1/16". Empty:
	// the address the bridge has, else the subnet of the last run, else the first of Pools that is free.
	BIP string
	// Pools are where subnets come from that nobody chose; DefaultPools() when empty.
	Pools []Pool
	// NetnsRoot is the folder of pinned namespaces and of the records, by container id. Its path tells this
	// instance from others on the host: it must not change while containers run. It should be below /run.
	NetnsRoot string
	// DB keeps identity and subnet of the default network.
	DB *metadata.DB
	// Isolated keeps containers of the default network from each other (--icc=false); published ports stay reachable.
	Isolated bool
	// NoMasquerade leaves the source address of what containers send out of the host as it is (--ip-masq=false).
	NoMasquerade bool
	// MTU of the default network in bytes; 0 is that of the interface with the default route, else 1500.
	MTU int
	// HostIP is the address ports are published on that name none (--ip); all when invalid.
	HostIP netip.Addr
	// HostResolv is the resolv.conf with the host's name servers; "/etc/resolv.conf" when empty.
	HostResolv string
	// Log gets what goes wrong where no caller waits; required.
	Log hclog.Logger
}

// Driver owns the networks of one daemon. All methods are safe for concurrent use.
type Driver struct {
	config   Config
	log      hclog.Logger
	instance string // 8 hex digits, part of every name this instance makes
	mtu      int

	rules  *rules
	reaper *reaper
	names  *dns.Server
	owner  net.Listener // says that the default bridge is ours

	mu        sync.Mutex
	networks  map[string]*network // by id
	sandboxes map[string]*sandbox // by container id
	ports     portTable
	sequence  uint64
}

// Open brings up the default network (errs.ErrConflict when another daemon has its bridge), and takes over what an earlier daemon of the same NetnsRoot left running. The
// rules of its containers stay in force all the time. Follow it with AddNetwork for the others, then Reconcile.
//
// It enables forwarding of IPv4 on the host. When that was off, our table drops whatever is forwarded neither from
// nor to a container: a host that was no router does not become one. Containers and machines of others, on bridges of
// their own, are not ours to cut off.
func Open(config Config) (*Driver, error) {
	root, err := filepath.Abs(config.NetnsRoot)
	if err != nil {
		return nil, fmt.Errorf("network namespaces %q: %w", config.NetnsRoot, err)
	}
	config.NetnsRoot = root
	if config.Name == "" {
		config.Name = "cleat0"
	}
	if config.HostResolv == "" {
		config.HostResolv = "/etc/resolv.conf"
	}
	if len(config.Pools) == 0 {
		config.Pools = DefaultPools()
	}
	if err := os.MkdirAll(root, 0o711); err != nil {
		return nil, fmt.Errorf("network namespaces: %w", err)
	}
	sum := sha256.Sum256([]byte(root))
	instance := hex.EncodeToString(sum[:4])
	d := &Driver{
		config: config, log: config.Log, instance: instance,
		networks: map[string]*network{}, sandboxes: map[string]*sandbox{}, ports: portTable{},
		names: dns.New(config.HostResolv, config.Log),
	}
	d.mtu = config.MTU
	if d.mtu == 0 {
		d.mtu = routeMTU()
	}
	if err := d.load(); err != nil {
		return nil, err
	}
	wasOff, err := enableForwarding()
	if err != nil {
		return nil, err
	}
	if wasOff {
		d.log.Info("the host forwards packets now; those between its networks are dropped")
	}
	if d.rules, err = openRules(instance, wasOff); err != nil {
		return nil, err
	}
	d.reaper = newReaper(d.log, instance)
	if err := d.own(config.Name); err != nil {
		d.stop()
		return nil, err
	}
	if err := d.openDefault(); err != nil {
		d.stop()
		return nil, err
	}
	return d, nil
}

// Close stops what runs in this process: listeners of published ports, proxied connections, name service, the removal
// of links. The
// networks and containers stay as they are, for the next Open.
func (d *Driver) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.sandboxes {
		for _, e := range s.endpoints {
			closeHolds(e.holds)
		}
	}
	d.names.Close()
	d.stop()
	return nil
}

// stop ends what belongs to no container.
func (d *Driver) stop() {
	d.reaper.close()
	d.rules.close()
	if d.owner != nil {
		_ = d.owner.Close()
	}
}

// own makes sure that no other daemon gives out addresses on the same bridge: one that lives, which a socket without a
// file tells, as the kernel removes it with the process; or one that is dead but has containers there.
func (d *Driver) own(name string) (err error) {
	if d.owner, err = listenAlone("@cleat/bridge/" + name); err != nil {
		return fmt.Errorf("bridge %q: %w", name, err)
	}
	link, err := netlink.LinkByName(name)
	if err != nil || link.Attrs().Alias == d.alias() || !strings.HasPrefix(link.Attrs().Alias, "cleat-") {
		return nil
	}
	links, err := dumped(netlink.LinkList)
	if err != nil {
		return kernel(err, "links of the host")
	}
	for _, port := range links {
		if port.Attrs().MasterIndex == link.Attrs().Index {
			return fmt.Errorf("bridge %q has containers of another daemon (%s), started with another --exec-root; choose another with --bridge: %w",
				name, link.Attrs().Alias, errs.ErrConflict)
		}
	}
	return kernel(netlink.LinkSetAlias(link, d.alias()), "bridge %q", name)
}

// Settle returns when every link released so far is gone.
func (d *Driver) Settle(ctx context.Context) error { return d.reaper.wait(ctx) }

// patience is how long a predecessor may take to be gone entirely.
const patience = 2 * time.Second

// listenAlone listens on a name that only one process has. A process that was killed, or closed its socket, may keep
// the name for a moment, by a child that is just being started; connecting tells when it is gone.
func listenAlone(name string) (net.Listener, error) {
	deadline := time.Now().Add(patience)
	for {
		listener, err := net.Listen("unix", name)
		if err == nil {
			return listener, nil
		}
		if !errors.Is(err, unix.EADDRINUSE) {
			return nil, kernel(err, "owner")
		}
		conn, err := net.DialTimeout("unix", name, patience)
		if err == nil {
			_ = conn.SetReadDeadline(deadline)
			_, err = conn.Read(make([]byte, 1)) // nobody writes: it ends with the socket, or with our patience
			_ = conn.Close()
		}
		if errors.Is(err, os.ErrDeadlineExceeded) || time.Now().After(deadline) {
			return nil, fmt.Errorf("it belongs to another daemon that runs here; choose another with --bridge: %w", errs.ErrConflict)
		}
	}
}

// defaultRecord is what has to stay the same about the default network when the daemon comes again.
type defaultRecord struct {
	ID      string
	Subnet  netip.Prefix
	Created time.Time
}

// openDefault finds out what the default network is to be and makes it.
func (d *Driver) openDefault() error {
	table, err := metadata.NewTable[defaultRecord](d.config.DB, "bridge.default")
	if err != nil {
		return fmt.Errorf("default network: %w", err)
	}
	record, err := table.Get(d.config.Name)
	if err != nil && !errors.Is(err, errs.ErrNotFound) {
		return fmt.Errorf("default network: %w", err)
	}
	spec := Network{
		ID: record.ID, Name: DefaultNetwork, Bridge: d.config.Name, MTU: d.mtu, HostIP: d.config.HostIP,
		Isolated: d.config.Isolated, NoMasquerade: d.config.NoMasquerade,
	}
	spec.Created = record.Created
	if spec.ID == "" {
		spec.ID, spec.Created = NewID(), time.Now().UTC()
	}
	if spec.Subnet, spec.Gateway, err = d.defaultSubnet(record.Subnet); err != nil {
		return err
	}
	if record.ID != spec.ID || record.Subnet != spec.Subnet {
		if err := table.Put(d.config.Name, defaultRecord{ID: spec.ID, Subnet: spec.Subnet, Created: spec.Created}); err != nil {
			return fmt.Errorf("default network: %w", err)
		}
	}
	return d.addNetwork(spec)
}

// defaultSubnet applies the order of Config.BIP.
func (d *Driver) defaultSubnet(last netip.Prefix) (netip.Prefix, netip.Addr, error) {
	if d.config.BIP != "" {
		bip, err := netip.ParsePrefix(d.config.BIP)
		if err != nil || !bip.Addr().Is4() || bip.Addr() == bip.Masked().Addr() {
			return netip.Prefix{}, netip.Addr{}, fmt.Errorf(
				"address of the default bridge %q: want an IPv4 address of a host and its prefix length, as 172.20.0.1/16: %w", d.config.BIP, errs.ErrInvalid)
		}
		return bip.Masked(), bip.Addr(), nil
	}
	present, err := bridgeAddress(d.config.Name)
	if err != nil {
		return netip.Prefix{}, netip.Addr{}, err
	}
	if present.IsValid() {
		return present.Masked(), present.Addr(), nil
	}
	busy, err := routedPrefixes()
	if err != nil {
		return netip.Prefix{}, netip.Addr{}, err
	}
	if last.IsValid() && !overlapsAny(last, busy) {
		return last, last.Addr().Next(), nil
	}
	subnet, err := pick(d.config.Pools, false, busy)
	if err != nil {
		return netip.Prefix{}, netip.Addr{}, err
	}
	return subnet, subnet.Addr().Next(), nil
}

// NewID returns an identifier as networks and endpoints have: 64 hexadecimal digits.
func NewID() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
