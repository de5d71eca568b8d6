// Package container is the ephemeral resource docker_container: a container that runs once, for its output, and is gone
// before anybody gets it.
package container
