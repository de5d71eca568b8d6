package volumecontent

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/filetree"
	"github.com/cleat-dev/cleat/resources/contract"
)

// Type is the docker_volume_content resource.
type Type struct{}

var (
	_ contract.Type[Model, API]     = Type{}
	_ contract.Resolver[Model, API] = Type{}
	_ contract.Validator[Model]     = Type{}
)

// Name implements contract.Type.
func (Type) Name() string { return "volume_content" }

// tree is what is declared.
func (m Model) tree(ctx context.Context) (filetree.Tree, error) {
	o := filetree.Owner{Mode: -1, UID: -1, GID: -1}
	if m.Archive.IsNull() {
		o.UID, o.GID = 0, 0
	}
	if !m.UID.IsNull() {
		o.UID = int(m.UID.ValueInt64())
	}
	if !m.GID.IsNull() {
		o.GID = int(m.GID.ValueInt64())
	}
	if !m.Permissions.IsNull() {
		mode, err := strconv.ParseInt(m.Permissions.ValueString(), 8, 32)
		if err != nil {
			return filetree.Tree{}, contract.At("permissions", "%w: %w", err, errs.ErrInvalid)
		}
		o.Mode = mode
	}
	if !m.Archive.IsNull() {
		t, err := filetree.File(ctx, m.Archive.ValueString(), o)
		if err != nil {
			return t, contract.At("archive", "content of volume %q: %w", m.Volume.ValueString(), err)
		}
		return t, nil
	}
	t, err := filetree.Path(ctx, m.Source.ValueString(), o)
	if err == nil && t.Single {
		err = fmt.Errorf("%s is a file, not a directory: %w", m.Source.ValueString(), errs.ErrInvalid)
	}
	if err != nil {
		return t, contract.At("source", "content of volume %q: %w", m.Volume.ValueString(), err)
	}
	return t, nil
}

func describe(files map[string]string) types.Map {
	values := make(map[string]attr.Value, len(files))
	for name, description := range files {
		values[name] = types.StringValue(description)
	}
	return types.MapValueMust(types.StringType, values)
}

// wrapped names the object in an error.
func (m Model) wrapped(err error) error {
	if errors.Is(err, errs.ErrNotFound) {
		return contract.At("volume", "content of volume %q: %w", m.Volume.ValueString(), err)
	}
	return fmt.Errorf("content of volume %q: %w", m.Volume.ValueString(), err)
}

// Read implements contract.Type. The volume is looked at first: a container that mounts it would make it.
func (Type) Read(ctx context.Context, e API, last Model) (Model, error) {
	m := last
	name := m.Volume.ValueString()
	if name == "" {
		return m, fmt.Errorf("the volume is not known yet: %w", errs.ErrNotFound)
	}
	if _, err := e.VolumeInspect(ctx, name, moby.VolumeInspectOptions{}); err != nil {
		return m, fmt.Errorf("content of volume %q: %w", name, err)
	}
	m.ID = types.StringValue(name)
	if !m.DetectDrift.IsNull() && !m.DetectDrift.ValueBool() && len(texts(m.Files)) > 0 {
		return m, nil
	}
	h, err := mount(ctx, e, name, "")
	if err != nil {
		return m, m.wrapped(err)
	}
	defer h.close(ctx)
	found, err := h.read(ctx, texts(last.Files))
	if err != nil {
		return m, m.wrapped(err)
	}
	if !m.Prune.ValueBool() {
		found = ours(ctx, last, found)
	}
	if len(found) == 0 {
		return m, fmt.Errorf("volume %q has none of the files: %w", name, errs.ErrNotFound)
	}
	m.Files = describe(found)
	return m, nil
}

// ours are the files that were put there: those that are known from before, else those the source has, and all of them
// when nothing is known.
func ours(ctx context.Context, last Model, found map[string]string) map[string]string {
	had := texts(last.Files)
	if len(had) == 0 && (last.Source.ValueString() != "" || last.Archive.ValueString() != "") {
		if t, err := last.tree(ctx); err == nil {
			had = t.Files
		}
	}
	if len(had) == 0 {
		return found
	}
	files := map[string]string{}
	for name := range had {
		if description, ok := found[name]; ok {
			files[name] = description
		}
	}
	return files
}

// Create implements contract.Type.
func (Type) Create(ctx context.Context, e API, planned Model) (Model, error) {
	if _, err := e.VolumeInspect(ctx, planned.Volume.ValueString(), moby.VolumeInspectOptions{}); err != nil {
		return planned, planned.wrapped(err)
	}
	return put(ctx, e, planned, nil)
}

// put brings the files into the volume and removes those that are not to be there any more.
func put(ctx context.Context, e API, m Model, dropped map[string]string) (Model, error) {
	t, err := m.tree(ctx)
	if err != nil {
		return m, err
	}
	if files := describe(t.Files); !m.Files.IsUnknown() && !m.Files.Equal(files) {
		return m, m.wrapped(fmt.Errorf("the source has changed since the plan; plan again: %w", errs.ErrConflict))
	}
	name := m.Volume.ValueString()
	h, err := mount(ctx, e, name, "")
	if err != nil {
		return m, m.wrapped(err)
	}
	defer h.close(ctx)
	if err := h.write(ctx, t); err != nil {
		return m, m.wrapped(err)
	}
	m.ID, m.Files = types.StringValue(name), describe(t.Files)
	if m.Prune.ValueBool() {
		if dropped, err = h.read(ctx, t.Files); err != nil {
			return m, m.wrapped(err)
		}
	}
	extra := maps.Clone(dropped)
	for file := range t.Files {
		delete(extra, file)
	}
	if err := remove(ctx, e, m, slices.Sorted(maps.Keys(extra))); err != nil {
		return m, err
	}
	return m, nil
}

// Update implements contract.Type.
func (Type) Update(ctx context.Context, e API, observed, planned Model, changes contract.Changes) (Model, error) {
	if !changes.Has("files", "prune") {
		return planned, nil
	}
	return put(ctx, e, planned, texts(observed.Files))
}

// Delete implements contract.Type.
func (Type) Delete(ctx context.Context, e API, observed Model) error {
	name := observed.Volume.ValueString()
	if err := sweep(ctx, e, name); err != nil {
		return observed.wrapped(err)
	}
	files := texts(observed.Files)
	if observed.KeepOnDestroy.ValueBool() || len(files) == 0 {
		return nil
	}
	if _, err := e.VolumeInspect(ctx, name, moby.VolumeInspectOptions{}); err != nil {
		if errors.Is(err, errs.ErrNotFound) {
			return nil
		}
		return observed.wrapped(err)
	}
	return remove(ctx, e, observed, slices.Sorted(maps.Keys(files)))
}

// Import implements contract.Type. The content is called by its volume; every file in it is taken for declared.
func (t Type) Import(ctx context.Context, e API, id string) (Model, error) {
	return t.Read(ctx, e, Model{
		Volume: types.StringValue(id), Prune: types.BoolValue(false), KeepOnDestroy: types.BoolValue(false), DetectDrift: types.BoolValue(true),
	})
}

// Resolve implements contract.Resolver: it reads the source. It asks the engine nothing.
func (Type) Resolve(ctx context.Context, _ API, desired *Model) error {
	for _, v := range []attr.Value{desired.Source, desired.Archive, desired.Permissions, desired.UID, desired.GID} {
		if v.IsUnknown() {
			desired.Files = types.MapUnknown(types.StringType)
			return nil
		}
	}
	t, err := desired.tree(ctx)
	if err != nil {
		return err
	}
	desired.Files = describe(t.Files)
	return nil
}
