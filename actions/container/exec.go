package container

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/action/schema"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/client/pkg/versions"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/containerexec"
	"github.com/cleat-dev/cleat/internal/progress"
	"github.com/cleat-dev/cleat/resources/contract"
)

// outputKept is how much of a stream is kept for the error of a command that fails.
const outputKept = 16 << 10

var (
	_ contract.Action[ExecModel, containerexec.API]      = Exec{}
	_ contract.Foresighted[ExecModel, containerexec.API] = Exec{}

	envForm = stringvalidator.RegexMatches(regexp.MustCompile(`(?s)^[^=]+=`), "must have the form NAME=value")
)

// ExecModel is a command, the container it runs in, and how.
type ExecModel struct {
	Container       types.String `tfsdk:"container"`
	Command         types.List   `tfsdk:"command"`
	Env             types.Set    `tfsdk:"env"`
	User            types.String `tfsdk:"user"`
	WorkingDir      types.String `tfsdk:"working_dir"`
	Privileged      types.Bool   `tfsdk:"privileged"`
	TTY             types.Bool   `tfsdk:"tty"`
	Timeout         types.Int64  `tfsdk:"timeout"`
	ExpectExitCodes types.Set    `tfsdk:"expect_exit_codes"`
	SensitiveOutput types.Bool   `tfsdk:"sensitive_output"`
}

// Exec is docker_exec.
type Exec struct{}

// Name implements contract.Action.
func (Exec) Name() string { return "exec" }

// Schema implements contract.Action.
func (Exec) Schema(context.Context) schema.Schema {
	return schema.Schema{
		MarkdownDescription: "Runs a command in a running container, shows its output line by line, and fails when it does not end as expected. " +
			"It runs at every trigger; the resource `docker_exec` runs once and keeps the output. For Terraform 1.14; `cleat` has no actions.",
		Attributes: map[string]schema.Attribute{
			"container": target(),
			"command": schema.ListAttribute{
				ElementType: types.StringType, Required: true, Validators: []validator.List{listvalidator.SizeAtLeast(1), listvalidator.NoNullValues()},
				MarkdownDescription: "Program and arguments. There is no shell between; for one write `[\"sh\", \"-c\", \"...\"]`.",
			},
			"env": schema.SetAttribute{
				ElementType: types.StringType, Optional: true, Validators: []validator.Set{setvalidator.ValueStringsAre(envForm)},
				MarkdownDescription: "Environment variables in the form `NAME=value`, beside those of the container. Engine API 1.25.",
			},
			"user":        schema.StringAttribute{Optional: true, MarkdownDescription: "User to run as: a name or number, with a group after a colon. The container's user when not given."},
			"working_dir": schema.StringAttribute{Optional: true, MarkdownDescription: "Directory to run in. The container's when not given. Engine API 1.35."},
			"privileged":  schema.BoolAttribute{Optional: true, MarkdownDescription: "Run with all privileges."},
			"tty":         schema.BoolAttribute{Optional: true, MarkdownDescription: "Give the command a terminal."},
			"timeout": schema.Int64Attribute{
				Optional: true, Validators: []validator.Int64{int64validator.AtLeast(1)},
				MarkdownDescription: "Seconds after which the action fails. The command is then killed, which takes engine API 1.25 and `sh` and `grep` in the container; " +
					"otherwise the error says that it may go on. No limit when not given.",
			},
			"expect_exit_codes": schema.SetAttribute{
				ElementType: types.Int64Type, Optional: true,
				Validators:          []validator.Set{setvalidator.SizeAtLeast(1), setvalidator.ValueInt64sAre(int64validator.Between(0, 255))},
				MarkdownDescription: "Exit codes that are a success. Only `0` when not given.",
			},
			"sensitive_output": schema.BoolAttribute{Optional: true, MarkdownDescription: "The output is a secret: it is not shown, and in no error."},
		},
	}
}

// Foresee implements contract.Foresighted.
func (Exec) Foresee(_ context.Context, e containerexec.API, config ExecModel) error {
	engine, ok := e.(contract.Versioned)
	if !ok {
		return nil
	}
	for _, needs := range []struct {
		attribute, version string
		given              bool
	}{
		{"env", "1.25", len(config.Env.Elements()) > 0 || config.Env.IsUnknown()},
		{"working_dir", "1.35", !config.WorkingDir.IsNull()},
	} {
		if have := engine.ClientVersion(); needs.given && versions.LessThan(have, needs.version) {
			return contract.Refuse(needs.attribute, errs.ErrInvalid, "%s needs engine API %s, and the engine speaks %s: leave it out, or upgrade the engine",
				needs.attribute, needs.version, have)
		}
	}
	return nil
}

// Invoke implements contract.Action.
func (Exec) Invoke(ctx context.Context, e containerexec.API, config ExecModel) error {
	name, secret := config.Container.ValueString(), config.SensitiveOutput.ValueBool()
	options := containerexec.Options{
		Command: values(config.Command.Elements(), types.String.ValueString), Env: values(config.Env.Elements(), types.String.ValueString),
		User: config.User.ValueString(), WorkingDir: config.WorkingDir.ValueString(), Privileged: config.Privileged.ValueBool(), TTY: config.TTY.ValueBool(),
		Timeout: time.Duration(config.Timeout.ValueInt64()) * time.Second, Limit: outputKept,
	}
	if !secret {
		options.Lines = func(line string) { progress.Report(ctx, progress.Event{Object: name, Message: line}) }
	}
	result, err := containerexec.Run(ctx, e, name, options)
	if err == nil {
		if err = result.Judge(values(config.ExpectExitCodes.Elements(), types.Int64.ValueInt64)); err == nil {
			return nil
		}
	}
	explained := result.Explain(err, secret)
	var unfinished *containerexec.Unfinished
	var ended *containerexec.Ended
	switch {
	case errors.As(err, &unfinished) || errors.As(err, &ended):
		return contract.At("command", "exec in container %q: the command %w", name, explained)
	case errors.Is(err, errs.ErrNotFound):
		return contract.At("container", "exec in container %q: %w", name, explained)
	case errors.Is(err, errs.ErrConflict):
		return contract.At("container", "exec in container %q: a command needs a container that runs; start it first: %w", name, explained)
	}
	return fmt.Errorf("exec in container %q: %w", name, explained)
}

// values are the elements of a list or set.
func values[V attr.Value, T any](elements []attr.Value, get func(V) T) []T {
	var all []T
	for _, e := range elements {
		if v, ok := e.(V); ok {
			all = append(all, get(v))
		}
	}
	return all
}
