package container

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/container"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/resources/contract"
)

// handOverLabel is where hand_over_key is kept: on the container, because with create_before_destroy Terraform tells a
// provider nothing of the object that is about to be replaced.
const handOverLabel = "cleat.hand-over-key"

// comeBackTimeout bounds the return of the old container, also when the operation was interrupted.
const comeBackTimeout = 2 * time.Minute

// isNameTaken reports whether a create was refused because another container has the name.
func isNameTaken(err error) bool {
	return errors.Is(err, errs.ErrConflict) && strings.Contains(err.Error(), "already in use")
}

// carriesKey reports whether a container carries the declared key.
func carriesKey(c container.InspectResponse, m Model) bool {
	return m.HandOverKey.ValueString() != "" && c.Config != nil && c.Config.Labels[handOverLabel] == m.HandOverKey.ValueString()
}

// byName is the container of that name, nil when there is none.
func byName(ctx context.Context, e API, name string) (*container.InspectResponse, error) {
	r, err := e.ContainerInspect(ctx, name, moby.ContainerInspectOptions{})
	if errors.Is(err, errs.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("container %q: %w", name, err)
	}
	return &r.Container, nil
}

// takeAside makes room for a container whose name another one has: the one it replaces, which carries its key. What
// stepped aside is returned. No other container is touched.
//
// An attempt that was cut off leaves two containers, one aside and its successor. The successor is kept if it runs; if
// not, it never did.
func takeAside(ctx context.Context, e API, planned Model) (Model, error) {
	name := planned.Name.ValueString()
	holder, err := byName(ctx, e, name)
	if err != nil || holder == nil { // gone since: there is nothing to take aside
		return Model{}, err
	}
	if !carriesKey(*holder, planned) {
		return Model{}, contract.At("name", "container name %q is taken by container %.12s, which does not carry the hand_over_key of this one: if it is this resource's own, made before "+
			"it had the key, replace it once without create_before_destroy; else take it over with `terraform import` or `cleat adopt`, rename or remove it: %w", name, holder.ID, errs.ErrConflict)
	}
	left, err := byName(ctx, e, name+contract.AsideSuffix)
	if err != nil {
		return Model{}, err
	}
	remains := left != nil && carriesKey(*left, planned)
	running := holder.State != nil && holder.State.Running
	switch {
	case remains && running:
		if err := discard(ctx, e, planned, left.ID); err != nil {
			return Model{}, err
		}
	case remains:
		if err := discard(ctx, e, planned, holder.ID); err != nil {
			return Model{}, err
		}
		old := planned
		old.ID, old.Name, old.ExitCode, old.Start = types.StringValue(left.ID), types.StringValue(name+contract.AsideSuffix), types.Int64Null(), planned.MustRun
		return old, nil
	}
	old, err := Type{}.Read(ctx, e, Model{ID: types.StringValue(holder.ID)})
	if err != nil {
		return Model{}, err
	}
	old.DestroyGraceSeconds = planned.DestroyGraceSeconds
	aside, err := Type{}.Aside(ctx, e, old)
	if err != nil {
		return Model{}, comeBack(ctx, e, Model{}, old, err)
	}
	return aside, nil
}

// comeBack undoes a replacement that failed: the new container, if there is one, goes, and the old one has its name
// and runs again. The error is the failure, which has the attribute it had, and what became of the old one.
func comeBack(ctx context.Context, e API, created, old Model, failed error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), comeBackTimeout)
	defer cancel()
	var undone error
	if given(created.ID) {
		created.ExitCode, created.Start = types.Int64Null(), types.BoolNull() // it may run
		undone = Type{}.Delete(ctx, e, created)
	}
	if undone == nil {
		undone = Type{}.Restore(ctx, e, old)
	}
	at, cause := contract.PathOf(failed)
	text := fmt.Errorf("the container that was to be replaced is back: %w", cause)
	if undone != nil {
		text = fmt.Errorf("the container that was to be replaced did not come back (%w): %w", undone, cause)
	}
	if at == "" {
		return text
	}
	return contract.At(at, "%w", text)
}

// discard removes a container that an interrupted replacement left.
func discard(ctx context.Context, e API, like Model, id string) error {
	like.ID, like.ExitCode, like.Start = types.StringValue(id), types.Int64Null(), types.BoolNull()
	like.HandOverKey = types.StringNull()
	return Type{}.Delete(ctx, e, like)
}

// sweepAside removes what an interrupted replacement left aside of a container that is removed because its successor
// has its name: nobody else knows of it.
func sweepAside(ctx context.Context, e API, removed Model) error {
	name := strings.TrimSuffix(removed.Name.ValueString(), contract.AsideSuffix)
	successor, err := byName(ctx, e, name)
	if err != nil || successor == nil || successor.ID == removed.ID.ValueString() || !carriesKey(*successor, removed) {
		return err
	}
	left, err := byName(ctx, e, name+contract.AsideSuffix)
	if err != nil || left == nil || left.ID == removed.ID.ValueString() || !carriesKey(*left, removed) {
		return err
	}
	return discard(ctx, e, removed, left.ID)
}

// rename gives the container its name. When a replacement of it was cut off, a successor nobody knows of has the name.
func rename(ctx context.Context, e API, observed, planned Model) error {
	id, name := observed.ID.ValueString(), planned.Name.ValueString()
	_, err := e.ContainerRename(ctx, id, moby.ContainerRenameOptions{NewName: name})
	if err == nil || observed.Name.ValueString() != name+contract.AsideSuffix {
		return err
	}
	holder, asked := byName(ctx, e, name)
	if asked != nil || holder == nil || holder.ID == id || !carriesKey(*holder, observed) {
		return err
	}
	if err := discard(ctx, e, observed, holder.ID); err != nil {
		return err
	}
	_, err = e.ContainerRename(ctx, id, moby.ContainerRenameOptions{NewName: name})
	return err
}
