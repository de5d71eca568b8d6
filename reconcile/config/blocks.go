package config

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/gohcl"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/cleat-dev/cleat/reconcile/graph"
)

// moduleReader turns the blocks of one module into declarations.
type moduleReader struct {
	*loader
	mod   *module
	diags hcl.Diagnostics
}

func (r *moduleReader) fail(at hcl.Range, summary, detail string) {
	r.diags = r.diags.Append(errorAt(at, summary, detail))
}

// unsupported refuses what Terraform has and cleat has not.
func (r *moduleReader) unsupported(at hcl.Range, what, detail string) {
	r.fail(at, "Unsupported: "+what, detail)
}

func (r *moduleReader) block(b *hcl.Block) {
	for i, label := range b.Labels {
		if !hclsyntax.ValidIdentifier(label) {
			r.fail(b.LabelRanges[i], "Invalid name", fmt.Sprintf("%q: a name must start with a letter or underscore and may contain only letters, digits, underscores, and dashes.", label))
			return
		}
	}
	// Whatever becomes of the block, its name is taken. That matters only when it is not declared in the end.
	switch b.Type {
	case "variable":
		r.mod.refused["var."+b.Labels[0]] = true
	case "output", "module":
		r.mod.refused[b.Type+"."+b.Labels[0]] = true
	case "resource":
		r.mod.refused[b.Labels[0]+"."+b.Labels[1]] = true
	case "data", "ephemeral":
		r.mod.refused[b.Type+"."+b.Labels[0]+"."+b.Labels[1]] = true
	}
	switch b.Type {
	case "terraform":
		r.settings(b)
	case "provider":
		r.provider(b)
	case "variable":
		r.variable(b)
	case "locals":
		r.locals(b)
	case "output":
		r.output(b)
	case "module":
		r.moduleCall(b)
	case "resource":
		r.resource(b, graph.Managed)
	case "data":
		r.resource(b, graph.Data)
	case "moved":
		r.moved(b)
	case "removed":
		r.removed(b)
	case "import":
		r.importBlock(b)
	case "check":
		r.check(b)
	case "ephemeral":
		r.resource(b, graph.Ephemeral)
	}
}

func (r *moduleReader) content(b *hcl.Block, attributes string, blocks ...string) *hcl.BodyContent {
	content, diags := b.Body.Content(schemaOf(attributes, blocks...))
	r.diags = append(r.diags, diags...)
	return content
}

// schemaOf is an HCL schema of space separated arguments, required ones with a star, and of blocks without labels.
func schemaOf(attributes string, blocks ...string) *hcl.BodySchema {
	schema := &hcl.BodySchema{}
	for _, name := range splitFields(attributes) {
		required := name[0] == '*'
		if required {
			name = name[1:]
		}
		schema.Attributes = append(schema.Attributes, hcl.AttributeSchema{Name: name, Required: required})
	}
	for _, typ := range blocks {
		schema.Blocks = append(schema.Blocks, hcl.BlockHeaderSchema{Type: typ})
	}
	return schema
}

// constant decodes an argument that must not refer to anything into a Go value.
func (r *moduleReader) constant(content *hcl.BodyContent, name string, into any) bool {
	attr := content.Attributes[name]
	if attr == nil {
		return false
	}
	diags := gohcl.DecodeExpression(attr.Expr, nil, into)
	if diags.HasErrors() {
		r.diags = r.diags.Append(clean(diags)[0]) // the others follow from it
	}
	return !diags.HasErrors()
}

func (r *moduleReader) expr(attr *hcl.Attribute) *expression {
	if attr == nil {
		return nil
	}
	e, diags := newExpression(attr.Expr)
	r.diags = append(r.diags, diags...)
	return e
}

// taken reports a name that is declared already.
func (r *moduleReader) taken(at hcl.Range, what, name string, before *hcl.Range) bool {
	if before != nil {
		r.fail(at, "Duplicate "+what, fmt.Sprintf("%q was already declared at %s. Names must be unique in a module.", name, before))
	}
	return before != nil
}

func (r *moduleReader) locals(b *hcl.Block) {
	attrs, diags := b.Body.JustAttributes()
	r.diags = append(r.diags, diags...)
	_, override := b.Body.(overrideBody)
	for _, name := range slices.Sorted(maps.Keys(attrs)) {
		attr := attrs[name]
		if before := r.mod.locals[name]; before != nil && !override {
			r.taken(attr.NameRange, "local value definition", name, &before.at)
			continue
		}
		r.mod.locals[name] = &local{name: name, at: attr.NameRange, value: r.expr(attr)}
	}
}

