package service

import (
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	mobyswarm "github.com/moby/moby/api/types/swarm"

	"github.com/cleat-dev/cleat/internal/imageref"
	"github.com/cleat-dev/cleat/resources/contract"
	"github.com/cleat-dev/cleat/resources/swarm"
)

func flattenContainer(c mobyswarm.ContainerSpec, was ContainerSpec) ContainerSpec {
	item := ContainerSpec{
		Image:           flattenImage(c.Image, was.Image),
		Labels:          swarm.FlattenLabels(c.Labels, was.Labels),
		Command:         flatList(c.Command, was.Command),
		Args:            flatList(c.Args, was.Args),
		Hostname:        flatText(c.Hostname, was.Hostname),
		Env:             flatMap(unpaired(c.Env), was.Env),
		Dir:             flatText(c.Dir, was.Dir),
		User:            flatText(c.User, was.User),
		Groups:          flatList(c.Groups, was.Groups),
		Privileges:      flattenPrivileges(c.Privileges, was.Privileges),
		ReadOnly:        flatBool(c.ReadOnly, was.ReadOnly),
		Init:            types.BoolPointerValue(c.Init),
		StopSignal:      flatText(c.StopSignal, was.StopSignal),
		StopGracePeriod: flatDurationPointer(c.StopGracePeriod, was.StopGracePeriod),
		Healthcheck:     flattenHealth(c.Healthcheck, was.Healthcheck),
		Hosts:           flattenHosts(c.Hosts),
		DNSConfig:       flattenDNS(c.DNSConfig, was.DNSConfig),
		Isolation:       types.StringValue(string(c.Isolation)),
		Sysctl:          flatMap(c.Sysctls, was.Sysctl),
		CapAdd:          flatList(spelled(c.CapabilityAdd, was.CapAdd, capability), was.CapAdd),
		CapDrop:         flatList(spelled(c.CapabilityDrop, was.CapDrop, capability), was.CapDrop),
	}
	if c.Isolation == "" {
		item.Isolation = types.StringValue(string(container.IsolationDefault))
	}
	for _, m := range c.Mounts {
		item.Mounts.Items = append(item.Mounts.Items, flattenMount(m, was.Mounts))
	}
	for _, s := range c.Secrets {
		if s != nil && s.File != nil {
			item.Secrets.Items = append(item.Secrets.Items, SecretFile{
				ID: types.StringValue(s.SecretID), Name: types.StringValue(s.SecretName), File: types.StringValue(s.File.Name),
				UID: types.StringValue(s.File.UID), GID: types.StringValue(s.File.GID), Mode: types.Int64Value(int64(s.File.Mode)),
			})
		}
	}
	for _, f := range c.Configs {
		if f != nil && f.File != nil {
			item.Configs.Items = append(item.Configs.Items, ConfigFile{
				ID: types.StringValue(f.ConfigID), Name: types.StringValue(f.ConfigName), File: types.StringValue(f.File.Name),
				UID: types.StringValue(f.File.UID), GID: types.StringValue(f.File.GID), Mode: types.Int64Value(int64(f.File.Mode)),
			})
		}
	}
	return item
}

// flattenImage is the image as it was declared while it is that one; of one nobody declared, the name without the digest
// it was pinned to.
func flattenImage(image string, last types.String) types.String {
	if known(last) && isImage(image, last.ValueString()) {
		return last
	}
	name, _, pinned := strings.Cut(image, "@")
	if !known(last) && pinned && imageref.Version(name) != "" {
		return types.StringValue(name)
	}
	return types.StringValue(image)
}

