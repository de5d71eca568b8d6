package container

import (
	"context"
	"errors"
	"strings"

	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/imageref"
	"github.com/cleat-dev/cleat/resources/contract"
	"github.com/cleat-dev/cleat/resources/image"
)

// Fetch implements contract.Fetcher: the image is pulled if the engine does not have it.
func (Type) Fetch(ctx context.Context, e API, planned Model) error {
	if !given(planned.Image) || !pullable(planned) {
		return nil
	}
	_, err := e.ImageInspect(ctx, planned.Image.ValueString())
	switch {
	case errors.Is(err, errs.ErrNotFound):
		return pull(ctx, e, planned)
	case err != nil:
		return contract.At("image", "image %q: %w", planned.Image.ValueString(), err)
	}
	return nil
}

// createContainer has the engine make the container, and gets it the image it lacks, as kreuzwerker/docker does.
func createContainer(ctx context.Context, e API, planned Model, options moby.ContainerCreateOptions) (moby.ContainerCreateResult, error) {
	created, err := e.ContainerCreate(ctx, options)
	if !lacksImage(err) || !pullable(planned) {
		return created, err
	}
	if err := pull(ctx, e, planned); err != nil {
		return created, err
	}
	return e.ContainerCreate(ctx, options)
}

// pullable reports whether the image is named, and not one that was made here.
func pullable(m Model) bool { return !imageref.IsID(m.Image.ValueString()) }

// lacksImage reports whether a create was refused because the engine does not have the image.
func lacksImage(err error) bool {
	if !errors.Is(err, errs.ErrNotFound) {
		return false
	}
	text := strings.ToLower(err.Error())
	return strings.Contains(text, "no such image") || strings.Contains(text, "image not known")
}

func pull(ctx context.Context, e API, m Model) error {
	if err := image.Pull(ctx, e, m.Image.ValueString(), m.Platform.ValueString()); err != nil {
		_, cause := contract.PathOf(err) // of docker_image it is the name
		return contract.At("image", "the engine has to pull it: %w", cause)
	}
	return nil
}
