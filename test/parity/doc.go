// Package parity holds the suite that drives the same configuration by terraform with our provider and by cleat, each
// in a world of its own on the same engine, and demands at every step that both plan the same: actions, changed
// attributes, what forces a replacement, what is known after apply, planned values, outputs. Then both apply, and both
// plan nothing.
//
// A fixture is an archive in testdata. Its files are named by step:
//
//	1/main.tf     written before step 1; files stay until a later step writes them again
//	2/do          what happens behind both programs' back before the plan of step 2, one action a line (see behind)
//	2/plan        what both plan, and that it is not by accident the same nothing; go test -update writes it
//	2/plan.podman the same where one engine's differs
//	2/error       a regular expression: the plan of both fails with it, and the step ends
//	2/fails       a regular expression: the apply of both fails with it, and the step ends
//	2/args        further arguments of plan, such as -replace=docker_container.a
//
// The comment before the first file says what the fixture is about; a line "engines: dockerd" in it restricts it.
// The one called old speaks API 1.18 at most, and runs what names it.
// The images every engine starts with are for all worlds: a fixture that gives or takes names of images makes some of
// its own first (image).
//
// Every world gets the variables of versions.tf: prefix for names, net for addresses, port, registry and password.
package parity
