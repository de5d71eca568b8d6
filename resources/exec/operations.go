package exec

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/containerexec"
	"github.com/cleat-dev/cleat/internal/containerref"
	"github.com/cleat-dev/cleat/resources/contract"
)

// outputLimit bounds what is kept of a stream: it goes into the state, and into a label of cleat's ledger.
const outputLimit = 16 << 10

// API is the part of the engine's API the type calls.
type API interface {
	containerexec.API
	ContainerInspect(ctx context.Context, container string, options moby.ContainerInspectOptions) (moby.ContainerInspectResult, error)
}

// Type is the docker_exec resource.
type Type struct{}

var (
	_ contract.Type[Model, API]     = Type{}
	_ contract.Resolver[Model, API] = Type{}
	_ contract.Validator[Model]     = Type{}
)

// Name implements contract.Type.
func (Type) Name() string { return "exec" }

// Read implements contract.Type. A run is there as long as its container is.
func (Type) Read(ctx context.Context, e API, last Model) (Model, error) {
	if last.ID.ValueString() == "" || last.ContainerID.ValueString() == "" {
		return last, fmt.Errorf("the command has not been run: %w", errs.ErrNotFound)
	}
	if _, err := e.ContainerInspect(ctx, last.ContainerID.ValueString(), moby.ContainerInspectOptions{}); err != nil {
		return last, fmt.Errorf("exec in container %q: %w", last.Container.ValueString(), err)
	}
	return last, nil
}

// Create implements contract.Type.
func (Type) Create(ctx context.Context, e API, planned Model) (Model, error) {
	id, err := containerref.ID(ctx, e, planned.Container.ValueString())
	if err != nil {
		return planned, notRun(planned, err)
	}
	return run(ctx, e, planned, id)
}

// run runs the command and judges how it ended.
func run(ctx context.Context, e API, m Model, container string) (Model, error) {
	options := optionsOf(m)
	options.Command = texts(m.Command.Elements())
	if !m.Stdin.IsNull() {
		options.Stdin = []byte(m.Stdin.ValueString())
	}
	result, err := containerexec.Run(ctx, e, container, options)
	if err != nil {
		return m, notRun(m, result.Explain(err, m.SensitiveOutput.ValueBool()))
	}
	if err := result.Judge(expected(m)); err != nil {
		return m, contract.At("command", "exec in container %q: the command %w", m.Container.ValueString(), result.Explain(err, m.SensitiveOutput.ValueBool()))
	}
	m.ID, m.ContainerID = types.StringValue(result.ID), types.StringValue(container)
	m.ExitCode = types.Int64Value(int64(result.ExitCode))
	m.Truncated = types.BoolValue(result.Truncated)
	m.Stdout, m.Stderr = types.StringValue(result.Stdout), types.StringValue(result.Stderr)
	m.SecretStdout, m.SecretStderr = types.StringNull(), types.StringNull()
	if m.SensitiveOutput.ValueBool() {
		m.Stdout, m.SecretStdout = m.SecretStdout, m.Stdout
		m.Stderr, m.SecretStderr = m.SecretStderr, m.Stderr
	}
	return m, nil
}

// optionsOf are those the command and the one that undoes it share.
func optionsOf(m Model) containerexec.Options {
	return containerexec.Options{
		Env: texts(m.Env.Elements()), User: m.User.ValueString(), WorkingDir: m.WorkingDir.ValueString(),
		Privileged: m.Privileged.ValueBool(), TTY: m.TTY.ValueBool(),
		Timeout: time.Duration(m.Timeout.ValueInt64()) * time.Second, Limit: outputLimit,
	}
}

func texts(values []attr.Value) []string {
	var all []string
	for _, v := range values {
		if s, ok := v.(types.String); ok {
			all = append(all, s.ValueString())
		}
	}
	return all
}

