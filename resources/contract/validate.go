package contract

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// validate runs the validators of a schema's attributes and blocks over the known values of a declaration.
func validate(ctx context.Context, n *Node, config types.Object) diag.Diagnostics {
	diags := validateItem(ctx, n, config.Attributes(), path.Empty())
	for i, d := range diags {
		diags[i] = withoutItems(d)
	}
	return diags
}

// withoutItems is a diagnostic without the items of sets in its text. The framework's validators name what they refuse by
// its whole path, in which an item of a set is its value, and that may hold secrets.
func withoutItems(d diag.Diagnostic) diag.Diagnostic {
	located, ok := d.(diag.DiagnosticWithPath)
	if !ok {
		return d
	}
	at := path.Empty()
	for _, step := range located.Path().Steps() {
		switch step := step.(type) {
		case path.PathStepAttributeName:
			at = at.AtName(string(step))
		case path.PathStepElementKeyInt:
			at = at.AtListIndex(int(step))
		case path.PathStepElementKeyString:
			at = at.AtMapKey(string(step))
		}
	}
	hide := func(text string) string { return strings.ReplaceAll(text, located.Path().String(), at.String()) }
	var plain diag.Diagnostic = diag.NewErrorDiagnostic(hide(d.Summary()), hide(d.Detail()))
	if d.Severity() == diag.SeverityWarning {
		plain = diag.NewWarningDiagnostic(hide(d.Summary()), hide(d.Detail()))
	}
	return diag.WithPath(located.Path(), plain)
}

// Plain reports whether a declaration has nothing to be refused or warned of by the schema alone: what is required is
// there or not known yet, and what only the engine says, is deprecated or is write-only is not (older Terraform cannot have
// the latter).
func (n *Node) Plain(config types.Object) bool {
	if config.IsUnknown() {
		return true
	}
	values := config.Attributes()
	for _, a := range n.Attributes {
		v, ok := values[a.Name]
		if null := !ok || v.IsNull(); null && a.Required || !null && (a.WriteOnly || a.Deprecated != "" || a.Computed && !a.Optional) {
			return false
		}
	}
	for _, b := range n.Blocks {
		declared := items(b, values[b.Name])
		if b.Deprecated != "" && len(declared) > 0 || slices.ContainsFunc(declared, func(item types.Object) bool { return !b.Node.Plain(item) }) {
			return false
		}
	}
	return true
}

func validateItem(ctx context.Context, n *Node, values map[string]attr.Value, at path.Path) diag.Diagnostics {
	var diags diag.Diagnostics
	for _, a := range n.Attributes {
		if v := values[a.Name]; !v.IsNull() && !v.IsUnknown() {
			diags.Append(validateValue(ctx, a.schema, v, at.AtName(a.Name))...)
		}
	}
	for _, b := range n.Blocks {
		diags.Append(validateBlock(ctx, b, values[b.Name], at.AtName(b.Name))...)
	}
	return diags
}

func validateBlock(ctx context.Context, b *Block, value attr.Value, at path.Path) diag.Diagnostics {
	var diags diag.Diagnostics
	if value.IsUnknown() || value.IsNull() {
		return diags
	}
	if b.Nesting != Single {
		diags.Append(validateValue(ctx, b.schema, value, at)...)
	}
	for i, object := range items(b, value) {
		if object.IsUnknown() || object.IsNull() {
			continue
		}
		inside := at
		switch b.Nesting {
		case List:
			inside = at.AtListIndex(i)
		case Set:
			inside = at.AtSetValue(object)
		}
		diags.Append(validateValue(ctx, b.object, object, inside)...)
		diags.Append(validateItem(ctx, b.Node, object.Attributes(), inside)...)
	}
	return diags
}

