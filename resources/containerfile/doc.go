// Package containerfile is the docker_container_file resource: files copied into a container.
//
// What was declared and what the container has are compared by one line per file (permissions, owner, size, hash), so
// that drift is seen whoever caused it. Engines write and read files of a container in any state, and delete none: that
// takes a running container with rm.
package containerfile
