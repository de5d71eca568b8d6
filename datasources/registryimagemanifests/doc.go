// Package registryimagemanifests is the data source docker_registry_image_manifests: the manifests of an image in its
// registry, one for each platform. It asks no engine.
package registryimagemanifests
