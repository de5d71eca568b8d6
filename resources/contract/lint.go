package contract

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
)

// lint reports what a type declares that the planner would not honour: rules for what is not in the schema, plan
// modifiers, custom types and nested attributes.
func lint(n *Node, rules Rules, s schema.Schema) error {
	var found []error
	for name, rule := range rules {
		if !n.has(name) {
			found = append(found, fmt.Errorf("rule %q: no such attribute or block", name))
		}
		for _, by := range rule.MovedBy {
			if !n.has(by) {
				found = append(found, fmt.Errorf("rule %q: MovedBy %q: no such attribute or block", name, by))
			}
		}
		if rule.Of != "" && !n.has(rule.Of) {
			found = append(found, fmt.Errorf("rule %q: Of %q: no such attribute or block", name, rule.Of))
		}
		for _, key := range rule.Key {
			if !n.has(name + "." + key) {
				found = append(found, fmt.Errorf("rule %q: Key %q: no such attribute", name, key))
			}
		}
	}
	found = append(found, lintWriteOnly(n, rules)...)
	for _, b := range n.Blocks {
		found = append(found, lintFilled(b, rules, false)...)
	}
	for name, a := range s.Attributes {
		found = append(found, lintPart(name, a)...)
	}
	for name, b := range s.Blocks {
		found = append(found, lintPart(name, b)...)
	}
	return errors.Join(found...)
}

// lintFilled finds what is computed in a block that is an attribute for Terraform, which takes such a plan only to the
// letter of the declaration.
func lintFilled(b *Block, rules Rules, within bool) []error {
	var found []error
	within = within || rules[b.Path].Filled
	for _, a := range b.Node.Attributes {
		if within && a.Computed {
			found = append(found, fmt.Errorf("%q: computed, in a block that is Filled", b.Path+"."+a.Name))
		}
	}
	for _, nested := range b.Node.Blocks {
		found = append(found, lintFilled(nested, rules, within)...)
	}
	return found
}

// lintPart looks at the fields of a schema part by name: the framework has a struct for every kind of attribute.
func lintPart(name string, part any) []error {
	var found []error
	v := reflect.ValueOf(part)
	for _, forbidden := range []string{"PlanModifiers", "CustomType"} {
		if field := v.FieldByName(forbidden); field.IsValid() && !field.IsZero() {
			found = append(found, fmt.Errorf("%q: %s is not for types: rules say what a change means", name, forbidden))
		}
	}
	if kind := v.Type().Name(); strings.HasSuffix(kind, "NestedAttribute") {
		found = append(found, fmt.Errorf("%q: %s: use a block, or a list of objects for a computed value", name, kind))
	}
	nested := v.FieldByName("NestedObject")
	if block, ok := nested, nested.IsValid(); ok && strings.HasSuffix(v.Type().Name(), "NestedBlock") {
		inside, _ := block.Interface().(schema.NestedBlockObject)
		for n, a := range inside.Attributes {
			found = append(found, lintPart(name+"."+n, a)...)
		}
		for n, b := range inside.Blocks {
			found = append(found, lintPart(name+"."+n, b)...)
		}
	}
	return found
}

// has reports whether a rule's path names an attribute or block, or one inside blocks.
func (n *Node) has(path string) bool {
	first, rest, nested := strings.Cut(path, ".")
	if b, ok := n.blocks[first]; ok {
		return !nested || b.Node.has(rest)
	}
	_, ok := n.attributes[first]
	return ok && !nested
}
