package provider

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/cleat-dev/cleat/resources/contract"
)

// addError reports err, at its attribute where it names one. summary says what did not happen.
func addError(diags *diag.Diagnostics, n *contract.Node, summary string, err error) {
	text, _ := contract.PathOf(err)
	if text == "" {
		diags.AddError(summary, err.Error())
		return
	}
	at, ok := parsePath(n, text)
	if !ok {
		diags.AddError(summary, err.Error())
		return
	}
	diags.AddAttributeError(at, summary, err.Error())
}

// addWarnings reports what an operation could not do and went on without.
func addWarnings(diags *diag.Diagnostics, name string, warnings []string) {
	for _, w := range warnings {
		diags.AddWarning(name, w)
	}
}

// parsePath returns the path a text such as ports[1].external or labels["a"] names in a schema. An element of a set
// has no index in Terraform's terms: the path ends at the block or attribute that holds it. It is false for a text
// that names nothing in the schema.
func parsePath(n *contract.Node, text string) (path.Path, bool) {
	name, rest := cutName(text)
	at := path.Root(name)
	for {
		block, isBlock := n.Block(name)
		if _, isAttribute := n.Attribute(name); !isBlock && !isAttribute {
			return path.Empty(), false
		}
		if isBlock && block.Nesting == contract.Set {
			return at, true
		}
		step, after, indexed, ok := cutIndex(rest)
		if !ok {
			return path.Empty(), false
		}
		if indexed {
			at, rest = step(at), after
		}
		switch {
		case rest == "":
			return at, true
		case !isBlock: // below an attribute there are only elements, and the attribute is near enough
			return at, true
		case !strings.HasPrefix(rest, "."):
			return path.Empty(), false
		}
		n = block.Node
		name, rest = cutName(rest[1:])
		at = at.AtName(name)
	}
}

func cutName(text string) (name, rest string) {
	if i := strings.IndexAny(text, ".["); i >= 0 {
		return text[:i], text[i:]
	}
	return text, ""
}

// cutIndex takes one [1] or ["key"] off the start of a text. ok is false for a malformed one.
func cutIndex(text string) (step func(path.Path) path.Path, rest string, indexed, ok bool) {
	if !strings.HasPrefix(text, "[") {
		return nil, text, false, true
	}
	if key, err := strconv.QuotedPrefix(text[1:]); err == nil {
		rest, found := strings.CutPrefix(text[1+len(key):], "]")
		key, err := strconv.Unquote(key)
		return func(p path.Path) path.Path { return p.AtMapKey(key) }, rest, true, found && err == nil
	}
	number, rest, found := strings.Cut(text[1:], "]")
	i, err := strconv.Atoi(number)
	return func(p path.Path) path.Path { return p.AtListIndex(i) }, rest, true, found && err == nil && i >= 0
}

// addBug reports something that only a mistake of ours can cause.
func addBug(diags *diag.Diagnostics, subject string, err error) {
	diags.AddError("Bug in the provider", fmt.Sprintf("%s: %s\n\nThe object is kept in the state. Please report this.", subject, err))
}

func firstError(diags diag.Diagnostics) error {
	if diags.HasError() {
		first := diags.Errors()[0]
		return errors.New(first.Summary() + ": " + first.Detail())
	}
	return nil
}
