// Package badinput holds mistakes people make and what is said about them, by cleat and by terraform with our provider.
//
// A case is a txtar archive in testdata: a configuration, and in sections of their own what `cleat validate`,
// `cleat plan` and `terraform plan` answer to it. Lines of its comment that begin with a key steer it:
//
//	setup: a shell command that prepares the engine
//	clean: one that undoes it
//	terraform: no (why it is not asked), or: without a place (when its own answer has none)
//
// Of every case the tests demand the exit code 1, a place in a file, and that not one request that changes something
// reached the engine. `go test ./test/badinput -update` writes the answers anew; read them before committing them.
package badinput
