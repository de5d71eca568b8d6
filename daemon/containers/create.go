//go:build linux

package containers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/containerd/platforms"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/api/types/network"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/imageconfig"
	"github.com/cleat-dev/cleat/daemon/metadata"
)

// NewContainer is what a container is made of. The service keeps the configurations: the caller must not change them afterwards.
type NewContainer = struct {
	// Name with or without slash; "" for a random one.
	Name string
	// LooseName accepts names of one character, and any of those allowed in front, as the document does.
	LooseName bool
	// Config is required; Host nil stands for defaults.
	Config *container.Config
	Host   *container.HostConfig
	// Platform the image has to be of, os[/arch[/variant]]; "" is any.
	Platform string
	// Endpoints are the networks by name, from NetworkingConfig.
	Endpoints map[string]*network.EndpointSettings
	// Warnings the caller has already, for instance of fields that were ignored.
	Warnings []string
}

// Create makes a container: "Create a container". Errors: 400 with the field's name, "No such image", the name's
// conflict. When it fails nothing is left. Warnings are never nil.
func (s *Service) Create(ctx context.Context, n NewContainer) (container.CreateResponse, error) {
	r, warnings, err := s.plan(ctx, n)
	if err != nil {
		return container.CreateResponse{}, err
	}
	if err := s.nameIt(r, n.Name, n.LooseName); err != nil {
		return container.CreateResponse{}, err
	}
	if err := s.make(ctx, r); err != nil {
		s.index.release(r.Name, r.ID)
		return container.CreateResponse{}, err
	}
	return container.CreateResponse{ID: r.ID, Warnings: append([]string{}, append(n.Warnings, warnings...)...)}, nil
}

// plan checks everything and returns the record, with nothing made yet.
func (s *Service) plan(ctx context.Context, n NewContainer) (*record, []string, error) {
	if n.Config == nil {
		return nil, nil, invalid("Config cannot be empty in order to create a container")
	}
	if n.Name != "" {
		if _, err := cleanName(n.Name, n.LooseName); err != nil {
			return nil, nil, err
		}
	}
	r := &record{ID: newID(), Created: time.Now().UTC(), Config: n.Config, Host: n.Host}
	if r.Host == nil {
		r.Host = &container.HostConfig{}
	}
	if err := validConfig(r.Config); err != nil {
		return nil, nil, err
	}
	fillHost(r.Host)
	if r.Host.CgroupnsMode.IsEmpty() {
		r.Host.CgroupnsMode = s.kernel.CgroupNamespace(r.Host.Privileged)
	}
	if err := validHost(r.Config, r.Host, n.Endpoints); err != nil {
		return nil, nil, err
	}
	if err := s.fromImage(ctx, r, n.Platform); err != nil {
		return nil, nil, err
	}
	var err error
	if r.Path, r.Args, err = command(r.Config); err != nil {
		return nil, nil, err
	}
	if _, err := s.logConfig(r); err != nil {
		return nil, nil, err
	}
	checked := *r.Host
	checked.Devices = nil // they may come to be before the start, which looks again
	warnings, err := s.kernel.Check(r.Config, &checked)
	if err == nil {
		err = s.kernel.CheckCPUSet(r.Host.Resources)
	}
	if err != nil {
		return nil, nil, err
	}
	warnings = append(warnings, fillResources(r.Host)...)
	if r.Mounts, err = planMounts(r.Config, r.Host, s.mountsOf); err != nil {
		return nil, nil, err
	}
	if !s.kernel.RecursiveReadOnly && slices.ContainsFunc(r.Mounts, func(m mountPoint) bool { return m.bindOptions().ReadOnlyForceRecursive }) {
		return nil, nil, invalid("BindOptions.ReadOnlyForceRecursive: this kernel has no recursive read-only mounts")
	}
	if err := s.resolveModes(r); err != nil {
		return nil, nil, err
	}
	if r.Links, err = s.resolveLinks(r.Host); err != nil {
		return nil, nil, err
	}
	r.Endpoints = endpoints(r.Host, n.Endpoints)
	r.MACs = macs(r.Endpoints)
	if r.Host.NetworkMode.IsHost() && (len(r.Host.PortBindings) > 0 || r.Host.PublishAllPorts) {
		warnings = append(warnings, "Published ports are discarded when using host network mode")
	}
	return r, warnings, fillHostname(r)
}

