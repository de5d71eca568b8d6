package secret

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/attr"
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
	dataLimit = 500 << 10
)

// Model is a secret as declared, planned or observed.
type Model struct {
	ID     types.String                 `tfsdk:"id"`
	Name   types.String                 `tfsdk:"name"`
	Data   types.String                 `tfsdk:"data"`
	DataWO types.String                 `tfsdk:"data_wo"`
	Labels contract.Blocks[swarm.Label] `tfsdk:"labels"`

	DataWOVersion types.Int64 `tfsdk:"data_wo_version"`
}

// Schema implements contract.Type.
func (Type) Schema(context.Context) schema.Schema {
	return schema.Schema{
		Version: 1,
		MarkdownDescription: "A secret of a swarm: data its services get as files in memory. Only labels can be changed in place. A secret that a service uses " +
			"cannot be removed: to rotate it, put something that changes into its name and set `create_before_destroy`, as in the example. " +
			"No engine tells what a secret holds: `data` is kept in Terraform's state, under `cleat` only as a keyed fingerprint, `data_wo` nowhere, and that somebody made the secret anew is seen by its id. " +
			"Needs an engine that manages a swarm, and API 1.25.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{Computed: true, MarkdownDescription: "Id of the secret."},
			"name": schema.StringAttribute{
				Required: true, Validators: swarm.Name(nameLimit),
				MarkdownDescription: "Name of the secret: up to 64 letters, digits, `-`, `_` and `.`, the first and last one a letter or digit.",
			},
			"data": schema.StringAttribute{
				Optional: true, Sensitive: true, Validators: []validator.String{swarm.Base64{Limit: dataLimit}},
				MarkdownDescription: "The data, base64 encoded: less than 500 KiB of it. One of `data` and `data_wo` is needed. After an import the declared data is taken to be what the secret holds.",
			},
			"data_wo":         swarm.DataWO(dataLimit),
			"data_wo_version": swarm.DataWOVersion(),
		},
		Blocks: map[string]schema.Block{"labels": swarm.LabelsBlock("A label of the secret. Changed in place.")},
	}
}

// Rules implements contract.Type.
func (Type) Rules() contract.Rules {
	return contract.Rules{
		"id":     {Stable: true, Requires: "1.25"},
		"labels": {Effect: contract.InPlace},
		"data":   {Unreported: true, By: dataEffect, Same: swarm.SameData, Explain: explainData},

		"data_wo_version": {By: versionEffect, Explain: explainVersion},
	}
}

// imported reports whether the observed data is that of an imported secret: it exists and nobody can tell it.
func imported(observed attr.Value) bool { return observed.Equal(types.StringValue("")) }

func dataEffect(observed, _ attr.Value) contract.Effect {
	if imported(observed) {
		return contract.InPlace
	}
	return contract.Replace
}

func explainData(observed, _ attr.Value) string {
	if imported(observed) {
		return "no engine tells what a secret holds; it is taken to hold the declared data, and is not changed"
	}
	return ""
}

// versionEffect: a secret without a version is one nobody told the data of, or it has open data, which then replaces it.
func versionEffect(observed, _ attr.Value) contract.Effect {
	if observed.IsNull() {
		return contract.InPlace
	}
	return contract.Replace
}

func explainVersion(observed, _ attr.Value) string {
	if observed.IsNull() {
		return "no engine tells what a secret holds; one that is not replaced for another reason is taken to hold the declared data"
	}
	return ""
}

// Validate implements contract.Validator.
func (Type) Validate(_ context.Context, config Model) diag.Diagnostics {
	diags := swarm.ValidateLabels(config.Labels, path.Root("labels"))
	if config.Data.IsNull() && config.DataWO.IsNull() {
		diags.AddAttributeError(path.Root("data"), "Secret without data", "One of data and data_wo (which is in no state) is needed.")
	}
	return append(diags, swarm.ValidateDataWO(config.DataWO, config.DataWOVersion, map[string]types.String{"data": config.Data})...)
}

// Claims implements contract.Claimant: a secret has its name for itself.
func (Type) Claims(m Model) []contract.Claim {
	if m.Name.ValueString() == "" {
		return nil
	}
	return []contract.Claim{{Kind: contract.ClaimSecretName, Value: m.Name.ValueString(), Path: "name"}}
}
