// Package image is the data source docker_image: what the engine knows of an image it has.
package image
