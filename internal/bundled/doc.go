// Package bundled starts, stops and finds the container engine that comes with cleat, cleatd, on a Linux host that has
// no other. The engine is a daemon of the host: it goes on when the program that started it ends, and its containers
// go on when it ends.
package bundled
