package logs

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

var tailPattern = regexp.MustCompile(`^(all|[0-9]*)$`)

// Schema implements contract.DataSource.
func (DataSource) Schema(context.Context) schema.Schema {
	flag := func(doc string) schema.Attribute {
		return schema.BoolAttribute{Optional: true, MarkdownDescription: doc}
	}
	text := func(doc string, validators ...validator.String) schema.Attribute {
		return schema.StringAttribute{Optional: true, MarkdownDescription: doc, Validators: validators}
	}
	return schema.Schema{
		MarkdownDescription: "The log of a container. It has to have a log driver that can be read (`json-file`, `local`, `journald`).",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{Computed: true, MarkdownDescription: "Id of the container."},
			"name": schema.StringAttribute{
				Required: true, MarkdownDescription: "Name or id of the container.",
				Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"show_stdout":              flag("Whether to read what was written to standard output. Default `true`."),
			"show_stderr":              flag("Whether to read what was written to standard error. Default `true`."),
			"since":                    text("Only what was written since then: a time in RFC 3339, seconds since 1970, or a duration as `10m` for so long ago. Default `\"\"`: the beginning."),
			"until":                    text("Only what was written before then, in the forms of `since`. Needs engine API 1.35. Default `\"\"`: now."),
			"tail":                     text("Only so many lines from the end, or `all`. Default `\"\"`: all.", stringvalidator.RegexMatches(tailPattern, "a number of lines or all")),
			"timestamps":               flag("Whether every line begins with the time it was written. Default `false`."),
			"details":                  flag("Whether every line has the extra attributes the log driver was told to keep. Default `false`."),
			"follow":                   flag("Whether to go on reading until the container stops, `until`, or `follow_timeout` is over. Default `false`."),
			"follow_timeout":           text("How long to follow at most, as `30s`; what was read by then is the answer. Default `60s`.", durationValidator{}),
			"discard_headers":          flag("Whether to leave out the eight bytes before each piece of log that tell standard output from standard error. Containers with a terminal have none. Default `true`."),
			"logs_list_string_enabled": flag("Whether to read the log at all. Default `true`."),
			"logs_list_string": schema.ListAttribute{
				Computed: true, ElementType: types.StringType,
				MarkdownDescription: fmt.Sprintf("Lines of the log, without line ends; at most %d MiB. Null when `logs_list_string_enabled` is false.", maxBytes>>20),
			},
		},
	}
}

// durationValidator refuses what is not a duration above zero.
type durationValidator struct{}

func (durationValidator) Description(context.Context) string { return "a duration such as 30s or 2m" }

func (v durationValidator) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (durationValidator) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if d, err := time.ParseDuration(req.ConfigValue.ValueString()); err != nil || d <= 0 {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid duration", fmt.Sprintf("%q is not a duration above zero: write 30s or 2m.", req.ConfigValue.ValueString()))
	}
}
