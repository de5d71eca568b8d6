package container

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	moby "github.com/moby/moby/client"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/cleat-dev/cleat/resources/contract"
)

// expand returns the create call for a container.
func expand(m Model) (moby.ContainerCreateOptions, error) {
	config, err := expandConfig(m)
	if err != nil {
		return moby.ContainerCreateOptions{}, err
	}
	host, err := expandHost(m)
	if err != nil {
		return moby.ContainerCreateOptions{}, err
	}
	return moby.ContainerCreateOptions{
		Name: strings.TrimPrefix(m.Name.ValueString(), "/"), Config: config, HostConfig: host, Platform: expandPlatform(m.Platform.ValueString()),
	}, nil
}

func expandConfig(m Model) (*container.Config, error) {
	env, labels := withEnv(m, expandLabels(m.Labels))
	c := &container.Config{
		Hostname: m.Hostname.ValueString(), Domainname: m.Domainname.ValueString(),
		User: m.User.ValueString(), WorkingDir: m.WorkingDir.ValueString(),
		Tty: m.TTY.ValueBool(), OpenStdin: m.StdinOpen.ValueBool(),
		Env: env, Cmd: ordered(m.Command), Entrypoint: ordered(m.Entrypoint),
		Image: m.Image.ValueString(), Labels: labels, StopSignal: m.StopSignal.ValueString(),
		Volumes: anonymousVolumes(m.Volumes),
	}
	if given(m.StopTimeout) {
		c.StopTimeout = new(int(m.StopTimeout.ValueInt64()))
	}
	for i, p := range m.Ports.Items {
		port, err := expandPort(p)
		if err != nil {
			return nil, contract.At(fmt.Sprintf("ports[%d].internal", i), "%w", err)
		}
		if c.ExposedPorts == nil {
			c.ExposedPorts = network.PortSet{}
		}
		c.ExposedPorts[port] = struct{}{}
	}
	var err error
	c.Healthcheck, err = expandHealthcheck(m.Healthcheck)
	return c, err
}

// expandPort is the port in the container.
func expandPort(p Port) (network.Port, error) {
	return network.ParsePort(fmt.Sprintf("%d/%s", p.Internal.ValueInt64(), p.Protocol.ValueString()))
}

func expandLabels(b contract.Blocks[Label]) map[string]string {
	if len(b.Items) == 0 {
		return nil
	}
	out := make(map[string]string, len(b.Items))
	for _, l := range b.Items {
		out[l.Label.ValueString()] = l.Value.ValueString()
	}
	return out
}

func expandHealthcheck(b contract.Blocks[Healthcheck]) (*container.HealthConfig, error) {
	h, ok := b.One()
	if !ok {
		return nil, nil
	}
	c := &container.HealthConfig{Test: ordered(h.Test), Retries: int(h.Retries.ValueInt64())}
	for _, field := range []struct {
		name string
		text string
		to   *time.Duration
	}{
		{"interval", h.Interval.ValueString(), &c.Interval},
		{"timeout", h.Timeout.ValueString(), &c.Timeout},
		{"start_period", h.StartPeriod.ValueString(), &c.StartPeriod},
		{"start_interval", h.StartInterval.ValueString(), &c.StartInterval},
	} {
		if field.text == "" {
			continue
		}
		var err error
		if *field.to, err = time.ParseDuration(field.text); err != nil {
			return nil, contract.At("healthcheck[0]."+field.name, "%w", err)
		}
	}
	return c, nil
}

func expandPlatform(s string) *ocispec.Platform {
	if s == "" {
		return nil
	}
	parts := append(strings.SplitN(s, "/", 3), "", "")
	return &ocispec.Platform{OS: parts[0], Architecture: parts[1], Variant: parts[2]}
}

func expandCapabilities(b contract.Blocks[Capabilities]) (add, drop []string) {
	c, ok := b.One()
	if !ok {
		return nil, nil
	}
	canonical := func(names []string) []string {
		for i, name := range names {
			names[i] = canonicalCapability(name)
			if names[i] != "ALL" {
				names[i] = "CAP_" + names[i]
			}
		}
		slices.Sort(names)
		return slices.Compact(names)
	}
	return canonical(sorted(c.Add)), canonical(sorted(c.Drop))
}
