// Package reconcile is the engine behind the cleat command: a directory of .tf files against what the engines hold.
//
//	project, diags := reconcile.Open(ctx, reconcile.Options{Dir: ".", Catalog: catalog, …})
//	defer project.Close()
//	err := project.Lock(ctx, timeout)               // before anything that writes
//	plan, diags := project.Plan(ctx, reconcile.PlanOptions{…})
//	report, diags := project.Apply(ctx, plan, observer)
//
// config evaluates, observe looks, plan computes the difference, apply carries it out, ownership knows what is ours.
// Each knows only those before it; this package wires them.
package reconcile
