// Package bridge connects containers to the network: Linux bridges, network namespaces, addresses, published ports.
// It uses netlink and nftables and starts no program; the daemon's container and network services call it.
//
// # What it makes
//
// Every network is a bridge of the host. A container has a network namespace, pinned by a bind mount below
// [Config.NetnsRoot], and in it one interface for each network it is connected to, the other end of which is a port
// of the bridge. Everything lives in the kernel and goes on while the daemon is dead: forwarding, masquerading,
// published IPv4 ports. One record for each container beside its pinned namespace says what belongs to it. The
// records are as short-lived as what they describe, so they belong on a file system that is empty after a reboot,
// and are not synced. They are the truth about addresses and ports; [Driver.Reconcile] compares them with the kernel.
//
// # Packet filter
//
// One nftables table, inet cleat-<instance>, holds all of it: no chain, rule or set of anybody else is touched. Its
// rules never change; networks and ports are elements of its sets and maps, so that the cost of a packet, and of a
// change, is the same for one container and for a thousand. A change is one atomic batch, and a container without
// published ports needs none.
//
// A packet has to be accepted by everybody who looks at it, so a FORWARD chain with policy drop, such as dockerd
// leaves behind, cuts our containers off whatever our table says. In such chains, and only in them, two rules for
// each bridge accept what enters or leaves through it; what our own table thinks of it still counts. [Driver.Watch]
// puts the rules there, and our table back, when somebody changes the packet filter later. The table of
// iptables-legacy, which is another interface of the kernel and tells nobody of changes, is looked at when a network is
// added and by Reconcile.
//
// Nothing passes between our bridges, nor between ours and those of other engines on the host, but by published ports.
// A bridge counts as one of another engine unless the host itself gets out by it: it has a port that is neither a veth
// pair nor a tap, or a route over it leads to a gateway.
//
// # Published ports
//
// Packets to a published port are redirected in the kernel, whether they come from outside, from the host itself by
// any of its addresses and 127.0.0.1, or from a container, the publishing one included. The daemon also listens on
// the port. That reserves it, gives "port is already allocated" when another process has it, and serves as a proxy
// for what the kernel cannot redirect: IPv6 clients of a container that has only IPv4 ("[::1]:8080"). While the
// daemon is dead the redirection goes on and the proxy does not, and another process may take the port: it gets no
// IPv4 packets, and the next daemon says so in its log.
//
// # Removal
//
// Removing an interface takes the kernel tens of milliseconds under a global lock. [Driver.Release] therefore
// disables the port of the bridge, which is immediate, and leaves the removal to a goroutine that removes many at
// once. [Driver.Settle] waits for it.
package bridge
