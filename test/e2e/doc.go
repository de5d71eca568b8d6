// Package e2e applies the example stacks as a person would, with the programs just built: cleat, and the real
// terraform with our provider, on dockerd and on podman. It looks only at what those programs print and return, and
// at the engine.
//
// The other suites are about what goes wrong: cleat killed again and again in the middle of its work, many at once on
// one project, interrupts, and engines, registries and disks that fail under it. What is left must be what is
// declared, once, with nobody else's objects touched.
//
// demo.sh beside it is "make demo".
package e2e
