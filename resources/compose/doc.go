// Package compose is the docker_compose resource: the services of Compose files as containers of one project, without the
// docker CLI.
//
// What is compared is services: the mark of each service (see internal/composefile) against what the labels of its
// containers say. So an edited file is a planned change that names the service, and so is a container somebody stopped.
// Everything is labelled and named as docker compose does it, and its commands work on the project.
//
// An update touches only the services that changed. Images are there before anything is removed, and a container that is
// replaced stands aside until the new one runs.
package compose
