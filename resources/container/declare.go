package container

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/resources/contract"
)

var _ contract.Declarer[Model, API] = Type{}

// standardShm is the size of /dev/shm, in MiB, where nobody asks for another.
const standardShm = 64

// Declared leaves out what the engine would choose again: its log driver, runtime, modes of namespaces, and ports it picked.
func (Type) Declared(ctx context.Context, e API, observed Model) (Model, error) {
	found, err := e.ContainerInspect(ctx, observed.ID.ValueString(), moby.ContainerInspectOptions{})
	if err != nil {
		return observed, fmt.Errorf("container %q: %w", observed.Name.ValueString(), err)
	}
	info, err := e.Info(ctx, moby.InfoOptions{})
	if err != nil {
		return observed, fmt.Errorf("engine: %w", err)
	}
	groups := container.CgroupnsModeHost
	if info.Info.CgroupVersion == "2" {
		groups = container.CgroupnsModePrivate
	}
	m := observed
	for _, chosen := range []struct {
		value *types.String
		usual string
	}{
		{&m.LogDriver, info.Info.LoggingDriver}, {&m.Runtime, info.Info.DefaultRuntime},
		{&m.IpcMode, string(container.IPCModePrivate)}, {&m.CgroupnsMode, string(groups)},
	} {
		if chosen.value.ValueString() == chosen.usual {
			*chosen.value = types.StringNull()
		}
	}
	if m.ShmSize.ValueInt64() == standardShm {
		m.ShmSize = types.Int64Null()
	}
	if found.Container.HostConfig != nil {
		m.Ports = asked(m.Ports, found.Container.HostConfig.PortBindings)
	}
	return m, nil
}

// asked leaves out the host ports nobody asked for.
func asked(ports contract.Blocks[Port], bindings network.PortMap) contract.Blocks[Port] {
	fixed := map[string]bool{}
	for port, hosts := range bindings {
		for _, host := range hosts {
			fixed[port.String()+" "+host.HostPort] = true
		}
	}
	all := make([]Port, len(ports.Items))
	for i, p := range ports.Items {
		all[i] = p
		if !fixed[fmt.Sprintf("%d/%s %d", p.Internal.ValueInt64(), p.Protocol.ValueString(), p.External.ValueInt64())] {
			all[i].External = types.Int64Null()
		}
	}
	return contract.BlocksOf(all...)
}
