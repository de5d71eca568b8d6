package service

import (
	"slices"
	"strconv"

	"github.com/hashicorp/terraform-plugin-framework/types"
	mobyswarm "github.com/moby/moby/api/types/swarm"

	"github.com/cleat-dev/cleat/resources/contract"
	"github.com/cleat-dev/cleat/resources/swarm"
)

// flatten reports a service in the spelling of last. networks are the ids of the networks last names.
func flatten(s mobyswarm.Service, last Model, networks map[string]string) Model {
	m := Model{
		ID:             types.StringValue(s.ID),
		Name:           types.StringValue(s.Spec.Name),
		Labels:         swarm.FlattenLabels(s.Spec.Labels, last.Labels),
		Auth:           last.Auth,
		ConvergeConfig: last.ConvergeConfig,
		Mode:           flattenMode(s.Spec.Mode, last.Mode),
		UpdateConfig:   flattenUpdate(s.Spec.UpdateConfig, last.UpdateConfig),
		RollbackConfig: flattenUpdate(s.Spec.RollbackConfig, last.RollbackConfig),
		EndpointSpec:   flattenEndpoint(s.Spec.EndpointSpec, s.Endpoint.Ports, last.EndpointSpec),
	}
	was, _ := last.TaskSpec.One()
	m.TaskSpec = contract.BlocksOf(flattenTask(s.Spec.TaskTemplate, was, networks))
	return m
}

// flattenMode leaves out what a service has without a declaration: one replica.
func flattenMode(mode mobyswarm.ServiceMode, last contract.Blocks[Mode]) contract.Blocks[Mode] {
	was, declared := last.One()
	if mode.Global != nil {
		return contract.BlocksOf(Mode{Global: types.BoolValue(true)})
	}
	replicas := uint64(1)
	if mode.Replicated != nil && mode.Replicated.Replicas != nil {
		replicas = *mode.Replicated.Replicas
	}
	if !declared && replicas == 1 {
		return contract.Blocks[Mode]{}
	}
	item := Mode{Global: flatBool(false, was.Global)}
	if like, counted := was.Replicated.One(); counted || replicas != 1 {
		count := types.Int64Value(int64(replicas))
		if counted && replicas == 1 && like.Replicas.IsNull() {
			count = like.Replicas
		}
		item.Replicated = contract.BlocksOf(Replicated{Replicas: count})
	}
	return contract.BlocksOf(item)
}

func flattenUpdate(u *mobyswarm.UpdateConfig, last contract.Blocks[UpdateConfig]) contract.Blocks[UpdateConfig] {
	if u == nil {
		return contract.Blocks[UpdateConfig]{}
	}
	was, _ := last.One()
	return contract.BlocksOf(UpdateConfig{
		Parallelism: types.Int64Value(int64(u.Parallelism)), Delay: flatDuration(u.Delay, was.Delay), Monitor: flatDuration(u.Monitor, was.Monitor),
		FailureAction: types.StringValue(string(u.FailureAction)), MaxFailureRatio: flatRatio(u.MaxFailureRatio, was.MaxFailureRatio),
		Order: types.StringValue(string(u.Order)),
	})
}

// flattenEndpoint leaves out what a service has without a declaration. published are the ports with those the swarm chose.
func flattenEndpoint(e *mobyswarm.EndpointSpec, published []mobyswarm.PortConfig, last contract.Blocks[EndpointSpec]) contract.Blocks[EndpointSpec] {
	was, declared := last.One()
	if e == nil || !declared && len(e.Ports) == 0 && (e.Mode == "" || e.Mode == mobyswarm.ResolutionModeVIP) {
		return contract.Blocks[EndpointSpec]{}
	}
	item := EndpointSpec{Mode: types.StringValue(string(e.Mode))}
	if e.Mode == "" {
		item.Mode = types.StringValue(string(mobyswarm.ResolutionModeVIP))
	}
	chosen := slices.Clone(published)
	for i, p := range e.Ports {
		var like Port
		if i < len(was.Ports.Items) {
			like = was.Ports.Items[i]
		}
		port := Port{
			Name: flatText(p.Name, like.Name), Protocol: types.StringValue(string(p.Protocol)), TargetPort: types.Int64Value(int64(p.TargetPort)),
			PublishedPort: types.Int64Value(int64(p.PublishedPort)), PublishMode: types.StringValue(string(p.PublishMode)),
		}
		if p.PublishedPort == 0 {
			port.PublishedPort = types.Int64Value(int64(take(&chosen, p)))
		}
		item.Ports.Items = append(item.Ports.Items, port)
	}
	return contract.BlocksOf(item)
}

