package swarm

import (
	"strconv"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/resources/contract"
)

// VersionLabel is the label by which an object says that its data was write-only, with the version given beside it: no
// state or record has anything of it, and who reads the object later is not to put its data into one.
const VersionLabel = "cleat.data-wo-version"

// DataWO is the schema of data_wo, for data below limit bytes.
func DataWO(limit int) schema.Attribute {
	return schema.StringAttribute{
		Optional: true, WriteOnly: true, Sensitive: true, Validators: []validator.String{Base64{Limit: limit}},
		MarkdownDescription: "The data, base64 encoded, instead of `data`: in no plan, state or record, which makes it the place for values of ephemeral resources and variables. " +
			"Needs Terraform 1.11 or `cleat`. Other data by itself is not noticed: `data_wo_version` announces it.",
	}
}

// DataWOVersion is the schema of data_wo_version.
func DataWOVersion() schema.Attribute {
	return schema.Int64Attribute{
		Optional:            true,
		MarkdownDescription: "Any number; another one announces another `data_wo`, and replaces. It is kept in the label `" + VersionLabel + "`, which `labels` does not report.",
	}
}

// WithVersion is the labels of a request, and among them the version of write-only data.
func WithVersion(labels contract.Blocks[Label], version types.Int64) map[string]string {
	all := ExpandLabels(labels)
	if !version.IsNull() && !version.IsUnknown() {
		all[VersionLabel] = strconv.FormatInt(version.ValueInt64(), 10)
	}
	return all
}

// VersionOf is the version an object's labels have; null when its data was not write-only.
func VersionOf(labels map[string]string) types.Int64 {
	n, err := strconv.ParseInt(labels[VersionLabel], 10, 64)
	if err != nil {
		return types.Int64Null()
	}
	return types.Int64Value(n)
}

// ValidateDataWO refuses write-only data without its version, the other way round, and data given openly too. No message
// has a value in it.
func ValidateDataWO(data types.String, version types.Int64, open map[string]types.String) diag.Diagnostics {
	var diags diag.Diagnostics
	switch {
	case data.IsNull() && !version.IsNull():
		diags.AddAttributeError(path.Root("data_wo_version"), "Version without data",
			"data_wo_version announces another data_wo: without one it means nothing.")
	case !data.IsNull() && version.IsNull():
		diags.AddAttributeError(path.Root("data_wo"), "Data without a version",
			"data_wo needs data_wo_version, a number: another one announces another data_wo, which by itself nobody can see.")
	}
	for _, name := range []string{"data", "data_raw"} {
		if value, ok := open[name]; ok && isSet(value) && isSet(data) {
			diags.AddAttributeError(path.Root(name), "Data given twice", "data_wo is given too, and is in no state; "+name+" would be. Give one of them.")
		}
	}
	return diags
}

// isSet reports whether a value is there for sure: one that is not known yet may turn out to be null.
func isSet(v types.String) bool { return !v.IsNull() && !v.IsUnknown() }
