package compose

import (
	"context"
	"errors"
	"fmt"

	"github.com/compose-spec/compose-go/v2/types"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/composefile"
	"github.com/cleat-dev/cleat/resources/contract"
)

// bringNetworks makes the networks of the project. One whose definition changed is made anew, and so are the containers
// of the services in it.
func (u *up) bringNetworks(ctx context.Context) error {
	for _, key := range sorted(u.p.Networks) {
		n := u.p.Networks[key]
		if n.External {
			continue
		}
		options, err := networkOptions(u.p, key, n)
		if err != nil {
			return contract.At("config_paths", "%w", err)
		}
		if have, ok := u.found.networks[key]; ok {
			// Older releases of docker compose left no hash: nothing tells such a network from what is declared.
			if was := have.Labels[labelHash]; was == "" || was == options.Labels[labelHash] {
				continue
			}
			if err := u.removeNetwork(ctx, key, have.ID, have.Name); err != nil {
				return err
			}
		} else if err := u.checkStranger(ctx, key, n); err != nil {
			return err
		}
		u.touched.Store(true)
		if _, err := u.e.NetworkCreate(ctx, n.Name, options); err != nil {
			return contract.At("config_paths", "networks.%s: network %q: %w", key, n.Name, err)
		}
		for name, s := range u.p.Services {
			if _, in := s.Networks[key]; in {
				u.renewed[name] = true
			}
		}
	}
	return nil
}

// checkStranger refuses a name that a network has which is not of this project: engines would make a second one.
func (u *up) checkStranger(ctx context.Context, key string, n types.NetworkConfig) error {
	found, err := u.e.NetworkInspect(ctx, n.Name, moby.NetworkInspectOptions{})
	switch {
	case errors.Is(err, errs.ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("network %q: %w", n.Name, err)
	case found.Network.Name != n.Name: // found by the beginning of an id
		return nil
	}
	return contract.At("config_paths", "networks.%s: network %q exists and is not of project %q: declare it external, or give it another name: %w",
		key, n.Name, u.p.Name, errs.ErrConflict)
}

// removeNetwork takes the project's containers off a network and removes it. A container of somebody else on it is found
// before.
func (u *up) removeNetwork(ctx context.Context, key, id, name string) error {
	found, err := u.e.NetworkInspect(ctx, id, moby.NetworkInspectOptions{})
	if err != nil && !errors.Is(err, errs.ErrNotFound) {
		return fmt.Errorf("network %q: %w", name, err)
	}
	ours := map[string]bool{}
	for _, c := range u.found.every() {
		ours[c.ID] = true
	}
	for container, endpoint := range found.Network.Containers {
		if !ours[container] {
			return contract.At("config_paths", "networks.%s changed, and network %q has a container of somebody else, %q: disconnect it: %w",
				key, name, endpoint.Name, errs.ErrConflict)
		}
	}
	u.touched.Store(true)
	for _, c := range u.found.every() {
		if c.NetworkSettings == nil {
			continue
		}
		if _, on := c.NetworkSettings.Networks[name]; !on {
			continue
		}
		_, err := u.e.NetworkDisconnect(ctx, id, moby.NetworkDisconnectOptions{Container: c.ID, Force: true})
		if err != nil && !errors.Is(err, errs.ErrNotFound) {
			return fmt.Errorf("network %q: disconnecting container %q: %w", name, nameOf(c), err)
		}
	}
	if _, err := u.e.NetworkRemove(ctx, id, moby.NetworkRemoveOptions{}); err != nil && !errors.Is(err, errs.ErrNotFound) {
		return fmt.Errorf("network %q: removing: %w", name, err)
	}
	return nil
}

// bringVolumes makes the volumes that are missing; a create of one that is there changes nothing.
func (u *up) bringVolumes(ctx context.Context) error {
	for _, key := range sorted(u.p.Volumes) {
		v := u.p.Volumes[key]
		if v.External {
			continue
		}
		options, err := volumeOptions(u.p, key, v)
		if err != nil {
			return contract.At("config_paths", "%w", err)
		}
		_, err = u.e.VolumeInspect(ctx, v.Name, moby.VolumeInspectOptions{})
		if err == nil {
			continue
		}
		if !errors.Is(err, errs.ErrNotFound) {
			return fmt.Errorf("volume %q: %w", v.Name, err)
		}
		u.touched.Store(true)
		if _, err := u.e.VolumeCreate(ctx, options); err != nil {
			return contract.At("config_paths", "volumes.%s: volume %q: %w", key, v.Name, err)
		}
	}
	return nil
}

// checkVolumes refuses a volume that was made by another definition: it cannot be changed, and its data is not ours to
// remove.
func checkVolumes(ctx context.Context, e API, p *types.Project) error {
	declared := map[string]string{}
	for key, v := range p.Volumes {
		if !v.External {
			declared[v.Name] = key
		}
	}
	if len(declared) == 0 {
		return nil
	}
	found, err := e.VolumeList(ctx, moby.VolumeListOptions{Filters: moby.Filters{}.Add("label", labelProject+"="+p.Name)})
	if err != nil {
		return fmt.Errorf("volumes of project %q: %w", p.Name, err)
	}
	for _, have := range found.Items {
		key, ok := declared[have.Name]
		was := have.Labels[labelHash]
		if !ok || was == "" {
			continue
		}
		hash, err := composefile.VolumeHash(p.Volumes[key])
		if err != nil {
			return err
		}
		if was != hash {
			return contract.At("config_paths", "volumes.%s changed, and volume %q cannot be: save its data and remove it, or declare it external, or give it another name: %w",
				key, have.Name, errs.ErrConflict)
		}
	}
	return nil
}
