package ownership

import (
	"context"
	"io"

	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/emptyimage"
)

// API is the part of an engine ledger and lock need.
type API interface {
	ContainerCreate(ctx context.Context, o moby.ContainerCreateOptions) (moby.ContainerCreateResult, error)
	ContainerInspect(ctx context.Context, id string, o moby.ContainerInspectOptions) (moby.ContainerInspectResult, error)
	ContainerRemove(ctx context.Context, id string, o moby.ContainerRemoveOptions) (moby.ContainerRemoveResult, error)
	ContainerRename(ctx context.Context, id string, o moby.ContainerRenameOptions) (moby.ContainerRenameResult, error)
	Events(ctx context.Context, o moby.EventsListOptions) moby.EventsResult
	ImageLoad(ctx context.Context, archive io.Reader, o ...moby.ImageLoadOption) (moby.ImageLoadResult, error)
	ImageRemove(ctx context.Context, ref string, o moby.ImageRemoveOptions) (moby.ImageRemoveResult, error)
}

// createMarker creates a container that is never started and carries labels.
func createMarker(ctx context.Context, api API, name string, labels map[string]string) (string, error) {
	return emptyimage.Create(ctx, api, name, labels)
}

// removeEmpty removes the image of ledger and lock unless another project's uses it.
func removeEmpty(ctx context.Context, api API) { emptyimage.Remove(ctx, api) }
