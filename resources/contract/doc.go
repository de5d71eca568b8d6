// Package contract says what a resource type is and computes the difference between what is declared and what
// the engine holds.
//
// A type is declared once, in its own folder under resources/, and never learns who drives it: Terraform through
// provider/, or the cleat CLI through reconcile/. It gives a schema, a table of [Rules] and a few operations; it
// contains no comparison code. [Host] computes every plan from those three, for both hosts.
//
// Values travel as framework values (attr.Value): a model M is a struct of types.String, types.Int64 … and
// [Blocks] with `tfsdk` tags; [Node] is its compiled schema. The hosts convert at their edge: tftypes in
// provider/, cty in reconcile/.
package contract
