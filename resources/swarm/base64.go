package swarm

import (
	"context"
	"encoding/base64"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// Decode reads base64 of either alphabet.
func Decode(text string) ([]byte, error) {
	data, err := base64.StdEncoding.DecodeString(text)
	if err == nil {
		return data, nil
	}
	return base64.URLEncoding.DecodeString(text)
}

// SameData reports whether two texts decode to the same.
func SameData(observed, desired attr.Value) bool {
	o, _ := observed.(types.String)
	d, _ := desired.(types.String)
	have, errHave := Decode(o.ValueString())
	want, errWant := Decode(d.ValueString())
	return errHave == nil && errWant == nil && string(have) == string(want)
}

// Base64 refuses what is not base64, or decodes to nothing or to Limit bytes or more. It never repeats the value: it may
// be a secret.
type Base64 struct{ Limit int }

// Description implements validator.String.
func (v Base64) Description(context.Context) string {
	return fmt.Sprintf("base64 of 1 to %d bytes", v.Limit-1)
}

// MarkdownDescription implements validator.String.
func (v Base64) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

// ValidateString implements validator.String.
func (v Base64) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	data, err := Decode(req.ConfigValue.ValueString())
	switch {
	case err != nil:
		resp.Diagnostics.AddAttributeError(req.Path, "Not base64", "The value is not base64 (padded, of the usual or the URL-safe alphabet); encode it with base64encode().")
	case len(data) == 0 || len(data) >= v.Limit:
		resp.Diagnostics.AddAttributeError(req.Path, "Data of a wrong size", fmt.Sprintf("A swarm takes 1 to %d bytes, these are %d.", v.Limit-1, len(data)))
	}
}
