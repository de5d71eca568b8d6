package container

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/moby/moby/api/types/container"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
)

// observation is an inspected container with what is needed to tell what was asked for from what was added.
type observation struct {
	container.InspectResponse
	// image is the configuration of the container's image. When the image is gone it is that of the container, so
	// that nothing is taken for declared.
	image dockerspec.DockerOCIImageConfig
	// asDeclared: the reference in last stands for the image, or did when it was recorded.
	asDeclared bool
	// podman tells the engine that reports some settings by what they come to, and others not at all.
	podman bool
	// noSwapLimit tells a kernel that cannot limit swap.
	noSwapLimit bool
	// ids maps names of containers in container:NAME modes to ids.
	ids map[string]string
}

// Read inspects the container and its image.
func (Type) Read(ctx context.Context, e API, last Model) (Model, error) {
	if given(last.ReadTimeout) && last.ReadTimeout.ValueInt64() > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(last.ReadTimeout.ValueInt64())*time.Millisecond)
		defer cancel()
	}
	o, err := observe(ctx, e, last)
	if err != nil {
		return last, err
	}
	return flatten(o, last), nil
}

// Import reads the container of that name, id, or beginning of an id.
func (t Type) Import(ctx context.Context, e API, id string) (Model, error) {
	return t.Read(ctx, e, Model{ID: types.StringValue(strings.TrimPrefix(id, "/"))})
}

// Resolve finds the id the declared image stands for now, and the hash of the local files to upload.
func (Type) Resolve(ctx context.Context, e API, desired *Model) error {
	if err := resolveUploads(desired); err != nil {
		return err
	}
	if desired.Image.IsUnknown() {
		desired.ImageID = types.StringUnknown()
		return nil
	}
	r, err := e.ImageInspect(ctx, desired.Image.ValueString())
	switch {
	case errors.Is(err, errs.ErrNotFound):
		return resolveMissing(ctx, e, desired)
	case err != nil:
		return fmt.Errorf("image %q: %w", desired.Image.ValueString(), err)
	}
	desired.ImageID = types.StringValue(imageID(r.ID))
	return nil
}

// resolveMissing decides about an image that is not on the engine. When the container was made from a reference like
// it, the image was untagged or removed since: the container is still what was declared. Another reference is
// being pulled or built in the same run: what it will be is not known.
func resolveMissing(ctx context.Context, e API, desired *Model) error {
	r, err := e.ContainerInspect(ctx, desired.Name.ValueString(), moby.ContainerInspectOptions{})
	if err != nil && !errors.Is(err, errs.ErrNotFound) {
		return fmt.Errorf("container %q: %w", desired.Name.ValueString(), err)
	}
	if err != nil || r.Container.Config == nil || !sameImage(r.Container.Config.Image, desired.Image.ValueString()) {
		desired.ImageID = types.StringUnknown()
	}
	return nil
}

// imageID gives ids of all engines the same form.
func imageID(id string) string {
	if id != "" && !strings.Contains(id, ":") {
		return "sha256:" + id
	}
	return id
}

