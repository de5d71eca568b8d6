// Package cli runs scripts against the cleat program as it is built: testdata/offline needs no engine,
// testdata/engine runs on every engine there is. A script is a txtar archive in the language of
// github.com/rogpeppe/go-internal/testscript, with one command of our own:
//
//	exits CODE program [args...]
//
// runs a program and demands its exit code.
package cli
