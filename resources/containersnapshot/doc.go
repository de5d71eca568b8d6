// Package containersnapshot is the docker_container_snapshot resource: images of a container at moments, the last of
// them kept.
//
// A snapshot is an image of the repository whose tag is the time it was taken. The engine's list of images says which
// there are: nothing has to be remembered, and one that was taken before a crash is found.
package containersnapshot
