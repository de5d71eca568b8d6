// Command cleat makes containers what a directory of .tf files declares, without Terraform and without a state file.
//
// This package holds flags, signals and wiring only: reconcile computes, reconcile/view prints. There is one file for
// each command. Nothing here keeps state between two runs.
package main
