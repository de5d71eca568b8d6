// Package exec is the docker_exec resource: a command that is run once in a container.
//
// A run that ended as expected is the object: engines forget theirs, so the host remembers it. It belongs to one
// container, by id; in the container's successor the command runs again. A run that failed is no object.
package exec
