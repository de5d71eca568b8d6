// Package execs is the API's part about execs: create, start, resize and inspect. It decodes, asks its [Backend], and
// encodes.
package execs
