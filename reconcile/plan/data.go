package plan

import (
	"context"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/reconcile/graph"
)

// data reads a data source or opens an ephemeral resource, or leaves it to the apply: when what it asks is not known yet, or
// when something is going to change that depends_on names or that it refers to itself, though with a known attribute: it may
// ask for what is to be made. What is ephemeral is told to the evaluator alone: it is not in the plan, and is opened again
// by an apply of it.
func (b *builder) data(ctx context.Context, address graph.Instance) hcl.Diagnostics {
	diags := b.Evaluator.Preconditions(address)
	if diags.HasErrors() {
		return diags
	}
	block, more := b.Evaluator.Eval(address)
	if diags = append(diags, more...); diags.HasErrors() {
		return diags
	}
	source, host := b.Types.question(address), b.Hosts[block.Provider]
	declared, err := toObject(block.Value, source.Node())
	if err != nil {
		return append(diags, problem(address, block, err)...)
	}
	if diags = append(diags, Diagnostics(source.Validate(ctx, declared), block)...); diags.HasErrors() {
		return diags
	}
	static, _ := b.Config.Resource(address.Resource())
	var answer types.Object
	if block.Value.IsWhollyKnown() && !b.changing(static.DependsOn) && !b.changing(static.RefersTo) {
		err = b.watched(address, host, func() (err error) {
			answer, err = source.Read(ctx, host.Engine, declared)
			return err
		})
		if err != nil {
			return append(diags, problem(address, block, err)...)
		}
	} else {
		values := declared.Attributes()
		for _, a := range source.Node().Attributes {
			if a.Computed && values[a.Name].IsNull() {
				values[a.Name] = a.Unknown
			}
		}
		if answer, err = source.Node().Object(values); err != nil {
			return append(diags, problem(address, block, err)...)
		}
		if address.Mode == graph.Data {
			b.add(&Step{
				Address: address, Provider: block.Provider, Action: Read, Node: source.Node(), Before: source.Node().Null(), After: answer,
				Sensitive: sensitiveRoots(block.Sensitive), Declared: &static.Range, Host: host.Name, Reason: "what it asks is known after apply",
			})
		}
	}
	if err := b.set(address, answer); err != nil {
		return append(diags, problem(address, block, err)...)
	}
	return append(diags, b.Evaluator.Postconditions(address)...)
}

func (b *builder) changing(blocks []graph.Resource) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.ContainsFunc(blocks, func(r graph.Resource) bool { return b.touched[r] })
}
