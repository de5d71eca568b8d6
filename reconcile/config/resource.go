package config

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/cleat-dev/cleat/reconcile/graph"
	"github.com/cleat-dev/cleat/resources/contract"
)

// metaSchema are the arguments every resource and data block has.
func metaSchema() *hcl.BodySchema {
	return schemaOf("count for_each depends_on provider", "lifecycle", "connection", "provisioner", "locals")
}

// provisionerSchema is what metaSchema must say of the block that has a label.
func withProvisioners(schema *hcl.BodySchema) *hcl.BodySchema {
	for i := range schema.Blocks {
		if schema.Blocks[i].Type == "provisioner" {
			schema.Blocks[i].LabelNames = []string{"type"}
		}
	}
	return schema
}

func (r *moduleReader) resource(b *hcl.Block, mode graph.Mode) {
	name := localName{mode, b.Labels[0], b.Labels[1]}
	schema, ok := r.schema(b, name)
	if !ok {
		return
	}
	if before := r.mod.declarations[name]; before != nil {
		r.taken(b.DefRange, "resource configuration", name.String(), &before.at)
		return
	}
	d := &declaration{
		address: graph.Resource{Module: r.mod.address, Mode: mode, Type: name.typ, Name: name.name},
		module:  r.mod, schema: schema, at: b.DefRange, shape: r.cfg.shapes.of(schema),
	}
	content, rest, diags := b.Body.PartialContent(withProvisioners(metaSchema()))
	r.diags = append(r.diags, diags...)
	d.repeat = r.repetition(content)
	d.dependsOn = r.dependsOn(content)
	if attr := content.Attributes["provider"]; attr != nil {
		d.provider = r.providerRef(attr.Expr)
	}
	lifecycles := 0
	for _, block := range content.Blocks {
		switch block.Type {
		case "lifecycle":
			if lifecycles++; lifecycles > 1 {
				r.fail(block.DefRange, "Duplicate lifecycle block", "A resource can have one lifecycle block.")
				continue
			}
			r.lifecycle(block, d)
		case "locals":
			r.fail(block.DefRange, "Reserved block type", "The name locals is reserved inside a resource.")
		default:
			r.provisioner(block)
		}
	}
	reader := &bodyReader{shapes: r.cfg.shapes}
	d.body = reader.read(rest, schema, nil)
	d.bodyRefs = reader.refs
	r.diags = append(r.diags, reader.diags...)
	r.mod.declarations[name] = d
}

// schema finds the schema of a block, or says why there is none.
func (r *moduleReader) schema(b *hcl.Block, name localName) (*contract.Node, bool) {
	find, known, other, what := r.schemas.Resource, r.schemas.ResourceTypes(), r.schemas.DataSource, "resource type"
	instead := "data source"
	switch name.mode {
	case graph.Data:
		find, known, other, what, instead = r.schemas.DataSource, r.schemas.DataSourceTypes(), r.schemas.Resource, "data source", "resource type"
	case graph.Ephemeral:
		find, known, other, what, instead = r.schemas.Ephemeral, r.schemas.EphemeralTypes(), r.schemas.Resource, "ephemeral resource type", "resource type"
	}
	if schema, ok := find(name.typ); ok {
		return schema, true
	}
	if strings.HasPrefix(name.typ, "docker_") || didYouMean(name.typ, known) != "" {
		detail := fmt.Sprintf("There is no %s %q.", what, name.typ) + didYouMean(name.typ, known)
		if _, ok := other(name.typ); ok {
			detail = fmt.Sprintf("There is no %s %q; it is a %s.", what, name.typ, instead)
		}
		r.fail(b.LabelRanges[0], "Invalid "+what, detail)
		return nil, false
	}
	provider, _, _ := strings.Cut(name.typ, "_")
	r.unsupported(b.LabelRanges[0], fmt.Sprintf("%s %q", what, name.typ), fmt.Sprintf(
		"It belongs to the provider %q; cleat drives Docker engines only and knows types that begin with docker_. Keep it in a directory of its own, for Terraform.", provider))
	return nil, false
}

func (r *moduleReader) repetition(content *hcl.BodyContent) repetition {
	count, forEach := content.Attributes["count"], content.Attributes["for_each"]
	if count != nil && forEach != nil {
		r.fail(count.NameRange, `Invalid combination of "count" and "for_each"`, `The "count" and "for_each" arguments exclude each other; remove one.`)
		return repetition{}
	}
	return repetition{r.expr(count), r.expr(forEach)}
}

func (r *moduleReader) lifecycle(b *hcl.Block, d *declaration) {
	content := r.content(b, "create_before_destroy prevent_destroy ignore_changes replace_triggered_by", "precondition", "postcondition")
	for _, block := range content.Blocks {
		c := r.condition(block)
		if block.Type == "precondition" {
			d.preconditions = append(d.preconditions, c)
		} else {
			d.postconditions = append(d.postconditions, c)
		}
	}
	if d.address.Mode != graph.Managed {
		what := "data resource"
		if d.address.Mode == graph.Ephemeral {
			what = "ephemeral resource"
		}
		for name, attr := range content.Attributes {
			r.fail(attr.Range, "Invalid "+what+" lifecycle argument", fmt.Sprintf("The lifecycle argument %q is defined only for managed resources.", name))
		}
		return
	}
	r.constant(content, "create_before_destroy", &d.lifecycle.CreateBeforeDestroy)
	r.constant(content, "prevent_destroy", &d.lifecycle.PreventDestroy)
	if attr := content.Attributes["ignore_changes"]; attr != nil {
		r.ignoreChanges(attr, d)
	}
	if attr := content.Attributes["replace_triggered_by"]; attr != nil {
		exprs, diags := hcl.ExprList(attr.Expr)
		r.diags = append(r.diags, diags...)
		for _, expr := range exprs {
			r.trigger(expr, d)
		}
	}
}