func (r *moduleReader) output(b *hcl.Block) {
	o := &output{name: b.Labels[0], at: b.DefRange}
	if before := r.mod.outputs[o.name]; before != nil {
		r.taken(b.DefRange, "output definition", o.name, &before.at)
		return
	}
	content := r.content(b, "description *value sensitive ephemeral depends_on", "precondition", "postcondition")
	r.constant(content, "description", &o.description)
	r.constant(content, "sensitive", &o.sensitive)
	r.constant(content, "ephemeral", &o.ephemeral)
	if o.ephemeral && r.mod.address.IsRoot() {
		r.fail(content.Attributes["ephemeral"].Range, "Ephemeral output not allowed", "Ephemeral outputs are not allowed in the root module, whose outputs are kept. Remove the argument, or the output.")
	}
	o.value = r.expr(content.Attributes["value"])
	o.dependsOn = r.dependsOn(content)
	for _, block := range content.Blocks {
		if block.Type == "postcondition" {
			r.fail(block.DefRange, "Postconditions are not allowed", "Output values can only have preconditions, not postconditions.")
			continue
		}
		o.preconditions = append(o.preconditions, r.condition(block))
	}
	if o.value != nil {
		r.mod.outputs[o.name] = o
	}
}

func (r *moduleReader) condition(b *hcl.Block) *condition {
	content := r.content(b, "*condition *error_message")
	return &condition{at: b.DefRange, test: r.expr(content.Attributes["condition"]), message: r.expr(content.Attributes["error_message"])}
}

// dependsOn reads a list of references.
func (r *moduleReader) dependsOn(content *hcl.BodyContent) (refs []reference) {
	attr := content.Attributes["depends_on"]
	if attr == nil {
		return nil
	}
	exprs, diags := hcl.ExprList(attr.Expr)
	r.diags = append(r.diags, diags...)
	for _, expr := range exprs {
		traversal, diags := hcl.AbsTraversalForExpr(unquote(expr))
		if diags.HasErrors() {
			r.fail(expr.Range(), "Invalid expression", "depends_on takes a list of references such as [docker_network.app, module.db].")
			continue
		}
		ref, problem := parseReference(traversal)
		switch {
		case problem != nil:
			r.diags = r.diags.Append(problem)
		case ref.kind == refEach, ref.kind == refCount, ref.kind == refSelf, ref.kind == refPath, ref.kind == refTerraform:
			r.fail(expr.Range(), "Invalid depends_on reference", "References in depends_on must be to a resource, data source, module, variable, local value or output, which can be waited for.")
		default:
			refs = append(refs, ref)
		}
	}
	return refs
}

// unquote makes a reference of a quoted one, as written before Terraform 0.12.
func unquote(expr hcl.Expression) hcl.Expression {
	template, ok := expr.(*hclsyntax.TemplateExpr)
	if !ok || !template.IsStringLiteral() {
		return expr
	}
	v, diags := template.Value(nil)
	if diags.HasErrors() || !isString(v) {
		return expr
	}
	// Columns are those of the text after the quote.
	start := expr.Range().Start
	start.Column++
	start.Byte++
	inner, diags := hclsyntax.ParseExpression([]byte(v.AsString()), expr.Range().Filename, start)
	if diags.HasErrors() {
		return expr
	}
	return inner
}

func (r *moduleReader) check(b *hcl.Block) {
	c := &check{name: b.Labels[0], at: b.DefRange}
	if before := r.mod.checks[c.name]; before != nil {
		r.taken(b.DefRange, "check", c.name, &before.at)
		return
	}
	content, diags := b.Body.Content(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
		{Type: "assert"}, {Type: "data", LabelNames: []string{"type", "name"}},
	}})
	r.diags = append(r.diags, diags...)
	for _, block := range content.Blocks {
		if block.Type == "data" {
			r.unsupported(block.DefRange, "data block in a check", "Move the data block out of the check, to the top of the file; the assertions can refer to it there.")
			continue
		}
		c.asserts = append(c.asserts, r.condition(block))
	}
	if len(c.asserts) == 0 && !diags.HasErrors() {
		r.fail(b.DefRange, "Zero assert blocks", "A check needs at least one assert block.")
	}
	r.mod.checks[c.name] = c
}

