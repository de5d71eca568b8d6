package container

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/endpoint"
	"github.com/cleat-dev/cleat/resources/contract"
)

// Update renames the container, changes its limits and restart policy, connects and disconnects networks, and starts,
// unpauses or stops it, in this order; one that is paused and is to run goes on before its networks change. A change of nothing but what steers operations makes no call.
func (Type) Update(ctx context.Context, e API, observed, planned Model, changes contract.Changes) (Model, error) {
	ctx, cancel, err := withTimeout(ctx, planned.Timeouts, "update")
	if err != nil {
		return planned, err
	}
	defer cancel()
	id, name := observed.ID.ValueString(), planned.Name.ValueString()
	planned.ID = observed.ID
	if changes.Has("name") && observed.Name.ValueString() != name {
		if err := rename(ctx, e, observed, planned); err != nil {
			return planned, contract.At("name", "renaming container %q to %q: %w", observed.Name.ValueString(), name, err)
		}
	}
	if err := lifted(changes); err != nil {
		return planned, err
	}
	options, any, err := updateOptions(planned, changes)
	if err != nil {
		return planned, err
	}
	if any {
		if _, err := e.ContainerUpdate(ctx, id, options); err != nil {
			return planned, explainUpdate(name, err)
		}
	}
	if changes.Has("networks_advanced", "network_mode") {
		if err := updateNetworks(ctx, e, id, observed, planned); err != nil {
			return planned, fmt.Errorf("container %q: %w", name, err)
		}
	}
	if changes.Has("start", "must_run") {
		return planned, updateState(ctx, e, observed, planned)
	}
	return planned, nil
}

// lifted refuses to take a limit away: a value that was not known at plan can turn out to be none, and no call does that.
func lifted(changes contract.Changes) error {
	rules := Type{}.Rules()
	for _, c := range changes {
		if by := rules[c.Path].By; by != nil && by(c.Before, c.After) == contract.Replace {
			return contract.At(c.Path, "it was not known at plan, and taking it away needs a new container; plan again: %w", errs.ErrConflict)
		}
	}
	return nil
}

// updateOptions returns the update call for the changes, and whether there is one to make. What is zero in it stays
// as it is on the engine.
func updateOptions(m Model, changes contract.Changes) (moby.ContainerUpdateOptions, bool, error) {
	var o moby.ContainerUpdateOptions
	r := container.Resources{}
	any := false
	if changes.Has("memory", "memory_swap") {
		any = true
		r.Memory = m.Memory.ValueInt64() * mebibyte
		r.MemorySwap = expandSwap(m.MemorySwap.ValueInt64())
		if r.MemorySwap == 0 { // else the engine holds the new limit against the old swap
			r.MemorySwap = 2 * r.Memory
		}
	}
	if changes.Has("memory_reservation") {
		any, r.MemoryReservation = true, m.MemoryReservation.ValueInt64()*mebibyte
	}
	if changes.Has("cpu_shares") {
		any, r.CPUShares = true, m.CPUShares.ValueInt64()
	}
	if changes.Has("cpu_set") {
		any, r.CpusetCpus = true, m.CPUSet.ValueString()
	}
	if changes.Has("cpu_period", "cpu_quota") {
		any, r.CPUPeriod, r.CPUQuota = true, m.CPUPeriod.ValueInt64(), m.CPUQuota.ValueInt64()
	}
	if changes.Has("cpus") {
		n, err := nanoCPUs(m.CPUs.ValueString())
		if err != nil {
			return o, false, contract.At("cpus", "%w", err)
		}
		any, r.NanoCPUs = true, n
	}
	if any {
		o.Resources = &r
	}
	if changes.Has("restart", "max_retry_count") {
		any, o.RestartPolicy = true, new(expandRestart(m))
	}
	return o, any, nil
}

// explainUpdate tells an engine without update call, which answers like one without the container, from the latter.
func explainUpdate(name string, err error) error {
	if errors.Is(err, errs.ErrNotFound) && !strings.Contains(strings.ToLower(err.Error()), "container") {
		return fmt.Errorf("container %q: this engine cannot change limits and restart policies of a container; replace it (-replace=ADDRESS): %w", name, err)
	}
	return fmt.Errorf("container %q: changing limits: %w", name, err)
}

