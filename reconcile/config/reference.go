package config

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/cleat-dev/cleat/reconcile/graph"
)

// refKind is what a reference points to.
type refKind uint8

const (
	refVariable refKind = iota
	refLocal
	refModule
	refResource
	refEach
	refCount
	refSelf
	refPath
	refTerraform
)

// localName names a resource or data block within its module.
type localName struct {
	mode      graph.Mode
	typ, name string
}

func (l localName) String() string {
	switch l.mode {
	case graph.Data:
		return "data." + l.typ + "." + l.name
	case graph.Ephemeral:
		return "ephemeral." + l.typ + "." + l.name
	default:
		return l.typ + "." + l.name
	}
}

// reference is one mention of something else in an expression.
type reference struct {
	kind     refKind
	name     string    // of a variable, local or module call; the attribute of each, count, path, terraform
	resource localName // of a resource
	rest     hcl.Traversal
	at       hcl.Range
	// each is the attribute taken of every element by the splat or for expression around the reference; empty when
	// the elements themselves are. A reference that takes several stands once for each.
	each string
}

// parseReference reads a traversal that begins with a root name.
func parseReference(t hcl.Traversal) (reference, *hcl.Diagnostic) {
	ref := reference{at: t.SourceRange()}
	attrs := t.SimpleSplit().Rel
	step := func(what string) (string, *hcl.Diagnostic) {
		if len(attrs) > 0 {
			if a, ok := attrs[0].(hcl.TraverseAttr); ok {
				attrs = attrs[1:]
				return a.Name, nil
			}
		}
		return "", errorAt(ref.at, "Invalid reference", what)
	}
	var problem *hcl.Diagnostic
	root := t.RootName()
	switch root {
	case "var":
		ref.kind = refVariable
		ref.name, problem = step(`The "var" object must be followed by a dot and the name of a variable, such as var.port.`)
	case "local":
		ref.kind = refLocal
		ref.name, problem = step(`The "local" object must be followed by a dot and the name of a local value, such as local.port.`)
	case "module":
		ref.kind = refModule
		ref.name, problem = step(`The "module" object must be followed by a dot and the name of a module, such as module.app.`)
	case "each", "count", "path", "terraform":
		ref.kind = map[string]refKind{"each": refEach, "count": refCount, "path": refPath, "terraform": refTerraform}[root]
		ref.name, problem = step(fmt.Sprintf("The %q object must be followed by a dot and an attribute.", root))
		if problem == nil {
			problem = checkAttribute(root, ref.name, ref.at)
		}
	case "self":
		ref.kind = refSelf
	case "template", "lazy", "arg":
		problem = errorAt(ref.at, "Unsupported reference", fmt.Sprintf("The name %q is reserved; cleat has no objects of that kind.", root))
	case "data", "ephemeral", "resource":
		ref.kind = refResource
		ref.resource.mode = map[string]graph.Mode{"data": graph.Data, "ephemeral": graph.Ephemeral}[root]
		what := fmt.Sprintf("The %q object must be followed by a type and a name, such as %s.docker_image.app.", root, root)
		if ref.resource.typ, problem = step(what); problem == nil {
			ref.resource.name, problem = step(what)
		}
	default:
		ref.kind = refResource
		ref.resource.typ = root
		ref.resource.name, problem = step(`A reference to a resource type must be followed by at least one attribute access, specifying the resource name. A variable is written var.` + root + `, a local value local.` + root + `.`)
	}
	ref.rest = attrs
	return ref, problem
}

func checkAttribute(root, name string, at hcl.Range) *hcl.Diagnostic {
	known := map[string][]string{
		"each": {"key", "value"}, "count": {"index"}, "path": {"module", "root", "cwd"}, "terraform": {"workspace"},
	}[root]
	for _, k := range known {
		if k == name {
			return nil
		}
	}
	return errorAt(at, fmt.Sprintf("Invalid %q attribute", root),
		fmt.Sprintf("The %q object has no attribute %q; it has %s.", root, name, quoteList(known))+didYouMean(name, known))
}

// expression is an expression with its references read.
type expression struct {
	hcl.Expression
	refs []reference
}

// newExpression reads the references of an expression. Names in except (iterators of dynamic blocks) are no
// references.
func newExpression(expr hcl.Expression, except ...string) (*expression, hcl.Diagnostics) {
	if expr == nil {
		return nil, nil
	}
	refs, diags := references(expr, except)
	return &expression{expr, refs}, diags
}

func references(expr hcl.Expression, except []string) (refs []reference, diags hcl.Diagnostics) {
	each := elementAttributes(expr)
next:
	for _, traversal := range expr.Variables() {
		for _, name := range except {
			if traversal.RootName() == name {
				continue next
			}
		}
		ref, problem := parseReference(traversal)
		if problem != nil {
			diags = diags.Append(problem)
			continue
		}
		attributes := each[ref.at]
		if len(attributes) == 0 {
			refs = append(refs, ref)
		}
		for _, attribute := range attributes {
			ref.each = attribute
			refs = append(refs, ref)
		}
	}
	return refs, diags
}

func quoteList(names []string) string {
	s := ""
	for i, name := range names {
		switch {
		case i == 0:
		case i == len(names)-1:
			s += " and "
		default:
			s += ", "
		}
		s += fmt.Sprintf("%q", name)
	}
	return s
}
