package parity

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/internal/catalog"
	"github.com/cleat-dev/cleat/resources/contract"
)

// secret is what takes the place of a sensitive value.
const secret = "(sensitive value)"

// planned is a plan in the form both programs' plans are brought into.
type planned struct {
	// objects something happens to, by address.
	objects map[string]object
	// outputs that change.
	outputs map[string]output
}

// object is what happens to one object.
type object struct {
	// action is create, update, replace, delete, forget, read or no-op (moved or imported only).
	action string
	// createFirst: of a replacement, before the old one is destroyed.
	createFirst bool
	// from is the address it is moved from; imports, that an import block brings it.
	from    string
	imports bool
	// because is why it is replaced: attributes, request, triggers, tainted.
	because string
	// changed are the top-level attributes and blocks whose known value changes; replaces are those that force
	// the replacement; unknown are those that are known after apply as a whole.
	changed, replaces, unknown []string
	// values are the planned values: of a creation all that are set, of a change the changed ones.
	values map[string]any
}

// output is what happens to an output.
type output struct {
	action    string
	sensitive bool
	value     any
}

// empty reports that an apply would do nothing.
func (p planned) empty() bool { return len(p.objects) == 0 && len(p.outputs) == 0 }

// String is the plan in short: what fixtures say is planned.
func (p planned) String() string {
	var b strings.Builder
	for _, address := range slices.Sorted(maps.Keys(p.objects)) {
		o := p.objects[address]
		b.WriteString(address + " " + o.action)
		if o.createFirst {
			b.WriteString(" create-first")
		}
		if o.from != "" {
			b.WriteString(" from " + o.from)
		}
		if o.imports {
			b.WriteString(" imported")
		}
		if o.because != "" && o.because != "attributes" {
			b.WriteString(" by " + o.because)
		}
		if o.action == "update" || o.action == "replace" {
			names := slices.Concat(o.changed, o.replaces)
			slices.Sort(names)
			for _, name := range slices.Compact(names) {
				if slices.Contains(o.replaces, name) {
					name += "!"
				}
				b.WriteString(" " + name)
			}
		}
		b.WriteByte('\n')
	}
	for _, name := range slices.Sorted(maps.Keys(p.outputs)) {
		fmt.Fprintf(&b, "output.%s %s\n", name, p.outputs[name].action)
	}
	if b.Len() == 0 {
		return "nothing\n"
	}
	return b.String()
}

// fields are what is compared of an object.
func (o object) fields() map[string]any {
	f := map[string]any{
		"action": o.action, "create first": o.createFirst, "moved from": o.from, "imported": o.imports, "because": o.because,
	}
	for what, names := range map[string][]string{"changes ": o.changed, "replaces for ": o.replaces, "unknown ": o.unknown} {
		for _, name := range names {
			f[what+name] = true
		}
	}
	for name, value := range o.values {
		f["value of "+name] = value
	}
	return f
}

func (o output) fields() map[string]any {
	return map[string]any{"action": o.action, "sensitive": o.sensitive, "value": o.value}
}

// nodes are the schemas of the resource types, which say what is a set.
type nodes map[string]*contract.Node

func readNodes(ctx context.Context) (nodes, error) {
	all, err := catalog.Resources(ctx)
	n := nodes{}
	for _, r := range all {
		n["docker_"+strings.TrimPrefix(r.Name(), "docker_")] = r.Node()
	}
	return n, err
}

// value brings a top-level value into one form: nested attributes that are null are left out (cleat does not write
// them), sets are sorted, a block that may be given once is an object (cleat writes a list of one). It reports false
// for such a block that is not given.
func (n nodes) value(typ, name string, v any) (any, bool) {
	node, ok := n[typ]
	if !ok {
		return v, true
	}
	if b, ok := node.Block(name); ok && b.Nesting == contract.Single {
		if list, ok := v.([]any); ok && len(list) == 0 {
			return nil, false
		} else if ok {
			v = list[0]
		}
		return canonical(b.Node, v), true
	}
	return element(node, name, v), true
}

// element is the canonical form of an attribute or block of a schema.
func element(node *contract.Node, name string, v any) any {
	list, isList := v.([]any)
	if b, ok := node.Block(name); ok {
		if !isList {
			return canonical(b.Node, v)
		}
		out := make([]any, len(list))
		for i, item := range list {
			out[i] = canonical(b.Node, item)
		}
		if b.Nesting == contract.Set {
			arrange(out)
		}
		return out
	}
	v = withoutNulls(v)
	if a, ok := node.Attribute(name); ok && isList {
		if _, set := a.Type.(types.SetType); set {
			list = slices.Clone(v.([]any))
			arrange(list)
			return list
		}
	}
	return v
}

func canonical(node *contract.Node, v any) any {
	object, ok := v.(map[string]any)
	if !ok {
		return v
	}
	out := map[string]any{}
	for name, e := range object {
		if e != nil {
			out[name] = element(node, name, e)
		}
	}
	return out
}

// withoutNulls leaves out null attributes of the objects in a value.
func withoutNulls(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = withoutNulls(e)
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for name, e := range v {
			if e != nil {
				out[name] = withoutNulls(e)
			}
		}
		return out
	}
	return v
}

// arrange sorts the elements of a set by their text.
func arrange(elements []any) {
	slices.SortFunc(elements, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
}
