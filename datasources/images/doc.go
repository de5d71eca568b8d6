// Package images is the data source docker_images: the images of an engine, chosen by its filters.
package images
