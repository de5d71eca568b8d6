//go:build linux

package containers

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"
	"github.com/opencontainers/go-digest"
)

// record is what is stored of a container. A record that is visible to others is never changed: clone it.
type record struct {
	ID, Name string
	Created  time.Time
	// ImageID is the image the container was made of, "" for none; ChainID its layers.
	ImageID string        `json:",omitempty"`
	ChainID digest.Digest `json:",omitempty"`
	// Path and Args are the program: entrypoint and command.
	Path string
	Args []string
	// Config has the image's defaults merged in; Host is as given, with defaults. They are replaced, never changed.
	Config *container.Config
	Host   *container.HostConfig
	// Endpoints are the networks by name. While a run lasts they carry addresses.
	Endpoints map[string]*network.EndpointSettings
	// MACs are the addresses that were asked for, by network.
	MACs map[string]string `json:",omitempty"`
	// Links are the containers this one knows by another name.
	Links []link `json:",omitempty"`
	// Mounts are binds and volumes, in the order of their destinations.
	Mounts []mountPoint
	// Ports are bound while a run lasts, on the network PortsOn; Sandbox is the path of the network namespace.
	Ports   network.PortMap `json:",omitempty"`
	PortsOn string          `json:",omitempty"`
	Sandbox string          `json:",omitempty"`

	State state
	// Restarts counts those of the restart policy since the last start by hand.
	Restarts int
	// Offset is how far the journal is read.
	Offset int64
}

// state is what a container does.
type state struct {
	Running, Paused, Restarting, OOMKilled bool
	// Dead: it could not be removed.
	Dead      bool `json:",omitempty"`
	Pid       int
	ExitCode  int
	Error     string
	StartedAt time.Time
	// FinishedAt is the end of the last run.
	FinishedAt time.Time
	// Starts counts the starts the journal has told of.
	Starts int64
	// ByHand: stopped on request, so that "unless-stopped" leaves it alone after a reboot.
	ByHand bool `json:",omitempty"`
	// Health is nil without a check, and before the first start. It is replaced, never changed.
	Health *container.Health `json:",omitempty"`
}

// link is one entry of HostConfig.Links, resolved.
type link struct {
	ID    string // the other container
	Alias string
}

// mountPoint is a bind or volume of a container.
type mountPoint struct {
	container.MountPoint
	// Anonymous volumes were made for this container and go with it when v=1 says so.
	Anonymous bool `json:",omitempty"`
	// MakeSource: a missing source is made, as Binds ask for.
	MakeSource bool `json:",omitempty"`
	// CopyUp fills an empty volume with what the image has at the destination.
	CopyUp bool `json:",omitempty"`
	// Options of the entry in HostConfig.Mounts it comes from.
	Options *mount.Mount `json:",omitempty"`
}

// clone copies what transitions change. Config and Host are shared: they are replaced whole.
func (r *record) clone() *record {
	c := *r
	c.Links = slices.Clone(r.Links)
	c.Mounts = slices.Clone(r.Mounts)
	c.Ports, c.MACs = maps.Clone(r.Ports), maps.Clone(r.MACs)
	c.Endpoints = make(map[string]*network.EndpointSettings, len(r.Endpoints))
	for name, e := range r.Endpoints {
		c.Endpoints[name] = e.Copy()
	}
	return &c
}

// status is the state in one word.
func (s *state) status() container.ContainerState {
	switch {
	case s.Restarting:
		return container.StateRestarting
	case s.Paused:
		return container.StatePaused
	case s.Running:
		return container.StateRunning
	case s.Dead:
		return container.StateDead
	case s.StartedAt.IsZero():
		return container.StateCreated
	default:
		return container.StateExited
	}
}

// alive reports whether a process runs or the monitor is going to start one.
func (s *state) alive() bool { return s.Running || s.Restarting }

// policy is the restart policy with an empty name made "no".
func (r *record) policy() container.RestartPolicy {
	p := r.Host.RestartPolicy
	if p.Name == "" {
		p.Name = container.RestartPolicyDisabled
	}
	return p
}

// deepCopy returns a copy of a configuration that shares nothing with it.
func deepCopy[T any](v *T) (*T, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	out := new(T)
	if err := json.Unmarshal(raw, out); err != nil {
		return nil, err
	}
	return out, nil
}
