package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/containerd/containerd/v2/core/images"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/cleat-dev/cleat/api/errs"
)

// maxConfig bounds the configuration of an image in bytes.
const maxConfig = 4 << 20

// Platforms returns the manifests a tag or a digest stands for, each with its platform where the registry has one: those of a list, or the
// only one.
func (r *Repository) Platforms(ctx context.Context, tagOrDigest string) ([]ocispec.Descriptor, error) {
	desc, raw, err := r.Manifest(ctx, tagOrDigest)
	if err != nil {
		return nil, err
	}
	if images.IsIndexType(desc.MediaType) {
		var index ocispec.Index
		if err := json.Unmarshal(raw, &index); err != nil {
			return nil, fmt.Errorf("list of manifests %s: %w: %w", desc.Digest, err, errs.ErrInternal)
		}
		return index.Manifests, nil
	}
	var manifest ocispec.Manifest
	if err := json.Unmarshal(raw, &manifest); err != nil {
		return nil, fmt.Errorf("manifest %s: %w: %w", desc.Digest, err, errs.ErrInternal)
	}
	if !images.IsConfigType(manifest.Config.MediaType) { // no image that runs anywhere
		return []ocispec.Descriptor{desc}, nil
	}
	if desc.Platform, err = r.platform(ctx, manifest.Config); err != nil {
		return nil, fmt.Errorf("configuration %s: %w", manifest.Config.Digest, err)
	}
	return []ocispec.Descriptor{desc}, nil
}

// platform reads what an image is for from its configuration.
func (r *Repository) platform(ctx context.Context, config ocispec.Descriptor) (*ocispec.Platform, error) {
	if config.Size < 0 || config.Size > maxConfig || config.Digest.Validate() != nil {
		return nil, fmt.Errorf("found %d bytes, want at most %d and a digest: %w", config.Size, maxConfig, errs.ErrInternal)
	}
	blob := r.Blob(ctx, config, 0)
	defer blob.Close()
	raw, err := io.ReadAll(blob)
	if err != nil {
		return nil, err
	}
	if config.Digest.Algorithm().FromBytes(raw) != config.Digest {
		return nil, fmt.Errorf("its content has another digest: %w", errs.ErrInternal)
	}
	var p ocispec.Platform
	if err := json.Unmarshal(raw, &p); err != nil {
		return nil, fmt.Errorf("%w: %w", err, errs.ErrInternal)
	}
	return &p, nil
}
