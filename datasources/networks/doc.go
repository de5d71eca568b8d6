// Package networks is the data source docker_networks: the networks of an engine, chosen by its filters.
package networks
