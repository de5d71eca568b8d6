// Package takeover tests that a configuration and a state of kreuzwerker/docker are taken over: the source changes, the
// state is handed to this provider, and the plan is empty.
//
// Each folder of testdata is one age of the peer provider, or what belongs to a swarm, a registry, plugins or Compose files:
// main.tf, the configuration as it was; objects.json, the calls by which the peer makes the objects; state.json, the state it leaves.
// PREFIX, SUBNET0, HOST0, PORTn, REGISTRY, NETWORK, NETNAME and DEFAULT stand for what differs between runs and engines,
// "${name}" for the id of an object and "${name:path}" for a value of its inspection.
//
// The states are written by hand after states of real installations and the peer's source, with the zeros, the empty
// strings and the nulls its plugin SDK leaves. They are not recorded: the peer's module cannot be had from the Go proxy.
package takeover
