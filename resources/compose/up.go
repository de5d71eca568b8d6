package compose

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/compose-spec/compose-go/v2/graph"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/moby/moby/api/types/container"
	moby "github.com/moby/moby/client"
	"github.com/moby/moby/client/pkg/versions"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/composefile"
	"github.com/cleat-dev/cleat/internal/progress"
	"github.com/cleat-dev/cleat/resources/contract"
)

// atOnce is how many services are worked on at a time.
const atOnce = 8

// up brings a project to what its files say.
type up struct {
	e     API
	p     *types.Project
	m     Model
	found *inventory
	// images are the ids of the services' images.
	images map[string]string
	// renewed are services whose containers are made anew though their definition did not change: a network did.
	renewed map[string]bool
	// kept are orphans that stay.
	kept []string
	// touched: something was changed on the engine.
	touched atomic.Bool

	mu sync.Mutex
	// late are containers that were replaced and go when everything else is done.
	late []container.Summary
	// first is the first container of each service that is up, and remade the services any container of which is new.
	first  map[string]string
	remade map[string]bool
}

func newUp(ctx context.Context, e API, p *types.Project, m Model) (*up, error) {
	found, err := look(ctx, e, p.Name)
	return &up{e: e, p: p, m: m, found: found, images: map[string]string{}, renewed: map[string]bool{}, first: map[string]string{}, remade: map[string]bool{}}, err
}

// run does it. What can fail without harm comes first: checks, pulls and builds.
func (u *up) run(ctx context.Context) error {
	for _, step := range []func(context.Context) error{u.check, u.obtainImages, u.settleAside, u.bringNetworks, u.bringVolumes} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if err := graph.InDependencyOrder(ctx, u.p, u.service, graph.WithMaxConcurrency(atOnce)); err != nil {
		return err
	}
	if err := errors.Join(u.removeLate(ctx), u.orphans(ctx)); err != nil {
		return err
	}
	if u.m.Wait.ValueBool() {
		return u.waitAll(ctx)
	}
	return nil
}

// check finds what is missing before anything is touched.
func (u *up) check(ctx context.Context) error {
	if !u.speaks("1.48") {
		for _, name := range sorted(u.p.Services) {
			for i, v := range u.p.Services[name].Volumes {
				if v.Type == types.VolumeTypeImage {
					return contract.At("config_paths", "services.%s.volumes[%d]: a volume of type image needs engine API 1.48: %w", name, i, errs.ErrInvalid)
				}
			}
		}
	}
	for _, key := range sorted(u.p.Networks) {
		if n := u.p.Networks[key]; n.External {
			if _, err := u.e.NetworkInspect(ctx, n.Name, moby.NetworkInspectOptions{}); err != nil {
				return contract.At("config_paths", "networks.%s is external, and network %q: %w", key, n.Name, err)
			}
		}
	}
	for _, key := range sorted(u.p.Volumes) {
		if v := u.p.Volumes[key]; v.External {
			if _, err := u.e.VolumeInspect(ctx, v.Name, moby.VolumeInspectOptions{}); err != nil {
				return contract.At("config_paths", "volumes.%s is external, and volume %q: %w", key, v.Name, err)
			}
		}
	}
	return checkVolumes(ctx, u.e, u.p)
}

// speaks reports whether the engine is known to speak an API version.
func (u *up) speaks(version string) bool {
	v, ok := u.e.(contract.Versioned)
	return ok && versions.GreaterThanOrEqualTo(v.ClientVersion(), version)
}

