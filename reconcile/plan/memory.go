package plan

import (
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/reconcile/ownership"
	"github.com/cleat-dev/cleat/resources/contract"
)

// rememberBlocks adds the blocks of an object that cannot carry labels to its record, without their secrets.
func rememberBlocks(record ownership.Record, node *contract.Node, values map[string]attr.Value, sensitive map[string]bool) {
	for _, b := range node.Blocks {
		v := values[b.Name]
		if v.IsUnknown() || v.Equal(b.None) || sensitive[b.Name] {
			continue
		}
		if text, err := encode(withoutSecrets(b, v), b.Type); err == nil && len(text) <= ledgerValueLimit {
			record.Values[b.Name] = text
		}
	}
}

// rememberedBlock is a block as it was recorded. Secrets are not recorded: where the declaration differs in nothing
// else, it is what was recorded.
func rememberedBlock(record ownership.Record, b *contract.Block, declared attr.Value) (attr.Value, bool) {
	text, ok := record.Values[b.Name]
	if !ok {
		return nil, false
	}
	v, err := decode(text, b.Type)
	if err != nil {
		return nil, false
	}
	if declared != nil && !declared.IsUnknown() && withoutSecrets(b, declared).Equal(v) {
		return declared, true
	}
	return v, true
}

// withoutSecrets is the value of a block with its sensitive attributes null.
func withoutSecrets(b *contract.Block, v attr.Value) attr.Value {
	switch v := v.(type) {
	case types.Object:
		return scrubbed(b.Node, v)
	case types.List:
		return types.ListValueMust(b.Node.Type(), scrubbedAll(b.Node, v.Elements()))
	case types.Set:
		return types.SetValueMust(b.Node.Type(), scrubbedAll(b.Node, v.Elements()))
	}
	return v
}

func scrubbedAll(n *contract.Node, items []attr.Value) []attr.Value {
	clean := make([]attr.Value, len(items))
	for i, item := range items {
		clean[i] = item
		if object, ok := item.(types.Object); ok {
			clean[i] = scrubbed(n, object)
		}
	}
	return clean
}

func scrubbed(n *contract.Node, object types.Object) attr.Value {
	if object.IsNull() || object.IsUnknown() {
		return object
	}
	values := object.Attributes()
	for _, a := range n.Attributes {
		if a.Sensitive {
			values[a.Name] = a.Null
		}
	}
	for _, b := range n.Blocks {
		values[b.Name] = withoutSecrets(b, values[b.Name])
	}
	return types.ObjectValueMust(n.Type().AttrTypes, values)
}
