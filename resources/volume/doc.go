// Package volume is the resource type docker_volume: a named place on the engine for data that outlives containers.
//
// Nothing of a local volume can be changed once it exists, so every change replaces it. Engines answer a request to
// create a volume that exists already with the existing one, whatever was asked for; Create therefore looks first,
// and compares what it got with what it asked.
package volume
