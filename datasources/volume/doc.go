// Package volume is the data source docker_volume: what the engine knows of a volume.
package volume
