package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/image"
	"github.com/moby/moby/api/types/registry"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/buildcontext"
	"github.com/cleat-dev/cleat/internal/imageref"
	"github.com/cleat-dev/cleat/internal/imageremoval"
	"github.com/cleat-dev/cleat/resources/contract"
)

// API is the part of the engine's API the type calls.
type API interface {
	PullAPI
	ImageInspect(ctx context.Context, image string, options ...moby.ImageInspectOption) (moby.ImageInspectResult, error)
	ImageBuild(ctx context.Context, buildContext io.Reader, options moby.ImageBuildOptions) (moby.ImageBuildResult, error)
	ImageRemove(ctx context.Context, image string, options moby.ImageRemoveOptions) (moby.ImageRemoveResult, error)
	// RegistryAuthConfigs returns all known credentials by registry.
	RegistryAuthConfigs(ctx context.Context) (map[string]registry.AuthConfig, error)
}

// Type is the docker_image resource. The zero value works; one from [New] reads files of build contexts that have
// not changed once for all images, plans and applies of the process.
type Type struct{ hasher *buildcontext.Hasher }

// New returns the type.
func New() Type { return Type{hasher: new(buildcontext.Hasher)} }

var (
	_ contract.Type[Model, API]     = Type{}
	_ contract.Resolver[Model, API] = Type{}
	_ contract.Validator[Model]     = Type{}
	_ contract.Claimant[Model]      = Type{}
	_ contract.Preparer             = Type{}
	_ contract.Sweeper[Model, API]  = Type{}
)

// Name implements contract.Type.
func (Type) Name() string { return "image" }

// IdentifiedBy implements contract.Identified: an image by its name: its id follows what the name stands for.
func (Type) IdentifiedBy() string { return "name" }

// Prepares implements contract.Preparer: a pull or a build disturbs nothing that runs.
func (Type) Prepares() {}

// Claims implements contract.Claimant: a build makes its names; a pull takes what is there.
func (Type) Claims(m Model) []contract.Claim {
	b, ok := m.Build.One()
	if !ok {
		return nil
	}
	var claims []contract.Claim
	if !m.Name.IsUnknown() && !m.Name.IsNull() {
		claims = append(claims, contract.Claim{Kind: contract.ClaimImageName, Value: imageref.Local(m.Name.ValueString()), Path: "name"})
	}
	for i, tag := range b.Tag.Elements() {
		if s := text(tag); s != "" && !imageref.Same(s, m.Name.ValueString()) {
			claims = append(claims, contract.Claim{Kind: contract.ClaimImageName, Value: imageref.Local(s), Path: fmt.Sprintf("build.tag[%d]", i)})
		}
	}
	return claims
}

// Read implements contract.Type. It reports what the name stands for now, whoever made it so.
func (Type) Read(ctx context.Context, e API, last Model) (Model, error) {
	m := last
	name := m.Name.ValueString()
	found, err := e.ImageInspect(ctx, imageref.Local(name))
	if err != nil {
		return m, fmt.Errorf("image %q: %w", name, err)
	}
	m.observe(found.InspectResponse)
	if m.BuildContext.IsUnknown() {
		m.BuildContext = types.MapNull(types.StringType)
	}
	return m, nil
}

// observe sets what an inspected image tells.
func (m *Model) observe(i image.InspectResponse) {
	m.identify(i.ID)
	m.RepoDigest = types.StringValue(repoDigest(m.Name.ValueString(), i.RepoDigests))
	switch {
	case m.Platform.IsNull() || m.Platform.IsUnknown():
		m.Platform = types.StringValue("")
	case !isFor(i, m.Platform.ValueString()):
		m.Platform = types.StringValue(platformOf(i))
	}
}

// identify sets what follows from the image's id.
func (m *Model) identify(id string) {
	m.ImageID = types.StringValue(id)
	m.ID = types.StringValue(id + m.Name.ValueString())
}

