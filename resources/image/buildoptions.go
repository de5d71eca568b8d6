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
	"github.com/moby/moby/client/pkg/versions"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/imageref"
	"github.com/cleat-dev/cleat/resources/contract"
)

// hub is the name engines know Docker Hub's credentials by.
const hub = "https://index.docker.io/v1/"

// expressible refuses what the engine would pass over in silence, because it is older than the attribute.
func expressible(e API, b Build) error {
	v, ok := e.(contract.Versioned)
	if !ok {
		return nil
	}
	for _, name := range b.declared() {
		if since := since[name]; since != "" && versions.LessThan(v.ClientVersion(), since) {
			return contract.At("build."+name, "needs engine API %s or newer, this engine speaks %s: %w", since, v.ClientVersion(), errs.ErrInvalid)
		}
	}
	return nil
}

// declared names the attributes of [since] that say something.
func (b Build) declared() []string {
	var names []string
	for name, set := range map[string]bool{
		"cpu_period": b.CPUPeriod.ValueInt64() != 0, "cpu_quota": b.CPUQuota.ValueInt64() != 0,
		"build_args": len(b.BuildArgs.Elements()) > 0, "ulimit": len(b.Ulimit.Items) > 0, "cgroup_parent": b.CgroupParent.ValueString() != "",
		"shm_size": b.ShmSize.ValueInt64() != 0, "isolation": b.Isolation.ValueString() != "",
		"label": len(b.Label.Elements()) > 0, "labels": len(b.Labels.Elements()) > 0,
		"cache_from": len(b.CacheFrom.Elements()) > 0, "network_mode": b.NetworkMode.ValueString() != "",
		"security_opt": len(b.SecurityOpt.Elements()) > 0, "squash": b.Squash.ValueBool(),
		"extra_hosts": len(b.ExtraHosts.Elements()) > 0, "target": b.Target.ValueString() != "", "platform": b.Platform.ValueString() != "",
	} {
		if set {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

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
