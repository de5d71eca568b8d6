//go:build linux

package containers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/api/types/storage"

	"github.com/cleat-dev/cleat/api/errs"
)

// Inspect is "Inspect a container" in the newest form. size adds what the file system takes.
func (s *Service) Inspect(ctx context.Context, ref string, size bool) (container.InspectResponse, error) {
	c, err := s.index.find(ref)
	if err != nil {
		return container.InspectResponse{}, err
	}
	r := c.record()
	out := container.InspectResponse{
		ID: r.ID, Created: r.Created.Format(time.RFC3339Nano), Path: r.Path, Args: r.Args, State: r.State.api(), Image: r.ImageID,
		Name: "/" + r.Name, RestartCount: r.Restarts, Driver: s.driver, Platform: "linux", HostConfig: s.hostConfig(r), Config: r.Config,
		AppArmorProfile: s.kernel.AppArmorProfile(r.Host),
		Mounts:          mountsAPI(r), NetworkSettings: networkAPI(r), GraphDriver: &storage.DriverData{Name: s.driver, Data: map[string]string{}},
	}
	if c.isRemoving() {
		out.State.Status = container.StateRemoving
	}
	dir := s.filesDir(r)
	out.HostnamePath, out.HostsPath, out.ResolvConfPath = s.made(dir, hostnameFile), s.made(dir, hostsFile), s.made(dir, resolvFile)
	if r.Host.LogConfig.Type == "json-file" {
		out.LogPath = s.logPath(r.ID)
	}
	if s.execs != nil {
		if ids := s.execs.Of(r.ID); len(ids) > 0 {
			out.ExecIDs = ids
		}
	}
	if size {
		rw, root, err := s.layers.Size(ctx, r.ID)
		if err != nil {
			return out, fmt.Errorf("size of container %s: %w", short(r.ID), err)
		}
		out.SizeRw, out.SizeRootFs = &rw, &root
	}
	return out, nil
}

// made is the path of a file that a start makes, "" before the first.
func (s *Service) made(dir, name string) string {
	path := filepath.Join(dir, name)
	if _, err := os.Lstat(path); err != nil {
		return ""
	}
	return path
}

// api is the state as the API has it. A container that waits for its restart counts as running.
func (s *state) api() *container.State {
	return &container.State{
		Status: s.status(), Running: s.alive(), Paused: s.Paused, Restarting: s.Restarting, OOMKilled: s.OOMKilled, Dead: s.Dead,
		Pid: s.Pid, ExitCode: s.ExitCode, Error: s.Error, StartedAt: s.StartedAt.Format(time.RFC3339Nano), FinishedAt: s.FinishedAt.Format(time.RFC3339Nano),
		Health: s.healthAPI(),
	}
}

// hostConfig is the host configuration with links as they are called now.
func (s *Service) hostConfig(r *record) *container.HostConfig {
	h := *r.Host
	h.Links = s.linkNames(r)
	return &h
}

func mountsAPI(r *record) []container.MountPoint {
	out := make([]container.MountPoint, 0, len(r.Mounts))
	for _, m := range r.Mounts {
		out = append(out, m.MountPoint)
	}
	return out
}

// networkAPI is NetworkSettings: addresses and ports while a run has them.
func networkAPI(r *record) *container.NetworkSettings {
	out := &container.NetworkSettings{SandboxKey: r.Sandbox, Ports: r.Ports, Networks: map[string]*network.EndpointSettings{}}
	if out.Ports == nil {
		out.Ports = network.PortMap{}
	}
	if r.Sandbox != "" {
		out.SandboxID = r.ID
	}
	for name, e := range r.Endpoints {
		shown := e.Copy()
		shown.DNSNames = dnsNames(r, name, e)
		out.Networks[name] = shown
	}
	return out
}

// Config returns copies of a container's configurations, which the caller may change: for builds, and for whoever makes
// a container like this one.
func (s *Service) Config(ref string) (*container.Config, *container.HostConfig, error) {
	c, err := s.index.find(ref)
	if err != nil {
		return nil, nil, err
	}
	config, err := deepCopy(c.record().Config)
	if err != nil {
		return nil, nil, fmt.Errorf("container %s: %w", short(c.id), err)
	}
	host, err := deepCopy(c.record().Host)
	if err != nil {
		return nil, nil, fmt.Errorf("container %s: %w", short(c.id), err)
	}
	return config, host, nil
}

// Labels are those of a container, and its name and image, for the events of others.
func (s *Service) Labels(id string) (name, image string, labels map[string]string, ok bool) {
	c, ok := s.index.get(id)
	if !ok {
		return "", "", nil, false
	}
	r := c.record()
	return r.Name, r.Config.Image, maps.Clone(r.Config.Labels), true
}

// Status returns the state of a container in one word.
func (s *Service) Status(ref string) (id string, status container.ContainerState, err error) {
	c, err := s.index.find(ref)
	if err != nil {
		return "", "", err
	}
	return c.id, c.record().State.status(), nil
}

// displayNames finds what the images of a list are called now: a name that has moved to another image does not name
// the container's any more. Each name is looked up once.
type displayNames struct {
	ctx    context.Context //nolint:containedctx // lives as long as one list
	images Images
	known  map[string]string // name to id, "" for none
}

func (d *displayNames) of(r *record) string {
	if r.Config.Image == "" || r.ImageID == "" {
		return first(r.Config.Image, r.ImageID)
	}
	id, ok := d.known[r.Config.Image]
	if !ok {
		image, err := d.images.Resolve(d.ctx, r.Config.Image)
		switch {
		case err == nil:
			id = image.ID
		case errors.Is(err, errs.ErrNotFound):
		default:
			id = r.ImageID // not known: the name it was made with is the best there is
		}
		d.known[r.Config.Image] = id
	}
	if id == r.ImageID {
		return r.Config.Image
	}
	return r.ImageID
}

// MacAddress is the hardware address the client asked for on the network of the container's mode, "" for none.
func (s *Service) MacAddress(id string) string {
	c, ok := s.index.get(id)
	if !ok {
		return ""
	}
	r := c.record()
	return r.MACs[r.Host.NetworkMode.NetworkName()]
}
