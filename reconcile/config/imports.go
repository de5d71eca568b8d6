package config

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/cleat-dev/cleat/reconcile/graph"
)

// Imports evaluates the import blocks. Addresses and ids must be known before the walk: they may refer to variables
// and local values, not to resources.
func (e *Evaluator) Imports() ([]Import, hcl.Diagnostics) {
	// Values are remembered once made: an evaluator of its own leaves none behind that was made too early.
	early := NewEvaluator(e.cfg, e.opts)
	var found []Import
	var diags hcl.Diagnostics
	seen := map[graph.Instance]hcl.Range{}
	for _, decl := range e.cfg.root.imports {
		repeat := repetition{forEach: decl.forEach}
		keys, data, more := early.repeat(early.root, repeat, "import")
		diags = append(diags, more...)
		for _, key := range keys {
			i, more := early.importOne(decl, data[key])
			diags = append(diags, more...)
			if more.HasErrors() {
				continue
			}
			if before, ok := seen[i.To]; ok {
				diags = diags.Append(errorAt(decl.at, "Duplicate import configuration", fmt.Sprintf("%s is imported at %s already.", i.To, before)))
				continue
			}
			seen[i.To] = decl.at
			found = append(found, i)
		}
	}
	return found, clean(diags)
}

func (e *Evaluator) importOne(decl *importDecl, data repetitionData) (Import, hcl.Diagnostics) {
	ctx, diags := e.context(e.root, decl.to.refs)
	if diags.HasErrors() {
		return Import{}, diags
	}
	steps, problem := addressSteps(decl.to.Expression, withRepetition(ctx, data))
	if problem != nil {
		return Import{}, diags.Append(problem)
	}
	target, problem := stepsTarget(graph.Module{}, steps, decl.to.Range())
	switch {
	case problem != nil:
		return Import{}, diags.Append(problem)
	case target.IsModule() || target.Mode != graph.Managed:
		return Import{}, diags.Append(errorAt(decl.to.Range(), "Invalid import address", "Only resources can be imported; give an address such as docker_container.web."))
	}
	to := graph.Instance(target)
	if _, ok := e.declaration(to.Resource()); !ok {
		return Import{}, diags.Append(errorAt(decl.to.Range(), "Configuration for import target does not exist",
			fmt.Sprintf("There is no block %s in the configuration. Write it, so that what is imported can be compared with it.", to.Resource())))
	}
	id, more := e.expression(e.root, decl.given(), data)
	diags = append(diags, more...)
	if diags.HasErrors() {
		return Import{}, diags
	}
	what, wrong := "id", ""
	if decl.identity != nil {
		what = "identity"
		id, wrong = identifying(id, e.cfg.schemas.IdentifiedBy(to.Type), to.Type)
	}
	text := ""
	if wrong == "" {
		text, wrong = importText(id)
	}
	if wrong != "" {
		return Import{}, diags.Append(errorAt(decl.given().Range(), "Invalid import "+what+" argument", "The import "+what+" "+wrong))
	}
	return Import{To: to, ID: text, Range: decl.at}, diags
}

// given is the expression that says which object is imported.
func (d *importDecl) given() *expression {
	if d.identity != nil {
		return d.identity
	}
	return d.id
}

// identifying is the attribute of an identity that tells the objects of a type apart, or what is wrong with the identity.
func identifying(identity cty.Value, by, typ string) (id cty.Value, wrong string) {
	object, marks := identity.Unmark()
	switch {
	case object.IsNull() || !object.IsKnown():
		return object, ""
	case !object.CanIterateElements() || object.Type().IsTupleType() || object.Type().IsListType() || object.Type().IsSetType():
		return object, fmt.Sprintf("must be an object: { %s = … }.", by)
	}
	id = cty.NilVal
	for it := object.ElementIterator(); it.Next(); {
		name, value := it.Element()
		if name.AsString() != by {
			return object, fmt.Sprintf("has no attribute %q: what identifies a %s is { %s = … }.", name.AsString(), typ, by)
		}
		id = value.WithMarks(marks)
	}
	if id == cty.NilVal {
		return object, fmt.Sprintf("lacks the attribute %q: what identifies a %s is { %[1]s = … }.", by, typ)
	}
	return id, ""
}

// importText is the text of an id, and what is wrong with it: one of them is empty.
func importText(id cty.Value) (string, string) {
	id, marks := id.UnmarkDeep()
	text, err := convert.Convert(id, cty.String)
	switch {
	case err != nil:
		return "", fmt.Sprintf("must be a string: %s.", err)
	case len(marks) > 0:
		return "", "cannot be sensitive: it is shown in the plan."
	case text.IsNull() || !text.IsKnown():
		return "", "is null or depends on what is known only after apply; use a constant, a variable or a local value."
	case text.AsString() == "":
		return "", "is empty; give the name or id of the object."
	}
	return text.AsString(), ""
}
