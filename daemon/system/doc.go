// Package system answers what is asked about the daemon as a whole: information about host and daemon, versions, and
// the stream of events with its filters.
//
// Figures come from the kernel when they are asked for, or once at the start where they cannot change.
package system
