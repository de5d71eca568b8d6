package config

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/cleat-dev/cleat/internal/functions"
	"github.com/cleat-dev/cleat/internal/lang"
)

// functionsOf returns all functions by name: the language's, and the provider's below each local name a module knows
// the provider by.
func functionsOf(cfg *Config, scope lang.Scope) map[string]function.Function {
	all := lang.Functions(scope)
	names := map[string]bool{"docker": true}
	for _, mod := range cfg.modules {
		maps.Copy(names, mod.providerNames)
	}
	for _, f := range functions.All() {
		hosted := hostFunction(f)
		for name := range names {
			all["provider::"+name+"::"+f.Name] = hosted
		}
	}
	return all
}

// hostFunction puts a function of the provider into the language.
func hostFunction(f functions.Function) function.Function {
	spec := &function.Spec{
		Description: f.Summary,
		Type:        function.StaticReturnType(CtyType(f.Result)),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return callFunction(f, args)
		},
	}
	for _, p := range f.Parameters {
		spec.Params = append(spec.Params, parameter(p))
	}
	if f.Variadic != nil {
		last := parameter(*f.Variadic)
		spec.VarParam = &last
	}
	return function.New(spec)
}

func parameter(p functions.Parameter) function.Parameter {
	return function.Parameter{Name: p.Name, Description: p.Description, Type: CtyType(p.Type), AllowNull: p.Nullable}
}

func callFunction(f functions.Function, args []cty.Value) (cty.Value, error) {
	values := make([]attr.Value, len(args))
	for i, arg := range args {
		if !arg.IsWhollyKnown() { // as Terraform: an unknown anywhere inside leaves the result open
			return cty.UnknownVal(CtyType(f.Result)), nil
		}
		p := f.Variadic
		if i < len(f.Parameters) {
			p = &f.Parameters[i]
		}
		v, err := FromCty(arg, p.Type)
		if err != nil {
			return cty.NilVal, function.NewArgError(i, err)
		}
		values[i] = v
	}
	result, err := f.Call(uninterrupted{}, values)
	if wrong := new(functions.ArgumentError); errors.As(err, &wrong) {
		return cty.NilVal, function.NewArgError(wrong.Index, wrong.Err)
	}
	if err != nil {
		return cty.NilVal, err
	}
	return ToCty(result)
}

// uninterrupted is the context of functions: an expression is evaluated to its end.
type uninterrupted struct{}

var _ context.Context = uninterrupted{}

// Deadline is none.
func (uninterrupted) Deadline() (time.Time, bool) { return time.Time{}, false }

// Done never is.
func (uninterrupted) Done() <-chan struct{} { return nil }

// Err is none.
func (uninterrupted) Err() error { return nil }

// Value is none.
func (uninterrupted) Value(any) any { return nil }
