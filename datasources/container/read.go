package container

import (
	"context"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/types"
	mobycontainer "github.com/moby/moby/api/types/container"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/flatten"
	"github.com/cleat-dev/cleat/internal/secretenv"
	"github.com/cleat-dev/cleat/resources/contract"
)

// API is the part of an engine's API this data source needs.
type API interface {
	ContainerInspect(ctx context.Context, container string, options moby.ContainerInspectOptions) (moby.ContainerInspectResult, error)
}

// DataSource is docker_container.
type DataSource struct{}

var _ contract.DataSource[Model, API] = DataSource{}

// Name implements contract.DataSource.
func (DataSource) Name() string { return "container" }

// Read implements contract.DataSource.
func (DataSource) Read(ctx context.Context, e API, config Model) (Model, error) {
	path, asked := "id", config.ID.ValueString()
	if config.ID.IsNull() {
		// Engines take a name with a slash too, as they report it themselves.
		path, asked = "name", strings.TrimPrefix(config.Name.ValueString(), "/")
	}
	if asked == "" {
		return config, contract.At("name", "give the id or the name of the container: %w", errs.ErrInvalid)
	}
	found, err := e.ContainerInspect(ctx, asked, moby.ContainerInspectOptions{})
	if err != nil {
		return config, contract.At(path, "container %q: %w", asked, err)
	}
	m := flattenContainer(found.Container)
	if path == "id" && !config.Name.IsNull() && strings.TrimPrefix(config.Name.ValueString(), "/") != m.Name.ValueString() {
		return config, contract.At("name", "container %q is named %q: %w", asked, m.Name.ValueString(), errs.ErrInvalid)
	}
	// What was asked comes back as it was asked.
	if !config.ID.IsNull() {
		m.ID = config.ID
	}
	if !config.Name.IsNull() {
		m.Name = config.Name
	}
	return m, nil
}

func flattenContainer(c mobycontainer.InspectResponse) Model {
	m := Model{
		ID:           flatten.Text(c.ID),
		Name:         flatten.Text(strings.TrimPrefix(c.Name, "/")),
		ImageID:      flatten.Text(c.Image),
		Created:      flatten.Time(c.Created),
		Platform:     flatten.Text(c.Platform),
		RestartCount: types.Int64Value(int64(c.RestartCount)),
		Mounts:       flattenMounts(c.Mounts),
		Ports:        portObject.List(nil),
		Networks:     networkObject.List(nil),
	}
	flattenState(c.State, &m)
	flattenConfig(c.Config, &m)
	if host := c.HostConfig; host != nil {
		m.Restart = flatten.Text(host.RestartPolicy.Name)
		m.NetworkMode = flatten.Text(host.NetworkMode)
		m.LogDriver = flatten.Text(host.LogConfig.Type)
	}
	if n := c.NetworkSettings; n != nil {
		m.Ports = flattenPorts(n.Ports)
		m.Networks = flattenNetworks(n.Networks)
		m.IPAddress = address(n.Networks, m.NetworkMode.ValueString())
	}
	return m
}

func flattenState(s *mobycontainer.State, m *Model) {
	if s == nil {
		return
	}
	state := s.Status
	if state == "" { // older than API 1.21
		state = stateOf(s)
	}
	m.State, m.Status = flatten.Text(state), flatten.Text(state)
	m.Error = flatten.Text(s.Error)
	m.OOMKilled = types.BoolValue(s.OOMKilled)
	m.StartedAt, m.FinishedAt = flatten.Time(s.StartedAt), flatten.Time(s.FinishedAt)
	if s.Running {
		m.PID = types.Int64Value(int64(s.Pid))
	} else if !m.FinishedAt.IsNull() || s.ExitCode != 0 {
		m.ExitCode = types.Int64Value(int64(s.ExitCode))
	}
	if s.Health != nil && s.Health.Status != mobycontainer.NoHealthcheck {
		m.Health = flatten.Text(s.Health.Status)
	}
}

// stateOf is the state in one word, from the flags older engines have instead.
func stateOf(s *mobycontainer.State) mobycontainer.ContainerState {
	switch {
	case s.Paused:
		return mobycontainer.StatePaused
	case s.Restarting:
		return mobycontainer.StateRestarting
	case s.Running:
		return mobycontainer.StateRunning
	case s.Dead:
		return mobycontainer.StateDead
	case flatten.Time(s.StartedAt).IsNull():
		return mobycontainer.StateCreated
	default:
		return mobycontainer.StateExited
	}
}

func flattenConfig(c *mobycontainer.Config, m *Model) {
	if c == nil {
		c = &mobycontainer.Config{}
	}
	m.Image = flatten.Text(c.Image)
	m.Command = flatten.Texts(c.Cmd)
	m.Entrypoint = flatten.Texts(c.Entrypoint)
	m.Env = flatten.Texts(secretenv.Open(c.Env, c.Labels))
	m.Labels = flatten.TextMap(c.Labels)
	m.Hostname = flatten.Text(c.Hostname)
	m.User = flatten.Text(c.User)
	m.WorkingDir = flatten.Text(c.WorkingDir)
	m.TTY = types.BoolValue(c.Tty)
}
