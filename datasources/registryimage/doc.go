// Package registryimage is the data source docker_registry_image: the digest a name stands for in its registry. It asks no
// engine.
package registryimage
