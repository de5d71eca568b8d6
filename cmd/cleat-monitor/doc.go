// cleat-monitor is the small process that owns one container: it starts the container's command through cleat-creator,
// reaps it, carries its input and output, writes its log and its journal, and starts it again when the restart policy
// says so. cleatd may die, be replaced and come back meanwhile; nothing of the container depends on it.
//
//	cleat-monitor run <state folder> <run folder>
//	cleat-monitor adopt <state folder> <run folder> <start line of the journal>
//
// Bound into a container as docker-init it is that container's process 1 (init.go):
//
//	/sbin/docker-init -- <command> <arguments>
//
// It is started by daemon/runtime, as leader of a session of its own and with the descriptors of package wire. In mode run it waits for the request to start; in mode adopt the command runs already, started by a monitor that
// died. The design, with what happens when what dies, is in design/MONITOR.md.
//
// One goroutine, one epoll loop, nothing blocks but epoll_wait. There is one of these processes per container, so it is
// written against memory: system calls without package os, no fmt, no maps that stay, buffers that are given back. A test
// bounds the packages it is linked from and its size.
//
// Files by subject: loop.go (events and timers), monitor.go (state and the end), control.go (requests), journal.go,
// start.go (creator, restart policy), reap.go, cgroup.go, stdio.go and client.go (input, output, attach), exec.go,
// adopt.go, sys.go; init.go.
package main
