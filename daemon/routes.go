//go:build linux

package daemon

import (
	"slices"

	buildroutes "github.com/cleat-dev/cleat/daemon/routes/builds"
	containerroutes "github.com/cleat-dev/cleat/daemon/routes/containers"
	systemroutes "github.com/cleat-dev/cleat/daemon/routes/system"
	volumeroutes "github.com/cleat-dev/cleat/daemon/routes/volumes"
	"github.com/cleat-dev/cleat/daemon/server"
)

// routes is the whole API.
func (d *Daemon) routes() []server.Route {
	return slices.Concat(
		systemroutes.Routes(d.system), containerroutes.Routes(d.containers), volumeroutes.Routes(d.volumes), buildroutes.Routes(d.builds),
	)
}
