// Package daemon tests what cleatd promises of its containers as a whole: they survive it, and nothing is left of those
// that are removed.
package daemon
