package plan

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/reconcile/config"
	"github.com/cleat-dev/cleat/reconcile/graph"
	"github.com/cleat-dev/cleat/resources/contract"
)

// Problem is an error about an object as a diagnostic: at the attribute it names where it names one. block may be nil.
func Problem(address graph.Instance, block *config.Block, err error) hcl.Diagnostics {
	return problem(address, block, err)
}

func problem(address graph.Instance, block *config.Block, err error) hcl.Diagnostics {
	at, _ := contract.PathOf(err)
	d := &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary(err) + " " + address.String(), Detail: sentence(err.Error())}
	if block != nil {
		d.Subject = block.Range(at)
	}
	return hcl.Diagnostics{d}
}

// summary words the class of an error.
func summary(err error) string {
	switch class := errs.Class(err); {
	case errors.Is(class, errs.ErrNotFound):
		return "Not found:"
	case errors.Is(class, errs.ErrConflict):
		return "Conflict:"
	case errors.Is(class, errs.ErrInvalid):
		return "Invalid:"
	case errors.Is(class, errs.ErrUnauthorized):
		return "Access denied:"
	case errors.Is(class, errs.ErrUnavailable):
		return "Not available:"
	default:
		return "Failed:"
	}
}

func sentence(text string) string {
	if text == "" || strings.HasSuffix(text, ".") || strings.Contains(text, "\n") {
		return text
	}
	return text + "."
}

// Diagnostics turns those of a resource type into those of the configuration, at the attribute's place in the file.
func Diagnostics(diags diag.Diagnostics, block *config.Block) hcl.Diagnostics {
	var out hcl.Diagnostics
	for _, d := range diags {
		severity := hcl.DiagError
		if d.Severity() == diag.SeverityWarning {
			severity = hcl.DiagWarning
		}
		converted := &hcl.Diagnostic{Severity: severity, Summary: d.Summary(), Detail: d.Detail(), Subject: block.Range("")}
		if at, ok := d.(diag.DiagnosticWithPath); ok {
			converted.Subject = block.Range(pathText(block, at.Path()))
		}
		out = append(out, converted)
	}
	return out
}

// pathText writes a path as diagnostics do: name, ports[1].external. An item of a set is written by its place in the
// set's order, which [config.Block.Range] understands.
func pathText(block *config.Block, p path.Path) string {
	var b strings.Builder
	value, _ := toObject(block.Value, block.Schema) // null when it is none: then an item of a set has no place
	var at attr.Value = value
	for _, step := range p.Steps() {
		switch s := step.(type) {
		case path.PathStepAttributeName:
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(string(s))
			if object, ok := at.(types.Object); ok {
				at = object.Attributes()[string(s)]
			}
		case path.PathStepElementKeyInt:
			fmt.Fprintf(&b, "[%d]", int64(s))
			if list, ok := at.(types.List); ok && int(s) < len(list.Elements()) {
				at = list.Elements()[s]
			}
		case path.PathStepElementKeyString:
			fmt.Fprintf(&b, "[%q]", string(s))
		case path.PathStepElementKeyValue:
			if set, ok := at.(types.Set); ok {
				if i := slices.IndexFunc(set.Elements(), s.Value.Equal); i >= 0 {
					fmt.Fprintf(&b, "[%d]", i)
				}
				at = s.Value
			}
		}
	}
	return b.String()
}
