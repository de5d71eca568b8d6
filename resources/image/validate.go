package image

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/cleat-dev/cleat/internal/buildcontext"
	"github.com/cleat-dev/cleat/internal/imageref"
)

// Validate implements contract.Validator: what a build needs must be there, and what only BuildKit can do is refused.
func (Type) Validate(_ context.Context, m Model) diag.Diagnostics {
	var diags diag.Diagnostics
	b, ok := m.Build.One()
	if !ok {
		return diags
	}
	at := path.Root("build")
	if !m.Name.IsUnknown() && imageref.IsDigest(m.Name.ValueString()) {
		diags.AddAttributeError(path.Root("name"), "Digest of a build", "An image that is built has no digest before it is built: name it with a tag.")
	}
	for _, refused := range b.buildkit() {
		diags.AddAttributeError(at.AtName(refused.name), "Needs BuildKit",
			"build."+refused.name+" is a feature of BuildKit. Images are built by the engine's own builder, which cannot do it: "+refused.instead)
	}
	for i, u := range b.Ulimit.Items {
		if !u.Soft.IsUnknown() && !u.Hard.IsUnknown() && u.Hard.ValueInt64() >= 0 && u.Soft.ValueInt64() > u.Hard.ValueInt64() {
			diags.AddAttributeError(at.AtName("ulimit").AtListIndex(i).AtName("soft"), "Limits contradict", "The soft limit of "+u.Name.ValueString()+" is above its hard limit.")
		}
	}
	if b.Context.IsUnknown() || b.Dockerfile.IsUnknown() || b.RemoteContext.IsUnknown() || b.remote() != "" {
		return diags
	}
	if _, err := buildcontext.Open(b.Context.ValueString(), b.Dockerfile.ValueString()); err != nil {
		field := buildcontext.FieldDirectory
		var input *buildcontext.InputError
		if errors.As(err, &input) {
			field = input.Field
		}
		diags.AddAttributeError(at.AtName(field), "Build context cannot be used", sentence(err)+" Relative paths start at the working directory; a Dockerfile's at the context.")
	}
	return diags
}

// refused is an attribute the engine's builder cannot honour, and what to do instead.
type refused struct{ name, instead string }

func (b Build) buildkit() []refused {
	set := func(v attr.Value) bool { return !v.IsNull() && !v.IsUnknown() }
	var all []refused
	if len(b.Secrets.Items) > 0 {
		all = append(all, refused{"secrets", "use a build stage whose layers are not part of the image and pass the value in build_args, or build outside and pull the image."})
	}
	if set(b.AdditionalContexts) && len(b.AdditionalContexts.Elements()) > 0 {
		all = append(all, refused{"additional_contexts", "put the files below the context, or take them from an image with COPY --from."})
	}
	if set(b.CacheTo) && len(b.CacheTo.Elements()) > 0 {
		all = append(all, refused{"cache_to", "remove it; the engine keeps its cache itself, and cache_from takes one from an image."})
	}
	if b.Builder.ValueString() != "" {
		all = append(all, refused{"builder", "remove it; the engine of the provider builds."})
	}
	if set(b.Provenance) && b.Provenance.ValueString() != "false" && b.Provenance.ValueString() != "" {
		all = append(all, refused{"provenance", "remove it, or build outside and pull the image."})
	}
	if set(b.Sbom) && b.Sbom.ValueString() != "false" && b.Sbom.ValueString() != "" {
		all = append(all, refused{"sbom", "remove it, or build outside and pull the image."})
	}
	if b.Version.ValueString() == "2" {
		all = append(all, refused{"version", "remove it, or set it to \"1\"."})
	}
	return all
}

// remote returns the URL the engine fetches the context from, or "" for a directory.
func (b Build) remote() string {
	if url := b.RemoteContext.ValueString(); url != "" {
		return url
	}
	dir := b.Context.ValueString()
	for _, prefix := range []string{"http://", "https://", "git://", "git@", "github.com/"} {
		if strings.HasPrefix(dir, prefix) {
			return dir
		}
	}
	return ""
}

func sentence(err error) string {
	text := err.Error()
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// durationForm accepts durations above zero.
type durationForm struct{}

func (durationForm) Description(context.Context) string {
	return "a duration such as \"90s\" or \"20m\""
}
func (durationForm) MarkdownDescription(_ context.Context) string {
	return "a duration such as `90s` or `20m`"
}

func (d durationForm) ValidateString(ctx context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if v, err := time.ParseDuration(req.ConfigValue.ValueString()); err != nil || v <= 0 {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid duration", "The value must be "+d.Description(ctx)+".")
	}
}