// repoDigest is the digest of an image in the repository of a name, or its only one.
func repoDigest(name string, digests []string) string {
	for _, digest := range digests {
		if imageref.SameRepository(name, digest) {
			return digest
		}
	}
	if len(digests) == 1 {
		return digests[0]
	}
	return ""
}

// Create implements contract.Type. A name the engine has is taken without a pull; a build always builds.
func (t Type) Create(ctx context.Context, e API, planned Model) (Model, error) {
	ctx, cancel := within(ctx, planned, func(t Timeouts) types.String { return t.Create })
	defer cancel()
	m := planned
	if _, builds := m.Build.One(); !builds {
		name := m.Name.ValueString()
		found, err := e.ImageInspect(ctx, imageref.Local(name))
		if err != nil && !errors.Is(err, errs.ErrNotFound) {
			return m, fmt.Errorf("image %q: %w", name, err)
		}
		if err == nil && isFor(found.InspectResponse, m.Platform.ValueString()) {
			m.observe(found.InspectResponse)
			m.BuildContext = types.MapNull(types.StringType)
			return m, nil
		}
		if err != nil {
			return t.first(ctx, e, m)
		}
	}
	return t.obtain(ctx, e, m)
}

// first pulls a name the engine does not have; when that fails the engine does not have it afterwards either.
func (t Type) first(ctx context.Context, e API, m Model) (Model, error) {
	m, err := t.obtain(ctx, e, m)
	if at, _ := contract.PathOf(err); at == "platform" {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		err = errors.Join(err, imageremoval.Reference(ctx, e, m.Name.ValueString(), imageremoval.Options{}))
	}
	return m, err
}

// obtain pulls or builds. A pull leaves the computed values for Read.
func (t Type) obtain(ctx context.Context, e API, m Model) (Model, error) {
	b, builds := m.Build.One()
	if !builds {
		m.BuildContext = types.MapNull(types.StringType)
		if err := Pull(ctx, e, m.Name.ValueString(), m.Platform.ValueString()); err != nil {
			return m, err
		}
		return m, m.confirm(ctx, e)
	}
	hashes, id, err := t.build(ctx, e, m, b)
	if err != nil {
		return m, err
	}
	m.BuildContext = hashes
	if id != "" {
		m.identify(id)
	}
	return m, nil
}

// confirm makes sure of the platform: where a registry has one image and no list, engines take it for any platform.
func (m *Model) confirm(ctx context.Context, e API) error {
	name, platform := m.Name.ValueString(), m.Platform.ValueString()
	if platform == "" {
		return nil
	}
	found, err := e.ImageInspect(ctx, imageref.Local(name))
	if err != nil {
		return fmt.Errorf("image %q: %w", name, err)
	}
	if !isFor(found.InspectResponse, platform) {
		return contract.At("platform", "image %q: the registry has it for %s, not for %s: %w", name, platformOf(found.InspectResponse), platform, errs.ErrNotFound)
	}
	m.observe(found.InspectResponse)
	return nil
}

// Update implements contract.Type: it pulls or builds first, and tidies up what the name stood for before.
func (t Type) Update(ctx context.Context, e API, observed, planned Model, changes contract.Changes) (Model, error) {
	if !changes.Has(renewed...) {
		return planned, nil
	}
	ctx, cancel := within(ctx, planned, func(t Timeouts) types.String { return t.Update })
	defer cancel()
	m, err := t.obtain(ctx, e, planned)
	if err != nil {
		return observed, err
	}
	if m.ImageID.IsUnknown() || m.ImageID.IsNull() {
		found, err := e.ImageInspect(ctx, imageref.Local(m.Name.ValueString()))
		if err != nil {
			return m, fmt.Errorf("image %q: %w", m.Name.ValueString(), err)
		}
		m.observe(found.InspectResponse)
	}
	if planned.KeepLocally.ValueBool() {
		return m, nil
	}
	if err := dropTags(ctx, e, observed, m); err != nil {
		return m, err
	}
	if before := observed.ImageID.ValueString(); before != m.ImageID.ValueString() {
		imageremoval.Leftover(ctx, e, before, removal(observed))
	}
	return m, nil
}

