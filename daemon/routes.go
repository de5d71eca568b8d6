//go:build linux

package daemon

import (
	"slices"

	buildroutes "github.com/cleat-dev/cleat/daemon/routes/builds"
	containerroutes "github.com/cleat-dev/cleat/daemon/routes/containers"
	execroutes "github.com/cleat-dev/cleat/daemon/routes/execs"
	imageroutes "github.com/cleat-dev/cleat/daemon/routes/images"
	networkroutes "github.com/cleat-dev/cleat/daemon/routes/networks"
	systemroutes "github.com/cleat-dev/cleat/daemon/routes/system"
	volumeroutes "github.com/cleat-dev/cleat/daemon/routes/volumes"
	"github.com/cleat-dev/cleat/daemon/server"
)

// routes is the whole API.
func (d *Daemon) routes() []server.Route {
	return slices.Concat(
		systemroutes.Routes(d.system), containerroutes.Routes(d.containers), execroutes.Routes(d.execs), imageroutes.Routes(d.images),
		buildroutes.Routes(d.builds), networkroutes.Routes(d.networks), volumeroutes.Routes(d.volumes),
	)
}
