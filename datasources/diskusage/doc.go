// Package diskusage is the data source docker_disk_usage: what an engine's objects take on its disk.
package diskusage
