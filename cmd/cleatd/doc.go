//go:build linux

// Command cleatd is the bundled container daemon: it serves the Docker Remote API on a Linux host without Docker.
//
// This package holds flags, signals and wiring only. Exit codes: 0 ended in order or nothing to complain of, 1 failed,
// 2 wrong use of the command line, 130 told to end a second time.
package main
