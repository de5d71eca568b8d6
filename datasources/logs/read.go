package logs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/flatten"
	"github.com/cleat-dev/cleat/resources/contract"
)

// API is the part of an engine's API this data source needs.
type API interface {
	ContainerInspect(ctx context.Context, container string, options moby.ContainerInspectOptions) (moby.ContainerInspectResult, error)
	ContainerLogs(ctx context.Context, container string, options moby.ContainerLogsOptions) (moby.ContainerLogsResult, error)
}

// DataSource is docker_logs.
type DataSource struct{}

var _ contract.DataSource[Model, API] = DataSource{}

// followTimeout is how long a log is followed when nothing else is said.
const followTimeout = time.Minute

// Name implements contract.DataSource.
func (DataSource) Name() string { return "logs" }

// Read implements contract.DataSource.
func (DataSource) Read(ctx context.Context, e API, config Model) (Model, error) {
	options, timeout, err := expand(config)
	if err != nil {
		return config, err
	}
	name := config.Name.ValueString()
	found, err := e.ContainerInspect(ctx, name, moby.ContainerInspectOptions{})
	if err != nil {
		return config, contract.At("name", "container %q: %w", name, err)
	}
	c := found.Container
	config.ID = flatten.Text(c.ID)
	config.LogsListString = types.ListNull(types.StringType)
	if !or(config.LogsListStringEnabled, true) {
		return config, nil
	}
	// Only a container without a terminal has its log in frames; the reply itself says so from API 1.42 on.
	framed := c.Config == nil || !c.Config.Tty
	lines, err := read(ctx, e, c.ID, options, timeout, mode{framed: framed, strip: or(config.DiscardHeaders, true)})
	if err != nil {
		return config, fmt.Errorf("log of container %q: %w", name, err)
	}
	config.LogsListString = flatten.Texts(lines)
	return config, nil
}

// expand returns what the engine is asked, and how long to follow.
func expand(config Model) (moby.ContainerLogsOptions, time.Duration, error) {
	options := moby.ContainerLogsOptions{
		ShowStdout: or(config.ShowStdout, true),
		ShowStderr: or(config.ShowStderr, true),
		Since:      config.Since.ValueString(),
		Until:      config.Until.ValueString(),
		Timestamps: config.Timestamps.ValueBool(),
		Follow:     config.Follow.ValueBool(),
		Tail:       config.Tail.ValueString(),
		Details:    config.Details.ValueBool(),
	}
	if !options.ShowStdout && !options.ShowStderr {
		return options, 0, contract.At("show_stdout", "show_stdout and show_stderr are both false, there is nothing to read: %w", errs.ErrInvalid)
	}
	timeout := followTimeout
	if !config.FollowTimeout.IsNull() {
		var err error
		if timeout, err = time.ParseDuration(config.FollowTimeout.ValueString()); err != nil || timeout <= 0 {
			return options, 0, contract.At("follow_timeout", "%q is not a duration above zero: %w", config.FollowTimeout.ValueString(), errs.ErrInvalid)
		}
	}
	return options, timeout, nil
}

// or is the value of a flag, which is given here where it is not declared: data source schemas have no defaults.
func or(flag types.Bool, fallback bool) bool {
	if flag.IsNull() {
		return fallback
	}
	return flag.ValueBool()
}

// read reads a log to its end, or for as long as it is to be followed.
func read(ctx context.Context, e API, id string, options moby.ContainerLogsOptions, timeout time.Duration, m mode) ([]string, error) {
	following := ctx
	if options.Follow {
		var cancel context.CancelFunc
		following, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	stream, err := e.ContainerLogs(following, id, options)
	if err != nil {
		if over(ctx, following, options) {
			return nil, nil
		}
		return nil, located(err)
	}
	defer stream.Close()
	lines, err := decode(stream, m)
	if err != nil && !errors.Is(err, errTooLong) && over(ctx, following, options) {
		return lines, nil
	}
	return lines, err
}

// over reports whether a read ended because it was followed for long enough.
func over(ctx, following context.Context, options moby.ContainerLogsOptions) bool {
	return options.Follow && ctx.Err() == nil && following.Err() != nil
}

// located names the attribute the client refused before asking the engine.
func located(err error) error {
	for _, name := range []string{"since", "until"} {
		if strings.Contains(err.Error(), fmt.Sprintf("invalid value for %q", name)) {
			return contract.At(name, "%w", err)
		}
	}
	return err
}
