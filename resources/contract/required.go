package contract

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"

	"github.com/cleat-dev/cleat/api/errs"
)

// required refuses what is declared and the engine cannot express, by [Rule.Requires] and [Rule.RequiresFor], also
// inside blocks. The error names the first of them in the order of paths; one of the id is about the whole object.
func (p *planner) required(desired map[string]attr.Value, apiVersion string) error {
	if apiVersion == "" {
		return nil
	}
	if err := p.tooOld(apiVersion); err != nil {
		return err
	}
	for _, path := range slices.Sorted(maps.Keys(p.rules)) {
		rule := p.rules[path]
		if rule.RequiresFor == nil && (rule.Requires == "" || !older(apiVersion, rule.Requires)) {
			continue
		}
		at, value, found := p.declaredAt(p.node, desired, path, path)
		if !found {
			continue
		}
		needs := rule.Requires
		if rule.RequiresFor != nil {
			needs = rule.RequiresFor(value)
		}
		if needs != "" && older(apiVersion, needs) {
			return tooOld(at, needs, apiVersion)
		}
	}
	return nil
}

// tooOld refuses an engine that has no objects of the type at all.
func (p *planner) tooOld(apiVersion string) error {
	if needs := p.rules["id"].Requires; needs != "" && apiVersion != "" && older(apiVersion, needs) {
		return tooOld("", needs, apiVersion)
	}
	return nil
}

func tooOld(at, needs, apiVersion string) error {
	return Refuse(at, errs.ErrInvalid, "needs engine API %s or newer, this engine speaks %s; remove it or upgrade the engine", needs, apiVersion)
}

// declaredAt finds where in values the attribute or block that rest names says something beyond its default, as the
// path of a diagnostic, and its value. path is the whole of it, as rules know it.
func (p *planner) declaredAt(n *Node, values map[string]attr.Value, path, rest string) (string, attr.Value, bool) {
	name, inside, nested := strings.Cut(rest, ".")
	value := values[name]
	if !nested {
		a, ok := n.Attribute(name)
		return name, value, value != nil && !isZero(value) && !(ok && a.Default != nil && (a.Default.Equal(value) || p.means(path, a.Default, value)))
	}
	b, ok := n.Block(name)
	if !ok {
		return "", nil, false
	}
	for i, item := range items(b, value) {
		if item.IsNull() || item.IsUnknown() {
			continue
		}
		if at, value, found := p.declaredAt(b.Node, item.Attributes(), path, inside); found {
			if b.Nesting == Single {
				return name + "." + at, value, true
			}
			return fmt.Sprintf("%s[%d].%s", name, i, at), value, true
		}
	}
	return "", nil, false
}

// means reports whether two values of a path are the same by its rule.
func (p *planner) means(path string, a, b attr.Value) bool {
	same := p.rules[path].Same
	return same != nil && !b.IsUnknown() && same(a, b)
}
