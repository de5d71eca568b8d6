package containerfile

import (
	"context"
	"errors"
	"maps"
	"path"
	"slices"
	"time"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/containerexec"
	"github.com/cleat-dev/cleat/internal/filetree"
	"github.com/cleat-dev/cleat/resources/contract"
)

const (
	// removeTimeout bounds one call of rm.
	removeTimeout = time.Minute
	// removeBytes bounds the names of one call; kernels take at least 128 KiB.
	removeBytes = 64 << 10
	// unusable and missing are the exit codes of a command that cannot be run or is not there.
	unusable, missing = 126, 127
)

// remove removes files by the container's rm, and the directories below the path that are empty then. Where there is no
// rm, or nothing runs, they stay, and people are told: a whole stack must be destroyable in any state.
func remove(ctx context.Context, e API, m Model, files map[string]string) error {
	if len(files) == 0 {
		return nil
	}
	root := m.Path.ValueString()
	var names, dirs []string
	for _, name := range slices.Sorted(maps.Keys(files)) {
		names = append(names, path.Join(root, name))
	}
	for _, dir := range filetree.Directories(files) {
		dirs = append(dirs, path.Join(root, dir))
	}
	for _, batch := range batches(names) {
		if done, err := runs(ctx, e, m, append([]string{"rm", "-f", "--"}, batch...)); !done || err != nil {
			return err
		}
	}
	for _, batch := range batches(dirs) { // those that hold something else stay
		if _, err := containerexec.Run(ctx, e, m.ContainerID.ValueString(), command(append([]string{"rmdir", "--"}, batch...))); err != nil {
			return nil //nolint:nilerr // the files are gone: empty directories are worth no failure
		}
	}
	return nil
}

func command(words []string) containerexec.Options {
	return containerexec.Options{Command: words, User: "0", Timeout: removeTimeout, Limit: 1 << 10}
}

// runs runs a command in the container and reports whether it was done; when it cannot be it has warned.
func runs(ctx context.Context, e API, m Model, words []string) (bool, error) {
	r, err := containerexec.Run(ctx, e, m.ContainerID.ValueString(), command(words))
	switch {
	case errors.Is(err, errs.ErrNotFound) && r.ID == "":
		return false, nil // the container is gone, and the files with it
	case err != nil && ctx.Err() != nil:
		return false, err
	case errors.Is(err, errs.ErrConflict):
		stays(ctx, m, "the container does not run")
		return false, nil
	case err != nil:
		stays(ctx, m, err.Error())
		return false, nil
	case r.ExitCode == unusable || r.ExitCode == missing:
		stays(ctx, m, "the container has no rm")
		return false, nil
	case r.ExitCode != 0:
		return false, contract.At("path", "%s: rm ended with exit code %d: %s (set keep_on_destroy to leave it): %w", m.subject(), r.ExitCode, r.Stderr, errs.ErrConflict)
	}
	return true, nil
}

func stays(ctx context.Context, m Model, why string) {
	contract.Warn(ctx, "The %s stays where it is: engines remove no files, and %s. It goes with the container; keep_on_destroy says that this is meant.", m.subject(), why)
}

// batches cuts names into lists a command line can hold.
func batches(names []string) [][]string {
	var all [][]string
	size := removeBytes
	for _, name := range names {
		if size += len(name) + 1; size > removeBytes {
			all, size = append(all, nil), len(name)+1
		}
		all[len(all)-1] = append(all[len(all)-1], name)
	}
	return all
}
