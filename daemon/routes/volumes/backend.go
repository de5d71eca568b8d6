package volumes

import (
	"context"

	"github.com/moby/moby/api/types/volume"
)

// Backend keeps the volumes: daemon/volumes. Its errors carry the classes of api/errs.
type Backend interface {
	// Create makes a volume or returns the one of that name.
	Create(ctx context.Context, name, driver string, options, labels map[string]string) (volume.Volume, error)
	// Inspect describes a volume.
	Inspect(name string) (volume.Volume, error)
	// List describes those that pass the filters.
	List(filters map[string][]string) (volume.ListResponse, error)
	// Remove removes an unused volume; with force it need not exist.
	Remove(ctx context.Context, name string, force bool) error
	// Prune removes the unused volumes that pass the filters.
	Prune(ctx context.Context, filters map[string][]string) (volume.PruneReport, error)
}
