package container

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/types"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/resources/contract"
)

// Aside implements contract.Successor: the container is stopped, so that its ports are free, and renamed. One that
// removes itself when it stops is gone then, and cannot come back.
func (Type) Aside(ctx context.Context, e API, observed Model) (Model, error) {
	name := observed.Name.ValueString()
	if !isStopped(observed) {
		if gone, err := stop(ctx, e, observed); gone || err != nil {
			return observed, err
		}
		if observed.Rm.ValueBool() { // an engine that is removing it answers a rename with whatever is half gone
			if err := awaitRemoval(ctx, e, observed.ID.ValueString()); err != nil && !errors.Is(err, errs.ErrNotFound) {
				return observed, fmt.Errorf("container %q: waiting until it has removed itself: %w", name, err)
			}
			return observed, nil
		}
	}
	if strings.HasSuffix(name, contract.AsideSuffix) {
		return observed, nil
	}
	aside := observed
	aside.Name = types.StringValue(name + contract.AsideSuffix)
	_, err := e.ContainerRename(ctx, observed.ID.ValueString(), moby.ContainerRenameOptions{NewName: aside.Name.ValueString()})
	if err != nil && !(errors.Is(err, errs.ErrNotFound) && observed.Rm.ValueBool()) {
		return observed, fmt.Errorf("container %q: taking it aside: %w", name, err)
	}
	return aside, nil
}

// Restore implements contract.Successor.
func (Type) Restore(ctx context.Context, e API, aside Model) error {
	name, wasAside := strings.CutSuffix(aside.Name.ValueString(), contract.AsideSuffix)
	if wasAside {
		if _, err := e.ContainerRename(ctx, aside.ID.ValueString(), moby.ContainerRenameOptions{NewName: name}); err != nil {
			return fmt.Errorf("container %q: giving it its name back: %w", name, err)
		}
		aside.Name = types.StringValue(name)
	}
	if isStopped(aside) {
		return nil
	}
	return startOnly(ctx, e, aside)
}

// Up implements contract.Successor. A container that is not meant to run, or was waited for when it was made, is up; so is one that runs and whose first health test comes
// only after wait_timeout.
func (Type) Up(ctx context.Context, e API, created Model) error {
	if !created.Start.ValueBool() || !created.MustRun.ValueBool() || created.Attach.ValueBool() || waits(created) {
		return nil
	}
	return awaitHealth(ctx, e, created, true, func() error { return nil })
}