// fromImage merges the image's defaults. platform is what the image has to be of, "" for any.
func (s *Service) fromImage(ctx context.Context, r *record, platform string) error {
	var wanted ocispec.Platform
	if platform != "" {
		var err error
		if wanted, err = platforms.Parse(platform); err != nil {
			return invalid("%v", err)
		}
	}
	if r.Config.Image == "" {
		return nil
	}
	image, err := s.images.Resolve(ctx, r.Config.Image)
	if errors.Is(err, errs.ErrNotFound) {
		return errs.Errorf(errs.ErrNotFound, "No such image: %s", withTag(r.Config.Image))
	}
	if err != nil {
		return err
	}
	if actual := image.Config.Platform; platform != "" && !platforms.Only(wanted).Match(actual) {
		return errs.Errorf(errs.ErrNotFound, "image with reference %s was found but does not match the specified platform: wanted %s, actual: %s",
			r.Config.Image, platforms.Format(wanted), platforms.Format(actual))
	}
	r.ImageID, r.ChainID = image.ID, image.ChainID
	inherit(r.Config, imageconfig.ToContainer(image.Config.Config))
	return nil
}

// runtimeName is what clients know the only runtime by.
const runtimeName = "runc"

// fillHost sets the defaults of what is empty.
func fillHost(h *container.HostConfig) {
	if h.NetworkMode == "" || h.NetworkMode.IsDefault() {
		h.NetworkMode = network.NetworkBridge
	}
	if h.IpcMode == "" {
		h.IpcMode = container.IPCModePrivate
	}
	if h.LogConfig.Type == "" {
		h.LogConfig.Type = "json-file"
	}
	if h.LogConfig.Config == nil {
		h.LogConfig.Config = map[string]string{}
	}
	if h.PortBindings == nil {
		h.PortBindings = network.PortMap{}
	}
	if h.ShmSize == 0 {
		h.ShmSize = 64 << 20
	}
	h.Runtime = first(h.Runtime, runtimeName)
	if h.OomKillDisable == nil {
		h.OomKillDisable = new(bool)
	}
	if h.PidsLimit != nil && *h.PidsLimit <= 0 { // both ways of saying that there is none
		h.PidsLimit = nil
	}
}

// fillResources settles limits that follow from others.
func fillResources(h *container.HostConfig) (warnings []string) {
	if h.Memory > 0 && h.MemorySwap == 0 {
		h.MemorySwap = 2 * h.Memory
	}
	if h.OomKillDisable != nil && *h.OomKillDisable && h.Memory == 0 {
		warnings = append(warnings, "OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.")
	}
	return warnings
}

// fillHostname gives the container a name for itself, unless it shares that of another.
func fillHostname(r *record) error {
	switch {
	case r.Config.Hostname != "":
	case r.Host.NetworkMode.IsHost() || r.Host.UTSMode.IsHost():
		name, err := os.Hostname()
		if err != nil {
			return fmt.Errorf("host name: %w", err)
		}
		r.Config.Hostname = name
	case r.Host.NetworkMode.IsContainer():
	default:
		r.Config.Hostname = short(r.ID)
	}
	return nil
}

// resolveModes replaces the names in "container:NAME" by ids, so that a rename changes nothing.
func (s *Service) resolveModes(r *record) error {
	for _, mode := range []struct {
		what, ref string
		set       func(string)
	}{
		{"network", r.Host.NetworkMode.ConnectedContainer(), func(m string) { r.Host.NetworkMode = container.NetworkMode(m) }},
		{"PID", r.Host.PidMode.Container(), func(m string) { r.Host.PidMode = container.PidMode(m) }},
		{"IPC", r.Host.IpcMode.Container(), func(m string) { r.Host.IpcMode = container.IpcMode(m) }},
	} {
		if mode.ref == "" {
			continue
		}
		other, err := s.index.find(mode.ref)
		if err != nil {
			// Not 404: clients take that for a missing image and pull it.
			return invalid("cannot join the %s namespace of container %s: %v", mode.what, mode.ref, err)
		}
		mode.set("container:" + other.id)
	}
	return nil
}

