package config

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/cleat-dev/cleat/resources/contract"
)

// body is the inside of a block, read once against its schema. What does not depend on the instance (which arguments
// and blocks there are, constant values) is settled here, so that an instance costs only its expressions.
type body struct {
	shape      *shape
	attributes []bodyAttribute
	blocks     map[string][]bodyBlock // by type, in the order of the source
	missing    hcl.Range
}

type bodyAttribute struct {
	spec     *contract.Attribute
	typ      cty.Type
	expr     hcl.Expression
	at       hcl.Range
	constant cty.Value // converted, or cty.NilVal
}

// bodyBlock is one nested block, or a dynamic block that generates any number.
type bodyBlock struct {
	inside  *body
	at      hcl.Range
	dynamic *dynamic
}

type dynamic struct {
	forEach  hcl.Expression
	iterator string
}

// bodyReader reads bodies and collects their references and problems.
type bodyReader struct {
	shapes *shapes
	refs   []reference
	diags  hcl.Diagnostics
}

// read reads the body of a block of this schema. owner names it in messages; iterators are names of dynamic blocks
// around it.
func (r *bodyReader) read(from hcl.Body, node *contract.Node, iterators []string) *body {
	shape := r.shapes.of(node)
	content, diags := from.Content(shape.schema)
	r.diags = append(r.diags, diags...)
	b := &body{shape: shape, blocks: map[string][]bodyBlock{}, missing: from.MissingItemRange()}
	for _, name := range slices.Sorted(maps.Keys(content.Attributes)) {
		attr := content.Attributes[name]
		if spec, ok := node.Block(name); ok {
			if a, ok := r.asAttribute(attr, spec, content.Blocks, shape, iterators); ok {
				b.attributes = append(b.attributes, a)
			}
			continue
		}
		if a, ok := r.attribute(attr, node, iterators); ok {
			b.attributes = append(b.attributes, a)
		}
	}
	for _, block := range content.Blocks {
		r.block(b, block, node, iterators)
	}
	for _, spec := range node.Blocks {
		declared := b.blocks[spec.Name]
		if spec.Nesting == contract.Single && len(declared) > 1 {
			r.diags = r.diags.Append(errorAt(declared[1].at, "Duplicate "+spec.Name+" block",
				fmt.Sprintf("Only one %s block is allowed; another is at %s.", spec.Name, declared[0].at)))
		}
	}
	return b
}

func (r *bodyReader) attribute(attr *hcl.Attribute, node *contract.Node, iterators []string) (bodyAttribute, bool) {
	spec, _ := node.Attribute(attr.Name)
	if !spec.Required && !spec.Optional {
		r.diags = r.diags.Append(errorAt(attr.Range, "Value for unconfigurable attribute",
			fmt.Sprintf("The value of %q is decided by the engine when the object is made; it cannot be set here. Remove this argument.", attr.Name)))
		return bodyAttribute{}, false
	}
	r.deprecated(attr.NameRange, "argument", attr.Name, spec.Deprecated)
	return r.value(attr, spec, r.shapes.of(node), iterators), true
}

// asAttribute reads blocks that are written as an attribute, as Terraform writes those that are one for it.
func (r *bodyReader) asAttribute(attr *hcl.Attribute, spec *contract.Block, blocks hcl.Blocks, shape *shape, iterators []string) (bodyAttribute, bool) {
	for _, block := range blocks {
		switch {
		case block.Type != spec.Name:
		case attr.Range.Overlaps(block.DefRange): // JSON, where both are written the same
			return bodyAttribute{}, false
		default:
			r.diags = r.diags.Append(errorAt(attr.Range, "Block and attribute",
				fmt.Sprintf("%q is written as an attribute here and as a block at %s: use blocks alone.", spec.Name, block.DefRange)))
			return bodyAttribute{}, false
		}
	}
	return r.value(attr, &contract.Attribute{Name: spec.Name, Type: spec.Type, Optional: true}, shape, iterators), true
}

// value reads what an attribute is given.
func (r *bodyReader) value(attr *hcl.Attribute, spec *contract.Attribute, shape *shape, iterators []string) bodyAttribute {
	refs, diags := references(attr.Expr, iterators)
	r.refs = append(r.refs, refs...)
	r.diags = append(r.diags, diags...)
	a := bodyAttribute{spec: spec, typ: shape.object.AttributeType(attr.Name), expr: attr.Expr, at: attr.Expr.Range()}
	if isConstant(attr.Expr) {
		v, diags := attr.Expr.Value(nil)
		r.diags = append(r.diags, clean(diags)...)
		if !diags.HasErrors() {
			converted, problem := a.convert(v)
			if problem != nil {
				r.diags = r.diags.Append(problem)
			} else {
				a.constant = converted
			}
		}
	}
	return a
}

