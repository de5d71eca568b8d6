// Package container is the data source docker_container: one container as it is now.
package container