func (r *moduleReader) importBlock(b *hcl.Block) {
	if !r.mod.address.IsRoot() {
		r.fail(b.DefRange, "Invalid import configuration", "An import block is allowed only in the root module. Move it there and give the full address, such as "+r.mod.address.String()+".docker_container.web.")
		return
	}
	content := r.content(b, "*to id identity for_each provider")
	if attr := content.Attributes["provider"]; attr != nil {
		r.diags = r.diags.Append(warningAt(attr.Range, "Argument has no effect", "The object is imported by the provider of the resource that to names."))
	}
	decl := &importDecl{
		at: b.DefRange, id: r.expr(content.Attributes["id"]), identity: r.expr(content.Attributes["identity"]),
		forEach: r.expr(content.Attributes["for_each"]),
	}
	if (decl.id == nil) == (decl.identity == nil) {
		r.fail(b.DefRange, "Invalid import block", "An import block has one of id (the object's name or id) and identity (an object such as { id = \"…\" }).")
		return
	}
	if attr := content.Attributes["to"]; attr != nil {
		decl.to = &expression{Expression: unquote(attr.Expr)}
		for _, ref := range addressKeys(decl.to.Expression) {
			e, diags := newExpression(ref)
			r.diags = append(r.diags, diags...)
			decl.to.refs = append(decl.to.refs, e.refs...)
		}
	}
	if decl.to != nil {
		r.mod.imports = append(r.mod.imports, decl)
	}
}

// endpoint reads a constant address relative to this module.
func (r *moduleReader) endpoint(attr *hcl.Attribute) (graph.Target, bool) {
	if attr == nil {
		return graph.Target{}, false
	}
	steps, problem := addressSteps(unquote(attr.Expr), nil)
	if problem == nil {
		var target graph.Target
		if target, problem = stepsTarget(r.mod.address, steps, attr.Expr.Range()); problem == nil {
			return target, true
		}
	}
	r.diags = r.diags.Append(problem)
	return graph.Target{}, false
}

func (r *moduleReader) moved(b *hcl.Block) {
	content := r.content(b, "*from *to")
	from, ok := r.endpoint(content.Attributes["from"])
	to, ok2 := r.endpoint(content.Attributes["to"])
	switch {
	case !ok || !ok2:
	case from.IsModule() != to.IsModule():
		r.fail(b.DefRange, "Invalid moved block", fmt.Sprintf("from (%s) and to (%s) must both be modules or both be resources.", from, to))
	case !from.IsModule() && (from.Mode != graph.Managed || to.Mode != graph.Managed):
		r.fail(b.DefRange, "Invalid moved block", "Data sources have no record to move; the block can be removed.")
	case !from.IsModule() && from.Type != to.Type:
		r.fail(b.DefRange, "Invalid moved block", fmt.Sprintf("An object cannot change its type: from is %s, to is %s.", from.Type, to.Type))
	case from == to:
		r.fail(b.DefRange, "Redundant move", fmt.Sprintf("from and to are the same address %s; the block can be removed.", from))
	default:
		r.cfg.moved = append(r.cfg.moved, Moved{From: from, To: to, Range: b.DefRange, base: len(r.mod.address.Names())})
	}
}

func (r *moduleReader) removed(b *hcl.Block) {
	content := r.content(b, "*from", "lifecycle", "provisioner", "connection")
	from, ok := r.endpoint(content.Attributes["from"])
	removed := Removed{From: from, Destroy: true, Range: b.DefRange}
	for _, block := range content.Blocks {
		if block.Type != "lifecycle" {
			r.provisioner(block)
			continue
		}
		lifecycle := r.content(block, "destroy")
		r.constant(lifecycle, "destroy", &removed.Destroy)
	}
	if ok && !from.Key.IsNone() {
		r.fail(b.DefRange, "Resource instance keys not allowed", "from must name a whole resource or module, without an instance key.")
		ok = false
	}
	if ok {
		r.cfg.removed = append(r.cfg.removed, removed)
	}
}

func (r *moduleReader) provisioner(b *hcl.Block) {
	r.unsupported(b.DefRange, b.Type+" block", "Provisioners act outside of what a plan can show, and cleat runs none. Put the commands into the image, the container's command or the pipeline around cleat.")
}

// constantString is the value of an expression that is a string and refers to nothing.
func constantString(expr hcl.Expression) (string, bool) {
	v, diags := expr.Value(nil)
	if diags.HasErrors() || v == cty.NilVal || !isString(v) {
		return "", false
	}
	return v.AsString(), true
}
