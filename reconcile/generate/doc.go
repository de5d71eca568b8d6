// Package generate writes the configuration of objects nobody has declared: resource blocks that say what the objects
// are, with import blocks, for cleat and for Terraform. What it writes is planned against the objects before it is handed
// out, so that a block whose plan would not be empty says so.
package generate
