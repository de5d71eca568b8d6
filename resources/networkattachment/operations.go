package networkattachment

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/types"
	mobycontainer "github.com/moby/moby/api/types/container"
	mobynetwork "github.com/moby/moby/api/types/network"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/endpoint"
	"github.com/cleat-dev/cleat/internal/flatten"
	"github.com/cleat-dev/cleat/resources/contract"
)

// API is the part of an engine's API attachments need.
type API interface {
	ContainerInspect(ctx context.Context, container string, options moby.ContainerInspectOptions) (moby.ContainerInspectResult, error)
	NetworkInspect(ctx context.Context, network string, options moby.NetworkInspectOptions) (moby.NetworkInspectResult, error)
	NetworkConnect(ctx context.Context, network string, options moby.NetworkConnectOptions) (moby.NetworkConnectResult, error)
	NetworkDisconnect(ctx context.Context, network string, options moby.NetworkDisconnectOptions) (moby.NetworkDisconnectResult, error)
}

// Type is docker_network_attachment.
type Type struct{}

var (
	_ contract.Type[Model, API]     = Type{}
	_ contract.Claimant[Model]      = Type{}
	_ contract.Resolver[Model, API] = Type{}
)

// Name implements contract.Type.
func (Type) Name() string { return "network_attachment" }

// join is how people call an attachment. No engine has a container with a colon in its name.
func join(container, network string) string { return container + ":" + network }

// Read implements contract.Type.
func (Type) Read(ctx context.Context, e API, last Model) (Model, error) {
	container, network := last.Container.ValueString(), last.Network.ValueString()
	if container == "" || network == "" {
		var ok bool
		if container, network, ok = strings.Cut(last.ID.ValueString(), ":"); !ok || container == "" || network == "" {
			return last, fmt.Errorf("attachment %q: want CONTAINER:NETWORK, a name or id each: %w", last.ID.ValueString(), errs.ErrInvalid)
		}
		last.Container, last.Network = types.StringValue(container), types.StringValue(network)
	}
	found, err := e.ContainerInspect(ctx, container, moby.ContainerInspectOptions{})
	if err != nil {
		return last, contract.At("container", "container %q: %w", container, err)
	}
	name, err := attachedAs(ctx, e, found.Container, network)
	if err != nil {
		return last, err
	}
	if name == "" {
		return last, fmt.Errorf("container %q is not connected to network %q: %w", container, network, errs.ErrNotFound)
	}
	return flattenAttachment(found.Container, name, last), nil
}

// attachedAs returns the name of the network among those of a container, "" when it is not there. An engine that does
// not tell ids of networks is asked for the name of the one declared by id.
func attachedAs(ctx context.Context, e API, c mobycontainer.InspectResponse, network string) (string, error) {
	have := endpoints(c)
	if name, ok := endpoint.Find(have, network); ok || !isID(network) {
		return name, nil
	}
	found, err := e.NetworkInspect(ctx, network, moby.NetworkInspectOptions{})
	if errors.Is(err, errs.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", contract.At("network", "network %q: %w", network, err)
	}
	// Another network of that name is known by its id.
	if at := have[found.Network.Name]; at != nil && (at.NetworkID == "" || at.NetworkID == found.Network.Name) {
		return found.Network.Name, nil
	}
	return "", nil
}

func endpoints(c mobycontainer.InspectResponse) map[string]*mobynetwork.EndpointSettings {
	if c.NetworkSettings == nil {
		return nil
	}
	return c.NetworkSettings.Networks
}

// isID reports whether s is a full id.
func isID(s string) bool { return len(s) == 64 && mayBeID(s) }

// mayBeID reports whether s is the beginning of an id, as far as its letters tell.
func mayBeID(s string) bool { return len(s) >= 12 && strings.Trim(s, "0123456789abcdef") == "" }

func flattenAttachment(c mobycontainer.InspectResponse, network string, last Model) Model {
	settings := endpoints(c)[network]
	if settings == nil {
		settings = &mobynetwork.EndpointSettings{}
	}
	from := endpoint.Source{Engine: []string{c.ID[:min(12, len(c.ID))], strings.TrimPrefix(c.Name, "/")}}
	if c.Config != nil {
		from.Engine = append(from.Engine, c.Config.Hostname)
		from.Silent = slices.Contains(c.Config.Env, "container=podman")
	}
	now := endpoint.Flatten(last.endpoint(), settings, from)
	m := Model{
		ID: last.ID, Container: last.Container, Network: last.Network, Aliases: now.Aliases, DriverOpts: now.DriverOpts, GwPriority: now.GwPriority,
		IPv4Address: now.IPv4Address, IPv6Address: now.IPv6Address, LinkLocalIPs: now.LinkLocalIPs, MacAddress: now.MacAddress,
		ContainerID: types.StringValue(c.ID), NetworkName: types.StringValue(network),
		IPAddress: flatten.Address(settings.IPAddress), GlobalIPv6Address: flatten.Address(settings.GlobalIPv6Address),
	}
	if m.ID.ValueString() == "" {
		m.ID = types.StringValue(join(m.Container.ValueString(), m.Network.ValueString()))
	}
	return m
}

