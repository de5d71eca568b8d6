package config

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/resources/contract"
	"github.com/cleat-dev/cleat/resources/swarm"
)

// Bounds of what a swarm takes.
const (
	nameLimit = 64
	dataLimit = 1000 << 10
)

// Model is a config as declared, planned or observed.
type Model struct {
	ID      types.String                 `tfsdk:"id"`
	Name    types.String                 `tfsdk:"name"`
	Data    types.String                 `tfsdk:"data"`
	DataRaw types.String                 `tfsdk:"data_raw"`
	DataWO  types.String                 `tfsdk:"data_wo"`
	Labels  contract.Blocks[swarm.Label] `tfsdk:"labels"`

	DataWOVersion types.Int64 `tfsdk:"data_wo_version"`
}

// Schema implements contract.Type.
func (Type) Schema(context.Context) schema.Schema {
	return schema.Schema{
		MarkdownDescription: "A config of a swarm: data its services get as files. Only labels can be changed in place. A config that a service uses " +
			"cannot be removed: to change it, put something that changes into its name and set `create_before_destroy`, as in the example. " +
			"Needs an engine that manages a swarm, and API 1.30.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{Computed: true, MarkdownDescription: "Id of the config."},
			"name": schema.StringAttribute{
				Required: true, Validators: swarm.Name(nameLimit),
				MarkdownDescription: "Name of the config: up to 64 letters, digits, `-`, `_` and `.`, the first and last one a letter or digit.",
			},
			"data": schema.StringAttribute{
				Optional: true, Computed: true, Validators: []validator.String{swarm.Base64{Limit: dataLimit}},
				MarkdownDescription: "The data, base64 encoded: less than 1000 KiB of it. One of `data`, `data_raw` and `data_wo` is needed; `data` and `data_raw` are reported both, unless `data_wo` is given.",
			},
			"data_raw": schema.StringAttribute{
				Optional: true, Computed: true, Validators: []validator.String{stringvalidator.LengthBetween(1, dataLimit-1)},
				MarkdownDescription: "The data as text: less than 1000 KiB of it. Empty when the data is no text (UTF-8).",
			},
			"data_wo":         swarm.DataWO(dataLimit),
			"data_wo_version": swarm.DataWOVersion(),
		},
		Blocks: map[string]schema.Block{"labels": swarm.LabelsBlock("A label of the config. Changed in place.")},
	}
}

// Rules implements contract.Type.
func (Type) Rules() contract.Rules {
	return contract.Rules{
		"id":       {Stable: true, Requires: "1.30"},
		"labels":   {Effect: contract.InPlace},
		"data":     {Stable: true, Same: swarm.SameData},
		"data_raw": {Stable: true},
	}
}

// Validate implements contract.Validator.
func (Type) Validate(_ context.Context, config Model) diag.Diagnostics {
	diags := swarm.ValidateLabels(config.Labels, path.Root("labels"))
	data, raw := config.Data, config.DataRaw
	switch {
	case data.IsNull() && raw.IsNull() && config.DataWO.IsNull():
		diags.AddError("Config without data", "One of data (base64), data_raw (text) and data_wo (base64, in no state) is needed.")
	case data.IsNull() || data.IsUnknown() || raw.IsNull() || raw.IsUnknown():
	case !swarm.SameData(data, types.StringValue(encode([]byte(raw.ValueString())))):
		diags.AddAttributeError(path.Root("data_raw"), "Data given twice", "data and data_raw say different things; give one of them.")
	}
	return append(diags, swarm.ValidateDataWO(config.DataWO, config.DataWOVersion, map[string]types.String{"data": data, "data_raw": raw})...)
}

// Claims implements contract.Claimant: a config has its name for itself.
func (Type) Claims(m Model) []contract.Claim {
	if m.Name.ValueString() == "" {
		return nil
	}
	return []contract.Claim{{Kind: contract.ClaimConfigName, Value: m.Name.ValueString(), Path: "name"}}
}
