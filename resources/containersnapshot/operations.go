package containersnapshot

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/distribution/reference"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/container"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/imageref"
	"github.com/cleat-dev/cleat/internal/imageremoval"
	"github.com/cleat-dev/cleat/resources/contract"
)

// API is the part of the engine's API the type calls.
type API interface {
	imageremoval.API
	ContainerCommit(ctx context.Context, container string, options moby.ContainerCommitOptions) (moby.ContainerCommitResult, error)
	ImageList(ctx context.Context, options moby.ImageListOptions) (moby.ImageListResult, error)
}

// Type is the docker_container_snapshot resource.
type Type struct{}

var _ contract.Type[Model, API] = Type{}

// tagLayout is the time in a tag, in UTC; tags sort as the times do.
const tagLayout = "20060102-150405.000"

var tagForm = regexp.MustCompile(`^\d{8}-\d{6}\.\d{3}$`)

// Name implements contract.Type.
func (Type) Name() string { return "container_snapshot" }

// snapshot is one image of the repository.
type snapshot struct{ name, tag, id string }

// list returns the snapshots of a repository, the last one first.
func list(ctx context.Context, e API, repository string) ([]snapshot, error) {
	images, err := e.ImageList(ctx, moby.ImageListOptions{})
	if err != nil {
		return nil, fmt.Errorf("snapshots %q: %w", repository, err)
	}
	var all []snapshot
	for _, i := range images.Items {
		for _, name := range i.RepoTags {
			own := strings.TrimPrefix(name, "localhost/") // as podman calls what has no registry in its name
			tag := imageref.Version(own)
			if tagForm.MatchString(tag) && (imageref.SameRepository(own, repository) || imageref.SameRepository(name, repository)) {
				all = append(all, snapshot{repository + ":" + tag, tag, i.ID})
			}
		}
	}
	slices.SortFunc(all, func(a, b snapshot) int { return strings.Compare(b.tag, a.tag) })
	return all, nil
}

// set fills in what the list tells.
func (m *Model) set(all []snapshot, current snapshot) {
	m.ID, m.Name, m.ImageID = m.Repository, types.StringValue(current.name), types.StringValue(current.id)
	names := make([]attr.Value, len(all))
	for i, s := range all {
		names[i] = types.StringValue(s.name)
	}
	m.Snapshots = types.ListValueMust(types.StringType, names)
}

// Read implements contract.Type. The snapshot that was taken last has to be there; of an imported one nothing is known,
// and it is the last there is.
func (Type) Read(ctx context.Context, e API, last Model) (Model, error) {
	m := last
	repository := m.Repository.ValueString()
	if m.Name.IsUnknown() {
		return m, fmt.Errorf("snapshot %q has not been taken: %w", repository, errs.ErrNotFound)
	}
	all, err := list(ctx, e, repository)
	if err != nil {
		return m, err
	}
	for _, s := range all {
		if name := m.Name.ValueString(); name == "" || imageref.Same(name, s.name) {
			m.set(all, s)
			return m, nil
		}
	}
	return m, fmt.Errorf("no snapshot %q: %w", repository, errs.ErrNotFound)
}

// Create implements contract.Type.
func (Type) Create(ctx context.Context, e API, planned Model) (Model, error) {
	return take(ctx, e, planned, "")
}

// take takes a snapshot and removes those that are too many. It comes after the last one, whatever the clock says.
func take(ctx context.Context, e API, m Model, last string) (Model, error) {
	now := time.Now().UTC()
	if before, err := time.Parse(tagLayout, imageref.Version(last)); err == nil && !now.Truncate(time.Millisecond).After(before) {
		now = before.Add(time.Millisecond)
	}
	name := m.Repository.ValueString() + ":" + now.Format(tagLayout)
	_, err := e.ContainerCommit(ctx, m.Container.ValueString(), moby.ContainerCommitOptions{
		Reference: imageref.Local(name), Comment: m.Message.ValueString(), Author: m.Author.ValueString(),
		NoPause: !m.Pause.IsNull() && !m.Pause.ValueBool(),
		Config:  &container.Config{}, // changes nothing; podman insists on a body
	})
	if errors.Is(err, errs.ErrNotFound) {
		return m, contract.At("container", "snapshot %q: %w", m.Repository.ValueString(), err)
	}
	if err != nil {
		return m, fmt.Errorf("snapshot %q of container %q: %w", m.Repository.ValueString(), m.Container.ValueString(), err)
	}
	m.Name = types.StringValue(name)
	return prune(ctx, e, m)
}

// prune removes the oldest snapshots that are more than are kept, and tells which there are then.
func prune(ctx context.Context, e API, m Model) (Model, error) {
	all, err := list(ctx, e, m.Repository.ValueString())
	if err != nil {
		return m, err
	}
	keep := max(int(m.Keep.ValueInt64()), 1)
	var current snapshot
	var left []snapshot
	for i, s := range all {
		mine := imageref.Same(s.name, m.Name.ValueString())
		if mine {
			current = s
		}
		if i >= keep && !mine {
			err := imageremoval.Reference(ctx, e, s.name, imageremoval.Options{})
			if err == nil {
				continue
			}
			if !errors.Is(err, errs.ErrConflict) {
				return m, err
			}
			contract.Warn(ctx, "The old snapshot %s stays: %v. It is removed with a later one, when nothing uses it any more.", s.name, err)
		}
		left = append(left, s)
	}
	if current.name == "" {
		return m, fmt.Errorf("the engine does not list the snapshot %s that was just taken: %w", m.Name.ValueString(), errs.ErrInternal)
	}
	m.set(left, current)
	return m, nil
}

// Update implements contract.Type.
func (Type) Update(ctx context.Context, e API, observed, planned Model, changes contract.Changes) (Model, error) {
	switch {
	case changes.Has("triggers"):
		return take(ctx, e, planned, observed.Name.ValueString())
	case changes.Has("keep"):
		planned.Name = observed.Name
		return prune(ctx, e, planned)
	}
	return planned, nil
}

// Delete implements contract.Type.
func (Type) Delete(ctx context.Context, e API, observed Model) error {
	if observed.KeepOnDestroy.ValueBool() {
		return nil
	}
	all, err := list(ctx, e, observed.Repository.ValueString())
	if err != nil {
		return err
	}
	var failed []error
	for _, s := range all {
		if err := imageremoval.Reference(ctx, e, s.name, imageremoval.Options{}); errors.Is(err, errs.ErrConflict) {
			failed = append(failed, fmt.Errorf("%w (remove the container first, or set keep_on_destroy to leave the snapshots)", err))
		} else if err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// Import implements contract.Type. Snapshots are called by their repository, or by the name of one of them.
func (t Type) Import(ctx context.Context, e API, id string) (Model, error) {
	named, err := imageref.Parse(id)
	if err != nil {
		return Model{}, err
	}
	m := Model{
		Repository: types.StringValue(reference.FamiliarName(named)),
		Keep:       types.Int64Value(1), Pause: types.BoolValue(true), KeepOnDestroy: types.BoolValue(false),
	}
	if tag := imageref.Version(id); tagForm.MatchString(tag) {
		m.Name = types.StringValue(m.Repository.ValueString() + ":" + tag)
	}
	return t.Read(ctx, e, m)
}
