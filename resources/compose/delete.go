package compose

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/container"
	moby "github.com/moby/moby/client"
	"golang.org/x/sync/errgroup"

	"github.com/cleat-dev/cleat/api/errs"
)

// Delete implements contract.Type: containers in the reverse order of what they depend on, then networks. It needs no
// files, only labels, so a project whose files are gone is removed as well. Named volumes stay.
func (Type) Delete(ctx context.Context, e API, observed Model) error {
	project := observed.ID.ValueString()
	found, err := look(ctx, e, project)
	if err != nil {
		return err
	}
	for _, wave := range waves(found.every()) {
		removals, ctx := errgroup.WithContext(ctx)
		removals.SetLimit(atOnce)
		for _, c := range wave {
			removals.Go(func() error { return discard(ctx, e, c) })
		}
		if err := removals.Wait(); err != nil {
			return err
		}
	}
	var failed []error
	for _, key := range sorted(found.networks) {
		n := found.networks[key]
		if _, err := e.NetworkRemove(ctx, n.ID, moby.NetworkRemoveOptions{}); err != nil && !errors.Is(err, errs.ErrNotFound) {
			failed = append(failed, fmt.Errorf("network %q: removing: %w", n.Name, err))
		}
	}
	return errors.Join(failed...)
}

// waves puts containers into an order of removal: those of a wave are needed by none that is left. What depends on what is
// in labels.
func waves(all []container.Summary) [][]container.Summary {
	var order [][]container.Summary
	for len(all) > 0 {
		needed := map[string]bool{}
		for _, c := range all {
			for _, dependency := range strings.Split(c.Labels[labelDependsOn], ",") {
				service, _, _ := strings.Cut(dependency, ":")
				if service != c.Labels[labelService] {
					needed[service] = true
				}
			}
		}
		var wave []container.Summary
		rest := slices.DeleteFunc(slices.Clone(all), func(c container.Summary) bool {
			free := !needed[c.Labels[labelService]] || c.Labels[labelService] == ""
			if free {
				wave = append(wave, c)
			}
			return free
		})
		if len(wave) == 0 { // a circle, which docker compose does not make
			return append(order, all)
		}
		order, all = append(order, wave), rest
	}
	return order
}
