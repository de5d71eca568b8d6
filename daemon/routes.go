//go:build linux

package daemon

import (
	"slices"

	"github.com/cleat-dev/cleat/daemon/routes/builds"
	"github.com/cleat-dev/cleat/daemon/routes/containers"
	"github.com/cleat-dev/cleat/daemon/routes/execs"
	"github.com/cleat-dev/cleat/daemon/routes/images"
	"github.com/cleat-dev/cleat/daemon/routes/networks"
	"github.com/cleat-dev/cleat/daemon/routes/system"
	"github.com/cleat-dev/cleat/daemon/routes/volumes"
	"github.com/cleat-dev/cleat/daemon/server"
)

// Backends are the services behind the API, by noun.
type Backends struct {
	Builds     builds.Backend
	Containers containers.Backend
	Execs      execs.Backend
	Images     images.Backend
	Networks   networks.Backend
	System     system.Backend
	Volumes    volumes.Backend
}

// Routes is the whole API. Without backends it is a table to look at.
func Routes(b Backends) []server.Route {
	return slices.Concat(
		system.Routes(b.System), containers.Routes(b.Containers), execs.Routes(b.Execs), images.Routes(b.Images), builds.Routes(b.Builds),
		networks.Routes(b.Networks), volumes.Routes(b.Volumes),
	)
}
