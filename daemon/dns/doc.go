// Package dns is the name service of networks that users make: containers find each other by name, alias, short id and
// host name, and everything else by the servers they were given or the host's.
//
// # Where it listens
//
// Each container on such a network has the name server 127.0.0.11 in its resolv.conf. The sockets are ours, made in the
// container's network namespace, so who asks is known by the socket, and no firewall of the host is in between. They
// are on a high port, because a container may serve port 53 on all addresses itself. Two rules in the namespace rewrite
// the port of a packet on its way in, and back on its way out. They are stateless: connection tracking, which would
// cost the container's whole traffic, is not involved, and while the daemon is dead a query is lost, not refused, so that
// resolvers ask again. Rules and namespace outlive the daemon; its successor only opens the sockets.
//
// # What it answers
//
// A name means the containers on a network of the asker that have it; the first of the asker's networks that knows it
// decides, and several holders are several addresses in random order. "name.network" asks one network. A known name has
// an empty answer for types nobody has, never the answer of a server outside. Addresses resolve to "name.network".
//
// # What it forwards
//
// Queries go on as they came, over the same protocol, with an identifier of our own. Servers that were given are
// asked from the container's namespace, as are those of the host, which are read again when its resolv.conf changes;
// servers only the host can reach, on its loopback interface or by IPv6, are asked from there, unless the container has
// nothing but internal networks. Each container has a bounded number of queries under way, which also ends loops of
// forwarders.
//
// A container costs two sockets, two goroutines and its names; one without a network of this kind nothing.
package dns
