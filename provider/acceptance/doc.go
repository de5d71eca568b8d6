// Package acceptance holds the provider against real engines with the real Terraform. Every resource type goes
// through its whole life on dockerd and on podman: create, empty plan, update, drift, repair, import, empty plan,
// destroy. It has tests only.
package acceptance