// validateFilled refuses what lacks a required attribute in a block that is an attribute for Terraform ([Rule.Filled]),
// where nobody else does. within says that the values are those of such a block.
func validateFilled(rules Rules, n *Node, values map[string]attr.Value, at path.Path, within bool) diag.Diagnostics {
	var diags diag.Diagnostics
	for _, a := range n.Attributes {
		if v, ok := values[a.Name]; within && a.Required && (!ok || v.IsNull()) {
			diags.AddAttributeError(at.AtName(a.Name), "Missing required argument", fmt.Sprintf("The argument %q is required, but no definition was found.", a.Name))
		}
	}
	for _, b := range n.Blocks {
		for i, item := range items(b, values[b.Name]) {
			if item.IsUnknown() || item.IsNull() {
				continue
			}
			diags.Append(validateFilled(rules, b.Node, item.Attributes(), at.AtName(b.Name).AtListIndex(i), within || rules[b.Path].Filled)...)
		}
	}
	return diags
}

// validateValue runs the validators a schema part declares for values of its kind.
func validateValue(ctx context.Context, part any, value attr.Value, at path.Path) diag.Diagnostics {
	var diags diag.Diagnostics
	switch v := value.(type) {
	case types.String:
		if s, ok := part.(interface{ StringValidators() []validator.String }); ok {
			for _, check := range s.StringValidators() {
				var r validator.StringResponse
				check.ValidateString(ctx, validator.StringRequest{Path: at, PathExpression: at.Expression(), ConfigValue: v}, &r)
				diags.Append(r.Diagnostics...)
			}
		}
	case types.Int64:
		if s, ok := part.(interface{ Int64Validators() []validator.Int64 }); ok {
			for _, check := range s.Int64Validators() {
				var r validator.Int64Response
				check.ValidateInt64(ctx, validator.Int64Request{Path: at, PathExpression: at.Expression(), ConfigValue: v}, &r)
				diags.Append(r.Diagnostics...)
			}
		}
	case types.Float64:
		if s, ok := part.(interface{ Float64Validators() []validator.Float64 }); ok {
			for _, check := range s.Float64Validators() {
				var r validator.Float64Response
				check.ValidateFloat64(ctx, validator.Float64Request{Path: at, PathExpression: at.Expression(), ConfigValue: v}, &r)
				diags.Append(r.Diagnostics...)
			}
		}
	case types.Bool:
		if s, ok := part.(interface{ BoolValidators() []validator.Bool }); ok {
			for _, check := range s.BoolValidators() {
				var r validator.BoolResponse
				check.ValidateBool(ctx, validator.BoolRequest{Path: at, PathExpression: at.Expression(), ConfigValue: v}, &r)
				diags.Append(r.Diagnostics...)
			}
		}
	default:
		diags.Append(validateCollection(ctx, part, value, at)...)
	}
	return diags
}

func validateCollection(ctx context.Context, part any, value attr.Value, at path.Path) diag.Diagnostics {
	var diags diag.Diagnostics
	switch v := value.(type) {
	case types.List:
		if s, ok := part.(interface{ ListValidators() []validator.List }); ok {
			for _, check := range s.ListValidators() {
				var r validator.ListResponse
				check.ValidateList(ctx, validator.ListRequest{Path: at, PathExpression: at.Expression(), ConfigValue: v}, &r)
				diags.Append(r.Diagnostics...)
			}
		}
	case types.Set:
		if s, ok := part.(interface{ SetValidators() []validator.Set }); ok {
			for _, check := range s.SetValidators() {
				var r validator.SetResponse
				check.ValidateSet(ctx, validator.SetRequest{Path: at, PathExpression: at.Expression(), ConfigValue: v}, &r)
				diags.Append(r.Diagnostics...)
			}
		}
	case types.Map:
		if s, ok := part.(interface{ MapValidators() []validator.Map }); ok {
			for _, check := range s.MapValidators() {
				var r validator.MapResponse
				check.ValidateMap(ctx, validator.MapRequest{Path: at, PathExpression: at.Expression(), ConfigValue: v}, &r)
				diags.Append(r.Diagnostics...)
			}
		}
	case types.Object:
		if s, ok := part.(interface{ ObjectValidators() []validator.Object }); ok {
			for _, check := range s.ObjectValidators() {
				var r validator.ObjectResponse
				check.ValidateObject(ctx, validator.ObjectRequest{Path: at, PathExpression: at.Expression(), ConfigValue: v}, &r)
				diags.Append(r.Diagnostics...)
			}
		}
	}
	return diags
}
