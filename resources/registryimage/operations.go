package registryimage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/pkg/authconfig"
	apiregistry "github.com/moby/moby/api/types/registry"
	"github.com/opencontainers/go-digest"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/internal/imageref"
	"github.com/cleat-dev/cleat/internal/registry"
	"github.com/cleat-dev/cleat/resources/contract"
	"github.com/cleat-dev/cleat/resources/image"
)

// API is what the type calls of an engine, and how it reaches registries.
type API interface {
	image.API // for a build
	image.Pusher
	// Repository returns the repository of an image's name. It asks the registry nothing yet.
	Repository(ctx context.Context, image string, access client.RegistryAccess) (*registry.Repository, error)
}

// Type is the docker_registry_image resource.
type Type struct{ image image.Type }

// New returns the type.
func New() Type { return Type{image: image.New()} }

var (
	_ contract.Type[Model, API]     = Type{}
	_ contract.Resolver[Model, API] = Type{}
	_ contract.Validator[Model]     = Type{}
)

// Name implements contract.Type.
func (Type) Name() string { return "registry_image" }

// image is the docker_image a build block stands for.
func (m Model) image() image.Model {
	return image.Model{Name: m.Name, Build: m.Build, BuildContext: m.BuildContext}
}

// access is how this image's registry is reached.
func (m Model) access() client.RegistryAccess {
	a, _ := m.AuthConfig.One()
	return client.RegistryAccess{Username: a.Username.ValueString(), Password: a.Password.ValueString(), SkipVerify: m.InsecureSkipVerify.ValueBool()}
}

// Read implements contract.Type. It reports what was pushed, and whether the name still stands for that.
func (Type) Read(ctx context.Context, e API, last Model) (Model, error) {
	m := last
	now, err := m.resolve(ctx, e)
	if err != nil {
		return m, err
	}
	m.MovedTo = types.StringValue("")
	if was := last.SHA256Digest.ValueString(); was == "" {
		m.identify(now)
	} else if m.identify(digest.Digest(was)); was != now.String() {
		m.MovedTo = types.StringValue(now.String())
	}
	if m.BuildContext.IsUnknown() {
		m.BuildContext = types.MapNull(types.StringType)
	}
	return m, nil
}

func (m *Model) identify(d digest.Digest) {
	m.SHA256Digest = types.StringValue(d.String())
	m.ID = m.SHA256Digest
}

// resolve asks the registry what the name stands for.
func (m Model) resolve(ctx context.Context, e API) (digest.Digest, error) {
	name := m.Name.ValueString()
	repository, err := e.Repository(ctx, name, m.access())
	if err != nil {
		return "", fmt.Errorf("image %q: %w", name, err)
	}
	desc, err := repository.Resolve(ctx, imageref.Version(name))
	if err != nil {
		return "", contract.At("name", "image %q in the registry: %w", name, registry.Advise(err, name))
	}
	return desc.Digest, nil
}

// Create implements contract.Type.
func (t Type) Create(ctx context.Context, e API, planned Model) (Model, error) {
	ctx, cancel := within(ctx, planned, func(t Timeouts) types.String { return t.Create })
	defer cancel()
	return t.push(ctx, e, planned)
}

// Update implements contract.Type.
func (t Type) Update(ctx context.Context, e API, observed, planned Model, changes contract.Changes) (Model, error) {
	if !changes.Has(renewed...) {
		return planned, nil
	}
	ctx, cancel := within(ctx, planned, func(t Timeouts) types.String { return t.Update })
	defer cancel()
	m, err := t.push(ctx, e, planned)
	if partial := new(contract.Partial); err != nil && !errors.As(err, &partial) {
		return observed, err
	}
	return m, err
}

// push builds where that is declared, pushes, and finds out the digest.
func (t Type) push(ctx context.Context, e API, planned Model) (Model, error) {
	m := planned
	m.BuildContext = types.MapNull(types.StringType)
	if _, builds := m.Build.One(); builds {
		built, err := t.image.Create(ctx, e, planned.image())
		if err != nil {
			return planned, err
		}
		m.BuildContext = built.BuildContext
	}
	auth, err := m.auth(ctx, e)
	if err != nil {
		return planned, err
	}
	pushed, err := image.Push(ctx, e, m.Name.ValueString(), auth)
	if err != nil {
		return planned, err
	}
	m.MovedTo = types.StringValue("")
	if pushed == "" {
		if pushed, err = m.resolve(ctx, e); err != nil {
			return m, &contract.Partial{Err: fmt.Errorf("pushed, but its digest cannot be read: %w", err)}
		}
	}
	m.identify(pushed)
	return m, nil
}