// Sweep implements contract.Sweeper: the image the name stood for before an update was in use until the containers
// made from it were replaced.
func (Type) Sweep(ctx context.Context, e API, before Model) error {
	if !before.KeepLocally.ValueBool() {
		imageremoval.Leftover(ctx, e, before.ImageID.ValueString(), removal(before))
	}
	return nil
}

// dropTags takes away the further names an earlier build gave and this one does not, where they still stand for
// what was built.
func dropTags(ctx context.Context, e API, observed, m Model) error {
	had, _ := observed.Build.One()
	has, _ := m.Build.One()
	for _, tag := range had.tags() {
		if slices.Contains(has.tags(), tag) || imageref.Same(tag, m.Name.ValueString()) {
			continue
		}
		if err := imageremoval.ReferenceTo(ctx, e, tag, observed.ImageID.ValueString(), removal(observed)); err != nil {
			return inUse(err)
		}
	}
	return nil
}

// removal is how this image is removed: the parents of a built one are its steps, and go with it.
func removal(m Model) imageremoval.Options {
	_, built := m.Build.One()
	return imageremoval.Options{Force: m.ForceRemove.ValueBool(), Parents: built}
}

// Delete implements contract.Type. It takes the name, so other names of the same image stay.
func (Type) Delete(ctx context.Context, e API, observed Model) error {
	if observed.KeepLocally.ValueBool() {
		return nil
	}
	ctx, cancel := within(ctx, observed, func(t Timeouts) types.String { return t.Delete })
	defer cancel()
	b, _ := observed.Build.One()
	for _, tag := range b.tags() {
		if imageref.Same(tag, observed.Name.ValueString()) {
			continue
		}
		if err := imageremoval.ReferenceTo(ctx, e, tag, observed.ImageID.ValueString(), removal(observed)); err != nil {
			return inUse(err)
		}
	}
	return inUse(imageremoval.Reference(ctx, e, observed.Name.ValueString(), removal(observed)))
}

// inUse adds what to do about an image that containers use.
func inUse(err error) error {
	if !errors.Is(err, errs.ErrConflict) {
		return err
	}
	return fmt.Errorf("%w (remove the container first, or set keep_locally to leave the image, or force_remove)", err)
}

// written matches the id attribute of an image: its id followed by its name.
var written = regexp.MustCompile(`^(?:sha256:)[0-9a-f]{64}(.+)$`)

// Import implements contract.Type. An image is called by its name, by the value of its id attribute, or by its
// image id when it has one name.
func (t Type) Import(ctx context.Context, e API, id string) (Model, error) {
	var m Model
	if found := written.FindStringSubmatch(id); found != nil {
		id = found[1]
	}
	if imageref.IsID(id) {
		found, err := e.ImageInspect(ctx, id)
		if err != nil {
			return m, fmt.Errorf("image %q: %w", id, err)
		}
		if len(found.RepoTags) != 1 {
			return m, fmt.Errorf("image %q has %d names %v, import it by the one that is meant: %w", id, len(found.RepoTags), found.RepoTags, errs.ErrInvalid)
		}
		id = found.RepoTags[0]
	} else if _, err := imageref.Parse(id); err != nil {
		return m, err
	}
	m.Name = types.StringValue(id)
	return t.Read(ctx, e, m)
}

// Resolve implements contract.Resolver: it reads the files of the build context. It asks the engine nothing.
func (t Type) Resolve(ctx context.Context, _ API, desired *Model) error {
	b, ok := desired.Build.One()
	if !ok || b.Context.IsUnknown() || b.Dockerfile.IsUnknown() || b.RemoteContext.IsUnknown() {
		return nil
	}
	s, err := t.read(ctx, b)
	if err != nil {
		return err
	}
	desired.BuildContext = s.hashes()
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
