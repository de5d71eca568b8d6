package commit

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/distribution/reference"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/container"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/containerref"
	"github.com/cleat-dev/cleat/internal/imageref"
	"github.com/cleat-dev/cleat/internal/imageremoval"
	"github.com/cleat-dev/cleat/resources/contract"
)

// API is the part of the engine's API the type calls.
type API interface {
	ContainerInspect(ctx context.Context, container string, options moby.ContainerInspectOptions) (moby.ContainerInspectResult, error)
	ContainerCommit(ctx context.Context, container string, options moby.ContainerCommitOptions) (moby.ContainerCommitResult, error)
	ImageInspect(ctx context.Context, image string, options ...moby.ImageInspectOption) (moby.ImageInspectResult, error)
	ImageRemove(ctx context.Context, image string, options moby.ImageRemoveOptions) (moby.ImageRemoveResult, error)
}

// Type is the docker_commit resource.
type Type struct{}

var (
	_ contract.Type[Model, API]     = Type{}
	_ contract.Resolver[Model, API] = Type{}
	_ contract.Claimant[Model]      = Type{}
	_ contract.Sweeper[Model, API]  = Type{}
)

// Name implements contract.Type.
func (Type) Name() string { return "commit" }

// Claims implements contract.Claimant.
func (Type) Claims(m Model) []contract.Claim {
	if m.Repository.IsNull() || m.Repository.IsUnknown() || m.Tag.IsUnknown() {
		return nil
	}
	return []contract.Claim{{Kind: contract.ClaimImageName, Value: imageref.Local(m.name()), Path: "repository"}}
}

// name is the image's name with its tag, as it is written.
func (m Model) name() string {
	tag := m.Tag.ValueString()
	if tag == "" {
		tag = "latest"
	}
	return m.Repository.ValueString() + ":" + tag
}

func (m *Model) identify() {
	m.Name = types.StringValue(m.name())
	m.ID = m.Name
}

// Read implements contract.Type.
func (Type) Read(ctx context.Context, e API, last Model) (Model, error) {
	m := last
	found, err := e.ImageInspect(ctx, imageref.Local(m.name()))
	if err != nil {
		return m, fmt.Errorf("commit %q: %w", m.name(), err)
	}
	m.identify()
	m.ImageID = types.StringValue(found.ID)
	m.Message = reported(last.Message, found.Comment)
	m.Author = reported(last.Author, found.Author)
	if m.ContainerID.IsUnknown() {
		m.ContainerID = types.StringNull()
	}
	return m, nil
}

// reported is a text as the engine has it; none is null or empty, as it was.
func reported(last types.String, text string) types.String {
	if text == "" && (last.IsNull() || last.ValueString() == "") {
		return last
	}
	if text == "" {
		return types.StringNull()
	}
	return types.StringValue(text)
}

// Create implements contract.Type.
func (Type) Create(ctx context.Context, e API, planned Model) (Model, error) {
	return commit(ctx, e, planned)
}

// commit commits the planned container, or whichever has the name now when the plan does not say.
func commit(ctx context.Context, e API, planned Model) (Model, error) {
	m := planned
	m.identify()
	id := m.ContainerID.ValueString()
	if id == "" {
		var err error
		if id, err = containerref.ID(ctx, e, m.Container.ValueString()); err != nil {
			return m, notThere(m, err)
		}
	}
	options := moby.ContainerCommitOptions{
		Reference: imageref.Local(m.name()),
		Comment:   m.Message.ValueString(),
		Author:    m.Author.ValueString(),
		NoPause:   !m.Pause.IsNull() && !m.Pause.ValueBool(),
		Config:    &container.Config{}, // changes nothing; podman insists on a body
	}
	for _, v := range m.Changes.Elements() {
		s, _ := v.(types.String)
		options.Changes = append(options.Changes, s.ValueString())
	}
	made, err := e.ContainerCommit(ctx, id, options)
	if err != nil {
		return m, notThere(m, err)
	}
	m.ContainerID = types.StringValue(id)
	m.ImageID = types.StringUnknown()
	if strings.HasPrefix(made.ID, "sha256:") { // some engines leave the algorithm out here and not elsewhere
		m.ImageID = types.StringValue(made.ID)
	}
	return m, nil
}

func notThere(m Model, err error) error {
	if errors.Is(err, errs.ErrNotFound) {
		return contract.At("container", "commit %q: %w", m.name(), err)
	}
	return fmt.Errorf("commit %q: container %q: %w", m.name(), m.Container.ValueString(), err)
}

// Update implements contract.Type: it commits first and tidies up what the name stood for before.
func (Type) Update(ctx context.Context, e API, observed, planned Model, changes contract.Changes) (Model, error) {
	if planned.ContainerID.IsUnknown() {
		id, err := containerref.ID(ctx, e, planned.Container.ValueString())
		if err != nil {
			return observed, notThere(planned, err)
		}
		planned.ContainerID = types.StringValue(id)
	}
	if !changes.Has(recommits...) && planned.ContainerID.Equal(observed.ContainerID) {
		planned.ImageID = observed.ImageID // the container turned out to be the same
		return planned, nil
	}
	m, err := commit(ctx, e, planned)
	if err != nil {
		return observed, err
	}
	if !planned.KeepLocally.ValueBool() && m.ImageID.ValueString() != observed.ImageID.ValueString() {
		imageremoval.Leftover(ctx, e, observed.ImageID.ValueString(), imageremoval.Options{})
	}
	return m, nil
}

// Sweep implements contract.Sweeper: the image committed before was in use until the containers made from it were
// replaced.
func (Type) Sweep(ctx context.Context, e API, before Model) error {
	if !before.KeepLocally.ValueBool() {
		imageremoval.Leftover(ctx, e, before.ImageID.ValueString(), imageremoval.Options{})
	}
	return nil
}

// Delete implements contract.Type.
func (Type) Delete(ctx context.Context, e API, observed Model) error {
	if observed.KeepLocally.ValueBool() {
		return nil
	}
	err := imageremoval.Reference(ctx, e, observed.name(), imageremoval.Options{Force: observed.ForceRemove.ValueBool()})
	if errors.Is(err, errs.ErrConflict) {
		return fmt.Errorf("%w (remove the container first, or set keep_locally to leave the image, or force_remove)", err)
	}
	return err
}

// Import implements contract.Type. A commit is called by the image's name.
func (t Type) Import(ctx context.Context, e API, id string) (Model, error) {
	named, err := imageref.Parse(id)
	if err != nil {
		return Model{}, err
	}
	tagged, ok := named.(reference.NamedTagged)
	if !ok || imageref.IsDigest(id) {
		return Model{}, fmt.Errorf("%q: import a commit by repository:tag: %w", id, errs.ErrInvalid)
	}
	return t.Read(ctx, e, Model{
		Repository: types.StringValue(reference.FamiliarName(named)),
		Tag:        types.StringValue(tagged.Tag()),
		Pause:      types.BoolValue(true),
	})
}

// Resolve implements contract.Resolver: it asks which container the name stands for. One that is gone is no change:
// the image was made from it, and stays.
func (Type) Resolve(ctx context.Context, e API, desired *Model) error {
	if desired.Container.IsUnknown() || containerref.Open(desired.Triggers) {
		desired.ContainerID = types.StringUnknown()
		return nil
	}
	id, err := containerref.ID(ctx, e, desired.Container.ValueString())
	if errors.Is(err, errs.ErrNotFound) {
		return nil
	}
	if err != nil {
		return contract.At("container", "container %q: %w", desired.Container.ValueString(), err)
	}
	desired.ContainerID = types.StringValue(id)
	return nil
}
