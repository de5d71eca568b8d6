// Package builds has the routes of "Build image from a Dockerfile" and of the calls around it.
package builds