// service brings one service up, whose dependencies are up already.
func (u *up) service(ctx context.Context, name string, s types.ServiceConfig) error {
	for _, dependency := range sorted(s.DependsOn) {
		if err := u.awaitDependency(ctx, s, dependency); err != nil {
			if !s.DependsOn[dependency].Required {
				contract.Warn(ctx, "Service %s is started without %s, which it does not require: %v", name, dependency, err)
				continue
			}
			return fmt.Errorf("service %q waits for %q: %w", name, dependency, err)
		}
	}
	have := u.found.containers[name]
	want := s.GetScale()
	for _, c := range have[min(len(have), want):] {
		if err := u.discard(ctx, c); err != nil {
			return err
		}
	}
	have = have[:min(len(have), want)]
	number := 0
	for i := range want {
		if i < len(have) {
			number = numberOf(have[i])
			if err := u.renew(ctx, s, have[i]); err != nil {
				return err
			}
			continue
		}
		number = u.free(number, have)
		id, err := u.create(ctx, replica{s: s, number: number})
		if err != nil {
			return err
		}
		u.done(s, id, true)
	}
	progress.Report(ctx, progress.Event{Object: u.p.Name, Message: "service " + name + " is up"})
	return nil
}

// free is the next number no container has.
func (u *up) free(after int, have []container.Summary) int {
	for n := after + 1; ; n++ {
		if !slices.ContainsFunc(have, func(c container.Summary) bool { return numberOf(c) == n }) {
			return n
		}
	}
}

// done notes that a container of a service is there.
func (u *up) done(s types.ServiceConfig, id string, made bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.first[s.Name] == "" {
		u.first[s.Name] = id
	}
	if made {
		u.remade[s.Name] = true
	}
}

// outdated reports whether a container has to be made anew.
func (u *up) outdated(s types.ServiceConfig, c container.Summary) (bool, error) {
	mark, err := composefile.MarkOf(u.p, s)
	if err != nil {
		return false, err
	}
	// One that was created and never started may lack networks and files: an attempt was cut off.
	if c.State == container.StateCreated || markOf(c) != mark.String() || u.renewed[s.Name] || !sameID(c.ImageID, u.images[s.Name]) ||
		(c.Labels[labelMayEnd] == "true") != composefile.MayEnd(u.p, s.Name) && !runs(c) {
		return true, nil
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if slices.ContainsFunc(shares(s), func(name string) bool { return u.remade[name] }) {
		return true, nil
	}
	for name, d := range s.DependsOn {
		if d.Restart && u.remade[name] { // it asks for a restart; a new container is one
			return true, nil
		}
	}
	return false, nil
}

// renew makes a container that exists what it is to be: started where it is not, replaced where it is outdated.
func (u *up) renew(ctx context.Context, s types.ServiceConfig, c container.Summary) error {
	outdated, err := u.outdated(s, c)
	if err != nil {
		return err
	}
	if outdated {
		id, err := u.replace(ctx, s, c)
		if err == nil {
			u.done(s, id, true)
		}
		return err
	}
	u.done(s, c.ID, false)
	switch {
	case runs(c):
		return nil
	case c.State == container.StatePaused:
		u.touched.Store(true)
		if _, err := u.e.ContainerUnpause(ctx, c.ID, moby.ContainerUnpauseOptions{}); err != nil {
			return fmt.Errorf("container %q: unpausing: %w", nameOf(c), err)
		}
		return nil
	}
	return u.start(ctx, c.ID, nameOf(c))
}

// orphans removes the containers of services the files do not have, or tells of them.
func (u *up) orphans(ctx context.Context) error {
	left := orphans(u.p, u.found)
	if !u.m.RemoveOrphans.ValueBool() {
		if u.kept = left; len(left) > 0 {
			contract.Warn(ctx, "Project %s has containers of services that are declared no longer, or not in an active profile: %s. With remove_orphans they are removed.", u.p.Name, strings.Join(left, ", "))
		}
		return nil
	}
	var failed []error
	for _, name := range left {
		for _, c := range u.found.containers[name] {
			failed = append(failed, u.discard(ctx, c))
		}
	}
	return errors.Join(failed...)
}

// foreignNetworks reports whether the project has networks the files do not have, or that have no hash of what they say.
func (u *up) foreignNetworks() bool {
	for name, n := range u.found.networks {
		if _, declared := u.p.Networks[name]; !declared || n.Labels[labelHash] == "" {
			return true
		}
	}
	return false
}
