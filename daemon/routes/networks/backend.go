package networks

import (
	"context"

	"github.com/moby/moby/api/types/network"
)

// Backend keeps the networks: daemon/networks. Its errors carry the classes of api/errs; one that is errs.Forbidden
// becomes 403.
type Backend interface {
	// Create makes a network and returns its ID.
	Create(ctx context.Context, want network.CreateRequest) (id string, err error)
	// Inspect describes a network by name, ID or beginning of an ID.
	Inspect(ref string) (network.Inspect, error)
	// List describes those that pass the filters.
	List(filters map[string][]string) ([]network.Inspect, error)
	// Remove removes a network nobody is connected to.
	Remove(ctx context.Context, ref string) error
	// Connect and Disconnect are about one container.
	Connect(ctx context.Context, ref string, want network.ConnectRequest) error
	Disconnect(ctx context.Context, ref string, want network.DisconnectRequest) error
	// Prune removes the unused networks that pass the filters.
	Prune(ctx context.Context, filters map[string][]string) (network.PruneReport, error)
}
