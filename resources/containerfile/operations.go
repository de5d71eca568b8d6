package containerfile

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/internal/containerexec"
	"github.com/cleat-dev/cleat/internal/containerref"
	"github.com/cleat-dev/cleat/internal/filetree"
	"github.com/cleat-dev/cleat/resources/contract"
)

// API is the part of the engine's API the type calls.
type API interface {
	containerexec.API
	ContainerInspect(ctx context.Context, container string, options moby.ContainerInspectOptions) (moby.ContainerInspectResult, error)
	CopyToContainer(ctx context.Context, container string, options moby.CopyToContainerOptions) (moby.CopyToContainerResult, error)
	CopyFromContainer(ctx context.Context, container string, options moby.CopyFromContainerOptions) (moby.CopyFromContainerResult, error)
}

// Type is the docker_container_file resource.
type Type struct{}

var (
	_ contract.Type[Model, API]     = Type{}
	_ contract.Resolver[Model, API] = Type{}
	_ contract.Validator[Model]     = Type{}
)

// Name implements contract.Type.
func (Type) Name() string { return "container_file" }

// subject names the object in errors.
func (m Model) subject() string {
	return fmt.Sprintf("file %s in container %q", m.Path.ValueString(), m.Container.ValueString())
}

// tree is what is declared.
func (m Model) tree(ctx context.Context) (filetree.Tree, error) {
	o := filetree.Owner{Mode: -1, UID: int(m.UID.ValueInt64()), GID: int(m.GID.ValueInt64())}
	if !m.Permissions.IsNull() {
		mode, err := strconv.ParseInt(m.Permissions.ValueString(), 8, 32)
		if err != nil {
			return filetree.Tree{}, contract.At("permissions", "%w: %w", err, errs.ErrInvalid)
		}
		o.Mode = mode
	}
	switch {
	case !m.Source.IsNull():
		t, err := filetree.Path(ctx, m.Source.ValueString(), o)
		if err != nil {
			return t, contract.At("source", "%s: %w", m.subject(), err)
		}
		return t, nil
	case !m.ContentBase64.IsNull():
		content, err := base64.StdEncoding.DecodeString(m.ContentBase64.ValueString())
		if err != nil {
			return filetree.Tree{}, contract.At("content_base64", "%w: %w", err, errs.ErrInvalid)
		}
		return filetree.Text(content, o)
	}
	return filetree.Text([]byte(m.Content.ValueString()), o)
}

// Read implements contract.Type. One call tells everything: of the engine's archive as much is read as is needed.
func (Type) Read(ctx context.Context, e API, last Model) (Model, error) {
	m := last
	if m.ContainerID.ValueString() == "" {
		if m.Container.ValueString() == "" || m.Path.ValueString() == "" {
			return m, fmt.Errorf("the container of a file is not known yet: %w", errs.ErrNotFound)
		}
		id, err := containerref.ID(ctx, e, m.Container.ValueString())
		if err != nil {
			return m, fmt.Errorf("%s: %w", m.subject(), err)
		}
		m.ContainerID = types.StringValue(id)
	}
	m.identify()
	answer, err := e.CopyFromContainer(ctx, m.ContainerID.ValueString(), moby.CopyFromContainerOptions{SourcePath: m.Path.ValueString()})
	if err != nil {
		return m, fmt.Errorf("%s: %w", m.subject(), err)
	}
	defer answer.Content.Close()
	had := texts(last.Files)
	_, ownerless := contract.LacksOf(e)[client.ArchiveOwners]
	found, err := filetree.Read(answer.Content, filetree.Known{Files: had, Modified: last.Modified.ValueInt64(), Owners: ownerless})
	if err != nil {
		return m, fmt.Errorf("%s: %w", m.subject(), err)
	}
	m.Modified = types.Int64Value(found.Modified)
	m.Files = describe(ours(ctx, last, had, found))
	return m, nil
}

// ours are the files that were put there: those that are known from before, else those the source has, and all of them
// when nothing is known.
func ours(ctx context.Context, last Model, had map[string]string, found filetree.Found) map[string]string {
	if found.Single {
		return found.Files
	}
	if len(had) == 0 && last.Source.ValueString() != "" {
		if t, err := last.tree(ctx); err == nil {
			had = t.Files
		}
	}
	if len(had) == 0 {
		return found.Files
	}
	files := map[string]string{}
	for name := range had {
		if description, ok := found.Files[name]; ok {
			files[name] = description
		}
	}
	return files
}

func describe(files map[string]string) types.Map {
	values := make(map[string]attr.Value, len(files))
	for name, description := range files {
		values[name] = types.StringValue(description)
	}
	return types.MapValueMust(types.StringType, values)
}

func (m *Model) identify() {
	m.ID = types.StringValue(m.ContainerID.ValueString() + ":" + m.Path.ValueString())
}

