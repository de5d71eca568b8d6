// Package wire is what cleatd, its monitors and its creators say to each other: the lines of a container's journal, the
// file monitor.conf, the packets of the control socket and the report of a creator.
//
// All of it is words separated by single spaces, escaped by [Escape] so that a word holds no space, line feed or '='
// that is not meant. No encoding of the standard library takes part: the monitor is linked against this package and
// has to stay small, so nothing here may import more than strconv (a test of cmd/cleat-monitor watches over it).
//
// cleatd and monitors of different releases meet after an upgrade. A reader therefore skips keys it does not know, and
// a writer never changes the meaning of one.
package wire
