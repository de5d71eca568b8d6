package container

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/container"
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
	stampLabels(options.Config, planned)
	created, err := createContainer(ctx, e, planned, options)
	var old Model // the container this one replaces, if it had to step aside
	if isNameTaken(err) && given(planned.HandOverKey) {
		if old, err = takeAside(ctx, e, planned); err != nil {
			return planned, err
		}
		created, err = e.ContainerCreate(ctx, options)
	}
	if err != nil {
		err = explainCreate(planned, err)
		if given(old.ID) {
			err = comeBack(ctx, e, Model{}, old, err)
		}
		return planned, err
	}
	planned.ID = types.StringValue(created.ID)
	planned.ContainerLogs = types.StringNull()
	err = setUp(ctx, e, &planned, files, later)
	if !given(old.ID) {
		if err != nil {
			return planned, &contract.Partial{Err: err}
		}
		return planned, nil
	}
	if err == nil {
		err = Type{}.Up(ctx, e, planned)
	}
	if err != nil {
		return planned, comeBack(ctx, e, planned, old, err)
	}
	return planned, nil
}

// stampLabels adds what is kept on the container itself because no engine tells it.
func stampLabels(c *container.Config, m Model) {
	for name, value := range map[string]types.String{uploadLabel: m.UploadHash, handOverLabel: m.HandOverKey} {
		if !given(value) {
			continue
		}
		if c.Labels == nil {
			c.Labels = map[string]string{}
		}
		c.Labels[name] = value.ValueString()
	}
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

// start starts the container and waits as wait and the wait_for blocks say.
func start(ctx context.Context, e API, m Model) error {
	begin := func() error { return startOnly(ctx, e, m) }
	if m.Wait.ValueBool() {
		begin = func() error { return startAndWait(ctx, e, m) }
	}
	if len(m.WaitFor.Items) > 0 {
		return awaitConditions(ctx, e, m, begin)
	}
	return begin()
}

func startOnly(ctx context.Context, e API, m Model) error {
	_, err := e.ContainerStart(ctx, m.ID.ValueString(), moby.ContainerStartOptions{})
	return explainStart(m, err)
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
	if at, _ := contract.PathOf(err); at != "" {
		return err // a pull's
	}
	switch {
	case lacksImage(err):
		return contract.At("image", "image %q is not on this engine: give the name of one, which is pulled, or the image_id of a docker_image: %w", m.Image.ValueString(), err)
	case isNameTaken(err):
		by := "another container"
		if found := owner.FindStringSubmatch(err.Error()); found != nil {
			by = "container " + found[1][:12]
		}
		return contract.At("name", "container name %q is taken by %s: take it over with `cleat adopt` or `terraform import`, or rename or remove it; "+
			"if it is the one this replaces with create_before_destroy, both need the same hand_over_key, the old one from an apply before: %w", name, by, err)
	case errors.Is(err, errs.ErrNotFound) && strings.Contains(text, "network"):
		return contract.At("networks_advanced", "container %q: %w", name, err)
	}
	return fmt.Errorf("container %q: %w", name, err)
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
