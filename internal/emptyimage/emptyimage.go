// Package emptyimage is the image of containers that are never run: cleat's ledger and lock, and those through which
// files get into a volume. It holds nothing, and is the same everywhere.
package emptyimage

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/moby/moby/api/types/container"
	moby "github.com/moby/moby/client"
	"github.com/opencontainers/go-digest"

	"github.com/cleat-dev/cleat/api/errs"
)

// Name is what the image is called.
const Name = "cleat-ledger:1"

// API is the part of an engine it needs.
type API interface {
	ContainerCreate(ctx context.Context, o moby.ContainerCreateOptions) (moby.ContainerCreateResult, error)
	ImageLoad(ctx context.Context, archive io.Reader, o ...moby.ImageLoadOption) (moby.ImageLoadResult, error)
	ImageRemove(ctx context.Context, ref string, o moby.ImageRemoveOptions) (moby.ImageRemoveResult, error)
}

// Create creates a container of the image that is never started, with a name, labels and volumes, and returns its id.
// The image is made when it is missing.
func Create(ctx context.Context, api API, name string, labels map[string]string, binds ...string) (string, error) {
	o := moby.ContainerCreateOptions{
		Name:       name,
		Config:     &container.Config{Image: Name, Cmd: []string{"cleat"}, Labels: labels, NetworkDisabled: true},
		HostConfig: &container.HostConfig{NetworkMode: "none", Binds: binds},
	}
	r, err := api.ContainerCreate(ctx, o)
	// The last unlock of another project may remove the image between our two calls, and again.
	for attempt := 0; errors.Is(err, errs.ErrNotFound) && attempt < 10; attempt++ {
		if err = load(ctx, api); err != nil {
			return "", err
		}
		r, err = api.ContainerCreate(ctx, o)
	}
	return r.ID, err
}

// load makes the empty image. It is loaded and not imported: an import gets the time of day, so that two projects
// beginning at once would make two images of one name and leave one of them nameless.
func load(ctx context.Context, api API) error {
	content, err := archive()
	if err != nil {
		return fmt.Errorf("empty image %s: %w", Name, err)
	}
	r, err := api.ImageLoad(ctx, bytes.NewReader(content))
	if err != nil {
		return fmt.Errorf("empty image %s: %w", Name, err)
	}
	defer r.Close()
	if _, err := io.Copy(io.Discard, r); err != nil {
		return fmt.Errorf("empty image %s: %w", Name, err)
	}
	return nil
}

// archive is the image in the form of docker save: the same bytes, and so the same id, every time.
func archive() ([]byte, error) {
	layer, err := archiveOf(map[string][]byte{".cleat": nil}, ".cleat")
	if err != nil {
		return nil, err
	}
	config, err := json.Marshal(map[string]any{
		"architecture": "amd64", "os": "linux", "created": "1970-01-01T00:00:00Z", "config": map[string]any{},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{digest.FromBytes(layer).String()}},
	})
	if err != nil {
		return nil, err
	}
	name := digest.FromBytes(config).Encoded() + ".json"
	manifest, err := json.Marshal([]map[string]any{{"Config": name, "RepoTags": []string{Name}, "Layers": []string{"layer.tar"}}})
	if err != nil {
		return nil, err
	}
	return archiveOf(map[string][]byte{name: config, "layer.tar": layer, "manifest.json": manifest}, name, "layer.tar", "manifest.json")
}

// archiveOf is a tar of these files in this order.
func archiveOf(files map[string][]byte, order ...string) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, name := range order {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o444, Size: int64(len(files[name])), Typeflag: tar.TypeReg}); err != nil {
			return nil, err
		}
		if _, err := w.Write(files[name]); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return out.Bytes(), err
}

// Remove removes the image unless a container still uses it, which the engine says.
func Remove(ctx context.Context, api API) {
	_, _ = api.ImageRemove(ctx, Name, moby.ImageRemoveOptions{})
}
