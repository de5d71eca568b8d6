package plan

import (
	"encoding/json"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/cleat-dev/cleat/reconcile/config"
	"github.com/cleat-dev/cleat/reconcile/observe"
	"github.com/cleat-dev/cleat/reconcile/ownership"
	"github.com/cleat-dev/cleat/resources/contract"
)

// Bounds of a value in a record. A label is read with every list; what is longer is remembered by its fingerprint.
const (
	labelValueLimit  = 256
	ledgerValueLimit = 64 << 10
)

// RecordOf is what is remembered of an object: fingerprints of its declaration and the values no engine reports. Of an
// object that cannot carry labels all its attributes are remembered, because nothing else says what it was.
func RecordOf(r contract.Resource, s *Step, object types.Object) ownership.Record {
	node, sensitive := r.Node(), s.Sensitive
	record := ownership.Record{Applied: contract.AppliedOf(node, s.Config, sensitive), Values: map[string]json.RawMessage{}}
	for _, need := range s.Needs {
		record.Needs = append(record.Needs, need.String())
	}
	labelled := observe.Listed("docker_" + r.Name())
	limit := ledgerValueLimit
	if labelled {
		limit = labelValueLimit
	}
	values := object.Attributes()
	for _, a := range node.Attributes {
		rule := r.Rules()[a.Name]
		if labelled && !rule.ConfigOnly && !rule.Unreported || a.Sensitive || sensitive[a.Name] {
			continue
		}
		if v := values[a.Name]; !v.IsNull() && (a.Default == nil || !a.Default.Equal(v)) {
			if text, err := encode(v, a.Type); err == nil && len(text) <= limit {
				record.Values[a.Name] = text
			}
		}
	}
	if !labelled {
		rememberBlocks(record, node, values, sensitive)
	}
	return record
}

func encode(v attr.Value, t attr.Type) (json.RawMessage, error) {
	value, err := config.ToCty(v)
	if err != nil {
		return nil, err
	}
	return ctyjson.Marshal(value, config.CtyType(t)) // fails on unknowns, which are not remembered
}

func decode(text json.RawMessage, t attr.Type) (attr.Value, error) {
	value, err := ctyjson.Unmarshal(text, config.CtyType(t))
	if err != nil {
		return nil, err
	}
	return config.FromCty(value, t)
}

// lastKnown is what a read begins with: the object's identity, the values only the record has, and the declaration for
// spelling and order. declared is nil for an object that is declared no longer.
func lastKnown(r contract.Resource, o observe.Object, declared map[string]attr.Value) (types.Object, error) {
	node := r.Node()
	values := node.Empty()
	for _, a := range node.Attributes {
		given, ok := declared[a.Name]
		known := ok && !given.IsNull() && !given.IsUnknown()
		rule := r.Rules()[a.Name]
		remembered, err := decode(o.Record.Values[a.Name], a.Type)
		switch {
		case len(o.Record.Values[a.Name]) > 0 && err == nil:
			values[a.Name] = remembered
		case rule.ConfigOnly || rule.Unreported:
			if known && o.Record.Applied.Matches(node, a.Name, given) {
				values[a.Name] = given
			} else if a.Default != nil {
				values[a.Name] = a.Default
			}
		case known:
			values[a.Name] = given
		}
	}
	for _, b := range node.Blocks {
		given, ok := declared[b.Name]
		if remembered, found := rememberedBlock(o.Record, b, given); found {
			values[b.Name] = remembered
			continue
		}
		if !ok || given.IsUnknown() {
			continue
		}
		if rule := r.Rules()[b.Name]; (rule.ConfigOnly || rule.Unreported) && !o.Record.Applied.Matches(node, b.Name, given) {
			continue
		}
		values[b.Name] = given
	}
	identify(node, values, o)
	return node.Object(values)
}

// identify sets id and, where it is known from a list, name.
func identify(node *contract.Node, values map[string]attr.Value, o observe.Object) {
	if a, ok := node.Attribute("id"); ok && o.ID != "" && a.Type.Equal(types.StringType) {
		values["id"] = types.StringValue(o.ID)
	}
	if a, ok := node.Attribute("name"); ok && o.Name != "" && a.Type.Equal(types.StringType) && values["name"].IsNull() {
		values["name"] = types.StringValue(o.Name)
	}
}
