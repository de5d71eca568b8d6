package config

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/cleat-dev/cleat/internal/lang"
)

// Output is the value of an output of the root module; what it refers to must have been set.
func (e *Evaluator) Output(name string) (OutputValue, hcl.Diagnostics) {
	o := e.cfg.root.outputs[name]
	if o == nil {
		return OutputValue{}, hcl.Diagnostics{{
			Severity: hcl.DiagError, Summary: "Output not found",
			Detail: fmt.Sprintf("There is no output %q in the root module.", name) + didYouMean(name, e.cfg.Outputs()),
		}}
	}
	v, diags := e.output(e.root, name)
	if lang.ContainsSensitive(v) && !o.sensitive {
		diags = append(diags[:len(diags):len(diags)], errorAt(o.value.Range(), "Output refers to sensitive values",
			fmt.Sprintf("The value of the output %q is sensitive. Add sensitive = true to the output; it is then hidden unless asked for by name.", name)))
	}
	v, _ = v.UnmarkDeep()
	return OutputValue{Name: name, Value: v, Sensitive: o.sensitive, Description: o.description}, clean(diags)
}

// Provider is the configuration of a provider key. What it refers to must have been set: the visit of a resource that
// uses it may call this, as may anyone when the block refers to no resource ([Config.ProviderNeeds]).
func (e *Evaluator) Provider(key ProviderKey) (*ProviderBlock, hcl.Diagnostics) {
	shape := e.cfg.shapes.of(e.cfg.schemas.Provider())
	p := &ProviderBlock{Key: key, Value: cty.ObjectVal(shape.empty)}
	decl := e.cfg.providerNode(key)
	if decl == nil {
		return p, nil
	}
	p.Declared = decl.at.Ptr()
	scopes, diags := e.scopes(e.cfg.modules[key.Module])
	if diags.HasErrors() || len(scopes) == 0 {
		return p, clean(diags)
	}
	ctx, diags := e.context(scopes[0], decl.refs) // a module with a provider block has one instance
	if diags.HasErrors() {
		return p, clean(diags)
	}
	ev := bodyEvaluator{transient: true}
	p.Value, p.ranges = ev.object(decl.body, ctx, nil)
	p.Sensitive = ev.sensitive
	return p, clean(append(diags, ev.diags...))
}

// ProviderNeeds are the steps of a walk that must be done before a provider configuration is known.
func (c *Config) ProviderNeeds(key ProviderKey) []Node { return c.providerNeeds[key] }
