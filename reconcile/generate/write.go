package generate

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/zclconf/go-cty/cty"

	"github.com/cleat-dev/cleat/reconcile/config"
	"github.com/cleat-dev/cleat/resources/contract"
)

const header = `# Written by cleat adopt -all from what is on the engine. The import blocks take the objects over as they are, under
# cleat as under Terraform; once that is applied they can go. What stands here may hold secrets (env, labels).
`

// write makes the source.
func (r *Result) write() {
	file := hclwrite.NewEmptyFile()
	body := file.Body()
	body.AppendUnstructuredTokens(comment(header))
	w := newWriter(r.Objects)
	for _, o := range r.Objects {
		body.AppendNewline()
		for _, differs := range o.Differs {
			body.AppendUnstructuredTokens(comment("# The next plan would change this: " + oneLine(differs) + "\n"))
		}
		to := traversal(o)
		block := body.AppendNewBlock("import", nil).Body()
		block.SetAttributeTraversal("to", to)
		block.SetAttributeValue("id", cty.StringVal(o.ID))
		body.AppendNewline()
		block = body.AppendNewBlock("resource", []string{o.Address.Type, o.Address.Name}).Body()
		if o.provider.Alias != "" {
			block.SetAttributeTraversal("provider", hcl.Traversal{hcl.TraverseRoot{Name: "docker"}, hcl.TraverseAttr{Name: o.provider.Alias}})
		}
		w.body(block, o, o.resource.Node(), "", o.declared.Attributes())
	}
	r.Source = hclwrite.Format(file.Bytes())
}

func comment(text string) hclwrite.Tokens {
	return hclwrite.Tokens{{Type: hclsyntax.TokenComment, Bytes: []byte(text)}}
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func traversal(o *Object, attributes ...string) hcl.Traversal {
	t := hcl.Traversal{hcl.TraverseRoot{Name: o.Address.Type}, hcl.TraverseAttr{Name: o.Address.Name}}
	for _, name := range attributes {
		t = append(t, hcl.TraverseAttr{Name: name})
	}
	return t
}

// writer writes blocks; named are the objects they may refer to.
type writer struct{ named map[name]naming }

// name is what a text names an object by: the id or name of an object of a type.
type name struct {
	provider config.ProviderKey
	typ      string
	text     string
}

// naming is an object and the attribute that holds the text.
type naming struct {
	object    *Object
	attribute string
}

func newWriter(objects []*Object) writer {
	w := writer{named: map[name]naming{}}
	for _, attribute := range []string{"id", "name"} { // of a volume both are the same: the name is the nicer one
		for _, o := range objects {
			if v, ok := o.observed.Attributes()[attribute].(types.String); ok && v.ValueString() != "" {
				w.named[name{o.provider, o.resource.Name(), v.ValueString()}] = naming{o, attribute}
			}
		}
	}
	return w
}

// first are the attributes people look for first.
var first = []string{"name", "image"}

func (w writer) body(b *hclwrite.Body, of *Object, n *contract.Node, prefix string, values map[string]attr.Value) {
	attributes := slices.Clone(n.Attributes)
	slices.SortStableFunc(attributes, func(a, b *contract.Attribute) int { return rank(a.Name) - rank(b.Name) })
	for _, a := range attributes {
		if v := values[a.Name]; !v.IsNull() {
			w.attribute(b, of, a.Name, prefix+a.Name, v)
		}
	}
	for _, block := range n.Blocks {
		for _, item := range items(values[block.Name]) {
			b.AppendNewline()
			inside := b.AppendNewBlock(block.Name, nil).Body()
			w.body(inside, of, block.Node, block.Path+".", item.Attributes())
		}
	}
}

func rank(name string) int {
	if i := slices.Index(first, name); i >= 0 {
		return i
	}
	return len(first)
}

// items are those of a block, of a set in the order of their text.
func items(v attr.Value) []types.Object {
	var all []types.Object
	switch v := v.(type) {
	case types.Object:
		if !v.IsNull() {
			all = append(all, v)
		}
	case types.List:
		for _, e := range v.Elements() {
			all = append(all, e.(types.Object))
		}
	case types.Set:
		for _, e := range v.Elements() {
			all = append(all, e.(types.Object))
		}
		slices.SortFunc(all, func(a, b types.Object) int { return strings.Compare(a.String(), b.String()) })
	}
	return all
}

func (w writer) attribute(b *hclwrite.Body, of *Object, name, path string, v attr.Value) {
	if text, ok := v.(types.String); ok {
		if tokens := w.reference(of, of.resource.Rules()[path].Refers, text.ValueString()); tokens != nil {
			b.SetAttributeRaw(name, tokens)
			return
		}
	}
	value, err := config.ToCty(v)
	if err != nil { // of a type no schema has
		return
	}
	b.SetAttributeValue(name, value)
}

// reference is the expression for a text that names another object on the same engine; nil when it names none.
func (w writer) reference(of *Object, refers []string, text string) hclwrite.Tokens {
	if kind, id, ok := strings.Cut(text, ":"); ok && slices.Contains(refers, kind) {
		if named, ok := w.named[name{of.provider, kind, id}]; ok && named.object != of {
			return inText(kind+":", hclwrite.TokensForTraversal(traversal(named.object, named.attribute)))
		}
		return nil
	}
	for _, kind := range refers {
		if named, ok := w.named[name{of.provider, kind, text}]; ok && named.object != of {
			return hclwrite.TokensForTraversal(traversal(named.object, named.attribute))
		}
	}
	return nil
}

// inText is "prefix${expression}".
func inText(prefix string, expression hclwrite.Tokens) hclwrite.Tokens {
	tokens := hclwrite.Tokens{
		{Type: hclsyntax.TokenOQuote, Bytes: []byte(`"`)},
		{Type: hclsyntax.TokenQuotedLit, Bytes: []byte(prefix)},
		{Type: hclsyntax.TokenTemplateInterp, Bytes: []byte("${")},
	}
	tokens = append(tokens, expression...)
	return append(tokens,
		&hclwrite.Token{Type: hclsyntax.TokenTemplateSeqEnd, Bytes: []byte("}")},
		&hclwrite.Token{Type: hclsyntax.TokenCQuote, Bytes: []byte(`"`)})
}
