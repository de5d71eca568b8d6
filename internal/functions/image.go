package functions

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/distribution/reference"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/opencontainers/go-digest"

	"github.com/cleat-dev/cleat/internal/imageref"
)

// imageParts is what parse_image_ref returns.
var imageParts = map[string]attr.Type{
	"registry": types.StringType, "repository": types.StringType, "tag": types.StringType, "digest": types.StringType,
	"name": types.StringType, "canonical": types.StringType,
}

func parseImageRef() Function {
	return Function{
		Name:    "parse_image_ref",
		Summary: "Takes a reference to an image apart.",
		Description: "Returns an object with `registry` (`docker.io` where the reference names none), `repository` (`library/nginx`), " +
			"`tag` and `digest` (null where the reference has none), `name` (the shortest spelling of registry and repository) and " +
			"`canonical` (the longest spelling, with the tag `latest` where the reference has neither tag nor digest).",
		Parameters: []Parameter{{Name: "reference", Description: "Name of an image, such as `nginx`, `ghcr.io/team/app:v1` or `app@sha256:…`.", Type: types.StringType}},
		Result:     types.ObjectType{AttrTypes: imageParts},
		Call: func(_ context.Context, arguments []attr.Value) (attr.Value, error) {
			text := str(arguments[0])
			if imageref.IsID(text) {
				return nil, wrong(0, "found the image id %q, want a name such as nginx or ghcr.io/team/app:v1", text)
			}
			whole, err := imageref.Parse(text)
			if err != nil {
				return nil, at(0, err)
			}
			written, err := reference.ParseNormalizedNamed(text) // Parse adds a tag
			if err != nil {
				return nil, at(0, err)
			}
			tag, sum := types.StringNull(), types.StringNull()
			if t, ok := written.(reference.Tagged); ok {
				tag = types.StringValue(t.Tag())
			}
			if d, ok := written.(reference.Digested); ok {
				sum = types.StringValue(d.Digest().String())
			}
			return object(imageParts, map[string]attr.Value{
				"registry": types.StringValue(reference.Domain(whole)), "repository": types.StringValue(reference.Path(whole)),
				"tag": tag, "digest": sum,
				"name": types.StringValue(reference.FamiliarName(whole)), "canonical": types.StringValue(whole.String()),
			})
		},
	}
}

// What a tag and the host of a registry look like; the rest is for the reference's own parser to say.
var (
	tagForm      = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[\w][\w.-]{0,127}$`) }) // at its first use: it is large
	registryForm = regexp.MustCompile(`^[A-Za-z0-9.-]+(?::\d+)?$|^\[[0-9a-fA-F:]+\](?::\d+)?$`)
)

func buildImageRef() Function {
	return Function{
		Name:        "build_image_ref",
		Summary:     "Puts a reference to an image together.",
		Description: "The inverse of `parse_image_ref`. Returns the shortest spelling: `nginx:1.27` for `docker.io`, `library/nginx` and `1.27`.",
		Parameters: []Parameter{
			{Name: "registry", Description: "Host, and port where it is not 443, of the registry; null for `docker.io`.", Type: types.StringType, Nullable: true},
			{Name: "repository", Description: "Path of the repository, such as `nginx` or `team/app`.", Type: types.StringType},
			{Name: "tag", Description: "Tag; null for none.", Type: types.StringType, Nullable: true},
			{Name: "digest", Description: "Digest, `sha256:…`; null for none.", Type: types.StringType, Nullable: true},
		},
		Result: types.StringType,
		Call: func(_ context.Context, arguments []attr.Value) (attr.Value, error) {
			registry, repository, tag, sum := str(arguments[0]), str(arguments[1]), str(arguments[2]), str(arguments[3])
			named, err := repositoryOf(registry, repository)
			if err != nil {
				return nil, err
			}
			text := reference.FamiliarName(named)
			if tag != "" {
				if !tagForm().MatchString(tag) {
					return nil, wrong(2, "found the tag %q, want up to 128 letters, digits, _, . and -, not beginning with . or -", tag)
				}
				text += ":" + tag
			}
			if sum != "" {
				if err := digest.Digest(sum).Validate(); err != nil {
					return nil, wrong(3, "found the digest %q, want sha256: and 64 hexadecimal digits: %w", sum, err)
				}
				text += "@" + sum
			}
			return types.StringValue(text), nil
		},
	}
}

// repositoryOf is the name of a repository in a registry.
func repositoryOf(registry, repository string) (reference.Named, error) {
	whole := repository
	if registry != "" {
		if !registryForm.MatchString(registry) {
			return nil, wrong(0, "found the registry %q, want a host, with or without a port, such as ghcr.io or localhost:5000", registry)
		}
		whole = registry + "/" + repository
	}
	named, err := reference.ParseNormalizedNamed(whole)
	if err != nil {
		return nil, wrong(1, "found the repository %q: %w", repository, err)
	}
	if !reference.IsNameOnly(named) {
		return nil, wrong(1, "found the repository %q with a tag or digest in it, want its path alone: they are arguments of their own", repository)
	}
	if domain := reference.Domain(named); registry != "" && !strings.EqualFold(domain, registry) && (registry != "index.docker.io" || domain != "docker.io") {
		return nil, wrong(0, "found the registry %q, which reads as a part of the path: want a host with a dot or a port, or localhost", registry)
	}
	if registry == "" && reference.Domain(named) != "docker.io" {
		return nil, wrong(1, "found the repository %q with the registry %s in it: give it as first argument", repository, reference.Domain(named))
	}
	return named, nil
}

// str is the text of a string, "" of null.
func str(v attr.Value) string {
	if s, ok := v.(types.String); ok {
		return s.ValueString()
	}
	return ""
}

// object returns an object of these parts.
func object(parts map[string]attr.Type, values map[string]attr.Value) (attr.Value, error) {
	o, diags := types.ObjectValue(parts, values)
	if diags.HasError() {
		return nil, fmt.Errorf("%s: %s", diags[0].Summary(), diags[0].Detail())
	}
	return o, nil
}
