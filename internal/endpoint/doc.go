// Package endpoint turns a container's place in a network from what is declared into what engines take, and back. Both
// docker_container (networks_advanced) and docker_network_attachment declare one.
//
// An attachment marks its endpoint ([Mark]), so that the container it belongs to knows that somebody else declares it.
package endpoint
