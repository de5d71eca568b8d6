package provider

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema"

	"github.com/cleat-dev/cleat/resources/contract"
)

// lenient returns a schema in which whatever may be declared may also stay as it is in the state when it is not
// declared. Terraform demands null there otherwise, and shows an update where a state of kreuzwerker/docker has the
// zero value or what came with the image. What stays is the contract's planner's to say, which goes by the type's own
// schema.
//
// A block cannot stay when it is not declared. One that may have items all the same ([contract.Rule.Filled]) is an
// attribute for Terraform; it is written as blocks.
func lenient(s schema.Schema, rules contract.Rules) schema.Schema {
	s.Attributes, s.Blocks = lenientParts(s.Attributes, s.Blocks, rules, "")
	return s
}

// lenientParts makes the attributes and blocks of a schema or of a block lenient; outer begins the paths of rules.
func lenientParts(
	attributes map[string]schema.Attribute, blocks map[string]schema.Block, rules contract.Rules, outer string,
) (map[string]schema.Attribute, map[string]schema.Block) {
	all, rest := lenientAttributes(attributes), make(map[string]schema.Block, len(blocks))
	for name, block := range blocks {
		path := outer + name
		inside := func(o schema.NestedBlockObject) schema.NestedBlockObject {
			o.Attributes, o.Blocks = lenientParts(o.Attributes, o.Blocks, rules, path+".")
			return o
		}
		switch b := block.(type) {
		case schema.ListNestedBlock:
			if rules[path].Filled {
				all[name] = schema.ListAttribute{
					Optional: true, Computed: true, ElementType: b.NestedObject.Type(), Validators: b.Validators,
					MarkdownDescription: b.MarkdownDescription + " Written as blocks." + describe(b.NestedObject),
				}
				continue
			}
			b.NestedObject = inside(b.NestedObject)
			block = b
		case schema.SetNestedBlock:
			if rules[path].Filled {
				all[name] = schema.SetAttribute{
					Optional: true, Computed: true, ElementType: b.NestedObject.Type(), Validators: b.Validators,
					MarkdownDescription: b.MarkdownDescription + " Written as blocks." + describe(b.NestedObject),
				}
				continue
			}
			b.NestedObject = inside(b.NestedObject)
			block = b
		case schema.SingleNestedBlock:
			b.Attributes, b.Blocks = lenientParts(b.Attributes, b.Blocks, rules, path+".")
			block = b
		}
		rest[name] = block
	}
	return all, rest
}

// describe says in one line what is in a block, for which an attribute has no place.
func describe(object schema.NestedBlockObject) string {
	var text strings.Builder
	text.WriteString(" A block has")
	for _, name := range slices.Sorted(maps.Keys(object.Attributes)) {
		fmt.Fprintf(&text, " `%s`: %s", name, object.Attributes[name].GetMarkdownDescription())
	}
	for _, name := range slices.Sorted(maps.Keys(object.Blocks)) {
		block := object.Blocks[name]
		fmt.Fprintf(&text, " Block `%s`: %s", name, block.GetMarkdownDescription())
		if inside, ok := block.GetNestedObject().(schema.NestedBlockObject); ok {
			text.WriteString(describe(inside))
		}
	}
	return text.String()
}

func lenientAttributes(strict map[string]schema.Attribute) map[string]schema.Attribute {
	all := make(map[string]schema.Attribute, len(strict))
	for name, attribute := range strict {
		all[name] = lenientAttribute(attribute)
	}
	return all
}

func lenientAttribute(attribute schema.Attribute) schema.Attribute {
	if !attribute.IsOptional() || attribute.IsWriteOnly() { // a write-only value is in no state
		return attribute
	}
	switch a := attribute.(type) {
	case schema.StringAttribute:
		a.Computed = true
		return a
	case schema.BoolAttribute:
		a.Computed = true
		return a
	case schema.Int64Attribute:
		a.Computed = true
		return a
	case schema.Float64Attribute:
		a.Computed = true
		return a
	case schema.ListAttribute:
		a.Computed = true
		return a
	case schema.SetAttribute:
		a.Computed = true
		return a
	case schema.MapAttribute:
		a.Computed = true
		return a
	}
	return attribute
}
