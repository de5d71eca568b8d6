package service

import (
	"strconv"

	"github.com/moby/moby/api/types/network"
	mobyswarm "github.com/moby/moby/api/types/swarm"

	"github.com/cleat-dev/cleat/resources/contract"
	"github.com/cleat-dev/cleat/resources/swarm"
)

// expand writes what a planned service says into a specification. What it cannot say stays as it is there.
func expand(m Model, spec *mobyswarm.ServiceSpec) {
	spec.Name = m.Name.ValueString()
	spec.Labels = swarm.ExpandLabels(m.Labels)
	spec.Mode = expandMode(m.Mode)
	spec.UpdateConfig = expandUpdate(m.UpdateConfig)
	spec.RollbackConfig = expandUpdate(m.RollbackConfig)
	spec.EndpointSpec = keep(expandEndpoint(m.EndpointSpec), spec.EndpointSpec, hollowEndpoint)
	if task, ok := m.TaskSpec.One(); ok {
		expandTask(task, &spec.TaskTemplate)
	}
}

func expandMode(b contract.Blocks[Mode]) mobyswarm.ServiceMode {
	mode, _ := b.One()
	if mode.Global.ValueBool() {
		return mobyswarm.ServiceMode{Global: &mobyswarm.GlobalService{}}
	}
	replicas := uint64(1)
	if r, ok := mode.Replicated.One(); ok {
		if n := countPointer(r.Replicas); n != nil {
			replicas = *n
		}
	}
	return mobyswarm.ServiceMode{Replicated: &mobyswarm.ReplicatedService{Replicas: &replicas}}
}

func expandUpdate(b contract.Blocks[UpdateConfig]) *mobyswarm.UpdateConfig {
	u, ok := b.One()
	if !ok {
		return nil
	}
	ratio, _ := strconv.ParseFloat(u.MaxFailureRatio.ValueString(), 32)
	return &mobyswarm.UpdateConfig{
		Parallelism: uint64(u.Parallelism.ValueInt64()), Delay: durationOf(u.Delay), Monitor: durationOf(u.Monitor), MaxFailureRatio: float32(ratio),
		FailureAction: mobyswarm.FailureAction(u.FailureAction.ValueString()), Order: mobyswarm.UpdateOrder(u.Order.ValueString()),
	}
}

func expandEndpoint(b contract.Blocks[EndpointSpec]) *mobyswarm.EndpointSpec {
	e, ok := b.One()
	if !ok {
		return nil
	}
	spec := &mobyswarm.EndpointSpec{Mode: mobyswarm.ResolutionMode(e.Mode.ValueString())}
	for _, p := range e.Ports.Items {
		spec.Ports = append(spec.Ports, mobyswarm.PortConfig{
			Name: p.Name.ValueString(), Protocol: network.IPProtocol(p.Protocol.ValueString()), TargetPort: uint32(p.TargetPort.ValueInt64()),
			PublishedPort: uint32(p.PublishedPort.ValueInt64()), PublishMode: mobyswarm.PortConfigPublishMode(p.PublishMode.ValueString()),
		})
	}
	return spec
}

func expandTask(t TaskSpec, spec *mobyswarm.TaskSpec) {
	spec.ForceUpdate = uint64(t.ForceUpdate.ValueInt64())
	if known(t.Runtime) { // else what the swarm says of it itself
		spec.Runtime = mobyswarm.RuntimeType(t.Runtime.ValueString())
	}
	spec.Resources = expandResources(t.Resources, spec.Resources)
	spec.RestartPolicy = keep(expandRestart(t.RestartPolicy), spec.RestartPolicy, hollowRestart)
	spec.Placement = keep(expandPlacement(t.Placement), spec.Placement, hollowPlacement)
	spec.LogDriver = nil
	if driver, ok := t.LogDriver.One(); ok {
		spec.LogDriver = &mobyswarm.Driver{Name: driver.Name.ValueString(), Options: expandMap(driver.Options)}
	}
	spec.Networks = nil
	for _, n := range t.Networks.Items {
		spec.Networks = append(spec.Networks, mobyswarm.NetworkAttachmentConfig{
			Target: n.target(), Aliases: textsOf(n.Aliases), DriverOpts: unpaired(textsOf(n.DriverOpts)),
		})
	}
	if container, ok := t.ContainerSpec.One(); ok {
		if spec.ContainerSpec == nil {
			spec.ContainerSpec = &mobyswarm.ContainerSpec{}
		}
		expandContainer(container, spec.ContainerSpec)
	}
}

