package plan

import (
	"context"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/cleat-dev/cleat/reconcile/config"
	"github.com/cleat-dev/cleat/reconcile/graph"
)

// Validate evaluates every declaration as far as it goes without an engine, and runs what types say about it. What a
// reference leads to is unknown.
func Validate(ctx context.Context, in Input) hcl.Diagnostics {
	b := newBuilder(in)
	_, err := in.Config.Graph().Walk(ctx, func(ctx context.Context, n config.Node) error {
		if !n.HasInstances() {
			return nil
		}
		addresses, diags := in.Evaluator.Expand(n.Resource())
		for _, address := range addresses {
			diags = append(diags, b.check(ctx, address)...)
		}
		b.report(diags)
		return nil
	})
	if err != nil {
		b.report(hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "Dependency cycle", Detail: err.Error()}})
	}
	return config.Unique(b.diags)
}

// check validates one declared object and leaves it unknown to others.
func (b *builder) check(ctx context.Context, address graph.Instance) hcl.Diagnostics {
	block, diags := b.Evaluator.Eval(address)
	if diags.HasErrors() {
		return diags
	}
	declared, err := toObject(block.Value, block.Schema)
	if err != nil {
		return append(diags, problem(address, block, err)...)
	}
	if address.Mode == graph.Managed {
		diags = append(diags, Diagnostics(b.Types.Resources[address.Type].Validate(ctx, declared), block)...)
	} else {
		diags = append(diags, Diagnostics(b.Types.question(address).Validate(ctx, declared), block)...)
	}
	b.Evaluator.Set(address, cty.UnknownVal(config.ObjectType(block.Schema)))
	return diags
}
