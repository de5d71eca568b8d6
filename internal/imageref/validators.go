package imageref

import (
	"context"
	"regexp"
	"sync"

	"github.com/distribution/reference"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// tag is compiled at its first use: the counted repetition is expensive, and most runs of a plugin need none.
var tag = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[\w][\w.-]{0,127}$`) })

// check is a validator of one string.
type check struct {
	want  string
	valid func(string) error
}

func (c check) Description(context.Context) string           { return c.want }
func (c check) MarkdownDescription(_ context.Context) string { return c.want }

func (c check) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if err := c.valid(req.ConfigValue.ValueString()); err != nil {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid image reference", "The value must be "+c.want+": "+err.Error()+".")
	}
}

// Name accepts any reference by name, with or without tag and digest.
func Name() validator.String {
	return check{"an image name such as \"busybox\", \"ghcr.io/team/app:v1\" or \"app@sha256:…\"", func(s string) error {
		_, err := reference.ParseNormalizedNamed(s)
		return err
	}}
}

// Tagged accepts a reference that an image can be given: a name with or without tag, without digest.
func Tagged() validator.String {
	return check{"an image name, with or without a tag", notPinned}
}

// Repository accepts a name without tag and digest.
func Repository() validator.String {
	return check{"a repository, without tag and digest", func(s string) error {
		if err := notPinned(s); err != nil {
			return err
		}
		if named, err := reference.ParseNormalizedNamed(s); err != nil {
			return err
		} else if _, tagged := named.(reference.Tagged); tagged {
			return errTag
		}
		return nil
	}}
}

// Tag accepts the tag alone.
func Tag() validator.String {
	return check{"a tag: letters, digits, \"_\", \".\" and \"-\", at most 128, not beginning with \".\" or \"-\"", func(s string) error {
		if !tag().MatchString(s) {
			return reference.ErrTagInvalidFormat
		}
		return nil
	}}
}

// NameOrID accepts a reference by name or an image id.
func NameOrID() validator.String {
	return check{"an image name or id", func(s string) error {
		_, err := reference.ParseAnyReference(s)
		return err
	}}
}

// SameValue is [Same] for attributes of a resource.
func SameValue(observed, desired attr.Value) bool {
	a, ok := observed.(types.String)
	if !ok {
		return false
	}
	b, ok := desired.(types.String)
	return ok && Same(a.ValueString(), b.ValueString())
}

type constError string

func (e constError) Error() string { return string(e) }

const (
	errTag    constError = "it has a tag"
	errDigest constError = "it has a digest, which the engine computes"
)

func notPinned(s string) error {
	named, err := reference.ParseNormalizedNamed(s)
	if err != nil {
		return err
	}
	if _, digested := named.(reference.Digested); digested {
		return errDigest
	}
	return nil
}
