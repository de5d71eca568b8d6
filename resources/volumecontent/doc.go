// Package volumecontent is the docker_volume_content resource: files put into a volume.
//
// Engines reach the files of a volume through a container that has it mounted. One of an empty image is created for that,
// never started, and removed again; it is written to and read from, and nothing in it runs. Engines delete no files: that
// alone takes a container that runs rm, and an image that has one.
package volumecontent
