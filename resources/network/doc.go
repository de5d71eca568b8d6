// Package network is the resource type docker_network.
//
// Nothing of a network can be changed once it exists. The difficulty is what the engine adds: a network without
// ipam_config gets a subnet of the engine's choice, and no engine says afterwards which of the two it was. So
// ipam_config is only the declaration, recorded by the host, and what decides is the computed attribute ipam, the
// addresses the network has. A declaration that the network satisfies already changes nothing but the record; one
// that it does not satisfy differs in ipam, and replaces.
//
// Podman keeps some of what it is told to itself (options, attachable, address ranges): there the record is all
// there is, and drift in these is not seen.
package network
