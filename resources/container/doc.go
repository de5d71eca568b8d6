// Package container is docker_container: a container, its limits, mounts, ports and networks, and whether it runs.
//
// Expanding (expand_*.go) turns a model into the bodies of engine calls, flattening (flatten_*.go) an inspected
// container into a model. Flattening subtracts what the image and the engine add by themselves, so that a container
// somebody made by hand is described by what they asked for. Where two spellings mean the same it follows the last
// known one.
package container
