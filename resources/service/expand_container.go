package service

import (
	"net/netip"
	"os"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	mobyswarm "github.com/moby/moby/api/types/swarm"

	"github.com/cleat-dev/cleat/resources/contract"
	"github.com/cleat-dev/cleat/resources/swarm"
)

func expandContainer(c ContainerSpec, spec *mobyswarm.ContainerSpec) {
	spec.Image = c.Image.ValueString()
	spec.Labels = nil
	if len(c.Labels.Items) > 0 {
		spec.Labels = swarm.ExpandLabels(c.Labels)
	}
	spec.Command, spec.Args = textsOf(c.Command), textsOf(c.Args)
	spec.Hostname, spec.Dir, spec.User = c.Hostname.ValueString(), c.Dir.ValueString(), c.User.ValueString()
	spec.Env, spec.Groups = pairs(expandMap(c.Env)), textsOf(c.Groups)
	spec.ReadOnly, spec.StopSignal = c.ReadOnly.ValueBool(), c.StopSignal.ValueString()
	spec.StopGracePeriod = durationPointer(c.StopGracePeriod)
	spec.Init = nil
	if !c.Init.IsNull() && !c.Init.IsUnknown() {
		init := c.Init.ValueBool()
		spec.Init = &init
	}
	spec.Isolation = container.Isolation(c.Isolation.ValueString())
	spec.Sysctls = expandMap(c.Sysctl)
	spec.CapabilityAdd, spec.CapabilityDrop = textsOf(c.CapAdd), textsOf(c.CapDrop)
	spec.Privileges = expandPrivileges(c.Privileges, spec.Privileges)
	spec.Healthcheck = keep(expandHealth(c.Healthcheck), spec.Healthcheck, hollowHealth)
	spec.DNSConfig = keep(expandDNS(c.DNSConfig), spec.DNSConfig, hollowDNS)
	spec.Hosts = nil
	for _, h := range c.Hosts.Items {
		spec.Hosts = append(spec.Hosts, h.IP.ValueString()+" "+h.Host.ValueString())
	}
	spec.Mounts = nil
	for _, m := range c.Mounts.Items {
		spec.Mounts = append(spec.Mounts, expandMount(m))
	}
	spec.Secrets = nil
	for _, s := range c.Secrets.Items {
		spec.Secrets = append(spec.Secrets, &mobyswarm.SecretReference{SecretID: s.ID.ValueString(), SecretName: s.Name.ValueString(), File: &mobyswarm.SecretReferenceFileTarget{
			Name: s.File.ValueString(), UID: s.UID.ValueString(), GID: s.GID.ValueString(), Mode: os.FileMode(uint32(s.Mode.ValueInt64())),
		}})
	}
	spec.Configs = nil
	for _, f := range c.Configs.Items {
		spec.Configs = append(spec.Configs, &mobyswarm.ConfigReference{ConfigID: f.ID.ValueString(), ConfigName: f.Name.ValueString(), File: &mobyswarm.ConfigReferenceFileTarget{
			Name: f.File.ValueString(), UID: f.UID.ValueString(), GID: f.GID.ValueString(), Mode: os.FileMode(uint32(f.Mode.ValueInt64())),
		}})
	}
}

// expandPrivileges keeps what it cannot say: seccomp, AppArmor, no new privileges.
func expandPrivileges(b contract.Blocks[Privileges], has *mobyswarm.Privileges) *mobyswarm.Privileges {
	p, ok := b.One()
	spec := &mobyswarm.Privileges{}
	if has != nil {
		spec.Seccomp, spec.AppArmor, spec.NoNewPrivileges = has.Seccomp, has.AppArmor, has.NoNewPrivileges
	}
	if !ok && *spec == (mobyswarm.Privileges{}) {
		return nil
	}
	if c, ok := p.CredentialSpec.One(); ok {
		spec.CredentialSpec = &mobyswarm.CredentialSpec{File: c.File.ValueString(), Registry: c.Registry.ValueString()}
	}
	if s, ok := p.SELinuxContext.One(); ok {
		spec.SELinuxContext = &mobyswarm.SELinuxContext{
			Disable: s.Disable.ValueBool(), User: s.User.ValueString(), Role: s.Role.ValueString(), Type: s.Type.ValueString(), Level: s.Level.ValueString(),
		}
	}
	return spec
}

func expandHealth(b contract.Blocks[Healthcheck]) *container.HealthConfig {
	h, ok := b.One()
	if !ok {
		return nil
	}
	return &container.HealthConfig{
		Test: textsOf(h.Test), Interval: durationOf(h.Interval), Timeout: durationOf(h.Timeout), StartPeriod: durationOf(h.StartPeriod), Retries: int(h.Retries.ValueInt64()),
	}
}

func expandDNS(b contract.Blocks[DNSConfig]) *mobyswarm.DNSConfig {
	d, ok := b.One()
	if !ok {
		return nil
	}
	spec := &mobyswarm.DNSConfig{Search: textsOf(d.Search), Options: textsOf(d.Options)}
	for _, s := range textsOf(d.Nameservers) {
		if address, err := netip.ParseAddr(s); err == nil { // a validator has refused others
			spec.Nameservers = append(spec.Nameservers, address)
		}
	}
	return spec
}

func expandMount(m Mount) mount.Mount {
	spec := mount.Mount{Type: mount.Type(m.Type.ValueString()), Source: m.Source.ValueString(), Target: m.Target.ValueString(), ReadOnly: m.ReadOnly.ValueBool()}
	if o, ok := m.BindOptions.One(); ok {
		spec.BindOptions = &mount.BindOptions{Propagation: mount.Propagation(o.Propagation.ValueString())}
	}
	if o, ok := m.VolumeOptions.One(); ok {
		spec.VolumeOptions = &mount.VolumeOptions{NoCopy: o.NoCopy.ValueBool()}
		if len(o.Labels.Items) > 0 {
			spec.VolumeOptions.Labels = swarm.ExpandLabels(o.Labels)
		}
		if name, options := o.DriverName.ValueString(), expandMap(o.DriverOptions); name != "" || len(options) > 0 {
			spec.VolumeOptions.DriverConfig = &mount.Driver{Name: name, Options: options}
		}
	}
	if o, ok := m.TmpfsOptions.One(); ok {
		spec.TmpfsOptions = &mount.TmpfsOptions{SizeBytes: o.SizeBytes.ValueInt64(), Mode: os.FileMode(uint32(o.Mode.ValueInt64()))}
	}
	return spec
}