// updateNetworks connects the networks that are new before it disconnects those that go, so that the container is
// never without. It asks for the endpoints as they are: a network may be declared by name in one place and by id in
// the other. Those of a docker_network_attachment stay.
func updateNetworks(ctx context.Context, e API, id string, observed, planned Model) error {
	r, err := e.ContainerInspect(ctx, id, moby.ContainerInspectOptions{})
	if err != nil {
		return err
	}
	if err := giveIDs(ctx, e, r.Container, planned.Networks); err != nil {
		return err
	}
	if st := r.Container.State; st != nil && st.Paused && planned.MustRun.ValueBool() { // podman loses count of a paused container's networks
		if err := unpause(ctx, e, id); err != nil {
			return err
		}
	}
	have := endpoints(r.Container)
	var keep []string
	for _, n := range planned.Networks.Items {
		name, attached := have.find(n.Name.ValueString())
		if attached {
			keep = append(keep, name)
			if !endpointChanges(observed, n, have, name) {
				continue
			}
			if err := disconnect(ctx, e, id, name); err != nil {
				return err
			}
		}
		if err := connect(ctx, e, id, n); err != nil {
			return err
		}
	}
	mode, err := attachMode(ctx, e, r.Container, planned)
	if err != nil {
		return err
	}
	for _, name := range have.names() {
		// What the network mode attaches stays. One that was attached while the container was stopped has no id yet.
		byMode := mode != "" && (name == mode || have[name] != nil && have[name].NetworkID == mode)
		if slices.Contains(keep, name) || byMode || endpoint.Marked(have[name]) {
			continue
		}
		if err := disconnect(ctx, e, id, name); err != nil {
			return err
		}
	}
	return nil
}

// attachMode connects the container to the network of its mode where it is not, and returns that network. With
// networks declared the default bridge is not among them. Engines keep an attachment over restarts, whatever the mode
// the container was created with.
func attachMode(ctx context.Context, e API, c container.InspectResponse, planned Model) (string, error) {
	mode := planned.NetworkMode.ValueString()
	if isDefaultMode(mode) {
		if len(planned.Networks.Items) > 0 {
			return "", nil
		}
		mode = defaultNetwork(c)
	}
	if _, attached := endpoints(c).find(mode); attached || declares(planned.Networks, endpoints(c), mode) {
		return mode, nil
	}
	_, err := e.NetworkConnect(ctx, mode, moby.NetworkConnectOptions{Container: c.ID, EndpointConfig: &network.EndpointSettings{}})
	if err != nil && !(errors.Is(err, errs.ErrNotFound) && mode != planned.NetworkMode.ValueString()) { // an engine may have no bridge
		return mode, contract.At("network_mode", "connecting to network %q: %w", mode, err)
	}
	return mode, nil
}

// defaultNetwork is the name of the network the engine attaches by itself.
func defaultNetwork(c container.InspectResponse) string {
	switch {
	case c.Platform == "windows":
		return "nat"
	case c.Config != nil && slices.Contains(c.Config.Env, "container=podman"):
		return "podman"
	}
	return "bridge"
}

func disconnect(ctx context.Context, e API, id, network string) error {
	_, err := e.NetworkDisconnect(ctx, network, moby.NetworkDisconnectOptions{Container: id})
	if err != nil && !errors.Is(err, errs.ErrNotFound) {
		return contract.At("networks_advanced", "disconnecting from network %q: %w", network, err)
	}
	return nil
}

// updateState starts, unpauses or stops the container. It asks nothing first: the engine answers a start of a running
// container, and a stop of a stopped one, with "not modified".
func updateState(ctx context.Context, e API, observed, planned Model) error {
	id, name := planned.ID.ValueString(), planned.Name.ValueString()
	if !planned.Start.ValueBool() {
		if _, err := e.ContainerStop(ctx, id, stopOptions(planned)); err != nil {
			return fmt.Errorf("container %q: stopping: %w", name, err)
		}
		return nil
	}
	if !planned.MustRun.ValueBool() && observed.Start.ValueBool() {
		return nil // it is allowed to stop from now on
	}
	err := start(ctx, e, planned)
	if err == nil || !isPaused(err) {
		return err
	}
	if err := unpause(ctx, e, id); err != nil {
		return fmt.Errorf("container %q: %w", name, err)
	}
	return nil
}

func unpause(ctx context.Context, e API, id string) error {
	if _, err := e.ContainerUnpause(ctx, id, moby.ContainerUnpauseOptions{}); err != nil {
		return fmt.Errorf("unpausing: %w", err)
	}
	return nil
}

// isPaused reports whether a start was refused because the container is paused. Podman only says that the state is not
// one to start from; unpausing then fails if it is another one.
func isPaused(err error) bool {
	text := strings.ToLower(err.Error())
	return strings.Contains(text, "start a paused container") || strings.Contains(text, "container state improper")
}
