// Package commit is the docker_commit resource: an image made from a container by the engine's commit call.
//
// The container is compared by its id: a new container of the same name is committed anew. A commit makes a new image
// under the same name and only then removes the one before, when nothing else needs it.
package commit
