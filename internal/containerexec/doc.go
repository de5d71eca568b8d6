// Package containerexec runs one command in a container to its end: streams, exit code, and the end of a command that
// takes too long. The exec, file and volume content resources share it.
//
// [RunOnce] does the same in a container of its own, which is gone afterwards.
//
// Engines have no call that ends such a command. It therefore carries a mark in its environment, and what carries the
// mark is killed from inside the container, where that has a shell.
package containerexec
