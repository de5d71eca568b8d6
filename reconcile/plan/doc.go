// Package plan computes what is to become of every object: a configuration against what an engine holds. A [Plan] is
// data: steps with the changes they make, each with its cause. Nothing here changes anything; the reads it needs go
// through a small interface.
package plan