// Create implements contract.Type. A container that is in the network already is errs.ErrConflict.
func (Type) Create(ctx context.Context, e API, planned Model) (Model, error) {
	container, network := planned.Container.ValueString(), planned.Network.ValueString()
	settings, err := planned.endpoint().Expand()
	if err != nil {
		return planned, fmt.Errorf("attachment %q: %w: %w", join(container, network), err, errs.ErrInvalid)
	}
	if !slices.Contains([]string{"bridge", "default", "podman", "nat"}, network) { // which have no names, and so take no aliases
		settings.Aliases = append(settings.Aliases, endpoint.Mark)
	}
	if _, err := e.NetworkConnect(ctx, network, moby.NetworkConnectOptions{Container: container, EndpointConfig: settings}); err != nil {
		return planned, connectError(container, network, err)
	}
	planned.ID = types.StringValue(join(container, network))
	return planned, nil
}

// connectError names the attribute an engine's refusal is about: by its words, since one class is for several.
func connectError(container, network string, err error) error {
	words := strings.ToLower(err.Error())
	switch {
	case strings.Contains(words, "already exists in network"), strings.Contains(words, "already connected"):
		return contract.At("network", "container %q is in network %q already, and not by this declaration; declare it once, or import it (terraform import, cleat adopt) as %s: %w",
			container, network, join(container, network), errs.ErrConflict)
	case errors.Is(err, errs.ErrNotFound) && strings.Contains(words, "container"):
		return contract.At("container", "the engine has no container %q: %w", container, err)
	case errors.Is(err, errs.ErrNotFound):
		return contract.At("network", "the engine has no network %q: %w", network, err)
	case strings.Contains(words, "network namespace with another container or host"), strings.Contains(words, "private (none) mode"), strings.Contains(words, "invalid network mode"):
		return contract.At("container", "container %q has the network mode host, none or that of another container and can be connected to nothing; give it another network_mode: %w",
			container, err)
	}
	return fmt.Errorf("connecting container %q to network %q: %w", container, network, err)
}

// Update implements contract.Type: the only changes in place are of what container and network are called.
func (Type) Update(_ context.Context, _ API, _, planned Model, _ contract.Changes) (Model, error) {
	return planned, nil
}

// Delete implements contract.Type. It looks only when the engine refuses: each has another answer for a container that
// is not in the network.
func (Type) Delete(ctx context.Context, e API, observed Model) error {
	container, network := observed.ContainerID.ValueString(), observed.NetworkName.ValueString()
	if container == "" || network == "" {
		container, network = observed.Container.ValueString(), observed.Network.ValueString()
	}
	_, err := e.NetworkDisconnect(ctx, network, moby.NetworkDisconnectOptions{Container: container})
	if err == nil || errors.Is(err, errs.ErrNotFound) {
		return nil
	}
	found, lookErr := e.ContainerInspect(ctx, container, moby.ContainerInspectOptions{})
	if errors.Is(lookErr, errs.ErrNotFound) {
		return nil
	}
	if _, attached := endpoint.Find(endpoints(found.Container), network); lookErr == nil && !attached {
		return nil
	}
	return fmt.Errorf("disconnecting container %q from network %q: %w", container, network, err)
}

// Import implements contract.Type; id is CONTAINER:NETWORK, a name or an id each.
func (t Type) Import(ctx context.Context, e API, id string) (Model, error) {
	return t.Read(ctx, e, Model{ID: types.StringValue(id)})
}

// Resolve implements contract.Resolver: it asks what container and network are meant, where the declaration does not
// say it by itself. What is not there yet is left open.
func (Type) Resolve(ctx context.Context, e API, desired *Model) error {
	if container := desired.Container.ValueString(); desired.Container.IsUnknown() {
		desired.ContainerID = types.StringUnknown()
	} else if isID(container) {
		desired.ContainerID = desired.Container
	} else {
		found, err := e.ContainerInspect(ctx, container, moby.ContainerInspectOptions{})
		if err != nil && !errors.Is(err, errs.ErrNotFound) {
			return contract.At("container", "container %q: %w", container, err)
		}
		if err == nil {
			desired.ContainerID = types.StringValue(found.Container.ID)
		} else {
			desired.ContainerID = types.StringUnknown()
		}
	}
	network := desired.Network.ValueString()
	switch {
	case desired.Network.IsUnknown():
		desired.NetworkName = types.StringUnknown()
	case !mayBeID(network):
		desired.NetworkName = desired.Network
	default:
		found, err := e.NetworkInspect(ctx, network, moby.NetworkInspectOptions{})
		if err != nil && !errors.Is(err, errs.ErrNotFound) {
			return contract.At("network", "network %q: %w", network, err)
		}
		if err == nil {
			desired.NetworkName = types.StringValue(found.Network.Name)
		} else {
			desired.NetworkName = types.StringUnknown()
		}
	}
	return nil
}
