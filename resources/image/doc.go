// Package image is the docker_image resource: an image an engine has, pulled from a registry or built from a
// directory.
//
// The resource is a name on an engine. What the name stands for is image_id, and that is what containers compare. An
// update pulls or builds first and only then takes away what the name stood for before, if nothing else needs it.
//
// The files of a build context are part of what is planned: build_context holds their hashes, so a changed file is a
// planned build that names the file, and what is built is checked to be what was planned.
package image
