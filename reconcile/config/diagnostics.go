package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

func errorAt(at hcl.Range, summary, detail string) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: at.Ptr()}
}

func warningAt(at hcl.Range, summary, detail string) *hcl.Diagnostic {
	d := errorAt(at, summary, detail)
	d.Severity = hcl.DiagWarning
	return d
}

// didYouMean is a sentence to append to a message, or nothing.
func didYouMean(given string, known []string) string {
	best, distance := "", 3
	for _, name := range known {
		if d := levenshtein.Distance(given, name, nil); d < distance {
			best, distance = name, d
		}
	}
	if best == "" {
		for _, name := range known { // a forgotten prefix: container for docker_container
			if strings.HasSuffix(name, "_"+given) {
				best = name
				break
			}
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" Did you mean %q?", best)
}

// Unique returns the diagnostics without repetitions: what several nodes refer to fails for each of them.
func Unique(diags hcl.Diagnostics) hcl.Diagnostics {
	type key struct{ summary, detail, at string }
	seen := map[key]bool{}
	return slices.DeleteFunc(slices.Clone(diags), func(d *hcl.Diagnostic) bool {
		k := key{d.Summary, d.Detail, ""}
		if d.Subject != nil {
			k.at = d.Subject.String()
		}
		again := seen[k]
		seen[k] = true
		return again
	})
}

// clean removes what could show a value: evaluation contexts, in which a printer looks up variables, and the text
// of a function's error when it was given something sensitive.
func clean(diags hcl.Diagnostics) hcl.Diagnostics {
	shared := true // the slice may be one that is remembered
	for i, d := range diags {
		if d.EvalContext == nil && d.Expression == nil {
			continue
		}
		if shared {
			diags, shared = slices.Clone(diags), false
		}
		copied := *d
		extra, ok := hcl.DiagnosticExtra[hclsyntax.FunctionCallDiagExtra](d)
		if ok && extra.FunctionCallError() != nil && refersToSensitive(d.Expression, d.EvalContext) {
			copied.Detail = fmt.Sprintf("Call to function %q failed. The reason is not shown because an argument is sensitive.", extra.CalledFunctionName())
		}
		copied.EvalContext, copied.Expression, copied.Extra = nil, nil, nil
		diags[i] = &copied
	}
	return diags
}

// refersToSensitive reports whether anything in an expression is sensitive, also where its value cannot be had.
func refersToSensitive(expr hcl.Expression, ctx *hcl.EvalContext) bool {
	if expr == nil {
		return false
	}
	call, ok := expr.(*hclsyntax.FunctionCallExpr)
	if ok && slices.ContainsFunc(call.Args, func(arg hclsyntax.Expression) bool { return refersToSensitive(arg, ctx) }) {
		return true
	}
	for _, traversal := range expr.Variables() {
		if v, _ := traversal.TraverseAbs(ctx); v != cty.NilVal && v.ContainsMarked() {
			return true
		}
	}
	v, _ := expr.Value(ctx)
	return v != cty.NilVal && v.ContainsMarked()
}

func isString(v cty.Value) bool {
	return v != cty.NilVal && v.Type() == cty.String && v.IsKnown() && !v.IsNull() && !v.IsMarked()
}
