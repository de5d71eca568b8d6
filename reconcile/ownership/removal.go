package ownership

import (
	"context"
	"errors"
	"time"

	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/eventstream"
)

// removalTimeout bounds the wait for a removal somebody else began. A container that never ran is gone in no time.
const removalTimeout = 30 * time.Second

// removeMarker removes the container of a lock or a ledger and returns when it is gone. A process that was killed may
// have begun to remove it, and so may another one that found it stale: the engine refuses to do it twice, and the name
// is free only at the end.
func removeMarker(ctx context.Context, api API, id string) error {
	_, err := api.ContainerRemove(ctx, id, moby.ContainerRemoveOptions{Force: true})
	if errors.Is(err, errs.ErrNotFound) {
		return nil
	}
	if !errors.Is(err, errs.ErrConflict) {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, removalTimeout)
	defer cancel()
	heard := eventstream.Listen(ctx, api, make(moby.Filters).Add("type", "container").Add("container", id))
	for {
		// It may have gone before the events began to flow: look once they do.
		if _, look := api.ContainerInspect(ctx, id, moby.ContainerInspectOptions{}); errors.Is(look, errs.ErrNotFound) {
			return nil
		}
		select {
		case <-heard:
		case <-ctx.Done():
			return err
		}
	}
}