// take finds the port that was published for p, once; 0 when none was.
func take(published *[]mobyswarm.PortConfig, p mobyswarm.PortConfig) uint32 {
	for i, q := range *published {
		if q.TargetPort == p.TargetPort && q.Protocol == p.Protocol && q.PublishMode == p.PublishMode {
			*published = slices.Delete(*published, i, i+1)
			return q.PublishedPort
		}
	}
	return 0
}

func flattenTask(t mobyswarm.TaskSpec, was TaskSpec, networks map[string]string) TaskSpec {
	task := TaskSpec{
		ForceUpdate:   flatInt(t.ForceUpdate, was.ForceUpdate),
		Runtime:       types.StringNull(),
		Resources:     flattenResources(t.Resources, was.Resources),
		RestartPolicy: flattenRestart(t.RestartPolicy, was.RestartPolicy),
		Networks:      flattenNetworks(t.Networks, was.Networks, networks),
	}
	if known(was.Runtime) || t.Runtime != "" && t.Runtime != mobyswarm.RuntimeContainer {
		task.Runtime = types.StringValue(string(t.Runtime))
	}
	if t.LogDriver != nil {
		like, _ := was.LogDriver.One()
		task.LogDriver = contract.BlocksOf(LogDriver{Name: types.StringValue(t.LogDriver.Name), Options: flatMap(t.LogDriver.Options, like.Options)})
	}
	like, _ := was.ContainerSpec.One()
	pinned := false
	if t.ContainerSpec != nil {
		c := flattenContainer(*t.ContainerSpec, like)
		pinned = c.Image.ValueString() != t.ContainerSpec.Image
		task.ContainerSpec = contract.BlocksOf(c)
	}
	task.Placement = flattenPlacement(t.Placement, was.Placement, pinned)
	return task
}

func flattenResources(r *mobyswarm.ResourceRequirements, last contract.Blocks[Resources]) contract.Blocks[Resources] {
	was, declared := last.One()
	limits, limited := was.Limits.One()
	reserved, reserves := was.Reservation.One()
	if r == nil {
		return contract.Blocks[Resources]{}
	}
	var item Resources
	if l := r.Limits; l != nil && (limited || l.NanoCPUs != 0 || l.MemoryBytes != 0) {
		item.Limits = contract.BlocksOf(Limits{NanoCPUs: flatInt(l.NanoCPUs, limits.NanoCPUs), MemoryBytes: flatInt(l.MemoryBytes, limits.MemoryBytes)})
	}
	if v := r.Reservations; v != nil && (reserves || v.NanoCPUs != 0 || v.MemoryBytes != 0 || len(v.GenericResources) > 0) {
		item.Reservation = contract.BlocksOf(Reservation{
			NanoCPUs: flatInt(v.NanoCPUs, reserved.NanoCPUs), MemoryBytes: flatInt(v.MemoryBytes, reserved.MemoryBytes),
			GenericResources: flattenGeneric(v.GenericResources, reserved.GenericResources),
		})
	}
	if !declared && len(item.Limits.Items) == 0 && len(item.Reservation.Items) == 0 {
		return contract.Blocks[Resources]{}
	}
	return contract.BlocksOf(item)
}

