// Package e2e applies the example stacks as a person would, with the programs just built: cleat, and the real
// terraform with our provider, on dockerd and on podman. It looks only at what those programs print and return, and
// at the engine.
//
// demo.sh beside it is "make demo".
package e2e