// auth are the credentials as the push call takes them. Engines want some even where there are none.
func (m Model) auth(ctx context.Context, e API) (string, error) {
	name := m.Name.ValueString()
	var given apiregistry.AuthConfig
	if a, ok := m.AuthConfig.One(); ok && a.Username.ValueString() != "" {
		given = apiregistry.AuthConfig{Username: a.Username.ValueString(), Password: a.Password.ValueString(), ServerAddress: a.Address.ValueString()}
	} else {
		found, err := e.RegistryAuth(ctx, name)
		if err != nil {
			return "", fmt.Errorf("image %q: credentials of %s: %w", name, imageref.Registry(name), err)
		}
		if found != "" {
			return found, nil
		}
	}
	encoded, err := authconfig.Encode(given)
	if err != nil {
		return "", contract.At("auth_config", "image %q: credentials cannot be encoded: %w", name, errs.ErrInvalid)
	}
	return encoded, nil
}

// Delete implements contract.Type. It deletes what was pushed: a name somebody else has moved since stays theirs.
func (Type) Delete(ctx context.Context, e API, observed Model) error {
	if observed.KeepRemotely.ValueBool() {
		return nil
	}
	ctx, cancel := within(ctx, observed, func(t Timeouts) types.String { return t.Delete })
	defer cancel()
	name := observed.Name.ValueString()
	repository, err := e.Repository(ctx, name, observed.access())
	if err != nil {
		return fmt.Errorf("image %q: %w", name, err)
	}
	pushed, err := digest.Parse(observed.SHA256Digest.ValueString())
	if err != nil { // a push that failed or was cut, and that nobody looked at since: what is there now may be anybody's
		switch found, err := repository.Resolve(ctx, imageref.Version(name)); {
		case errors.Is(err, errs.ErrNotFound):
		case err != nil:
			return contract.At("name", "image %q in the registry: %w", name, registry.Advise(err, name))
		default:
			contract.Warn(ctx, "image %q is left in the registry: it is not known whether %s was pushed by this resource", name, found.Digest)
		}
		return nil
	}
	tag := imageref.Version(name)
	if observed.MovedTo.ValueString() != "" {
		tag = ""
	}
	const keep = "or set keep_remotely = true and apply that, to leave the image in the registry"
	switch err := repository.Delete(ctx, pushed, tag); {
	case errors.Is(err, errs.ErrConflict):
		return contract.At("keep_remotely", "image %q: %w (switch deletion on in the registry, or delete the image with the registry's own tools, %s)", name, err, keep)
	case registry.Denied(err):
		return contract.At("keep_remotely", "image %q: the registry does not let these credentials delete it: %w (give others with auth_config or the provider's registry_auth, %s)", name, err, keep)
	case err != nil:
		return fmt.Errorf("image %q: deletion from the registry: %w", name, err)
	}
	return nil
}

// Import implements contract.Type. An image is called by its name.
func (t Type) Import(ctx context.Context, e API, id string) (Model, error) {
	if named, err := imageref.Parse(id); err != nil {
		return Model{}, err
	} else if imageref.IsDigest(id) {
		return Model{}, fmt.Errorf("image %q has a digest, import it by a tag such as %q: %w", id, named.Name()+":latest", errs.ErrInvalid)
	}
	return t.Read(ctx, e, Model{Name: types.StringValue(id), BuildContext: types.MapNull(types.StringType), KeepRemotely: types.BoolValue(false), InsecureSkipVerify: types.BoolValue(false)})
}

// Resolve implements contract.Resolver: the name is to stand for what was pushed, and a build is of what its context holds now. It asks
// nobody.
func (t Type) Resolve(ctx context.Context, e API, desired *Model) error {
	desired.MovedTo = types.StringValue("")
	built := desired.image()
	if err := t.image.Resolve(ctx, e, &built); err != nil {
		return err
	}
	desired.BuildContext = built.BuildContext
	return nil
}

// within limits an operation by its timeout, if one is declared.
func within(ctx context.Context, m Model, of func(Timeouts) types.String) (context.Context, context.CancelFunc) {
	if limits, ok := m.Timeouts.One(); ok {
		if d, err := time.ParseDuration(of(limits).ValueString()); err == nil {
			return context.WithTimeout(ctx, d)
		}
	}
	return ctx, func() {}
}
