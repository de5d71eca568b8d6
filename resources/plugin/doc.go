// Package plugin is docker_plugin: a plugin of the engine, installed from a registry, its settings and whether it runs.
package plugin
