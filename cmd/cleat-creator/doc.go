// cleat-creator starts one command in a container and ends: the container's own ("create") or another one in a running
// container ("exec"). A monitor runs it, from a sealed memfd which cleatd made of it.
//
// It is the only program of cleat that has libcontainer in it, together with libseccomp, and it is small because the kernel
// loads it twice for every start: libcontainer runs it again as "init" inside the new namespaces.
//
//	cleat-creator create <id> <state folder> <run folder>
//	cleat-creator exec <id> <run folder> <process file> <tty>
//
// Descriptors and the report are those of package wire. It never waits for the command: when it exits, the command falls
// to the monitor, which is a subreaper.
package main
