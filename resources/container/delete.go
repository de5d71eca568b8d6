package container

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/container"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
)

// Delete stops the container, unless it was found stopped, and removes it. Both are one call for a container that is given
// no chance to end by itself.
func (Type) Delete(ctx context.Context, e API, observed Model) error {
	ctx, cancel, err := withTimeout(ctx, observed.Timeouts, "delete")
	if err != nil {
		return err
	}
	defer cancel()
	id, name := observed.ID.ValueString(), observed.Name.ValueString()
	if !isStopped(observed) && !isKilled(observed) {
		if gone, err := stop(ctx, e, observed); gone || err != nil {
			return err
		}
	}
	err = remove(ctx, e, observed)
	if isRunning(err) { // started since it was read, or by its restart policy just now
		if gone, err := stop(ctx, e, observed); gone || err != nil {
			return err
		}
		err = remove(ctx, e, observed)
	}
	if isRemoving(err) {
		err = awaitRemoval(ctx, e, id)
	}
	if err != nil && !errors.Is(err, errs.ErrNotFound) {
		return fmt.Errorf("container %q: removing: %w", name, err)
	}
	if given(observed.HandOverKey) {
		return sweepAside(ctx, e, observed)
	}
	return nil
}

// isStopped reports whether the container was neither running nor paused when it was read.
func isStopped(m Model) bool {
	return given(m.ExitCode) || given(m.Start) && !m.Start.ValueBool()
}

// isKilled reports whether the container is given no time to end. That is for its declaration to say; where it says
// nothing, what would outlive the container decides: a container that only writes into itself loses it all anyway.
func isKilled(m Model) bool {
	switch {
	case sameSignal("SIGKILL", m.StopSignal.ValueString()):
		return true
	case given(m.DestroyGraceSeconds):
		return m.DestroyGraceSeconds.ValueInt64() == 0
	case given(m.StopTimeout):
		return m.StopTimeout.ValueInt64() == 0
	}
	return !given(m.StopSignal) && !keepsData(m)
}

// keepsData reports whether the container may write where it stays when the container is gone.
func keepsData(m Model) bool {
	return slices.ContainsFunc(m.Volumes.Items, func(v Volume) bool { return !v.ReadOnly.ValueBool() }) ||
		slices.ContainsFunc(m.Mounts.Items, func(v Mount) bool { return v.Type.ValueString() != "tmpfs" && !v.ReadOnly.ValueBool() })
}

// stop stops the container, which is about to go or to be replaced; gone tells that it does not exist.
func stop(ctx context.Context, e API, m Model) (gone bool, err error) {
	options := stopOptions(m)
	if isKilled(m) {
		options.Timeout = new(int)
	}
	_, err = e.ContainerStop(ctx, m.ID.ValueString(), options)
	switch {
	case errors.Is(err, errs.ErrNotFound):
		return true, nil
	case err != nil:
		return false, fmt.Errorf("container %q: stopping: %w", m.Name.ValueString(), err)
	}
	return false, nil
}

func stopOptions(m Model) moby.ContainerStopOptions {
	if !given(m.DestroyGraceSeconds) {
		return moby.ContainerStopOptions{}
	}
	return moby.ContainerStopOptions{Timeout: new(int(m.DestroyGraceSeconds.ValueInt64()))}
}

func remove(ctx context.Context, e API, m Model) error {
	_, err := e.ContainerRemove(ctx, m.ID.ValueString(), moby.ContainerRemoveOptions{
		RemoveVolumes: m.RemoveVolumes.ValueBool(), Force: !isStopped(m) && isKilled(m),
	})
	return err
}

// isRunning reports whether the engine refused to remove a container because it runs or is paused.
func isRunning(err error) bool {
	if err == nil || isRemoving(err) {
		return false
	}
	text := strings.ToLower(err.Error())
	return strings.Contains(text, "running container") || strings.Contains(text, "paused container") || strings.Contains(text, "is running") ||
		strings.Contains(text, "as it is running") || strings.Contains(text, "restarting container")
}

// isRemoving reports whether somebody else is removing the container already; --rm does.
func isRemoving(err error) bool {
	return err != nil && strings.Contains(strings.ToLower(err.Error()), "removal of container") && strings.Contains(err.Error(), "in progress")
}

// awaitRemoval waits until the container is gone.
func awaitRemoval(ctx context.Context, e API, id string) error {
	gone := e.ContainerWait(ctx, id, moby.ContainerWaitOptions{Condition: container.WaitConditionRemoved})
	select {
	case <-gone.Result:
		return nil
	case err := <-gone.Error:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
