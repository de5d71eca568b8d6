package config

import (
	"fmt"
	"strings"

	"github.com/hashicorp/go-version"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

func splitFields(s string) []string { return strings.Fields(s) }

// settings reads a terraform block: version and provider requirements are checked, where Terraform keeps its state
// does not matter here.
func (r *moduleReader) settings(b *hcl.Block) {
	content, diags := b.Body.Content(&hcl.BodySchema{
		Attributes: []hcl.AttributeSchema{{Name: "required_version"}, {Name: "experiments"}, {Name: "language"}},
		Blocks: []hcl.BlockHeaderSchema{
			{Type: "required_providers"}, {Type: "cloud"},
			{Type: "backend", LabelNames: []string{"type"}}, {Type: "provider_meta", LabelNames: []string{"provider"}},
		},
	})
	r.diags = append(r.diags, diags...)
	if attr := content.Attributes["required_version"]; attr != nil {
		r.requiredVersion(attr)
	}
	if attr := content.Attributes["experiments"]; attr != nil {
		r.unsupported(attr.Range, "language experiments", "cleat implements the language of Terraform "+LanguageVersion+" without experiments. Remove this argument.")
	}
	for _, block := range content.Blocks {
		switch block.Type {
		case "required_providers":
			r.requiredProviders(block)
		case "backend", "cloud":
			r.diags = r.diags.Append(warningAt(block.DefRange, "State storage is ignored",
				fmt.Sprintf("cleat keeps no state file: the engine is the state. This %s block matters only to Terraform.", block.Type)))
		}
	}
}

func (r *moduleReader) requiredVersion(attr *hcl.Attribute) {
	text, ok := constantString(attr.Expr)
	if !ok {
		r.fail(attr.Expr.Range(), "Invalid version constraint", `Expected a constant string such as ">= 1.5".`)
		return
	}
	constraint, err := version.NewConstraint(text)
	if err != nil {
		r.fail(attr.Expr.Range(), "Invalid version constraint", fmt.Sprintf("Found %q, expected constraints such as \">= 1.5, < 2.0\".", text))
		return
	}
	if !constraint.Check(r.language) {
		r.fail(attr.Expr.Range(), "Unsupported language version",
			fmt.Sprintf("The configuration of %s requires Terraform %s; cleat implements the language of Terraform %s.", r.mod.title(), text, r.language))
	}
}

// requiredProviders accepts the docker provider from any namespace and refuses every other.
func (r *moduleReader) requiredProviders(b *hcl.Block) {
	attrs, diags := b.Body.JustAttributes()
	r.diags = append(r.diags, diags...)
	for name, attr := range attrs {
		source := name
		if pairs, diags := hcl.ExprMap(attr.Expr); !diags.HasErrors() {
			for _, pair := range pairs {
				key := hcl.ExprAsKeyword(pair.Key)
				if key == "" {
					key, _ = constantString(pair.Key)
				}
				switch key {
				case "source":
					source, _ = constantString(pair.Value)
				case "configuration_aliases":
					r.configurationAliases(pair.Value)
				}
			}
		}
		parts := strings.Split(source, "/")
		if parts[len(parts)-1] != "docker" || len(parts) > 3 {
			r.unsupported(attr.Range, "provider "+source, fmt.Sprintf(
				"cleat drives Docker engines only: found the source %q, expected one that ends in /docker such as \"kreuzwerker/docker\". Keep what needs other providers in a directory of its own, for Terraform.", source))
			continue
		}
		r.mod.providerNames[name] = true
	}
}

func (r *moduleReader) configurationAliases(expr hcl.Expression) {
	exprs, diags := hcl.ExprList(expr)
	r.diags = append(r.diags, diags...)
	for _, expr := range exprs {
		if ref := r.providerRef(expr); ref != nil && ref.alias != "" {
			r.mod.wantedAliases[ref.alias] = ref.at
		}
	}
}

// providerRef reads docker or docker.alias.
func (r *moduleReader) providerRef(expr hcl.Expression) *providerRef {
	traversal, diags := hcl.AbsTraversalForExpr(unquote(expr))
	if diags.HasErrors() || len(traversal) > 2 {
		r.fail(expr.Range(), "Invalid provider reference", "Expected a provider such as docker or docker.alias, without quotes.")
		return nil
	}
	ref := &providerRef{name: traversal.RootName(), at: expr.Range()}
	if len(traversal) == 2 {
		alias, ok := traversal[1].(hcl.TraverseAttr)
		if !ok {
			r.unsupported(expr.Range(), "provider instance keys", "Name one provider block by its alias, such as docker.alias.")
			return nil
		}
		ref.alias = alias.Name
	}
	return ref
}

func (r *moduleReader) provider(b *hcl.Block) {
	decl := &providerDecl{name: b.Labels[0], at: b.DefRange}
	if !r.mod.providerNames[decl.name] {
		r.unsupported(b.DefRange, fmt.Sprintf("provider %q", decl.name), "cleat drives Docker engines only. Keep what needs other providers in a directory of its own, for Terraform.")
		return
	}
	content, rest, diags := b.Body.PartialContent(schemaOf("alias version for_each count depends_on source"))
	r.diags = append(r.diags, diags...)
	for _, name := range []string{"for_each", "count", "depends_on", "source"} {
		if attr := content.Attributes[name]; attr != nil {
			r.unsupported(attr.Range, name+" in a provider block", fmt.Sprintf("The name %q is reserved. Write one provider block with an alias for each engine.", name))
		}
	}
	if attr := content.Attributes["version"]; attr != nil {
		r.diags = r.diags.Append(warningAt(attr.Range, "Argument has no effect", "A provider's version belongs into required_providers, and matters only to Terraform."))
	}
	r.constant(content, "alias", &decl.alias)
	if before := r.mod.providers[decl.alias]; before != nil {
		r.fail(b.DefRange, "Duplicate provider configuration", fmt.Sprintf("A provider %q block with the same alias is at %s. Give each further one an alias of its own.", decl.name, before.at))
		return
	}
	reader := &bodyReader{shapes: r.cfg.shapes}
	decl.body = reader.read(rest, r.schemas.Provider(), nil)
	decl.refs = reader.refs
	r.diags = append(r.diags, reader.diags...)
	r.mod.providers[decl.alias] = decl
}

func (r *moduleReader) variable(b *hcl.Block) {
	v := &variable{name: b.Labels[0], at: b.DefRange, typ: cty.DynamicPseudoType, nullable: true, fallback: cty.NilVal}
	if before := r.mod.variables[v.name]; before != nil {
		r.taken(b.DefRange, "variable declaration", v.name, &before.at)
		return
	}
	for _, reserved := range []string{"source", "version", "providers", "count", "for_each", "lifecycle", "depends_on", "locals"} {
		if v.name == reserved {
			r.fail(b.LabelRanges[0], "Invalid variable name", fmt.Sprintf("The variable name %q is reserved due to its special meaning inside module blocks.", v.name))
			return
		}
	}
	content := r.content(b, "description type default sensitive nullable ephemeral", "validation")
	r.constant(content, "description", &v.description)
	r.constant(content, "sensitive", &v.sensitive)
	r.constant(content, "nullable", &v.nullable)
	r.constant(content, "ephemeral", &v.ephemeral)
	if attr := content.Attributes["type"]; attr != nil {
		v.typ, v.defaults, v.literal = r.variableType(attr.Expr)
	} else {
		v.literal = true
	}
	if attr := content.Attributes["default"]; attr != nil {
		v.fallback = r.variableDefault(v, attr)
	}
	for _, block := range content.Blocks {
		v.validations = append(v.validations, r.condition(block))
	}
	r.mod.variables[v.name] = v
}

// variableType reads a type constraint. list, set and map alone stand for collections of anything.
func (r *moduleReader) variableType(expr hcl.Expression) (cty.Type, *typeexpr.Defaults, bool) {
	switch hcl.ExprAsKeyword(expr) {
	case "list":
		return cty.List(cty.DynamicPseudoType), nil, false
	case "set":
		return cty.Set(cty.DynamicPseudoType), nil, false
	case "map":
		return cty.Map(cty.DynamicPseudoType), nil, false
	}
	t, defaults, diags := typeexpr.TypeConstraintWithDefaults(expr)
	r.diags = append(r.diags, diags...)
	if diags.HasErrors() {
		return cty.DynamicPseudoType, nil, false
	}
	return t, defaults, t.IsPrimitiveType()
}

func (r *moduleReader) variableDefault(v *variable, attr *hcl.Attribute) cty.Value {
	value, diags := attr.Expr.Value(nil)
	r.diags = append(r.diags, clean(diags)...)
	if diags.HasErrors() {
		return cty.DynamicVal
	}
	converted, err := v.convert(value)
	if err != nil {
		r.fail(attr.Expr.Range(), "Invalid default value for variable",
			fmt.Sprintf("The default of variable %q is not compatible with its type: %s.", v.name, convertError(err)))
		return cty.DynamicVal
	}
	if converted.IsNull() && !v.nullable {
		r.fail(attr.Expr.Range(), "Invalid default value for variable", fmt.Sprintf("A null default is not valid for variable %q, which has nullable = false.", v.name))
	}
	return converted
}

// convert makes a value of the variable's type, with the defaults of optional() attributes.
func (v *variable) convert(value cty.Value) (cty.Value, error) {
	if v.defaults != nil && !value.IsNull() {
		value = v.defaults.Apply(value)
	}
	return convert.Convert(value, v.typ)
}

// required reports that a value must be given.
func (v *variable) required() bool { return v.fallback == cty.NilVal }
