// Package version is the data source docker_version: what GET /version says: the engine's version and that of its parts.
package version
