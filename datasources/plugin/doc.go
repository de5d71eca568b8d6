// Package plugin is the data source docker_plugin: a plugin the engine has.
package plugin