func observe(ctx context.Context, e API, last Model) (observation, error) {
	name := last.ID.ValueString()
	if name == "" {
		name = last.Name.ValueString()
	}
	r, err := e.ContainerInspect(ctx, name, moby.ContainerInspectOptions{})
	if err != nil {
		return observation{}, fmt.Errorf("container %q: %w", name, err)
	}
	o := observation{InspectResponse: r.Container}
	if o.State == nil || o.Config == nil || o.HostConfig == nil {
		return o, fmt.Errorf("container %q: the engine's answer has no state or configuration: %w", name, errs.ErrInternal)
	}
	if o.NetworkSettings == nil || o.HostConfig.NetworkMode.IsContainer() { // podman reports those of the other container
		o.NetworkSettings = &container.NetworkSettings{}
	}
	for _, entry := range o.Config.Env {
		o.podman = o.podman || entry == "container=podman"
	}
	if err := giveIDs(ctx, e, o.InspectResponse, last.Networks); err != nil {
		return o, fmt.Errorf("container %q: %w", name, err)
	}
	image, asDeclared, err := imageOf(ctx, e, o.Image, last.Image.ValueString())
	o.asDeclared = asDeclared || given(last.ImageID)
	switch {
	case err == nil && image.Config != nil:
		o.image = *image.Config
	case err == nil:
	case errors.Is(err, errs.ErrNotFound):
		o.image = assumedImage(o.Config)
	default:
		return o, fmt.Errorf("container %q: image %q: %w", name, o.Image, err)
	}
	if r := o.HostConfig.Resources; r.Memory > 0 && r.MemorySwap == -1 && last.MemorySwap.ValueInt64() != -1 {
		info, err := e.Info(ctx, moby.InfoOptions{}) // unlimited by drift, or by a kernel without limits of swap
		if err != nil {
			return o, fmt.Errorf("container %q: the engine's limits: %w", name, err)
		}
		o.noSwapLimit = !info.Info.SwapLimit
	}
	o.ids, err = resolveModes(ctx, e, last)
	return o, err
}

// imageOf inspects the image of a container. It asks by the declared name first, as Resolve is going to: mostly that
// is the image, and an engine is asked once for all containers of it. It also reports whether that is so.
func imageOf(ctx context.Context, e API, id, declared string) (moby.ImageInspectResult, bool, error) {
	same := imageID(declared) == imageID(id)
	if declared != "" && !same {
		if r, err := e.ImageInspect(ctx, declared); err == nil && imageID(r.ID) == imageID(id) {
			return r, true, nil
		}
	}
	r, err := e.ImageInspect(ctx, id)
	return r, same, err
}

// assumedImage is what an image that is gone is taken to have had.
func assumedImage(c *container.Config) dockerspec.DockerOCIImageConfig {
	image := dockerspec.DockerOCIImageConfig{}
	image.User, image.Env, image.Entrypoint, image.Cmd = c.User, c.Env, c.Entrypoint, c.Cmd
	image.Volumes, image.WorkingDir, image.Labels, image.StopSignal = c.Volumes, c.WorkingDir, c.Labels, c.StopSignal
	image.Healthcheck = c.Healthcheck
	return image
}

// resolveModes returns the ids of the containers whose namespaces were declared by name: engines report ids.
func resolveModes(ctx context.Context, e API, last Model) (map[string]string, error) {
	var ids map[string]string
	for _, mode := range []types.String{last.NetworkMode, last.PidMode, last.IpcMode} {
		name, ok := strings.CutPrefix(mode.ValueString(), "container:")
		if _, known := ids[name]; !ok || known || isID(name) {
			continue
		}
		r, err := e.ContainerInspect(ctx, name, moby.ContainerInspectOptions{})
		if errors.Is(err, errs.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("container %q: %w", name, err)
		}
		if ids == nil {
			ids = map[string]string{}
		}
		ids[name] = r.Container.ID
	}
	return ids, nil
}

// isID reports whether s is a full id.
func isID(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}

// sameMode compares namespace modes; last may name the container that have gives by id.
func (o observation) sameMode(last, have string) bool {
	name, ok := strings.CutPrefix(last, "container:")
	id, isContainer := strings.CutPrefix(have, "container:")
	return ok && isContainer && (o.ids[name] == id || len(name) >= 12 && strings.HasPrefix(id, name))
}

// resolveUploads sets the hash over local files. Files that are not there yet are somebody else's to make.
func resolveUploads(m *Model) error {
	if m.Uploads.Unknown {
		return nil
	}
	for _, u := range m.Uploads.Items {
		if u.Source.IsUnknown() || u.File.IsUnknown() || u.Permissions.IsUnknown() || u.Content.IsUnknown() || u.ContentBase64.IsUnknown() {
			return nil
		}
	}
	files, err := readUploads(m.Uploads)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	m.UploadHash = hashSources(m.Uploads, files)
	return nil
}
