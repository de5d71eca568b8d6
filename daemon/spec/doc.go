// Package spec turns what the API says of a container into the OCI runtime specification a runtime starts.
//
// It decides what a container may do: capabilities, system calls, devices, limits, what of /proc and /sys it sees. What
// the daemon itself may not do (a capability outside its bounding set, a limit above its own) it cannot give; Check
// says so in a warning at create, and Build gives what there is.
//
// It makes no change to the host. The container's root file system must be mounted when Build is called: users and
// groups are looked up in the container's own files.
package spec
