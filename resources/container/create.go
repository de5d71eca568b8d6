package container

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/network"
	moby "github.com/moby/moby/client"
	"github.com/moby/moby/client/pkg/versions"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/resources/contract"
)

// Create makes the container, puts files into it, connects its networks and starts it, in this order, and waits as
// attach or wait say. It leaves everything computed but the id, the output and the hash of files to Read.
func (Type) Create(ctx context.Context, e API, planned Model) (Model, error) {
	ctx, cancel, err := withTimeout(ctx, planned.Timeouts, "create")
	if err != nil {
		return planned, err
	}
	defer cancel()
	// Everything that can be wrong on this side is found before there is a container.
	files, err := readUploads(planned.Uploads)
	if err != nil {
		return planned, err
	}
	options, err := expand(planned)
	if err != nil {
		return planned, err
	}
	endpoints, later, err := splitNetworks(planned, speaks(e, "1.44"))
	if err != nil {
		return planned, err
	}
	if endpoints != nil && !before(e, "1.22") { // below it the network mode says all there is to say
		options.NetworkingConfig = &network.NetworkingConfig{EndpointsConfig: endpoints}
	}
	planned.UploadHash = hashSources(planned.Uploads, files)
	if given(planned.UploadHash) {
		if options.Config.Labels == nil {
			options.Config.Labels = map[string]string{}
		}
		options.Config.Labels[uploadLabel] = planned.UploadHash.ValueString()
	}
	created, err := e.ContainerCreate(ctx, options)
	if err != nil {
		return planned, explainCreate(planned, err)
	}
	planned.ID = types.StringValue(created.ID)
	planned.ContainerLogs = types.StringNull()
	if err := setUp(ctx, e, &planned, files, later); err != nil {
		return planned, &contract.Partial{Err: err}
	}
	return planned, nil
}

// setUp brings a created container to what is planned.
func setUp(ctx context.Context, e API, m *Model, files []file, later []Network) error {
	id, name := m.ID.ValueString(), m.Name.ValueString()
	if err := upload(ctx, e, id, files); err != nil {
		return fmt.Errorf("container %q: %w", name, err)
	}
	for _, n := range later {
		if err := connect(ctx, e, id, n); err != nil {
			return err
		}
	}
	if !m.Start.ValueBool() {
		return nil
	}
	if m.Attach.ValueBool() {
		return runAttached(ctx, e, m)
	}
	return start(ctx, e, *m)
}

// connect attaches the container to one more network.
func connect(ctx context.Context, e API, id string, n Network) error {
	endpoint, err := expandEndpoint(n, "networks_advanced")
	if err != nil {
		return err
	}
	if _, err := e.NetworkConnect(ctx, n.Name.ValueString(), moby.NetworkConnectOptions{Container: id, EndpointConfig: endpoint}); err != nil {
		return contract.At("networks_advanced", "connecting to network %q: %w", n.Name.ValueString(), err)
	}
	return nil
}

// start starts the container and waits until it is healthy when that is asked for.
func start(ctx context.Context, e API, m Model) error {
	if m.Wait.ValueBool() {
		return startAndWait(ctx, e, m)
	}
	return startOnly(ctx, e, m)
}

func startOnly(ctx context.Context, e API, m Model) error {
	_, err := e.ContainerStart(ctx, m.ID.ValueString(), moby.ContainerStartOptions{})
	for range 20 { // there is no event to wait for
		if err == nil || !isUnmounted(err) || ctx.Err() != nil {
			break
		}
		<-time.After(100 * time.Millisecond)
		_, err = e.ContainerStart(ctx, m.ID.ValueString(), moby.ContainerStartOptions{})
	}
	return explainStart(m, err)
}

// isUnmounted recognizes a race of podman 4: it answers an upload before it has unmounted the container's files, and a
// start that comes in between finds them gone. The next start mounts them again.
func isUnmounted(err error) bool {
	return strings.Contains(err.Error(), "mounting storage for container") && strings.Contains(err.Error(), "no such file or directory")
}

// withTimeout bounds an operation by the timeouts block.
func withTimeout(ctx context.Context, b contract.Blocks[Timeouts], operation string) (context.Context, context.CancelFunc, error) {
	t, ok := b.One()
	if !ok {
		return ctx, func() {}, nil
	}
	limit := map[string]types.String{"create": t.Create, "update": t.Update, "delete": t.Delete}[operation].ValueString()
	if limit == "" {
		return ctx, func() {}, nil
	}
	d, err := time.ParseDuration(limit)
	if err != nil {
		return ctx, nil, contract.At("timeouts."+operation, "%w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, d)
	return ctx, cancel, nil
}

// before reports whether the engine is known to speak an older API version.
func before(e API, version string) bool {
	v, ok := e.(contract.Versioned)
	return ok && versions.LessThan(v.ClientVersion(), version)
}

// speaks reports whether the engine is known to speak an API version.
func speaks(e API, version string) bool {
	v, ok := e.(contract.Versioned)
	return ok && versions.GreaterThanOrEqualTo(v.ClientVersion(), version)
}

var (
	// owner finds the container in the engines' messages about a taken name.
	owner = regexp.MustCompile(`already in use by (?:container )?"?([0-9a-f]{64})`)
	// taken finds the port in the engines' messages about one that is in use.
	taken = regexp.MustCompile(`:(\d+)(?:/[a-z]+)?(?: failed: port is already allocated|: bind: address already in use)`)
)

// explainCreate says what to do about the refusals of a create call people meet most.
func explainCreate(m Model, err error) error {
	name, text := m.Name.ValueString(), strings.ToLower(err.Error())
	switch {
	case errors.Is(err, errs.ErrNotFound) && (strings.Contains(text, "no such image") || strings.Contains(text, "image not known")):
		return contract.At("image", "image %q is not on this engine: add a docker_image resource for it and refer to its image_id, or pull it: %w", m.Image.ValueString(), err)
	case strings.Contains(text, "already in use"): // podman answers 500
		by := "another container"
		if found := owner.FindStringSubmatch(err.Error()); found != nil {
			by = "container " + found[1][:12]
		}
		return contract.At("name", "container name %q is taken by %s, which is not managed here: take it over with `cleat adopt` or `terraform import`, or rename or remove it: %w", name, by, asConflict(err))
	case errors.Is(err, errs.ErrNotFound) && strings.Contains(text, "network"):
		return contract.At("networks_advanced", "container %q: %w", name, err)
	}
	return fmt.Errorf("container %q: %w", name, err)
}

// asConflict gives an error its class where the engine does not: podman answers a taken name with 500.
func asConflict(err error) error {
	if errors.Is(err, errs.ErrConflict) {
		return err
	}
	return &failure{text: err.Error(), class: errs.ErrConflict}
}

// explainStart names the port when a start failed because of one.
func explainStart(m Model, err error) error {
	if err == nil {
		return nil
	}
	name := m.Name.ValueString()
	if found := taken.FindStringSubmatch(err.Error()); found != nil {
		for i, p := range m.Ports.Items {
			if fmt.Sprint(p.External.ValueInt64()) == found[1] {
				return contract.At(fmt.Sprintf("ports[%d].external", i), "container %q did not start: port %s of the host is in use by something else: %w", name, found[1], err)
			}
		}
		return contract.At("ports", "container %q did not start: port %s of the host is in use by something else: %w", name, found[1], err)
	}
	if text := err.Error(); strings.Contains(text, "network") && strings.Contains(text, "not found") {
		return contract.At("networks_advanced", "container %q did not start: %w", name, err)
	}
	return fmt.Errorf("container %q did not start: %w", name, err)
}
