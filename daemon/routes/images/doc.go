// Package images is the API's calls on images and registries: it reads requests, asks its [Backend] and writes answers.
package images
