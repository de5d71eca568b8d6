package config

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/gocty"

	"github.com/cleat-dev/cleat/internal/lang"
	"github.com/cleat-dev/cleat/reconcile/graph"
)

// expand settles the instances of a block.
func (e *Evaluator) expand(o *objects) {
	o.expand.Do(func() {
		o.keys, o.data, o.expanded = e.repeat(o.scope, o.decl.repeat, o.decl.address.String())
	})
}

// repeat evaluates count or for_each in a scope. owner names the block in messages.
func (e *Evaluator) repeat(s *scope, r repetition, owner string) ([]graph.Key, map[graph.Key]repetitionData, hcl.Diagnostics) {
	var diags hcl.Diagnostics
	var values []cty.Value
	for _, expr := range []*expression{r.count, r.forEach} {
		if expr == nil {
			continue
		}
		v, more := e.expression(s, expr, repetitionData{})
		diags = append(diags, more...)
		values = append(values, v)
	}
	if diags.HasErrors() {
		return nil, nil, diags
	}
	if !r.any() {
		return []graph.Key{graph.NoKey}, map[graph.Key]repetitionData{graph.NoKey: {}}, diags
	}
	if lang.ContainsEphemeral(values[0]) {
		at := cmp.Or(r.count, r.forEach).Range()
		return nil, nil, diags.Append(errorAt(at, "Invalid use of ephemeral value", "How many instances "+owner+" has is shown, and what is ephemeral must not be."))
	}
	if e.validating && !values[0].IsWhollyKnown() {
		data := repetitionData{countIndex: cty.UnknownVal(cty.Number)}
		if r.forEach != nil {
			data = repetitionData{eachKey: cty.UnknownVal(cty.String), eachValue: cty.DynamicVal}
		}
		return []graph.Key{graph.NoKey}, map[graph.Key]repetitionData{graph.NoKey: data}, diags
	}
	var keys []graph.Key
	var data map[graph.Key]repetitionData
	var problem *hcl.Diagnostic
	if r.count != nil {
		keys, data, problem = countKeys(values[0], r.count.Range(), owner)
	} else {
		keys, data, problem = forEachKeys(values[0], r.forEach.Range(), owner)
	}
	if problem != nil {
		diags = diags.Append(problem)
	}
	return keys, data, diags
}

const unknownAdvice = "Use -target to apply first only what it depends on, then apply again; or make it depend on variables and local values only."

func countKeys(v cty.Value, at hcl.Range, owner string) ([]graph.Key, map[graph.Key]repetitionData, *hcl.Diagnostic) {
	v, marks := v.Unmark() // a sensitive count shows no more than how many instances there are
	bad := func(detail string) ([]graph.Key, map[graph.Key]repetitionData, *hcl.Diagnostic) {
		return nil, nil, errorAt(at, "Invalid count argument", fmt.Sprintf("The count of %s: %s", owner, detail))
	}
	if v.IsNull() {
		return bad("found null, expected a whole number from 0.")
	}
	v, err := convert.Convert(v, cty.Number)
	if err != nil {
		return bad(fmt.Sprintf("%s, expected a whole number from 0.", err))
	}
	if !v.IsKnown() {
		return bad("it depends on values that are known only after apply, so it cannot be planned how many instances there will be. " + unknownAdvice)
	}
	var n int
	if err := gocty.FromCtyValue(v, &n); err != nil || n < 0 {
		if len(marks) > 0 {
			return bad("it is a sensitive value, and not a whole number from 0.")
		}
		return bad(fmt.Sprintf("found %s, expected a whole number from 0.", v.AsBigFloat().Text('f', -1)))
	}
	keys := make([]graph.Key, n)
	data := make(map[graph.Key]repetitionData, n)
	for i := range n {
		keys[i] = graph.IntKey(i)
		data[keys[i]] = repetitionData{countIndex: cty.NumberIntVal(int64(i))}
	}
	return keys, data, nil
}

func forEachKeys(v cty.Value, at hcl.Range, owner string) ([]graph.Key, map[graph.Key]repetitionData, *hcl.Diagnostic) {
	bad := func(detail string) ([]graph.Key, map[graph.Key]repetitionData, *hcl.Diagnostic) {
		return nil, nil, errorAt(at, "Invalid for_each argument", fmt.Sprintf("The for_each of %s: %s", owner, detail))
	}
	t := v.Type()
	switch {
	case lang.IsSensitive(v):
		return bad("it is sensitive, and its keys would be shown as addresses. Use a value that is not sensitive, or keys of it with nonsensitive().")
	case !v.IsKnown() || t == cty.DynamicPseudoType && !v.IsNull():
		return bad("its keys depend on values that are known only after apply, so it cannot be planned which instances there will be. " + unknownAdvice)
	case v.IsNull():
		return bad("found null, expected a map or a set of strings.")
	case !t.IsMapType() && !t.IsObjectType() && !t.IsSetType():
		detail := fmt.Sprintf("found %s, expected a map or a set of strings.", t.FriendlyName())
		if t.IsTupleType() || t.IsListType() {
			detail += " Use toset(…) for a list of strings."
		}
		return bad(detail)
	}
	if t.IsSetType() {
		if !v.IsWhollyKnown() {
			return bad("it is a set with elements that are known only after apply. " + unknownAdvice)
		}
		if et := t.ElementType(); et != cty.String && v.LengthInt() > 0 {
			return bad(fmt.Sprintf("found a set of %s, expected a map or a set of strings.", et.FriendlyName()))
		}
	}
	var keys []graph.Key
	data := map[graph.Key]repetitionData{}
	for key, element := range v.Elements() {
		if key.IsNull() {
			return bad("found a set with a null element, expected strings only.")
		}
		k := graph.StringKey(key.AsString())
		keys = append(keys, k)
		data[k] = repetitionData{eachKey: key, eachValue: element}
	}
	slices.SortFunc(keys, graph.Key.Compare)
	return keys, data, nil
}
