package ownership

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/container"
	moby "github.com/moby/moby/client"
	"github.com/moby/moby/client/pkg/versions"

	"github.com/cleat-dev/cleat/client"
)

// Engine is an engine as resource types see it: what they create carries the labels of the step that creates it, and
// what they inspect comes without.
type Engine struct {
	*client.Client
	stamp map[string]string
}

// NewEngine wraps a client. Without a stamp nothing is labelled.
func NewEngine(c *client.Client) *Engine { return &Engine{Client: c} }

// Stamped returns the engine for one create: everything made through it carries the labels.
func (e *Engine) Stamped(labels map[string]string) *Engine {
	return &Engine{Client: e.Client, stamp: labels}
}

func (e *Engine) stamped(labels map[string]string) map[string]string {
	if len(e.stamp) == 0 {
		return labels
	}
	all := maps.Clone(labels)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, e.stamp)
	return all
}

// ContainerCreate creates a container that carries the stamp.
func (e *Engine) ContainerCreate(ctx context.Context, o moby.ContainerCreateOptions) (moby.ContainerCreateResult, error) {
	config := container.Config{}
	if o.Config != nil {
		config = *o.Config
	}
	config.Labels = e.stamped(config.Labels)
	o.Config = &config
	return e.Client.ContainerCreate(ctx, o)
}

// NetworkCreate creates a network that carries the stamp.
func (e *Engine) NetworkCreate(ctx context.Context, name string, o moby.NetworkCreateOptions) (moby.NetworkCreateResult, error) {
	o.Labels = e.stamped(o.Labels)
	return e.Client.NetworkCreate(ctx, name, o)
}

// VolumeCreate creates a volume that carries the stamp.
func (e *Engine) VolumeCreate(ctx context.Context, o moby.VolumeCreateOptions) (moby.VolumeCreateResult, error) {
	o.Labels = e.stamped(o.Labels)
	r, err := e.Client.VolumeCreate(ctx, o)
	if err == nil {
		strip(r.Volume.Labels)
	}
	return r, err
}

// ContainerCommit makes an image that does not pass our labels on: a container made from it would seem to be ours.
func (e *Engine) ContainerCommit(ctx context.Context, id string, o moby.ContainerCommitOptions) (moby.ContainerCommitResult, error) {
	ours := []string{LabelProject, LabelAddress, LabelRecord, LabelSchema}
	if versions.LessThan(e.ClientVersion(), "1.24") { // changes came with 1.19, and LABEL among them later
		config := container.Config{}
		if o.Config != nil {
			config = *o.Config
		}
		config.Labels = maps.Clone(config.Labels)
		if config.Labels == nil {
			config.Labels = map[string]string{}
		}
		for _, label := range ours { // the engine merges: what is given goes before what the container has
			config.Labels[label] = ""
		}
		o.Config = &config
		return e.Client.ContainerCommit(ctx, id, o)
	}
	o.Changes = append(slices.Clone(o.Changes), `LABEL `+strings.Join(ours, `="" `)+`=""`)
	return e.Client.ContainerCommit(ctx, id, o)
}

// ContainerInspect inspects a container without our labels.
func (e *Engine) ContainerInspect(ctx context.Context, id string, o moby.ContainerInspectOptions) (moby.ContainerInspectResult, error) {
	r, err := e.Client.ContainerInspect(ctx, id, o)
	if err == nil && r.Container.Config != nil {
		strip(r.Container.Config.Labels)
	}
	return r, err
}

// NetworkInspect inspects a network without our labels.
func (e *Engine) NetworkInspect(ctx context.Context, id string, o moby.NetworkInspectOptions) (moby.NetworkInspectResult, error) {
	r, err := e.Client.NetworkInspect(ctx, id, o)
	if err == nil {
		strip(r.Network.Labels)
	}
	return r, err
}

// VolumeInspect inspects a volume without our labels.
func (e *Engine) VolumeInspect(ctx context.Context, name string, o moby.VolumeInspectOptions) (moby.VolumeInspectResult, error) {
	r, err := e.Client.VolumeInspect(ctx, name, o)
	if err == nil {
		strip(r.Volume.Labels)
	}
	return r, err
}

// ImageInspect inspects an image without our labels, which a committed image may hold emptied.
func (e *Engine) ImageInspect(ctx context.Context, ref string, o ...moby.ImageInspectOption) (moby.ImageInspectResult, error) {
	r, err := e.Client.ImageInspect(ctx, ref, o...)
	if err == nil && r.Config != nil {
		strip(r.Config.Labels)
	}
	return r, err
}
