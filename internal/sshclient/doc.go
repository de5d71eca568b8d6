// Package sshclient reaches the socket of an engine on another host through SSH, within this process: neither side needs
// a docker or an ssh command. It reads what the ssh command would read (~/.ssh/config, known_hosts, keys, the agent), and
// says [NotUnderstood] where that asks for something it does not do, so that a caller can leave it to the ssh command.
//
// One SSH connection carries all connections to the socket, as channels of the kind direct-streamlocal. Where the server
// refuses those, "docker system dial-stdio" is run in their place. A connection that was cut is made again.
package sshclient
