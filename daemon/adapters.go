//go:build linux

package daemon

import (
	"context"
	"errors"
	"io"
	"net/netip"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/image"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/api/types/registry"
	systemtypes "github.com/moby/moby/api/types/system"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/api/stream"
	"github.com/cleat-dev/cleat/daemon/builds"
	"github.com/cleat-dev/cleat/daemon/config"
	"github.com/cleat-dev/cleat/daemon/containers"
	"github.com/cleat-dev/cleat/daemon/execs"
	"github.com/cleat-dev/cleat/daemon/health"
	"github.com/cleat-dev/cleat/daemon/images"
	"github.com/cleat-dev/cleat/daemon/spec"
	"github.com/cleat-dev/cleat/daemon/volumes"
)

// late are the containers, to services that are made before them and ask when calls come.
type late struct{ d *Daemon }

func (l late) ConnectNetwork(ctx context.Context, ref, name string, settings *network.EndpointSettings) error {
	return l.d.containers.ConnectNetwork(ctx, ref, name, settings)
}

func (l late) DisconnectNetwork(ctx context.Context, ref, name string, force bool) error {
	return l.d.containers.DisconnectNetwork(ctx, ref, name, force)
}

func (l late) ContainerName(id string) (string, bool) { return l.d.containers.ContainerName(id) }

func (l late) Status(ref string) (string, container.ContainerState, error) {
	return l.d.containers.Status(ref)
}

func (l late) Labels(id string) (name, image string, labels map[string]string, ok bool) {
	return l.d.containers.Labels(id)
}

func (l late) Inspect(ctx context.Context, ref string, size bool) (container.InspectResponse, error) {
	return l.d.containers.Inspect(ctx, ref, size)
}

func (l late) ExecProcess(ctx context.Context, id string, e spec.Exec) (*specs.Process, error) {
	return l.d.containers.ExecProcess(ctx, id, e)
}

// probes run health checks.
type probes struct{ *execs.Service }

func (p probes) Start(ctx context.Context, id string, command []string, output io.Writer) (health.Probe, error) {
	running, err := p.Run(ctx, id, command, output)
	if err != nil {
		return nil, err // not a nil *execs.Running in an interface
	}
	return running, nil
}

// imageUsers are containers and builds, to the images service, which is made before there are any.
type imageUsers struct{ d *Daemon }

func (u imageUsers) UsersOf(imageID string) []images.User {
	var users []images.User
	for _, c := range u.d.containers.UsersOf(imageID) {
		users = append(users, images.User(c))
	}
	return users
}

func (u imageUsers) Building(imageID string) bool { return u.d.builds.Holds(imageID) }

// containerImages are the images, to the containers service.
type containerImages struct{ *images.Service }

func (i containerImages) Resolve(ctx context.Context, ref string) (containers.Image, error) {
	found, err := i.Service.Resolve(ctx, ref)
	return containers.Image{ID: found.ID, Parent: found.Parent, ChainID: found.ChainID, Config: found.Config}, err
}

func (i containerImages) Create(ctx context.Context, n containers.NewImage) (string, error) {
	return i.Service.Create(ctx, images.New(n))
}

// buildImages are the images, to the builds service.
type buildImages struct{ *images.Service }

func (i buildImages) Resolve(ctx context.Context, ref string) (builds.Image, error) {
	found, err := i.Service.Resolve(ctx, ref)
	if err != nil {
		return builds.Image{}, err
	}
	layers, err := i.LayerBlobs(ctx, found)
	return builds.Image{ID: found.ID, Parent: found.Parent, ChainID: found.ChainID, Config: found.Config, Layers: layers}, err
}

func (i buildImages) Held(ctx context.Context, id string) (builds.Image, error) {
	i.Settle()
	return i.Resolve(ctx, id)
}

func (i buildImages) Create(ctx context.Context, n builds.NewImage) (string, error) {
	return i.Service.Create(ctx, images.New{
		Parent: n.Parent, Layer: n.Layer, DiffID: n.DiffID, Config: n.Config, Author: n.Author, CreatedBy: n.CreatedBy, Comment: n.Comment, Container: n.Container,
	})
}

func (i buildImages) Tag(ctx context.Context, id, repo, tag string) error {
	return i.Service.Tag(ctx, id, repo, tag, true)
}

func (i buildImages) Pull(ctx context.Context, ref string, auth registry.AuthConfig, platform string, out func(stream.Message) error) error {
	return i.Service.Pull(ctx, ref, auth, platform, out)
}

func (i buildImages) Remove(ctx context.Context, id string) error {
	_, err := i.Service.Remove(ctx, id, false, true)
	return err
}

// buildContainers are the containers, to the builds service.
type buildContainers struct{ *containers.Service }

func (c buildContainers) Create(ctx context.Context, config *container.Config, host *container.HostConfig) (container.CreateResponse, error) {
	return c.CreateFor(ctx, config, host)
}

func (c buildContainers) Run(ctx context.Context, id string, stdout, stderr io.Writer) (int, error) {
	return c.Service.Run(ctx, id, stdout, stderr)
}

func (c buildContainers) Remove(ctx context.Context, id string) error {
	err := c.Service.Remove(ctx, id, containers.RemoveOptions{Force: true, Volumes: true})
	if errors.Is(err, errs.ErrNotFound) {
		return nil
	}
	return err
}

// containerVolumes are the volumes, to the containers service.
type containerVolumes struct{ *volumes.Service }

func (v containerVolumes) Mount(ctx context.Context, name, containerID, destination string, writable bool, propagation string) (string, error) {
	return v.Service.Mount(ctx, name, volumes.Mounting{ContainerID: containerID, Destination: destination, ReadWrite: writable, Propagation: propagation})
}

// Containers counts the containers by state, for metrics.
func (d *Daemon) Containers() (running, paused, stopped int) {
	n := d.containers.Count()
	return n.Running, n.Paused, n.Stopped
}

func (d *Daemon) countImages(ctx context.Context) (int, error) {
	all, err := d.images.List(ctx, images.ListOptions{All: true})
	return len(all), err
}

func addressPools(pools []config.Pool) []systemtypes.NetworkAddressPool {
	var out []systemtypes.NetworkAddressPool
	for _, pool := range pools {
		out = append(out, systemtypes.NetworkAddressPool{Base: netip.PrefixFrom(pool.Base.Addr(), pool.Base.Bits()), Size: pool.Size})
	}
	return out
}

// imageUsage are the images as GET /system/df counts them: with the containers each has.
func (d *Daemon) imageUsage(ctx context.Context) ([]image.Summary, int64, error) {
	list, total, err := d.images.Usage(ctx)
	for n := range list {
		list[n].Containers = int64(len(d.containers.UsersOf(list[n].ID)))
	}
	return list, total, err
}

func (d *Daemon) containerUsage(ctx context.Context) ([]container.Summary, error) {
	return d.containers.List(ctx, containers.ListOptions{All: true, Size: true})
}
