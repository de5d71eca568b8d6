package image

import (
	"context"
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/internal/imageref"
)

var (
	platformForm = stringvalidator.RegexMatches(regexp.MustCompile(`^$|^[a-z0-9_]+(/[a-z0-9_]+(/[a-z0-9_]+)?)?$`), `must be os, os/architecture or os/architecture/variant, such as "linux/arm64"`)
	hostForm     = stringvalidator.RegexMatches(regexp.MustCompile(`^[^\s:=]+[:=].+$`), `must have the form "host:ip"`)
)

// Schema implements contract.Type.
func (Type) Schema(context.Context) schema.Schema {
	return schema.Schema{
		MarkdownDescription: "An image on the engine, pulled from a registry or built from a directory. A name the engine already has is taken as it is, without a pull. " +
			"Updates pull or build first; the image the name stood for before is removed afterwards, when no other name is left on it and no container uses it.",
		Attributes: map[string]schema.Attribute{
			"id":          schema.StringAttribute{Computed: true, MarkdownDescription: "Image id followed by the name."},
			"image_id":    schema.StringAttribute{Computed: true, MarkdownDescription: "Id of the image the name stands for. Give it to `docker_container.image` to have containers follow a new image."},
			"repo_digest": schema.StringAttribute{Computed: true, MarkdownDescription: "The image's `repository@sha256:…`; empty for an image that no registry knows."},
			"name": schema.StringAttribute{
				Required: true, Validators: []validator.String{imageref.Name()},
				MarkdownDescription: "Name of the image: `repository`, `repository:tag`, `repository@sha256:…` or `repository:tag@sha256:…`, with the registry in front where it is not Docker Hub.",
			},
			"platform": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString(""), Validators: []validator.String{platformForm},
				MarkdownDescription: "Platform to pull, such as `linux/arm64`. The engine's own when empty.",
			},
			"keep_locally": schema.BoolAttribute{Optional: true, MarkdownDescription: "Leave the image on the engine when the resource is destroyed or its name gets another image."},
			"force_remove": schema.BoolAttribute{Optional: true, MarkdownDescription: "Remove the name on destroy although containers were made from the image. Stopped containers then lose it; podman removes the containers as well."},
			"pull_triggers": schema.SetAttribute{
				ElementType: types.StringType, Optional: true,
				MarkdownDescription: "Any values; a change of them pulls (or builds) again. Give it the digest of a registry's image to follow a tag.",
			},
			"triggers": schema.MapAttribute{
				ElementType: types.StringType, Optional: true,
				MarkdownDescription: "Any values; a change of them pulls or builds again. Not needed for the files of a build context.",
			},
			"build_context": schema.MapAttribute{
				ElementType: types.StringType, Computed: true,
				MarkdownDescription: "Hash of every file of the build context (of whole directories, where there are more than 512 files), as of the last build. `.dockerignore` is honoured, times and owners do not count. A change builds again.",
			},
		},
		Blocks: map[string]schema.Block{
			"build": schema.SetNestedBlock{
				MarkdownDescription: "Build the image instead of pulling it. Any change builds again.",
				Validators:          []validator.Set{setvalidator.SizeAtMost(1)},
				NestedObject:        schema.NestedBlockObject{Attributes: buildAttributes(), Blocks: buildBlocks()},
			},
			"timeouts": schema.SingleNestedBlock{
				MarkdownDescription: "How long an operation may take. There is no limit by default.",
				Attributes: map[string]schema.Attribute{
					"create": timeout("Pull or build of a new image."),
					"update": timeout("Pull or build of an image that exists."),
					"delete": timeout("Removal."),
				},
			},
		},
	}
}

func timeout(what string) schema.StringAttribute {
	return schema.StringAttribute{Optional: true, Validators: []validator.String{durationForm{}}, MarkdownDescription: what + " A duration such as `20m`."}
}

