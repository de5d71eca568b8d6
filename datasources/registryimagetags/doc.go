// Package registryimagetags is the data source docker_registry_image_tags: the tags of a repository in its registry. It asks
// no engine.
package registryimagetags
