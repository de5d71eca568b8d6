package volume

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/resources/contract"
)

// Rules implements contract.Type. What has no row replaces: no engine can change it.
func (Type) Rules() contract.Rules {
	return contract.Rules{
		"id":         {Stable: true, Requires: "1.21"},
		"mountpoint": {Stable: true},
		"labels":     {Requires: "1.23"},
		// Older engines take options and do not report them: a difference could never be seen.
		"driver_opts": {Requires: "1.25"},

		"cluster":                    {By: clusterEffect, Requires: "1.42"},
		"cluster.id":                 {Stable: true},
		"cluster.limit_bytes":        {Same: sameSize},
		"cluster.required_bytes":     {Same: sameSize},
		"cluster.topology_required":  {Same: sameTopology},
		"cluster.topology_preferred": {Same: sameTopology},
	}
}

// Validate implements contract.Validator.
func (Type) Validate(_ context.Context, config Model) diag.Diagnostics {
	var diags diag.Diagnostics
	seen := map[string]bool{}
	for _, l := range config.Labels.Items {
		if l.Label.IsNull() || l.Label.IsUnknown() {
			continue
		}
		if name := l.Label.ValueString(); seen[name] {
			diags.AddAttributeError(path.Root("labels"), "Duplicate label", fmt.Sprintf("The label %q is given twice; an object has one value for a label.", name))
		} else {
			seen[name] = true
		}
	}
	if len(config.Cluster.Items) > 0 && config.Driver.IsNull() {
		diags.AddAttributeError(path.Root("driver"), "Cluster volume without a driver",
			"A cluster volume is provided by a CSI driver: name it in driver. The default driver, local, cannot make one.")
	}
	return diags
}

// clusterEffect: swarm can change a cluster volume's availability and nothing else.
func clusterEffect(observed, desired attr.Value) contract.Effect {
	have, want := clusterItem(observed), clusterItem(desired)
	if have == nil || want == nil {
		return contract.Replace
	}
	for name, value := range want {
		if name == "availability" || name == "id" || value.Equal(have[name]) {
			continue
		}
		switch name {
		case "limit_bytes", "required_bytes":
			if known(have[name], value) && sameSize(have[name], value) {
				continue
			}
		case "topology_required", "topology_preferred":
			if known(have[name], value) && sameTopology(have[name], value) {
				continue
			}
		}
		return contract.Replace
	}
	return contract.InPlace
}

func known(values ...attr.Value) bool {
	for _, v := range values {
		if v == nil || v.IsNull() || v.IsUnknown() {
			return false
		}
	}
	return true
}

// clusterItem returns the attributes of the one cluster block, nil when there is none or it is not known.
func clusterItem(v attr.Value) map[string]attr.Value {
	list, ok := v.(types.List)
	if !ok || list.IsNull() || list.IsUnknown() || len(list.Elements()) != 1 {
		return nil
	}
	object, ok := list.Elements()[0].(types.Object)
	if !ok || object.IsUnknown() {
		return nil
	}
	return object.Attributes()
}

func sameSize(observed, desired attr.Value) bool {
	a, errA := parseSize(text(observed))
	b, errB := parseSize(text(desired))
	return errA == nil && errB == nil && a == b
}

func sameTopology(observed, desired attr.Value) bool {
	a, errA := parseTopology(text(observed))
	b, errB := parseTopology(text(desired))
	return errA == nil && errB == nil && formatTopology(a) == formatTopology(b)
}

func text(v attr.Value) string {
	s, _ := v.(types.String)
	return s.ValueString()
}

// sizeValidator refuses what is not an amount of bytes.
type sizeValidator struct{}

func (sizeValidator) Description(context.Context) string { return "a size such as 128MiB or 2GiB" }

func (v sizeValidator) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (sizeValidator) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if _, err := parseSize(req.ConfigValue.ValueString()); err != nil {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid size", err.Error())
	}
}

// topologyValidator refuses what is not a list of key=value.
type topologyValidator struct{}

func (topologyValidator) Description(context.Context) string { return "key=value,key=value" }

func (v topologyValidator) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (topologyValidator) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if _, err := parseTopology(req.ConfigValue.ValueString()); err != nil {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid topology", err.Error())
	}
}