func buildAttributes() map[string]schema.Attribute {
	notNegative := []validator.Int64{int64validator.AtLeast(0)}
	optional := func(what string, v ...validator.String) schema.StringAttribute {
		return schema.StringAttribute{Optional: true, MarkdownDescription: what, Validators: v}
	}
	number := func(what string, v ...validator.Int64) schema.Int64Attribute {
		return schema.Int64Attribute{Optional: true, MarkdownDescription: what, Validators: v}
	}
	list := func(what string, v ...validator.List) schema.ListAttribute {
		return schema.ListAttribute{ElementType: types.StringType, Optional: true, MarkdownDescription: what, Validators: v}
	}
	words := func(what string) schema.MapAttribute {
		return schema.MapAttribute{ElementType: types.StringType, Optional: true, MarkdownDescription: what}
	}
	toggle := func(what string) schema.BoolAttribute {
		return schema.BoolAttribute{Optional: true, MarkdownDescription: what}
	}
	const buildkit = " Needs BuildKit, which the engine's build call does not offer: refused."
	return map[string]schema.Attribute{
		"context": schema.StringAttribute{
			Required: true, Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
			MarkdownDescription: "Directory to build from, relative to the working directory. Also the URL of a Git repository or of an archive, which the engine fetches itself; its content is not compared. What Terraform leaves in a directory is no part of it (`.terraform`, `*.tfstate`, `*.tfstate.*`, `tfplan`, `*.tfplan`), nor is `build_log_file`; `!name` in `.dockerignore` brings a file back.",
		},
		"dockerfile": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString("Dockerfile"), Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
			MarkdownDescription: "Dockerfile, relative to the context or absolute; it may lie outside. `<dockerfile>.dockerignore` takes the place of `.dockerignore` when it exists.",
		},
		"remote_context":     optional("URL of a Git repository or archive which the engine fetches instead of `context`."),
		"build_args":         words("Build arguments."),
		"label":              words("Labels of the image; added to `labels`."),
		"labels":             words("Labels of the image."),
		"tag":                list("Further names of the image. They are removed together with it.", listvalidator.ValueStringsAre(imageref.Tagged())),
		"target":             optional("Stage to build."),
		"platform":           optional("Platform to build for.", platformForm),
		"no_cache":           toggle("Build every step anew."),
		"cache_from":         list("Images whose layers may be used as cache.", listvalidator.ValueStringsAre(imageref.Name())),
		"pull_parent":        toggle("Pull base images although the engine has them."),
		"network_mode":       optional("Network of the build's steps."),
		"extra_hosts":        list("Lines of `/etc/hosts` during the build, `host:ip`.", listvalidator.ValueStringsAre(hostForm)),
		"cgroup_parent":      optional("Parent control group of the build's steps."),
		"cpu_period":         number("CPU period in microseconds.", notNegative...),
		"cpu_quota":          number("CPU time in microseconds a step may use in each period."),
		"cpu_set_cpus":       optional("CPUs the steps may use, such as `0-2`."),
		"cpu_set_mems":       optional("Memory nodes the steps may use."),
		"cpu_shares":         number("Relative CPU weight.", notNegative...),
		"memory":             number("Memory limit in bytes.", notNegative...),
		"memory_swap":        number("Memory and swap together in bytes; -1 for no limit of swap.", int64validator.AtLeast(-1)),
		"shm_size":           number("Size of `/dev/shm` in bytes.", notNegative...),
		"isolation":          optional("Isolation technology, on Windows engines.", stringvalidator.OneOf("", "default", "process", "hyperv")),
		"security_opt":       list("Security options."),
		"squash":             toggle("Squash the layers into one. The engine must have experimental features on."),
		"force_remove":       toggle("Remove intermediate containers also after a failure. Set it to `false` to look into the container of a step that failed."),
		"remove":             schema.BoolAttribute{Optional: true, Computed: true, Default: booldefault.StaticBool(true), MarkdownDescription: "Remove intermediate containers after a build."},
		"suppress_output":    toggle("Have the engine send no output of the steps; an error then shows none either."),
		"build_log_file":     optional("File the build's output is written to."),
		"session_id":         optional("Passed to the engine as it is."),
		"build_id":           optional("Identifier by which the build can be cancelled."),
		"version":            optional("Builder to use; only `1`, the classic one, is there.", stringvalidator.OneOf("", "1", "2")),
		"use_legacy_builder": schema.BoolAttribute{Optional: true, Computed: true, Default: booldefault.StaticBool(false), MarkdownDescription: "Accepted; the engine's classic builder is always used."},

		"additional_contexts": list("Named contexts." + buildkit),
		"builder":             optional("Name of a buildx builder." + buildkit),
		"cache_to":            list("Where the cache is exported to." + buildkit),
		"provenance":          optional("Provenance attestation." + buildkit),
		"sbom":                optional("SBOM attestation." + buildkit),
	}
}

func buildBlocks() map[string]schema.Block {
	text := func(what string) schema.StringAttribute {
		return schema.StringAttribute{Optional: true, MarkdownDescription: what}
	}
	secret := func(what string) schema.StringAttribute {
		return schema.StringAttribute{Optional: true, Sensitive: true, MarkdownDescription: what}
	}
	return map[string]schema.Block{
		"auth_config": schema.ListNestedBlock{
			MarkdownDescription: "Credentials for a registry base images come from, beyond those of the provider.",
			NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{
				"host_name":      schema.StringAttribute{Required: true, MarkdownDescription: "The registry."},
				"user_name":      text("User."),
				"password":       secret("Password."),
				"auth":           secret("User and password, encoded as in the docker CLI's configuration."),
				"email":          text("Email address."),
				"server_address": text("Address of the registry, `host_name` when not given."),
				"identity_token": secret("Token to get an access token with."),
				"registry_token": secret("Access token."),
			}},
		},
		"secrets": schema.ListNestedBlock{
			MarkdownDescription: "Secrets of a build. Needs BuildKit, which the engine's build call does not offer: refused.",
			NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{
				"id":  schema.StringAttribute{Required: true, MarkdownDescription: "Name of the secret."},
				"env": text("Environment variable that holds it."),
				"src": text("File that holds it."),
			}},
		},
		"ulimit": schema.ListNestedBlock{
			MarkdownDescription: "Limits of the build's steps.",
			NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{
				"name": schema.StringAttribute{Required: true, MarkdownDescription: "Name, such as `nofile`."},
				"soft": schema.Int64Attribute{Required: true, MarkdownDescription: "Soft limit."},
				"hard": schema.Int64Attribute{Required: true, MarkdownDescription: "Hard limit."},
			}},
		},
	}
}
