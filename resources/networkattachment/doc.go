// Package networkattachment is docker_network_attachment: a container's place in a network, declared apart from both.
//
// No engine has an object for it: it is a part of the container. Its endpoint is marked ([endpoint.Mark]), so that the
// docker_container it belongs to neither reports it as drift nor takes it away.
package networkattachment
