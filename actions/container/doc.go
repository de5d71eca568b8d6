// Package container has the actions on containers: docker_container_restart, docker_container_signal and docker_exec.
package container
