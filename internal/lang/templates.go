package lang

import (
	"fmt"
	"maps"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/customdecode"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
)

// maxTemplateDepth is how many templates may call templatefile from within each other.
const maxTemplateDepth = 1024

// templateFile returns the function as it is called from depth templates within each other.
func (f *files) templateFile(depth int) function.Function {
	template := func(args []cty.Value) (hcl.Expression, error) {
		if depth >= maxTemplateDepth {
			return nil, fmt.Errorf("templates call templatefile from within each other more than %d times", maxTemplateDepth)
		}
		path, _ := args[0].Unmark()
		content, err := f.read(path.AsString())
		if err != nil {
			return nil, function.NewArgError(0, err)
		}
		if _, err := plainText(path.AsString(), content); err != nil {
			return nil, function.NewArgError(0, err)
		}
		expr, diags := hclsyntax.ParseTemplate(content, path.AsString(), hcl.InitialPos)
		if diags.HasErrors() {
			return nil, function.NewArgError(0, diags)
		}
		return expr, nil
	}
	return f.template(function.Parameter{Name: "path", Type: cty.String, AllowMarked: true}, depth, template)
}

// templateString renders a template held by a value. The template must be named directly (local.text), so that a
// quoted template, which would be rendered twice, is refused.
func (f *files) templateString() function.Function {
	template := func(args []cty.Value) (hcl.Expression, error) {
		closure := customdecode.ExpressionClosureFromVal(args[0])
		if _, diags := hcl.AbsTraversalForExpr(closure.Expression); diags.HasErrors() {
			return nil, function.NewArgErrorf(0, "must be a direct reference to a single string from elsewhere, containing valid template syntax")
		}
		v, diags := closure.Value()
		if diags.HasErrors() {
			return nil, function.NewArgError(0, diags)
		}
		v, err := convert.Convert(v, cty.String)
		if err != nil {
			return nil, function.NewArgError(0, err)
		}
		unmarked, marks := v.Unmark()
		if !v.IsKnown() {
			return hcl.StaticExpr(cty.UnknownVal(cty.String).WithMarks(marks), hcl.Range{}), nil
		}
		if v.IsNull() {
			return nil, function.NewArgErrorf(0, "the template is null")
		}
		expr, diags := hclsyntax.ParseTemplate([]byte(unmarked.AsString()), "<templatestring argument>", hcl.InitialPos)
		if diags.HasErrors() {
			if len(marks) > 0 {
				return nil, function.NewArgErrorf(0, "the template, which is sensitive, has a syntax error")
			}
			return nil, function.NewArgError(0, diags)
		}
		if len(marks) > 0 {
			return markedExpr{expr, marks}, nil
		}
		return expr, nil
	}
	return f.template(function.Parameter{Name: "template", Type: customdecode.ExpressionClosureType}, 0, template)
}

// markedExpr is a template whose result is as sensitive as its text.
type markedExpr struct {
	hcl.Expression
	marks cty.ValueMarks
}

func (e markedExpr) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	v, diags := e.Expression.Value(ctx)
	return v.WithMarks(e.marks), diags
}

// template returns a function of a template and its variables.
func (f *files) template(param function.Parameter, depth int, parse func([]cty.Value) (hcl.Expression, error)) function.Function {
	render := func(args []cty.Value) (cty.Value, error) {
		if !param.AllowMarked || args[0].IsKnown() {
			expr, err := parse(args)
			if err != nil {
				return cty.DynamicVal, err
			}
			return f.render(expr, args[1], depth)
		}
		return cty.DynamicVal, nil
	}
	return function.New(&function.Spec{
		Params: []function.Parameter{
			param,
			{Name: "vars", Type: cty.DynamicPseudoType, AllowMarked: true, AllowUnknown: true},
		},
		Type: func(args []cty.Value) (cty.Type, error) {
			if !args[1].IsKnown() || param.AllowMarked && !args[0].IsKnown() {
				return cty.DynamicPseudoType, nil
			}
			v, err := render(args)
			return v.Type(), err
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			vars, marks := args[1].Unmark()
			if !vars.IsKnown() {
				return cty.DynamicVal.WithMarks(marks), nil
			}
			v, err := render(args)
			if param.AllowMarked {
				_, pathMarks := args[0].Unmark()
				v = v.WithMarks(pathMarks)
			}
			return v.WithMarks(marks), err
		},
	})
}

func (f *files) render(expr hcl.Expression, vars cty.Value, depth int) (cty.Value, error) {
	vars, marks := vars.Unmark()
	t := vars.Type()
	if vars.IsNull() || !t.IsMapType() && !t.IsObjectType() {
		return cty.DynamicVal, function.NewArgErrorf(1, "invalid vars value: must be a map")
	}
	ctx := &hcl.EvalContext{Variables: vars.AsValueMap()}
	for name := range ctx.Variables {
		if !hclsyntax.ValidIdentifier(name) {
			return cty.DynamicVal, function.NewArgErrorf(1, "invalid template variable name %q: must start with a letter, followed by zero or more letters, digits, and underscores", name)
		}
	}
	for _, traversal := range expr.Variables() {
		if root := traversal.RootName(); ctx.Variables[root] == cty.NilVal {
			return cty.DynamicVal, function.NewArgErrorf(1, "vars map does not contain key %q, referenced at %s", root, traversal[0].SourceRange())
		}
	}
	ctx.Functions = maps.Clone(f.functions)
	ctx.Functions["templatefile"] = f.templateFile(depth + 1)
	ctx.Functions["core::templatefile"] = ctx.Functions["templatefile"]
	v, diags := expr.Value(ctx)
	if diags.HasErrors() {
		return cty.DynamicVal, diags
	}
	return v.WithMarks(marks), nil
}