// expected are the exit codes of a success.
func expected(m Model) []int64 {
	var codes []int64
	for _, v := range m.ExpectExitCodes.Elements() {
		if n, ok := v.(types.Int64); ok {
			codes = append(codes, n.ValueInt64())
		}
	}
	return codes
}

// notRun is the error of a command that came to no end. The container may be missing or not running.
func notRun(m Model, err error) error {
	name := m.Container.ValueString()
	var unfinished *containerexec.Unfinished
	switch {
	case errors.As(err, &unfinished):
		return contract.At("command", "exec in container %q: the command %w", name, err)
	case errors.Is(err, errs.ErrNotFound):
		return contract.At("container", "exec: %w", err)
	case errors.Is(err, errs.ErrConflict):
		return contract.At("container", "exec in container %q: a command needs a container that runs (must_run of a docker_container keeps it running): %w", name, err)
	}
	return fmt.Errorf("exec in container %q: %w", name, err)
}

// Update implements contract.Type: the container is another one, and the command runs in it.
func (t Type) Update(ctx context.Context, e API, observed, planned Model, _ contract.Changes) (Model, error) {
	id := planned.ContainerID.ValueString()
	if id == "" {
		var err error
		if id, err = containerref.ID(ctx, e, planned.Container.ValueString()); err != nil {
			return observed, notRun(planned, err)
		}
	}
	if id == observed.ContainerID.ValueString() { // it turned out to be the same
		m := observed
		m.Container, m.DestroyCommand, m.Timeout, m.ExpectExitCodes = planned.Container, planned.DestroyCommand, planned.Timeout, planned.ExpectExitCodes
		return m, nil
	}
	return run(ctx, e, planned, id)
}

// Delete implements contract.Type. What was done in a container that is gone needs no undoing.
func (Type) Delete(ctx context.Context, e API, observed Model) error {
	options := optionsOf(observed)
	if options.Command = texts(observed.DestroyCommand.Elements()); len(options.Command) == 0 || observed.ID.ValueString() == "" {
		return nil
	}
	result, err := containerexec.Run(ctx, e, observed.ContainerID.ValueString(), options)
	if result.ID == "" && errors.Is(err, errs.ErrNotFound) {
		return nil
	}
	if err == nil {
		err = result.Judge(nil)
	}
	if err == nil {
		return nil
	}
	return contract.At("destroy_command", "exec in container %q: the command that undoes it: %w (start the container, or remove destroy_command to leave what was done)",
		observed.Container.ValueString(), result.Explain(err, observed.SensitiveOutput.ValueBool()))
}

// Import implements contract.Type. Engines do not know what a command did.
func (Type) Import(context.Context, API, string) (Model, error) {
	return Model{}, fmt.Errorf("a command that was run cannot be imported: no engine remembers it; declare it, and it is run: %w", errs.ErrInvalid)
}

// Resolve implements contract.Resolver: it asks which container the name stands for now. One that is gone is for the
// apply to find: it may be on its way.
func (Type) Resolve(ctx context.Context, e API, desired *Model) error {
	if desired.Container.IsUnknown() {
		desired.ContainerID = types.StringUnknown()
		return nil
	}
	id, err := containerref.ID(ctx, e, desired.Container.ValueString())
	switch {
	case errors.Is(err, errs.ErrNotFound):
		desired.ContainerID = types.StringUnknown()
	case err != nil:
		return contract.At("container", "container %q: %w", desired.Container.ValueString(), err)
	default:
		desired.ContainerID = types.StringValue(id)
	}
	return nil
}

// Validate implements contract.Validator.
func (Type) Validate(_ context.Context, config Model) diag.Diagnostics {
	if config.TTY.ValueBool() && !config.Stdin.IsNull() {
		return diag.Diagnostics{diag.NewAttributeErrorDiagnostic(path.Root("stdin"), "No standard input with a terminal",
			"A terminal has no end of input, so the command would wait for more. Leave out tty or stdin.")}
	}
	return nil
}
