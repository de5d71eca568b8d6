// Package containers is the data source docker_containers: the engine's list of containers, with its filters.
package containers
