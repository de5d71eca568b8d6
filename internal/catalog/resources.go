package catalog

import (
	"context"

	"github.com/cleat-dev/cleat/resources/buildxbuilder"
	"github.com/cleat-dev/cleat/resources/commit"
	"github.com/cleat-dev/cleat/resources/compose"
	"github.com/cleat-dev/cleat/resources/config"
	"github.com/cleat-dev/cleat/resources/container"
	"github.com/cleat-dev/cleat/resources/containerfile"
	"github.com/cleat-dev/cleat/resources/containersnapshot"
	"github.com/cleat-dev/cleat/resources/contract"
	"github.com/cleat-dev/cleat/resources/exec"
	"github.com/cleat-dev/cleat/resources/image"
	"github.com/cleat-dev/cleat/resources/network"
	"github.com/cleat-dev/cleat/resources/networkattachment"
	"github.com/cleat-dev/cleat/resources/plugin"
	"github.com/cleat-dev/cleat/resources/registryimage"
	"github.com/cleat-dev/cleat/resources/secret"
	"github.com/cleat-dev/cleat/resources/service"
	"github.com/cleat-dev/cleat/resources/tag"
	"github.com/cleat-dev/cleat/resources/volume"
	"github.com/cleat-dev/cleat/resources/volumecontent"
)

// Resources returns every resource type, or an error that names all types whose schema, model and rules do not fit
// together.
func Resources(ctx context.Context) ([]contract.Resource, error) {
	var all collected[contract.Resource]
	all.add(contract.Host(ctx, buildxbuilder.Type{}))
	all.add(contract.Host(ctx, commit.Type{}))
	all.add(contract.Host(ctx, compose.Type{}))
	all.add(contract.Host(ctx, config.Type{}))
	all.add(contract.Host(ctx, container.Type{}))
	all.add(contract.Host(ctx, containerfile.Type{}))
	all.add(contract.Host(ctx, containersnapshot.Type{}))
	all.add(contract.Host(ctx, exec.Type{}))
	all.add(contract.Host(ctx, image.New()))
	all.add(contract.Host(ctx, network.Type{}))
	all.add(contract.Host(ctx, networkattachment.Type{}))
	all.add(contract.Host(ctx, plugin.Type{}))
	all.add(contract.Host(ctx, registryimage.New()))
	all.add(contract.Host(ctx, secret.Type{}))
	all.add(contract.Host(ctx, service.Type{}))
	all.add(contract.Host(ctx, tag.Type{}))
	all.add(contract.Host(ctx, volume.Type{}))
	all.add(contract.Host(ctx, volumecontent.Type{}))
	return all.result()
}
