// Package clients has the clients people use do their work on a cleatd, unchanged and told nothing but the host, and the
// same on a dockerd as the control.
//
//	client                                     from                        scripts
//	docker CLI, the one on PATH and Debian's   the machine, Debian         testdata/docker
//	docker CLI 29                              Go proxy, programs/go.mod   testdata/docker
//	docker-compose 1.29                        Debian                      testdata/compose
//	compose 5                                  Go proxy, programs/go.mod   testdata/compose
//	docker SDK for Python                      Debian                      testdata/python
//	dockerode                                  npm, programs/package.json  testdata/node
//	testcontainers-go                          Go proxy, programs/go.mod   programs/testcontainers
//	moby/moby/client                           go.mod                      moby_test.go
//	skopeo                                     Debian                      testdata/skopeo
//
// The provider and cleat have acceptance tests of their own. podman --remote is no client of this API: it speaks libpod's,
// which is podman's alone, and refuses an engine without it.
//
// A script is a txtar archive in the language of github.com/rogpeppe/go-internal/testscript. $N is a name of its own, which
// everything it makes begins with; exits is [acctest.Exits]; the folder testdata/bin is on its PATH. Every script leaves
// nothing behind.
//
// # Foreign programs
//
// What Debian does not have is built by setup.sh into bin/clients from programs/, a module of its own: its requirements
// are none of ours. "make test-clients" does that and runs all; without it CLEAT_CLIENTS is not set, and only the clients
// that take no building are tested.
package clients
