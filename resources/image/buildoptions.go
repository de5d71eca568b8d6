package image

import (
	"context"
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/build"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/registry"
	moby "github.com/moby/moby/client"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/cleat-dev/cleat/internal/imageref"
)

// hub is the name engines know Docker Hub's credentials by.
const hub = "https://index.docker.io/v1/"

// buildOptions turns a build block into the parameters of the call.
func buildOptions(ctx context.Context, e API, m Model, b Build) (moby.ImageBuildOptions, error) {
	auths, err := buildAuth(ctx, e, b)
	if err != nil {
		return moby.ImageBuildOptions{}, fmt.Errorf("image %q: credentials: %w", m.Name.ValueString(), err)
	}
	o := moby.ImageBuildOptions{
		Tags:           []string{imageref.Local(m.Name.ValueString())},
		SuppressOutput: b.SuppressOutput.ValueBool(),
		RemoteContext:  b.remote(),
		NoCache:        b.NoCache.ValueBool(),
		Remove:         b.Remove.IsNull() || b.Remove.ValueBool(),
		ForceRemove:    b.ForceRemove.IsNull() || b.ForceRemove.ValueBool(), // a failed build leaves nothing behind
		PullParent:     b.PullParent.ValueBool(),
		Isolation:      container.Isolation(b.Isolation.ValueString()),
		CPUSetCPUs:     b.CPUSetCPUs.ValueString(),
		CPUSetMems:     b.CPUSetMems.ValueString(),
		CPUShares:      b.CPUShares.ValueInt64(),
		CPUQuota:       b.CPUQuota.ValueInt64(),
		CPUPeriod:      b.CPUPeriod.ValueInt64(),
		Memory:         b.Memory.ValueInt64(),
		MemorySwap:     b.MemorySwap.ValueInt64(),
		CgroupParent:   b.CgroupParent.ValueString(),
		NetworkMode:    b.NetworkMode.ValueString(),
		ShmSize:        b.ShmSize.ValueInt64(),
		Dockerfile:     b.Dockerfile.ValueString(),
		BuildArgs:      arguments(b.BuildArgs),
		AuthConfigs:    auths,
		Labels:         b.labels(),
		Squash:         b.Squash.ValueBool(),
		CacheFrom:      words(b.CacheFrom),
		SecurityOpt:    words(b.SecurityOpt),
		ExtraHosts:     words(b.ExtraHosts),
		Target:         b.Target.ValueString(),
		SessionID:      b.SessionID.ValueString(),
		BuildID:        b.BuildID.ValueString(),
		Version:        build.BuilderV1,
	}
	for _, tag := range b.tags() {
		if !slices.Contains(o.Tags, tag) {
			o.Tags = append(o.Tags, tag)
		}
	}
	if platform := b.Platform.ValueString(); platform != "" {
		o.Platforms = []ocispec.Platform{parsePlatform(platform)}
	}
	for _, u := range b.Ulimit.Items {
		o.Ulimits = append(o.Ulimits, &container.Ulimit{Name: u.Name.ValueString(), Soft: u.Soft.ValueInt64(), Hard: u.Hard.ValueInt64()})
	}
	return o, nil
}

// buildAuth are the credentials a build may need for its base images.
func buildAuth(ctx context.Context, e API, b Build) (map[string]registry.AuthConfig, error) {
	known, err := e.RegistryAuthConfigs(ctx)
	if err != nil {
		return nil, err
	}
	auths := make(map[string]registry.AuthConfig, len(known)+len(b.AuthConfig.Items))
	for host, auth := range known {
		auths[host] = auth
	}
	for _, a := range b.AuthConfig.Items {
		host := a.HostName.ValueString()
		if host == "docker.io" || host == "index.docker.io" || host == "registry-1.docker.io" {
			host = hub
		}
		server := a.ServerAddress.ValueString()
		if server == "" {
			server = host
		}
		auths[host] = registry.AuthConfig{
			Username: a.UserName.ValueString(), Password: a.Password.ValueString(), Auth: a.Auth.ValueString(),
			ServerAddress: server, IdentityToken: a.IdentityToken.ValueString(), RegistryToken: a.RegistryToken.ValueString(),
		}
	}
	return auths, nil
}

// labels are both label attributes together.
func (b Build) labels() map[string]string {
	all := map[string]string{}
	for _, m := range []types.Map{b.Labels, b.Label} {
		for name, value := range m.Elements() {
			all[name] = text(value)
		}
	}
	return all
}

// tags are the further names of the image, in the engine's form.
func (b Build) tags() []string {
	var tags []string
	for _, tag := range words(b.Tag) {
		tags = append(tags, imageref.Local(tag))
	}
	return tags
}

// arguments keeps a null value apart from an empty one, as the engine does.
func arguments(m types.Map) map[string]*string {
	all := make(map[string]*string, len(m.Elements()))
	for name, value := range m.Elements() {
		all[name] = nil
		if !value.IsNull() {
			s := text(value)
			all[name] = &s
		}
	}
	return all
}

func words(l types.List) []string {
	var all []string
	for _, value := range l.Elements() {
		all = append(all, text(value))
	}
	return all
}

func text(v attr.Value) string {
	s, _ := v.(types.String)
	return s.ValueString()
}
