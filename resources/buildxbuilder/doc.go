// Package buildxbuilder is docker_buildx_builder of kreuzwerker/docker, which is refused: images are built by the engine
// itself (docker_image), and nothing here needs a builder. It is a type all the same, so that who comes from there is
// told what takes its place.
package buildxbuilder
