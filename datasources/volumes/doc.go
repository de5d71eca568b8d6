// Package volumes is the data source docker_volumes: the volumes of an engine, chosen by its filters.
package volumes
