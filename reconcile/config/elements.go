package config

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// elementAttributes finds, for each reference that a splat or for expression goes through, which attributes are taken
// of its elements: id for docker_container.web[*].id, values(docker_container.web)[*].id and
// [for c in docker_container.web : c.id]. References whose elements are used otherwise are not in the result.
func elementAttributes(expr hcl.Expression) map[hcl.Range][]string {
	node, ok := expr.(hclsyntax.Expression)
	if !ok {
		return nil
	}
	var found map[hcl.Range][]string
	note := func(source hclsyntax.Expression, attributes []string) {
		at, ok := collectionOf(source)
		if !ok || len(attributes) == 0 {
			return
		}
		if found == nil {
			found = map[hcl.Range][]string{}
		}
		found[at] = attributes
	}
	_ = hclsyntax.VisitAll(node, func(n hclsyntax.Node) hcl.Diagnostics {
		switch n := n.(type) {
		case *hclsyntax.SplatExpr:
			if each, ok := n.Each.(*hclsyntax.RelativeTraversalExpr); ok {
				if attr, ok := each.Traversal[0].(hcl.TraverseAttr); ok {
					note(n.Source, []string{attr.Name})
				}
			}
		case *hclsyntax.ForExpr:
			note(n.CollExpr, loopAttributes(n))
		}
		return nil
	})
	return found
}

// collectionOf is the position of the reference a loop goes through, also behind values() and parentheses.
func collectionOf(expr hclsyntax.Expression) (hcl.Range, bool) {
	switch e := expr.(type) {
	case *hclsyntax.ScopeTraversalExpr:
		return e.Traversal.SourceRange(), true
	case *hclsyntax.ParenthesesExpr:
		return collectionOf(e.Expression)
	case *hclsyntax.FunctionCallExpr:
		if e.Name == "values" && len(e.Args) == 1 {
			return collectionOf(e.Args[0])
		}
	}
	return hcl.Range{}, false
}

// loopAttributes are the attributes taken of the loop's variable, nothing when it is used as a whole or hidden by an
// inner loop of the same name.
func loopAttributes(loop *hclsyntax.ForExpr) (attributes []string) {
	for _, part := range []hclsyntax.Expression{loop.KeyExpr, loop.ValExpr, loop.CondExpr} {
		if part == nil {
			continue
		}
		for _, traversal := range part.Variables() {
			if traversal.RootName() != loop.ValVar {
				continue
			}
			if len(traversal) < 2 {
				return nil
			}
			attr, ok := traversal[1].(hcl.TraverseAttr)
			if !ok {
				return nil
			}
			if !slices.Contains(attributes, attr.Name) {
				attributes = append(attributes, attr.Name)
			}
		}
	}
	return attributes
}
