// cleat-creator starts one command in a container and ends: the container's own ("create") or another one in a running
// container ("exec"). A monitor runs it, from a sealed memfd which cleatd made of it.
//
// It is the only program of cleat that has libcontainer in it, together with libseccomp, and it is small because the kernel
// loads it twice for every start: libcontainer runs it again as "init" inside the new namespaces.
//
//	cleat-creator create <id> <state folder> <run folder>
//	cleat-creator exec <id> <run folder> <process file> <tty>
//
// As libcontainer's init it does two things of its own before libcontainer goes on: it takes the seccomp program from where
// it has been compiled before (filter.go), and joins the control groups of an exec (groups.go).
//
// Descriptors and the report are those of package wire. It never waits for the command: when it exits, the command falls
// to the monitor, which is a subreaper.
package main
