// Package imageconfig knows the configuration of an image: how the instructions of a Dockerfile change it, for builds,
// commits and imports alike, and its two forms, that of images and that of the API's containers.
package imageconfig
