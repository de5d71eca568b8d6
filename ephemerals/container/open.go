package container

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/container"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/containerexec"
	"github.com/cleat-dev/cleat/resources/contract"
)

const (
	// defaultTimeout is how long a container may run when nothing else is said.
	defaultTimeout = 5 * time.Minute
	// outputLimit is how much of each stream is kept, in bytes.
	outputLimit = 1 << 20
)

// API is the part of an engine's API this ephemeral resource needs.
type API interface{ containerexec.OnceAPI }

// Ephemeral is docker_container.
type Ephemeral struct{}

var _ contract.Ephemeral[Model, API] = Ephemeral{}

// Name implements contract.Ephemeral.
func (Ephemeral) Name() string { return "container" }

// Open implements contract.Ephemeral. No error has anything of what the container was given or wrote.
func (Ephemeral) Open(ctx context.Context, e API, config Model) (Model, error) {
	create, err := expand(config)
	if err != nil {
		return config, err
	}
	options := containerexec.Options{Timeout: defaultTimeout, Limit: outputLimit}
	if !config.Timeout.IsNull() {
		options.Timeout = time.Duration(config.Timeout.ValueInt64()) * time.Second
	}
	if !config.Stdin.IsNull() {
		options.Stdin = []byte(config.Stdin.ValueString())
	}
	image := config.Image.ValueString()
	r, err := containerexec.RunOnce(ctx, e, create, options)
	switch {
	case errors.Is(err, errs.ErrNotFound):
		return config, contract.At("image", "image %q is not on the engine, or its network is not (%w); have docker_image bring it and refer to that", image, err)
	case err != nil:
		return config, fmt.Errorf("container of image %q: %w", image, err)
	}
	config.ExitCode = types.Int64Value(int64(r.ExitCode))
	config.Stdout, config.Stderr = types.StringValue(r.Stdout), types.StringValue(r.Stderr)
	config.Truncated = types.BoolValue(r.Truncated)
	if !expected(config, r.ExitCode) {
		return config, contract.At("expect_exit_codes", "container of image %q ended with exit code %d, which is not expected; its output may be secret and is not repeated here: "+
			"expect the code to get at stdout and stderr, or run the image by hand: %w", image, r.ExitCode, errs.ErrInternal)
	}
	return config, nil
}

// expected reports whether an exit code is a success.
func expected(m Model, code int) bool {
	if m.ExpectExitCodes.IsNull() {
		return code == 0
	}
	return slices.ContainsFunc(m.ExpectExitCodes.Elements(), func(v attr.Value) bool { return v.Equal(types.Int64Value(int64(code))) })
}

func expand(m Model) (moby.ContainerCreateOptions, error) {
	create := moby.ContainerCreateOptions{
		Config: &container.Config{
			Image: m.Image.ValueString(), Cmd: texts(m.Command), Entrypoint: texts(m.Entrypoint),
			User: m.User.ValueString(), WorkingDir: m.WorkingDir.ValueString(),
		},
		HostConfig: &container.HostConfig{NetworkMode: container.NetworkMode(m.NetworkMode.ValueString())},
	}
	env := m.Env.Elements()
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if value, ok := env[name].(types.String); ok {
			create.Config.Env = append(create.Config.Env, name+"="+value.ValueString())
		}
	}
	for i, v := range m.Volumes.Items {
		source := v.VolumeName.ValueString()
		if (source == "") == (v.HostPath.ValueString() == "") {
			return create, contract.At(fmt.Sprintf("volumes[%d]", i), "one of volume_name and host_path is needed: %w", errs.ErrInvalid)
		}
		bind := source + v.HostPath.ValueString() + ":" + v.ContainerPath.ValueString()
		if v.ReadOnly.ValueBool() {
			bind += ":ro"
		}
		create.HostConfig.Binds = append(create.HostConfig.Binds, bind)
	}
	return create, nil
}

func texts(list types.List) []string {
	var all []string
	for _, v := range list.Elements() {
		if s, ok := v.(types.String); ok {
			all = append(all, s.ValueString())
		}
	}
	return all
}