func flattenPrivileges(p *mobyswarm.Privileges, last contract.Blocks[Privileges]) contract.Blocks[Privileges] {
	was, declared := last.One()
	if p == nil || !declared && p.CredentialSpec == nil && p.SELinuxContext == nil {
		return contract.Blocks[Privileges]{}
	}
	var item Privileges
	if c := p.CredentialSpec; c != nil {
		like, _ := was.CredentialSpec.One()
		item.CredentialSpec = contract.BlocksOf(CredentialSpec{File: flatText(c.File, like.File), Registry: flatText(c.Registry, like.Registry)})
	}
	if s := p.SELinuxContext; s != nil {
		like, _ := was.SELinuxContext.One()
		item.SELinuxContext = contract.BlocksOf(SELinuxContext{
			Disable: flatBool(s.Disable, like.Disable), User: flatText(s.User, like.User), Role: flatText(s.Role, like.Role),
			Type: flatText(s.Type, like.Type), Level: flatText(s.Level, like.Level),
		})
	}
	return contract.BlocksOf(item)
}

func flattenHealth(h *container.HealthConfig, last contract.Blocks[Healthcheck]) contract.Blocks[Healthcheck] {
	was, declared := last.One()
	if h == nil || !declared && hollowHealth(*h) {
		return contract.Blocks[Healthcheck]{}
	}
	return contract.BlocksOf(Healthcheck{
		Test: flatList(h.Test, was.Test), Interval: flatDuration(h.Interval, was.Interval), Timeout: flatDuration(h.Timeout, was.Timeout),
		StartPeriod: flatDuration(h.StartPeriod, was.StartPeriod), Retries: types.Int64Value(int64(h.Retries)),
	})
}

func flattenHosts(lines []string) contract.Blocks[Host] {
	var items []Host
	for _, line := range lines {
		ip, names, _ := strings.Cut(line, " ")
		for _, name := range strings.Fields(names) {
			items = append(items, Host{Host: types.StringValue(name), IP: types.StringValue(ip)})
		}
	}
	return contract.BlocksOf(items...)
}

func flattenDNS(d *mobyswarm.DNSConfig, last contract.Blocks[DNSConfig]) contract.Blocks[DNSConfig] {
	was, declared := last.One()
	if d == nil || !declared && len(d.Nameservers) == 0 && len(d.Search) == 0 && len(d.Options) == 0 {
		return contract.Blocks[DNSConfig]{}
	}
	var servers []string
	for _, a := range d.Nameservers {
		servers = append(servers, a.String())
	}
	return contract.BlocksOf(DNSConfig{Nameservers: flatList(servers, was.Nameservers), Search: flatList(d.Search, was.Search), Options: flatList(d.Options, was.Options)})
}

// flattenMount reports a mount in the spelling of the one last had at its target.
func flattenMount(m mount.Mount, last contract.Blocks[Mount]) Mount {
	var was Mount
	for _, other := range last.Items {
		if other.Target.ValueString() == m.Target {
			was = other
		}
	}
	item := Mount{
		Target: types.StringValue(m.Target), Source: flatText(m.Source, was.Source), Type: types.StringValue(string(m.Type)), ReadOnly: flatBool(m.ReadOnly, was.ReadOnly),
	}
	if o := m.BindOptions; o != nil {
		propagation := o.Propagation
		if propagation == "" {
			propagation = mount.PropagationRPrivate
		}
		item.BindOptions = contract.BlocksOf(BindOptions{Propagation: types.StringValue(string(propagation))})
	}
	if o := m.VolumeOptions; o != nil {
		like, _ := was.VolumeOptions.One()
		volume := VolumeOptions{NoCopy: flatBool(o.NoCopy, like.NoCopy), Labels: swarm.FlattenLabels(o.Labels, like.Labels), DriverName: types.StringNull(), DriverOptions: flatMap(nil, like.DriverOptions)}
		if o.DriverConfig != nil {
			volume.DriverName, volume.DriverOptions = flatText(o.DriverConfig.Name, like.DriverName), flatMap(o.DriverConfig.Options, like.DriverOptions)
		}
		item.VolumeOptions = contract.BlocksOf(volume)
	}
	if o := m.TmpfsOptions; o != nil {
		like, _ := was.TmpfsOptions.One()
		item.TmpfsOptions = contract.BlocksOf(TmpfsOptions{SizeBytes: flatInt(o.SizeBytes, like.SizeBytes), Mode: flatInt(int64(o.Mode), like.Mode)})
	}
	return item
}
