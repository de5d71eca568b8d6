package container

import (
	"context"

	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/resources/contract"
	"github.com/cleat-dev/cleat/resources/image"
)

// API is the part of the engine's API a container needs.
type API interface {
	image.PullAPI
	ContainerAttach(ctx context.Context, container string, options moby.ContainerAttachOptions) (moby.ContainerAttachResult, error)
	ContainerCreate(ctx context.Context, options moby.ContainerCreateOptions) (moby.ContainerCreateResult, error)
	ContainerInspect(ctx context.Context, container string, options moby.ContainerInspectOptions) (moby.ContainerInspectResult, error)
	ContainerLogs(ctx context.Context, container string, options moby.ContainerLogsOptions) (moby.ContainerLogsResult, error)
	ContainerRemove(ctx context.Context, container string, options moby.ContainerRemoveOptions) (moby.ContainerRemoveResult, error)
	ContainerRename(ctx context.Context, container string, options moby.ContainerRenameOptions) (moby.ContainerRenameResult, error)
	ContainerStart(ctx context.Context, container string, options moby.ContainerStartOptions) (moby.ContainerStartResult, error)
	ContainerStop(ctx context.Context, container string, options moby.ContainerStopOptions) (moby.ContainerStopResult, error)
	ContainerUnpause(ctx context.Context, container string, options moby.ContainerUnpauseOptions) (moby.ContainerUnpauseResult, error)
	ContainerUpdate(ctx context.Context, container string, options moby.ContainerUpdateOptions) (moby.ContainerUpdateResult, error)
	ContainerWait(ctx context.Context, container string, options moby.ContainerWaitOptions) moby.ContainerWaitResult
	CopyToContainer(ctx context.Context, container string, options moby.CopyToContainerOptions) (moby.CopyToContainerResult, error)
	Events(ctx context.Context, options moby.EventsListOptions) moby.EventsResult
	ImageInspect(ctx context.Context, image string, options ...moby.ImageInspectOption) (moby.ImageInspectResult, error)
	Info(ctx context.Context, options moby.InfoOptions) (moby.SystemInfoResult, error)
	NetworkConnect(ctx context.Context, network string, options moby.NetworkConnectOptions) (moby.NetworkConnectResult, error)
	NetworkInspect(ctx context.Context, network string, options moby.NetworkInspectOptions) (moby.NetworkInspectResult, error)
	NetworkDisconnect(ctx context.Context, network string, options moby.NetworkDisconnectOptions) (moby.NetworkDisconnectResult, error)
}

// Type is the resource type docker_container. It has no state and is safe for concurrent use.
type Type struct{}

var (
	_ contract.Type[Model, API]     = Type{}
	_ contract.Resolver[Model, API] = Type{}
	_ contract.Validator[Model]     = Type{}
	_ contract.Fetcher[Model, API]  = Type{}
)

// Name is "container".
func (Type) Name() string { return "container" }