// deprecated warns when the schema says why something should not be used any more.
func (r *bodyReader) deprecated(at hcl.Range, what, name, why string) {
	if why != "" {
		r.diags = r.diags.Append(warningAt(at, "Deprecated "+what, fmt.Sprintf("The %s %q is deprecated: %s", what, name, why)))
	}
}

// convert makes a value of the attribute's type.
func (a *bodyAttribute) convert(v cty.Value) (cty.Value, *hcl.Diagnostic) {
	converted, err := convert.Convert(v, a.typ)
	if err != nil {
		return cty.NilVal, errorAt(a.at, "Incorrect attribute value type",
			fmt.Sprintf("Inappropriate value for attribute %q: %s.", a.spec.Name, convertError(err)))
	}
	if a.spec.Required && converted.IsNull() {
		return cty.NilVal, errorAt(a.at, "Missing required argument",
			fmt.Sprintf("The argument %q is required, but its value is null.", a.spec.Name))
	}
	return converted, nil
}

// convertError says where in a value a conversion failed.
func convertError(err error) string {
	path, ok := err.(cty.PathError) //nolint:errorlint // convert returns it bare
	if !ok || len(path.Path) == 0 {
		return err.Error()
	}
	return formatPath(path.Path) + ": " + err.Error()
}

func (r *bodyReader) block(b *body, block *hcl.Block, node *contract.Node, iterators []string) {
	if block.Type != "dynamic" {
		spec, _ := node.Block(block.Type)
		r.deprecated(block.DefRange, "block", block.Type, spec.Deprecated)
		b.blocks[spec.Name] = append(b.blocks[spec.Name], bodyBlock{inside: r.read(block.Body, spec.Node, iterators), at: block.DefRange})
		return
	}
	typ := block.Labels[0]
	spec, ok := node.Block(typ)
	if !ok {
		known := make([]string, len(node.Blocks))
		for i, block := range node.Blocks {
			known[i] = block.Name
		}
		r.diags = r.diags.Append(errorAt(block.LabelRanges[0], "Unsupported block type",
			fmt.Sprintf("Blocks of type %q are not expected here.", typ)+didYouMean(typ, known)))
		return
	}
	content, diags := block.Body.Content(&hcl.BodySchema{
		Attributes: []hcl.AttributeSchema{{Name: "for_each", Required: true}, {Name: "iterator"}, {Name: "labels"}},
		Blocks:     []hcl.BlockHeaderSchema{{Type: "content"}},
	})
	r.diags = append(r.diags, diags...)
	d := &dynamic{iterator: typ}
	if attr := content.Attributes["iterator"]; attr != nil {
		if d.iterator = hcl.ExprAsKeyword(attr.Expr); d.iterator == "" {
			r.diags = r.diags.Append(errorAt(attr.Expr.Range(), "Invalid expression", "The iterator must be a single name, such as iterator = port."))
		}
	}
	if attr := content.Attributes["labels"]; attr != nil {
		r.diags = r.diags.Append(errorAt(attr.Range, "Extraneous label for "+typ, fmt.Sprintf("No labels are expected for %s blocks.", typ)))
	}
	if len(content.Blocks) != 1 {
		r.diags = r.diags.Append(errorAt(block.DefRange, "Wrong number of content blocks", `A dynamic block must have exactly one nested block of type "content".`))
		return
	}
	attr := content.Attributes["for_each"]
	if attr == nil {
		return
	}
	d.forEach = attr.Expr
	refs, diags := references(attr.Expr, iterators)
	r.refs = append(r.refs, refs...)
	r.diags = append(r.diags, diags...)
	inside := r.read(content.Blocks[0].Body, spec.Node, append(slices.Clone(iterators), d.iterator))
	b.blocks[typ] = append(b.blocks[typ], bodyBlock{inside: inside, at: block.DefRange, dynamic: d})
}

// isConstant reports whether an expression has the same value every time. Calls are not taken to (uuid, file).
func isConstant(expr hcl.Expression) bool {
	node, ok := expr.(hclsyntax.Expression)
	if !ok || len(expr.Variables()) > 0 {
		return false
	}
	constant := true
	_ = hclsyntax.VisitAll(node, func(n hclsyntax.Node) hcl.Diagnostics {
		if _, call := n.(*hclsyntax.FunctionCallExpr); call {
			constant = false
		}
		return nil
	})
	return constant
}