func flattenGeneric(all []mobyswarm.GenericResource, last contract.Blocks[GenericResources]) contract.Blocks[GenericResources] {
	was, declared := last.One()
	if len(all) == 0 && !declared {
		return contract.Blocks[GenericResources]{}
	}
	var named, discrete []string
	for _, g := range all {
		if n := g.NamedResourceSpec; n != nil {
			named = append(named, n.Kind+"="+n.Value)
		}
		if d := g.DiscreteResourceSpec; d != nil {
			discrete = append(discrete, d.Kind+"="+strconv.FormatInt(d.Value, 10))
		}
	}
	return contract.BlocksOf(GenericResources{Named: flatSet(named, was.Named), Discrete: flatSet(discrete, was.Discrete)})
}

func flattenRestart(r *mobyswarm.RestartPolicy, last contract.Blocks[RestartPolicy]) contract.Blocks[RestartPolicy] {
	if r == nil {
		return contract.Blocks[RestartPolicy]{}
	}
	was, declared := last.One()
	if !declared && hollowRestart(*r) {
		return contract.Blocks[RestartPolicy]{}
	}
	item := RestartPolicy{
		Condition: flatText(string(r.Condition), was.Condition), Delay: flatDurationPointer(r.Delay, was.Delay), Window: flatDurationPointer(r.Window, was.Window),
	}
	if !known(was.Condition) && r.Condition == mobyswarm.RestartPolicyConditionAny { // what a swarm makes of none
		item.Condition = types.StringNull()
	}
	if r.Window != nil && *r.Window == 0 && !known(was.Window) {
		item.Window = types.StringNull()
	}
	if r.MaxAttempts != nil {
		item.MaxAttempts = flatInt(*r.MaxAttempts, was.MaxAttempts)
	}
	return contract.BlocksOf(item)
}

// flattenPlacement leaves out the platforms that came with the pinned image.
func flattenPlacement(p *mobyswarm.Placement, last contract.Blocks[Placement], pinned bool) contract.Blocks[Placement] {
	was, declared := last.One()
	if p == nil {
		return contract.Blocks[Placement]{}
	}
	var over []string
	for _, preference := range p.Preferences {
		if preference.Spread != nil {
			over = append(over, preference.Spread.SpreadDescriptor)
		}
	}
	item := Placement{
		Constraints: flatSet(p.Constraints, was.Constraints), Prefs: flatSet(spelled(over, was.Prefs, spread), was.Prefs), MaxReplicas: flatInt(p.MaxReplicas, was.MaxReplicas),
	}
	platforms := p.Platforms
	if pinned && len(was.Platforms.Items) == 0 {
		platforms = nil
	}
	for _, k := range platforms {
		item.Platforms.Items = append(item.Platforms.Items, Platform{Architecture: types.StringValue(k.Architecture), OS: types.StringValue(k.OS)})
	}
	if !declared && len(p.Constraints) == 0 && len(over) == 0 && p.MaxReplicas == 0 && len(platforms) == 0 {
		return contract.Blocks[Placement]{}
	}
	return contract.BlocksOf(item)
}

// flattenNetworks reports a network as last called it, else by its id.
func flattenNetworks(all []mobyswarm.NetworkAttachmentConfig, last contract.Blocks[Network], ids map[string]string) contract.Blocks[Network] {
	var items []Network
	for _, n := range all {
		var item Network
		for _, was := range last.Items {
			if called := was.target(); called == n.Target || ids[called] == n.Target {
				item = was
			}
		}
		if item.target() == "" {
			item.ID, item.Name = types.StringValue(n.Target), types.StringNull()
		}
		item.Aliases = flatSet(n.Aliases, item.Aliases)
		item.DriverOpts = flatSet(pairs(n.DriverOpts), item.DriverOpts)
		items = append(items, item)
	}
	return contract.BlocksOf(items...)
}