// mountsOf returns the mounts of a container for VolumesFrom.
func (s *Service) mountsOf(ref string) ([]mountPoint, error) {
	c, err := s.index.find(ref)
	if err != nil {
		return nil, invalid("invalid VolumesFrom: %v", err)
	}
	return c.record().Mounts, nil
}

// nameIt reserves the name a client wants, or a random one.
func (s *Service) nameIt(r *record, want string, loose bool) error {
	if want != "" {
		name, err := cleanName(want, loose)
		if err != nil {
			return err
		}
		r.Name = name
		return s.reserve(name, r.ID)
	}
	for try := 1; ; try++ {
		r.Name = randomName(try)
		if _, ok := s.index.reserve(r.Name, r.ID); ok {
			return nil
		}
	}
}

// reserve takes a name, or says who has it in the words clients know.
func (s *Service) reserve(name, id string) error {
	if holder, ok := s.index.reserve(name, id); !ok {
		return conflict("Conflict. The container name %q is already in use by container %q. You have to remove (or rename) that container to be able to reuse that name.",
			"/"+name, holder)
	}
	return nil
}

// make makes the layer, the volumes and the folder, and then the record. What fails undoes what was made.
func (s *Service) make(ctx context.Context, r *record) (err error) {
	defer func() {
		if err != nil {
			s.unmake(context.WithoutCancel(ctx), r)
		}
	}()
	if err := s.layers.Create(ctx, r.ID, r.ChainID); err != nil {
		return fmt.Errorf("container %s: %w", short(r.ID), err)
	}
	if err := s.makeVolumes(ctx, r); err != nil {
		return err
	}
	if err := os.Mkdir(s.dir(r.ID), 0o710); err != nil {
		return fmt.Errorf("container %s: %w", short(r.ID), err)
	}
	if err := ctx.Err(); err != nil { // the client has gone: it will never know the id
		return err
	}
	c := newCtr(r)
	if err := s.change(c, func(_ *metadata.Tx, r *record) ([]events.Message, error) {
		s.index.add(c) // before the event tells others of it
		return []events.Message{r.happened(events.ActionCreate)}, nil
	}); err != nil {
		s.index.remove(c)
		return err
	}
	return nil
}

// unmake removes what a creation that failed has made.
func (s *Service) unmake(ctx context.Context, r *record) {
	s.dropVolumes(ctx, r, true)
	s.best(r.ID, "layer of a failed creation is left", ignoreNotFound(s.layers.Remove(ctx, r.ID)))
	s.best(r.ID, "folder of a failed creation is left", os.RemoveAll(s.dir(r.ID)))
}

func ignoreNotFound(err error) error {
	if errors.Is(err, errs.ErrNotFound) {
		return nil
	}
	return err
}

// endpoints are the networks a container is made on: those asked for, and that of its mode. The default network is for
// those that ask for none.
func endpoints(h *container.HostConfig, asked map[string]*network.EndpointSettings) map[string]*network.EndpointSettings {
	if h.NetworkMode.IsContainer() {
		return map[string]*network.EndpointSettings{}
	}
	out := make(map[string]*network.EndpointSettings, len(asked)+1)
	for name, e := range asked {
		if name == network.NetworkDefault {
			name = network.NetworkBridge
		}
		out[name] = configured(e)
	}
	if mode := h.NetworkMode.NetworkName(); out[mode] == nil && (len(out) == 0 || mode != network.NetworkBridge) {
		out[mode] = &network.EndpointSettings{}
	}
	return out
}

// macs are the addresses endpoints are asked to have.
func macs(endpoints map[string]*network.EndpointSettings) map[string]string {
	out := map[string]string{}
	for name, e := range endpoints {
		if len(e.MacAddress) > 0 {
			out[name] = e.MacAddress.String()
		}
	}
	return out
}
