// Package registryimage is the docker_registry_image resource: an image in a registry, put there by the engine.
//
// The engine pushes; everything else, digests and deletion, is asked of the registry itself. The digest the last push gave is
// remembered: a name that stands for another image now is drift, and pushing again repairs it.
package registryimage
