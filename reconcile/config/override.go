package config

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
)

// mergeOverrides merges blocks of override files into the blocks they name.
func mergeOverrides(blocks, overrides []*hcl.Block) ([]*hcl.Block, hcl.Diagnostics) {
	var diags hcl.Diagnostics
	for _, over := range overrides {
		switch over.Type {
		case "locals", "terraform":
			blocks = append(blocks, markOverride(over))
			continue
		case "moved", "removed", "import":
			diags = diags.Append(errorAt(over.DefRange, "Cannot override "+over.Type+" blocks",
				"Records of moved, removed and imported objects can appear only in normal files, not in override files."))
			continue
		}
		i := slices.IndexFunc(blocks, func(b *hcl.Block) bool { return sameBlock(b, over) })
		switch {
		case i >= 0:
			merged := *blocks[i]
			merged.Body = mergedBody{blocks[i].Body, over.Body}
			blocks[i] = &merged
		case over.Type == "provider":
			blocks = append(blocks, over)
		default:
			diags = diags.Append(errorAt(over.DefRange, "Missing base "+over.Type+" declaration to override",
				fmt.Sprintf("There is no %s block %q in the other files. An override file can only override blocks that are already declared.", over.Type, over.Labels)))
		}
	}
	return blocks, diags
}

// sameBlock reports whether an override means this block. Providers are told apart by alias too.
func sameBlock(b, over *hcl.Block) bool {
	if b.Type != over.Type || !slices.Equal(b.Labels, over.Labels) {
		return false
	}
	return b.Type != "provider" || providerAlias(b.Body) == providerAlias(over.Body)
}

func providerAlias(body hcl.Body) string {
	content, _, _ := body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "alias"}}})
	if attr, ok := content.Attributes["alias"]; ok {
		if v, diags := attr.Expr.Value(nil); !diags.HasErrors() && isString(v) {
			return v.AsString()
		}
	}
	return ""
}

// overrideBody marks a locals or terraform block as one that replaces what is declared already.
type overrideBody struct{ hcl.Body }

func markOverride(b *hcl.Block) *hcl.Block {
	marked := *b
	marked.Body = overrideBody{b.Body}
	return &marked
}

// mergedBody is a body with another over it: arguments of the second replace those of the first, blocks of a type
// replace all blocks of that type, lifecycle blocks merge.
type mergedBody struct{ base, over hcl.Body }

func (m mergedBody) Content(schema *hcl.BodySchema) (*hcl.BodyContent, hcl.Diagnostics) {
	relaxed := relax(schema)
	base, diags := m.base.Content(relaxed)
	over, more := m.over.Content(relaxed)
	diags = append(diags, more...)
	return m.merge(schema, base, over), append(diags, m.missing(schema, base, over)...)
}

func (m mergedBody) PartialContent(schema *hcl.BodySchema) (*hcl.BodyContent, hcl.Body, hcl.Diagnostics) {
	relaxed := relax(schema)
	base, baseRest, diags := m.base.PartialContent(relaxed)
	over, overRest, more := m.over.PartialContent(relaxed)
	diags = append(diags, more...)
	return m.merge(schema, base, over), mergedBody{baseRest, overRest}, append(diags, m.missing(schema, base, over)...)
}

func (m mergedBody) JustAttributes() (hcl.Attributes, hcl.Diagnostics) {
	base, diags := m.base.JustAttributes()
	over, more := m.over.JustAttributes()
	merged := hcl.Attributes{}
	for name, attr := range base {
		merged[name] = attr
	}
	for name, attr := range over {
		merged[name] = attr
	}
	return merged, append(diags, more...)
}

func (m mergedBody) MissingItemRange() hcl.Range { return m.base.MissingItemRange() }

func (m mergedBody) merge(_ *hcl.BodySchema, base, over *hcl.BodyContent) *hcl.BodyContent {
	merged := &hcl.BodyContent{Attributes: hcl.Attributes{}, MissingItemRange: base.MissingItemRange}
	for name, attr := range base.Attributes {
		merged.Attributes[name] = attr
	}
	for name, attr := range over.Attributes {
		merged.Attributes[name] = attr
	}
	replaced := map[string]*hcl.Block{}
	for _, block := range over.Blocks {
		replaced[blockKind(block)] = block
	}
	for _, block := range base.Blocks {
		by, ok := replaced[blockKind(block)]
		switch {
		case !ok:
			merged.Blocks = append(merged.Blocks, block)
		case block.Type == "lifecycle":
			both := *block
			both.Body = mergedBody{block.Body, by.Body}
			merged.Blocks = append(merged.Blocks, &both)
			delete(replaced, "lifecycle")
		}
	}
	for _, block := range over.Blocks {
		if _, ok := replaced[blockKind(block)]; ok {
			merged.Blocks = append(merged.Blocks, block)
		}
	}
	return merged
}

func (m mergedBody) missing(schema *hcl.BodySchema, base, over *hcl.BodyContent) (diags hcl.Diagnostics) {
	for _, attr := range schema.Attributes {
		if attr.Required && base.Attributes[attr.Name] == nil && over.Attributes[attr.Name] == nil {
			diags = diags.Append(errorAt(base.MissingItemRange, "Missing required argument",
				fmt.Sprintf("The argument %q is required, but no definition was found.", attr.Name)))
		}
	}
	return diags
}

// relax returns the schema without requirements: each half of a merged body may lack what the other has.
func relax(schema *hcl.BodySchema) *hcl.BodySchema {
	relaxed := &hcl.BodySchema{Blocks: schema.Blocks, Attributes: slices.Clone(schema.Attributes)}
	for i := range relaxed.Attributes {
		relaxed.Attributes[i].Required = false
	}
	return relaxed
}

// blockKind is the type of block a block makes: a dynamic block counts as what it generates.
func blockKind(b *hcl.Block) string {
	if b.Type == "dynamic" && len(b.Labels) == 1 {
		return b.Labels[0]
	}
	return b.Type
}