func (r *moduleReader) ignoreChanges(attr *hcl.Attribute, d *declaration) {
	if hcl.ExprAsKeyword(unquote(attr.Expr)) == "all" {
		d.lifecycle.IgnoreAll = true
		return
	}
	exprs, diags := hcl.ExprList(attr.Expr)
	r.diags = append(r.diags, diags...)
	for _, expr := range exprs {
		traversal, diags := hcl.RelTraversalForExpr(unquote(expr))
		if diags.HasErrors() || len(traversal) == 0 {
			r.fail(expr.Range(), "Invalid expression", "ignore_changes takes names of attributes such as [image, labels[\"x\"]], or the keyword all.")
			continue
		}
		steps, problem := appendTraversal(nil, traversal)
		if problem != nil {
			r.diags = r.diags.Append(problem)
			continue
		}
		if problem := checkPath(d.schema, d.address, traversal, true); problem != nil {
			r.diags = r.diags.Append(problem)
			continue
		}
		d.lifecycle.IgnoreChanges = append(d.lifecycle.IgnoreChanges, stepsPath(steps))
	}
}

// trigger reads one entry of replace_triggered_by. Its keys may refer to each and count, evaluated per instance.
func (r *moduleReader) trigger(expr hcl.Expression, d *declaration) {
	expr = unquote(expr)
	e := &expression{Expression: expr}
	for _, key := range addressKeys(expr) {
		refs, diags := references(key, nil)
		r.diags = append(r.diags, diags...)
		for _, ref := range refs {
			if ref.kind != refEach && ref.kind != refCount {
				r.fail(ref.at, "Invalid reference in replace_triggered_by expression", "Only each.key, each.value and count.index can be used in an index here.")
				return
			}
		}
		e.refs = append(e.refs, refs...)
	}
	for _, traversal := range expr.Variables() {
		ref, problem := parseReference(traversal)
		if problem != nil {
			r.diags = r.diags.Append(problem)
			return
		}
		switch {
		case ref.kind == refEach || ref.kind == refCount:
		case ref.kind != refResource || ref.resource.mode != graph.Managed:
			r.fail(ref.at, "Invalid reference in replace_triggered_by expression", "Only managed resources of the same module and their attributes can be named here.")
			return
		default:
			e.refs = append(e.refs, ref)
		}
	}
	d.triggers = append(d.triggers, e)
}

// checkPath follows a traversal from the root of an object of the schema and reports the first name that does not
// exist. With setting, computed attributes are refused too.
func checkPath(node *contract.Node, of graph.Resource, traversal hcl.Traversal, setting bool) *hcl.Diagnostic {
	for i, t := range traversal {
		var name string
		switch t := t.(type) {
		case hcl.TraverseRoot:
			name = t.Name
		case hcl.TraverseAttr:
			name = t.Name
		default:
			if i == 0 {
				return nil
			}
			continue
		}
		if a, ok := node.Attribute(name); ok {
			if setting && i == 0 && !a.Required && !a.Optional {
				return errorAt(t.SourceRange(), "Redundant ignore_changes element",
					fmt.Sprintf("The attribute %q is decided by the engine; its changes cannot be ignored. Remove it from the list.", name))
			}
			return nil // values of attributes are checked when they are evaluated
		}
		block, ok := node.Block(name)
		if !ok {
			var known []string
			for _, a := range node.Attributes {
				known = append(known, a.Name)
			}
			for _, b := range node.Blocks {
				known = append(known, b.Name)
			}
			return errorAt(t.SourceRange(), "Unsupported attribute",
				fmt.Sprintf("%s has no argument, nested block, or exported attribute named %q.", of.Type, name)+didYouMean(name, known))
		}
		node = block.Node
		if block.Nesting != contract.Single && i+1 < len(traversal) {
			if _, ok := traversal[i+1].(hcl.TraverseAttr); ok {
				return errorAt(traversal[i+1].SourceRange(), "Unsupported attribute", fmt.Sprintf(
					"%q is a block that may appear more than once: choose one with an index, %s[0], or all with %s[*].", name, name, name))
			}
		}
	}
	return nil
}

// formatPath writes a path as it stands in configuration.
func formatPath(path cty.Path) string {
	var b strings.Builder
	for i, step := range path {
		switch step := step.(type) {
		case cty.GetAttrStep:
			if i > 0 {
				b.WriteByte('.')
			}
			b.WriteString(step.Name)
		case cty.IndexStep:
			switch {
			case step.Key.Type() == cty.Number && step.Key.IsKnown():
				b.WriteString("[" + step.Key.AsBigFloat().Text('f', -1) + "]")
			case isString(step.Key):
				fmt.Fprintf(&b, "[%q]", step.Key.AsString())
			default:
				b.WriteString("[…]")
			}
		}
	}
	return b.String()
}
