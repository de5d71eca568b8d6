package tag

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/types"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/imageref"
	"github.com/cleat-dev/cleat/internal/imageremoval"
	"github.com/cleat-dev/cleat/resources/contract"
)

// API is the part of the engine's API the type calls.
type API interface {
	ImageInspect(ctx context.Context, image string, options ...moby.ImageInspectOption) (moby.ImageInspectResult, error)
	ImageTag(ctx context.Context, options moby.ImageTagOptions) (moby.ImageTagResult, error)
	ImageRemove(ctx context.Context, image string, options moby.ImageRemoveOptions) (moby.ImageRemoveResult, error)
}

// Type is the docker_tag resource.
type Type struct{}

var (
	_ contract.Type[Model, API]     = Type{}
	_ contract.Resolver[Model, API] = Type{}
	_ contract.Claimant[Model]      = Type{}
)

// Name implements contract.Type.
func (Type) Name() string { return "tag" }

// IdentifiedBy implements contract.Identified: a tag by its name: its id holds the source too.
func (Type) IdentifiedBy() string { return "target_image" }

// Claims implements contract.Claimant.
func (Type) Claims(m Model) []contract.Claim {
	if m.TargetImage.IsNull() || m.TargetImage.IsUnknown() {
		return nil
	}
	return []contract.Claim{{Kind: contract.ClaimImageName, Value: imageref.Local(m.TargetImage.ValueString()), Path: "target_image"}}
}

// Read implements contract.Type.
func (Type) Read(ctx context.Context, e API, last Model) (Model, error) {
	m := last
	found, err := e.ImageInspect(ctx, imageref.Local(m.TargetImage.ValueString()))
	if err != nil {
		return m, fmt.Errorf("tag %q: %w", m.TargetImage.ValueString(), err)
	}
	m.identify()
	m.SourceImageID = types.StringValue(found.ID)
	return m, nil
}

func (m *Model) identify() {
	m.ID = types.StringValue(m.SourceImage.ValueString() + "." + m.TargetImage.ValueString())
}

// Create implements contract.Type.
func (Type) Create(ctx context.Context, e API, planned Model) (Model, error) {
	m := planned
	m.identify()
	return m, tag(ctx, e, m.SourceImage.ValueString(), m)
}

// Update implements contract.Type. Where the plan says which image it is to be, it is that one, whatever the source
// stands for by now.
func (Type) Update(ctx context.Context, e API, _, planned Model, _ contract.Changes) (Model, error) {
	m := planned
	m.identify()
	source := m.SourceImage.ValueString()
	if id := m.SourceImageID.ValueString(); id != "" {
		source = id
	}
	return m, tag(ctx, e, source, m)
}

// spelled is a source as the engine is asked for it: as it is written, because it may be the start of an id.
func spelled(source string) string {
	if imageref.IsDigest(source) {
		return imageref.Local(source)
	}
	return source
}

func tag(ctx context.Context, e API, source string, m Model) error {
	target := imageref.Local(m.TargetImage.ValueString())
	_, err := e.ImageTag(ctx, moby.ImageTagOptions{Source: spelled(source), Target: target})
	switch {
	case errors.Is(err, errs.ErrNotFound):
		return contract.At("source_image", "tag %q: the engine has no image %q: %w", target, m.SourceImage.ValueString(), err)
	case err != nil:
		return fmt.Errorf("tag %q: %w", target, err)
	}
	return nil
}

// Delete implements contract.Type. A target that somebody has moved to another image is not ours any more.
func (Type) Delete(ctx context.Context, e API, observed Model) error {
	err := imageremoval.ReferenceTo(ctx, e, observed.TargetImage.ValueString(), observed.SourceImageID.ValueString(), imageremoval.Options{})
	if errors.Is(err, errs.ErrConflict) {
		return fmt.Errorf("%w (it is the last name of an image containers use; remove the container first, or give the image another name)", err)
	}
	return err
}

// Import implements contract.Type. A tag is called by its target.
func (t Type) Import(ctx context.Context, e API, id string) (Model, error) {
	if _, err := imageref.Parse(id); err != nil {
		return Model{}, err
	}
	return t.Read(ctx, e, Model{TargetImage: types.StringValue(id)})
}

// Resolve implements contract.Resolver: it asks which image the source stands for. A source that is not there yet is
// left open, and so is one that may move before the tag is made.
func (Type) Resolve(ctx context.Context, e API, desired *Model) error {
	if desired.SourceImage.IsUnknown() || open(desired.TagTriggers) {
		desired.SourceImageID = types.StringUnknown()
		return nil
	}
	source := desired.SourceImage.ValueString()
	found, err := e.ImageInspect(ctx, spelled(source))
	if errors.Is(err, errs.ErrNotFound) {
		return nil
	}
	if err != nil {
		return contract.At("source_image", "image %q: %w", source, err)
	}
	desired.SourceImageID = types.StringValue(found.ID)
	return nil
}

// open reports whether a set is unknown, whole or in part.
func open(s types.Set) bool {
	if s.IsUnknown() {
		return true
	}
	for _, v := range s.Elements() {
		if v.IsUnknown() {
			return true
		}
	}
	return false
}
