// Package zero holds what users of the other provider complain about against this one: a test per complaint, by the
// number it has in the list of complaints, each with the real Terraform on the engine the complaint is about.
package zero
