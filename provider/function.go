package provider

import (
	"context"
	"errors"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/cleat-dev/cleat/internal/functions"
)

// functionShell puts one function behind the framework.
type functionShell struct{ f functions.Function }

var _ function.Function = functionShell{}

// Functions are all functions of the provider.
func (p *Provider) Functions(context.Context) []func() function.Function {
	var all []func() function.Function
	for _, f := range functions.All() {
		all = append(all, func() function.Function { return functionShell{f} })
	}
	return all
}

// msgpackNil is null as the protocol has it.
const msgpackNil = 0xc0

// CallFunction is the framework's. OpenTofu (1.12 is one) sends nothing at all for an argument that is null, which the
// framework takes for a fault of the protocol.
func (s *server) CallFunction(ctx context.Context, req *tfprotov6.CallFunctionRequest) (*tfprotov6.CallFunctionResponse, error) {
	call := *req
	call.Arguments = slices.Clone(req.Arguments)
	for i, a := range call.Arguments {
		if a == nil || len(a.MsgPack) == 0 && len(a.JSON) == 0 {
			call.Arguments[i] = &tfprotov6.DynamicValue{MsgPack: []byte{msgpackNil}}
		}
	}
	return s.framework.CallFunction(ctx, &call)
}

// Metadata names the function.
func (s functionShell) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = s.f.Name
}

// Definition is the function's own.
func (s functionShell) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	d := function.Definition{Summary: s.f.Summary, MarkdownDescription: s.f.Description, Return: returnOf(s.f.Result)}
	for _, p := range s.f.Parameters {
		d.Parameters = append(d.Parameters, parameterOf(p))
	}
	if s.f.Variadic != nil {
		d.VariadicParameter = parameterOf(*s.f.Variadic)
	}
	resp.Definition = d
}

// Run calls the function.
func (s functionShell) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	arguments := make([]attr.Value, len(s.f.Parameters))
	for i := range arguments {
		if resp.Error = req.Arguments.GetArgument(ctx, i, &arguments[i]); resp.Error != nil {
			return
		}
	}
	if s.f.Variadic != nil {
		var rest attr.Value
		if resp.Error = req.Arguments.GetArgument(ctx, len(arguments), &rest); resp.Error != nil {
			return
		}
		if tuple, ok := rest.(types.Tuple); ok {
			arguments = append(arguments, tuple.Elements()...)
		}
	}
	result, err := s.f.Call(ctx, arguments)
	if wrong := new(functions.ArgumentError); errors.As(err, &wrong) {
		resp.Error = function.NewArgumentFuncError(int64(wrong.Index), wrong.Error())
		return
	}
	if err != nil {
		resp.Error = function.NewFuncError(err.Error())
		return
	}
	resp.Error = resp.Result.Set(ctx, result)
}

// parameterOf is the framework's form of a parameter; nil of a type the framework then reports.
func parameterOf(p functions.Parameter) function.Parameter {
	switch t := p.Type.(type) {
	case basetypes.StringType:
		return function.StringParameter{Name: p.Name, MarkdownDescription: p.Description, AllowNullValue: p.Nullable}
	case basetypes.Int64Type:
		return function.Int64Parameter{Name: p.Name, MarkdownDescription: p.Description, AllowNullValue: p.Nullable}
	case basetypes.ListType:
		return function.ListParameter{Name: p.Name, MarkdownDescription: p.Description, AllowNullValue: p.Nullable, ElementType: t.ElemType}
	case basetypes.MapType:
		return function.MapParameter{Name: p.Name, MarkdownDescription: p.Description, AllowNullValue: p.Nullable, ElementType: t.ElemType}
	}
	return nil
}

// returnOf is the framework's form of a result's type; nil of one the framework then reports.
func returnOf(result attr.Type) function.Return {
	switch t := result.(type) {
	case basetypes.StringType:
		return function.StringReturn{}
	case basetypes.Int64Type:
		return function.Int64Return{}
	case basetypes.ListType:
		return function.ListReturn{ElementType: t.ElemType}
	case basetypes.MapType:
		return function.MapReturn{ElementType: t.ElemType}
	case basetypes.ObjectType:
		return function.ObjectReturn{AttributeTypes: t.AttrTypes}
	}
	return nil
}
