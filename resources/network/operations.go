package network

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"
	mobynetwork "github.com/moby/moby/api/types/network"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/resources/contract"
)

// API is the part of an engine's API networks need.
type API interface {
	NetworkInspect(ctx context.Context, network string, options moby.NetworkInspectOptions) (moby.NetworkInspectResult, error)
	NetworkList(ctx context.Context, options moby.NetworkListOptions) (moby.NetworkListResult, error)
	NetworkCreate(ctx context.Context, name string, options moby.NetworkCreateOptions) (moby.NetworkCreateResult, error)
	NetworkRemove(ctx context.Context, network string, options moby.NetworkRemoveOptions) (moby.NetworkRemoveResult, error)
	Info(ctx context.Context, options moby.InfoOptions) (moby.SystemInfoResult, error)
}

// Type is docker_network.
type Type struct{}

var (
	_ contract.Type[Model, API]     = Type{}
	_ contract.Validator[Model]     = Type{}
	_ contract.Claimant[Model]      = Type{}
	_ contract.Resolver[Model, API] = Type{}
)

// cleanupTimeout bounds the removal of a network that turned out to be a duplicate.
const cleanupTimeout = 30 * time.Second

// Name implements contract.Type.
func (Type) Name() string { return "network" }

// Read implements contract.Type.
func (Type) Read(ctx context.Context, e API, last Model) (Model, error) {
	id := last.ID.ValueString()
	found, err := e.NetworkInspect(ctx, id, moby.NetworkInspectOptions{})
	if err != nil {
		return last, fmt.Errorf("network %q: %w", nameOf(last), err)
	}
	guess := func(pool) bool { return false }
	if last.Name.IsNull() { // no record but the id
		guess = guesser(found.Network, nil)
	}
	return flatten(found.Network, last, guess), nil
}

// Create implements contract.Type. A network of that name that exists already is errs.ErrConflict. The result has the
// id; what the engine chose is unknown until it is read.
func (Type) Create(ctx context.Context, e API, planned Model) (Model, error) {
	name := planned.Name.ValueString()
	options, err := expand(planned)
	if err != nil {
		return planned, err
	}
	if !namesAreUnique(e) {
		named, err := e.NetworkList(ctx, moby.NetworkListOptions{Filters: moby.Filters{}.Add("name", name)})
		if err != nil {
			return planned, fmt.Errorf("network %q: %w", name, err)
		}
		if slices.ContainsFunc(named.Items, func(n mobynetwork.Summary) bool { return n.Name == name }) {
			return planned, taken(name)
		}
	}
	created, err := e.NetworkCreate(ctx, name, options)
	if err != nil {
		return planned, createError(name, err)
	}
	if slices.ContainsFunc(created.Warning, func(w string) bool { return strings.Contains(w, "already exists") }) {
		// Somebody made one of that name since the list. Older engines let both live, and then refuse to connect
		// anything by name: ours goes.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
		defer cancel()
		_, err := e.NetworkRemove(ctx, created.ID, moby.NetworkRemoveOptions{})
		return planned, errors.Join(taken(name), err)
	}
	planned.ID = types.StringValue(created.ID)
	return planned, nil
}

// namesAreUnique reports whether the engine itself refuses a second network of a name: from API 1.44 on.
func namesAreUnique(e API) bool {
	v, ok := e.(contract.Versioned)
	if !ok {
		return false
	}
	var major, minor int
	if _, err := fmt.Sscanf(v.ClientVersion(), "%d.%d", &major, &minor); err != nil {
		return false
	}
	return major > 1 || major == 1 && minor >= 44
}

func taken(name string) error {
	return contract.At("name", "a network %q exists already and was not made by this declaration; import it (terraform import, cleat adopt) or choose another name: %w",
		name, errs.ErrConflict)
}

// createError names the attribute an engine's refusal is about. Podman has no status codes for these.
func createError(name string, err error) error {
	words := strings.ToLower(err.Error())
	switch {
	case errors.Is(err, errs.ErrConflict) || strings.Contains(words, "already exists") || strings.Contains(words, "name "+strings.ToLower(name)+" already used"):
		return errors.Join(taken(name), err)
	case strings.Contains(words, "overlaps") || strings.Contains(words, "already used on the host"):
		return contract.At("ipam_config", "network %q: choose another subnet: %w", name, err)
	}
	return fmt.Errorf("network %q: %w", name, err)
}

// Update implements contract.Type: the only changes in place are those of the record.
func (Type) Update(_ context.Context, _ API, _, planned Model, _ contract.Changes) (Model, error) {
	return planned, nil
}

// Delete implements contract.Type. A network in use is errs.ErrConflict and the error names the containers. It looks
// first: podman 4 checks for containers only when told a name, and names are not safe to delete by.
func (Type) Delete(ctx context.Context, e API, observed Model) error {
	id := observed.ID.ValueString()
	found, err := e.NetworkInspect(ctx, id, moby.NetworkInspectOptions{})
	if errors.Is(err, errs.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("network %q: %w", nameOf(observed), err)
	}
	if users := attached(found.Network); users != "" {
		return fmt.Errorf("network %q is in use by %s; disconnect or remove them first, or have them replaced with it (lifecycle { replace_triggered_by = [...] }): %w", nameOf(observed), users, errs.ErrConflict)
	}
	_, err = e.NetworkRemove(ctx, id, moby.NetworkRemoveOptions{})
	if err != nil && !errors.Is(err, errs.ErrNotFound) {
		return fmt.Errorf("network %q: %w", nameOf(observed), err)
	}
	return nil
}

// attached returns the names of the containers on a network.
func attached(n mobynetwork.Inspect) string {
	var names []string
	for id, endpoint := range n.Containers {
		if endpoint.Name != "" {
			id = endpoint.Name
		}
		names = append(names, id)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// Import implements contract.Type; id is the network's name or id.
func (Type) Import(ctx context.Context, e API, id string) (Model, error) {
	found, err := e.NetworkInspect(ctx, id, moby.NetworkInspectOptions{})
	if err != nil {
		return Model{}, fmt.Errorf("network %q: %w", id, err)
	}
	n := found.Network
	var engine moby.SystemInfoResult
	if ambiguous(n) {
		if engine, err = e.Info(ctx, moby.InfoOptions{}); err != nil {
			return Model{}, fmt.Errorf("network %q: %w", id, err)
		}
	}
	return flatten(n, Model{}, guesser(n, poolsOf(n, engine.Info))), nil
}

func nameOf(m Model) string {
	if m.Name.IsNull() || m.Name.IsUnknown() {
		return m.ID.ValueString()
	}
	return m.Name.ValueString()
}
