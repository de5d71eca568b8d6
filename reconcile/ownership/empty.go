package ownership

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/moby/moby/api/types/container"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
)

// emptyImage is what ledger and lock are containers of. It holds nothing and is never run.
const emptyImage = "cleat-ledger:1"

// API is the part of an engine ledger and lock need.
type API interface {
	ContainerCreate(ctx context.Context, o moby.ContainerCreateOptions) (moby.ContainerCreateResult, error)
	ContainerInspect(ctx context.Context, id string, o moby.ContainerInspectOptions) (moby.ContainerInspectResult, error)
	ContainerRemove(ctx context.Context, id string, o moby.ContainerRemoveOptions) (moby.ContainerRemoveResult, error)
	ContainerRename(ctx context.Context, id string, o moby.ContainerRenameOptions) (moby.ContainerRenameResult, error)
	Events(ctx context.Context, o moby.EventsListOptions) moby.EventsResult
	ImageImport(ctx context.Context, source moby.ImageImportSource, ref string, o moby.ImageImportOptions) (moby.ImageImportResult, error)
	ImageRemove(ctx context.Context, ref string, o moby.ImageRemoveOptions) (moby.ImageRemoveResult, error)
}

// createMarker creates a container that is never started and carries labels. The empty image is made when missing.
func createMarker(ctx context.Context, api API, name string, labels map[string]string) (string, error) {
	o := moby.ContainerCreateOptions{
		Name:       name,
		Config:     &container.Config{Image: emptyImage, Cmd: []string{"cleat"}, Labels: labels, NetworkDisabled: true},
		HostConfig: &container.HostConfig{NetworkMode: "none"},
	}
	r, err := api.ContainerCreate(ctx, o)
	for attempt := 0; errors.Is(err, errs.ErrNotFound) && attempt < 3; attempt++ { // another project's last unlock may remove it in between
		if err = importEmpty(ctx, api); err != nil {
			return "", err
		}
		r, err = api.ContainerCreate(ctx, o)
	}
	return r.ID, err
}

// importEmpty makes the empty image. Making it twice gives the same.
func importEmpty(ctx context.Context, api API) error {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	if err := w.WriteHeader(&tar.Header{Name: ".cleat", Mode: 0o444, Typeflag: tar.TypeReg}); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	r, err := api.ImageImport(ctx, moby.ImageImportSource{Source: &archive, SourceName: "-"}, emptyImage, moby.ImageImportOptions{})
	if err != nil {
		return fmt.Errorf("image %s for ledger and lock: %w", emptyImage, err)
	}
	defer r.Close()
	if _, err := io.Copy(io.Discard, r); err != nil {
		return fmt.Errorf("image %s for ledger and lock: %w", emptyImage, err)
	}
	return nil
}

// removeEmpty removes the empty image unless another project's ledger or lock uses it, which the engine says.
func removeEmpty(ctx context.Context, api API) {
	_, _ = api.ImageRemove(ctx, emptyImage, moby.ImageRemoveOptions{})
}
