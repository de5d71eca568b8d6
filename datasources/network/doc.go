// Package network is the data source docker_network: what the engine knows of a network and who is on it.
package network
