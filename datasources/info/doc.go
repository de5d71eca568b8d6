// Package info is the data source docker_info: what GET /info says of the engine and its host.
package info