// target is how a network is called, by id or by name.
func (n Network) target() string {
	if known(n.ID) && n.ID.ValueString() != "" {
		return n.ID.ValueString()
	}
	return n.Name.ValueString()
}

// expandResources keeps what it cannot say: the limit of processes.
func expandResources(b contract.Blocks[Resources], has *mobyswarm.ResourceRequirements) *mobyswarm.ResourceRequirements {
	r, ok := b.One()
	keeps := has != nil && has.Limits != nil && has.Limits.Pids != 0
	if !ok && !keeps {
		return keep(nil, has, hollowResources)
	}
	spec := &mobyswarm.ResourceRequirements{}
	if keeps {
		spec.Limits = &mobyswarm.Limit{Pids: has.Limits.Pids}
	}
	if limits, ok := r.Limits.One(); ok {
		if spec.Limits == nil {
			spec.Limits = &mobyswarm.Limit{}
		}
		spec.Limits.NanoCPUs, spec.Limits.MemoryBytes = limits.NanoCPUs.ValueInt64(), limits.MemoryBytes.ValueInt64()
	}
	if reserved, ok := r.Reservation.One(); ok {
		spec.Reservations = &mobyswarm.Resources{NanoCPUs: reserved.NanoCPUs.ValueInt64(), MemoryBytes: reserved.MemoryBytes.ValueInt64()}
		if generic, ok := reserved.GenericResources.One(); ok {
			spec.Reservations.GenericResources = expandGeneric(generic)
		}
	}
	return spec
}

func expandGeneric(g GenericResources) []mobyswarm.GenericResource {
	var all []mobyswarm.GenericResource
	for _, pair := range pairs(unpaired(textsOf(g.Discrete))) {
		for kind, value := range unpaired([]string{pair}) {
			n, _ := strconv.ParseInt(value, 10, 64)
			all = append(all, mobyswarm.GenericResource{DiscreteResourceSpec: &mobyswarm.DiscreteGenericResource{Kind: kind, Value: n}})
		}
	}
	for _, pair := range mapped(textsOf(g.Named), func(s string) string { return s }) { // of one kind there may be several
		for kind, value := range unpaired([]string{pair}) {
			all = append(all, mobyswarm.GenericResource{NamedResourceSpec: &mobyswarm.NamedGenericResource{Kind: kind, Value: value}})
		}
	}
	return all
}

func expandRestart(b contract.Blocks[RestartPolicy]) *mobyswarm.RestartPolicy {
	r, ok := b.One()
	if !ok {
		return nil
	}
	return &mobyswarm.RestartPolicy{
		Condition: mobyswarm.RestartPolicyCondition(r.Condition.ValueString()),
		Delay:     durationPointer(r.Delay), MaxAttempts: countPointer(r.MaxAttempts), Window: durationPointer(r.Window),
	}
}

func expandPlacement(b contract.Blocks[Placement]) *mobyswarm.Placement {
	p, ok := b.One()
	if !ok {
		return nil
	}
	spec := &mobyswarm.Placement{Constraints: textsOf(p.Constraints), MaxReplicas: uint64(p.MaxReplicas.ValueInt64())}
	for _, over := range mapped(textsOf(p.Prefs), spread) {
		spec.Preferences = append(spec.Preferences, mobyswarm.PlacementPreference{Spread: &mobyswarm.SpreadOver{SpreadDescriptor: over}})
	}
	for _, k := range p.Platforms.Items {
		spec.Platforms = append(spec.Platforms, mobyswarm.Platform{Architecture: k.Architecture.ValueString(), OS: k.OS.ValueString()})
	}
	return spec
}
