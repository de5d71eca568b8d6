package container

import (
	"context"
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/action/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/containerref"
	"github.com/cleat-dev/cleat/resources/contract"
)

// API is the part of an engine's API these actions need.
type API interface {
	ContainerRestart(ctx context.Context, container string, options moby.ContainerRestartOptions) (moby.ContainerRestartResult, error)
	ContainerKill(ctx context.Context, container string, options moby.ContainerKillOptions) (moby.ContainerKillResult, error)
}

var (
	_ contract.Action[RestartModel, API] = Restart{}
	_ contract.Action[SignalModel, API]  = Signal{}

	signalForm = stringvalidator.RegexMatches(regexp.MustCompile(`^[A-Za-z0-9+-]+$`), "must be a signal: a name such as SIGHUP, or a number")
)

func target() schema.Attribute {
	return schema.StringAttribute{
		Required: true, Validators: []validator.String{containerref.Validator()},
		MarkdownDescription: "Name or id of the container.",
	}
}

// RestartModel is which container is restarted, and how.
type RestartModel struct {
	Container    types.String `tfsdk:"container"`
	GraceSeconds types.Int64  `tfsdk:"grace_seconds"`
}

// Restart is docker_container_restart.
type Restart struct{}

// Name implements contract.Action.
func (Restart) Name() string { return "container_restart" }

// Schema implements contract.Action.
func (Restart) Schema(context.Context) schema.Schema {
	return schema.Schema{
		MarkdownDescription: "Stops a container and starts it again; one that does not run is started. For Terraform 1.14; `cleat` has no actions.",
		Attributes: map[string]schema.Attribute{
			"container": target(),
			"grace_seconds": schema.Int64Attribute{
				Optional: true, Validators: []validator.Int64{int64validator.AtLeast(0)},
				MarkdownDescription: "Seconds the container has to end before it is killed. Its own `stop_timeout`, or the engine's 10, when not given.",
			},
		},
	}
}

// Invoke implements contract.Action.
func (Restart) Invoke(ctx context.Context, e API, config RestartModel) error {
	var options moby.ContainerRestartOptions
	if !config.GraceSeconds.IsNull() {
		options.Timeout = new(int(config.GraceSeconds.ValueInt64()))
	}
	name := config.Container.ValueString()
	if _, err := e.ContainerRestart(ctx, name, options); err != nil {
		return contract.At("container", "container %q: restarting: %w", name, err)
	}
	return nil
}

// SignalModel is which container gets which signal.
type SignalModel struct {
	Container types.String `tfsdk:"container"`
	Signal    types.String `tfsdk:"signal"`
}

// Signal is docker_container_signal.
type Signal struct{}

// Name implements contract.Action.
func (Signal) Name() string { return "container_signal" }

// Schema implements contract.Action.
func (Signal) Schema(context.Context) schema.Schema {
	return schema.Schema{
		MarkdownDescription: "Sends a signal to the main process of a running container, such as `SIGHUP` to have it read its configuration again. For Terraform 1.14; `cleat` has no actions.",
		Attributes: map[string]schema.Attribute{
			"container": target(),
			"signal":    schema.StringAttribute{Required: true, Validators: []validator.String{signalForm}, MarkdownDescription: "The signal: a name, or a number."},
		},
	}
}

// Invoke implements contract.Action.
func (Signal) Invoke(ctx context.Context, e API, config SignalModel) error {
	name, signal := config.Container.ValueString(), config.Signal.ValueString()
	if _, err := e.ContainerKill(ctx, name, moby.ContainerKillOptions{Signal: signal}); err != nil {
		return contract.At("container", "container %q: signal %s: %w", name, signal, err)
	}
	return nil
}
