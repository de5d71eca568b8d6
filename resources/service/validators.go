package service

import (
	"context"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

var stringType = types.StringType

// check reports with Invalid… what is wrong with a known text, "" for nothing.
func check(req validator.StringRequest, resp *validator.StringResponse, summary string, wrong func(string) string) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if text := wrong(req.ConfigValue.ValueString()); text != "" {
		resp.Diagnostics.AddAttributeError(req.Path, summary, text)
	}
}

// durationValidator refuses what is no time of zero or more.
type durationValidator struct{}

func (durationValidator) Description(context.Context) string { return "a time such as 10s or 1m30s" }

func (v durationValidator) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (durationValidator) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	check(req, resp, "Invalid time", func(s string) string {
		if d, err := time.ParseDuration(s); err != nil || d < 0 {
			return strconv.Quote(s) + " is not a time: write a number and a unit, as 10s, 500ms or 1m30s."
		}
		return ""
	})
}

// ratioValidator refuses what is no number from 0 to 1.
type ratioValidator struct{}

func (ratioValidator) Description(context.Context) string { return "a number from 0.0 to 1.0" }

func (v ratioValidator) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (ratioValidator) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	check(req, resp, "Invalid ratio", func(s string) string {
		if f, err := strconv.ParseFloat(s, 32); err != nil || !(f >= 0 && f <= 1) {
			return strconv.Quote(s) + " is not a number from 0.0 to 1.0."
		}
		return ""
	})
}

// pairValidator refuses what is not KEY=VALUE.
type pairValidator struct{ number bool }

func (pairValidator) Description(context.Context) string { return "KEY=VALUE" }

func (v pairValidator) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (v pairValidator) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	check(req, resp, "Invalid pair", func(s string) string {
		key, value, ok := strings.Cut(s, "=")
		if !ok || key == "" {
			return strconv.Quote(s) + " is not KEY=VALUE."
		}
		if n, err := strconv.ParseInt(value, 10, 64); v.number && (err != nil || n < 1) {
			return strconv.Quote(s) + " has no whole number from 1 after the =, as in SSD=3."
		}
		return ""
	})
}

// constraintValidator refuses what compares nothing.
type constraintValidator struct{}

func (constraintValidator) Description(context.Context) string { return "KEY==VALUE or KEY!=VALUE" }

func (v constraintValidator) MarkdownDescription(ctx context.Context) string {
	return v.Description(ctx)
}

func (constraintValidator) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	check(req, resp, "Invalid constraint", func(s string) string {
		for _, operator := range []string{"==", "!="} {
			if key, value, ok := strings.Cut(s, operator); ok && strings.TrimSpace(key) != "" && strings.TrimSpace(value) != "" {
				return ""
			}
		}
		return strconv.Quote(s) + " is no constraint: write KEY==VALUE or KEY!=VALUE, as node.role==manager."
	})
}

// addressValidator refuses what is no IP address.
type addressValidator struct{}

func (addressValidator) Description(context.Context) string { return "an IP address" }

func (v addressValidator) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (addressValidator) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	check(req, resp, "Invalid address", func(s string) string {
		if _, err := netip.ParseAddr(s); err != nil {
			return strconv.Quote(s) + " is not an IP address."
		}
		return ""
	})
}