// Create implements contract.Type.
func (Type) Create(ctx context.Context, e API, planned Model) (Model, error) {
	id, err := containerref.ID(ctx, e, planned.Container.ValueString())
	if err != nil {
		return planned, notThere(planned, err)
	}
	return put(ctx, e, planned, id)
}

func notThere(m Model, err error) error {
	if errors.Is(err, errs.ErrNotFound) {
		return contract.At("container", "%s: %w", m.subject(), err)
	}
	return fmt.Errorf("%s: %w", m.subject(), err)
}

// put copies the files in.
func put(ctx context.Context, e API, m Model, container string) (Model, error) {
	t, err := m.tree(ctx)
	if err != nil {
		return m, err
	}
	if files := describe(t.Files); !m.Files.IsUnknown() && !m.Files.Equal(files) {
		return m, contract.At("source", "%s: the source has changed since the plan; plan again: %w", m.subject(), errs.ErrConflict)
	}
	p := m.Path.ValueString()
	err = upload(ctx, e, container, path.Dir(p), path.Base(p), t)
	if errors.Is(err, errs.ErrNotFound) && path.Dir(p) != "/" {
		err = upload(ctx, e, container, "/", strings.TrimPrefix(p, "/"), t) // makes the directories on the way
	}
	if err != nil {
		return m, notThere(m, err)
	}
	m.ContainerID = types.StringValue(container)
	m.identify()
	m.Files = describe(t.Files)
	m.Modified = types.Int64Value(0)
	if t.Single {
		m.Modified = types.Int64Value(t.Modified.Unix())
	}
	return m, nil
}

// upload streams a tree into a directory of the container, every name below root.
func upload(ctx context.Context, e API, container, directory, root string, t filetree.Tree) error {
	from, to := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := t.Archive(root, to)
		to.CloseWithError(err)
		written <- err
	}()
	_, err := e.CopyToContainer(ctx, container, moby.CopyToContainerOptions{DestinationPath: directory, Content: from, AllowOverwriteDirWithFile: false})
	from.CloseWithError(errStopped)
	if failed := <-written; failed != nil && !errors.Is(failed, errStopped) {
		return failed // the engine saw only that it ended
	}
	return err
}

var errStopped = errors.New("the engine reads no more")

// Update implements contract.Type. A container the files are no longer declared for keeps them: it is about to go, and
// what runs in it may read them to the end.
func (Type) Update(ctx context.Context, e API, observed, planned Model, changes contract.Changes) (Model, error) {
	id := planned.ContainerID.ValueString()
	if id == "" {
		var err error
		if id, err = containerref.ID(ctx, e, planned.Container.ValueString()); err != nil {
			return observed, notThere(planned, err)
		}
	}
	same := id == observed.ContainerID.ValueString()
	if same && planned.Files.Equal(observed.Files) {
		planned.ContainerID, planned.Modified = observed.ContainerID, observed.Modified
		planned.identify()
		return planned, nil
	}
	m, err := put(ctx, e, planned, id)
	if err != nil || !same {
		return m, err
	}
	dropped, kept := texts(observed.Files), texts(m.Files)
	for name := range kept {
		delete(dropped, name)
	}
	return m, remove(ctx, e, m, dropped)
}

// Delete implements contract.Type.
func (Type) Delete(ctx context.Context, e API, observed Model) error {
	if observed.KeepOnDestroy.ValueBool() || observed.ContainerID.ValueString() == "" {
		return nil
	}
	return remove(ctx, e, observed, texts(observed.Files))
}

// Import implements contract.Type. A file is called by its container's name or id and its path, joined by a colon.
func (t Type) Import(ctx context.Context, e API, id string) (Model, error) {
	container, file, ok := strings.Cut(id, ":")
	if !ok || container == "" || !path.IsAbs(file) || path.Clean(file) != file {
		return Model{}, fmt.Errorf("%q: import a file by CONTAINER:/PATH: %w", id, errs.ErrInvalid)
	}
	return t.Read(ctx, e, Model{
		Container: types.StringValue(container), Path: types.StringValue(file),
		UID: types.Int64Value(0), GID: types.Int64Value(0), KeepOnDestroy: types.BoolValue(false),
	})
}

// Resolve implements contract.Resolver: it asks which container the name stands for now, and reads the source.
func (Type) Resolve(ctx context.Context, e API, desired *Model) error {
	desired.ContainerID = types.StringUnknown()
	if !desired.Container.IsUnknown() {
		id, err := containerref.ID(ctx, e, desired.Container.ValueString())
		if err != nil && !errors.Is(err, errs.ErrNotFound) { // it may be on its way
			return notThere(*desired, err)
		}
		if err == nil {
			desired.ContainerID = types.StringValue(id)
		}
	}
	for _, v := range []attr.Value{desired.Content, desired.ContentBase64, desired.Source, desired.Permissions, desired.UID, desired.GID} {
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
