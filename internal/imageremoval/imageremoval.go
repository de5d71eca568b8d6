// Package imageremoval takes references and images away without touching what somebody else still needs. The image,
// tag and commit resources share it.
package imageremoval

import (
	"context"
	"errors"
	"fmt"
	"time"

	moby "github.com/moby/moby/client"
	"github.com/moby/moby/client/pkg/versions"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/imageref"
)

// API is the part of the engine's API it calls.
type API interface {
	ImageInspect(ctx context.Context, image string, options ...moby.ImageInspectOption) (moby.ImageInspectResult, error)
	ImageRemove(ctx context.Context, image string, options moby.ImageRemoveOptions) (moby.ImageRemoveResult, error)
}

// Options of a removal.
type Options struct {
	// Force removes the reference although containers use the image.
	Force bool
	// Parents also removes untagged parents that nothing else needs: the steps of a build.
	Parents bool
}

// Reference takes one reference from its image; the engine removes the image with its last one. nil when there is no
// such reference. An image that containers use is errs.ErrConflict.
func Reference(ctx context.Context, e API, name string, o Options) error {
	_, err := e.ImageRemove(ctx, imageref.Local(name), moby.ImageRemoveOptions{Force: o.Force, PruneChildren: o.Parents})
	if errors.Is(err, errs.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("image %q: %w", name, err)
	}
	return nil
}

// ReferenceTo is [Reference] for a name that still stands for the image id; a name that has moved on, or that is
// gone, is left alone.
func ReferenceTo(ctx context.Context, e API, name, id string, o Options) error {
	image, err := e.ImageInspect(ctx, imageref.Local(name))
	if errors.Is(err, errs.ErrNotFound) || err == nil && image.ID != id {
		return nil
	}
	if err != nil {
		return fmt.Errorf("image %q: %w", name, err)
	}
	return Reference(ctx, e, name, o)
}

// Leftover removes the image id, which an update has just replaced, when no name is left on it and nothing uses it.
// Anything else keeps it: it is tidying up, and the update has succeeded already, so it reports no error. It goes on
// when ctx is cancelled.
func Leftover(ctx context.Context, e API, id string, o Options) {
	if id == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	image, err := e.ImageInspect(ctx, id)
	if err != nil || len(image.RepoTags) > 0 || image.ID != id || image.RepoTags == nil && !reportsNames(e) {
		return
	}
	// Without force the engine refuses to remove an image that a container, running or not, was made from.
	_, _ = e.ImageRemove(ctx, id, moby.ImageRemoveOptions{PruneChildren: o.Parents})
}

// reportsNames tells whether an engine says the names of an inspected image: below 1.21 none may mean unknown, and
// newer ones leave an empty list out.
func reportsNames(e API) bool {
	v, ok := e.(interface{ ClientVersion() string })
	return !ok || !versions.LessThan(v.ClientVersion(), "1.21")
}
