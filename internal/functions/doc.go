// Package functions holds the functions of the provider: provider::docker::parse_image_ref and the others. They are
// pure but for context_hash, which reads a directory.
//
// Each is written once, on framework values. package provider hosts them for Terraform and reconcile/config for cleat,
// from the same parameters, descriptions and code, so both give the same.
package functions
