//go:build linux

package images

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"

	ccontent "github.com/containerd/containerd/v2/core/content"
	"github.com/distribution/reference"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/content"
)

// maxConfig bounds an image's configuration in bytes.
const maxConfig = 8 << 20

var (
	fullID   = regexp.MustCompile(`^(?:sha256:)?[0-9a-f]{64}$`)
	prefixID = regexp.MustCompile(`^(?:sha256:)?([0-9a-f]{1,64})$`)
)

// noSuchImage is what clients look for to pull an image that is missing.
func noSuchImage(ref string) error {
	if named, err := reference.ParseNormalizedNamed(ref); err == nil && !fullID.MatchString(ref) {
		ref = reference.FamiliarString(reference.TagNameOnly(named))
	}
	return fmt.Errorf("No such image: %s: %w", ref, errs.ErrNotFound) //nolint:staticcheck // the text is the contract
}

// Resolve returns the image a name (the tag latest unless it says another), a name by digest, an ID or a unique
// beginning of one stands for. None is errs.ErrNotFound; the text begins with "No such image: ".
func (s *Service) Resolve(ctx context.Context, ref string) (Image, error) {
	s.mu.RLock()
	r := s.index.find(ref)
	s.mu.RUnlock()
	if r == nil {
		return Image{}, noSuchImage(ref)
	}
	return s.image(ctx, r)
}

// Children returns the IDs of the images that were built on one, sorted.
func (s *Service) Children(id string) []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var ids []string
	for child := range s.index.children[id] {
		ids = append(ids, child)
	}
	slices.Sort(ids)
	return ids
}

// find returns the record of what ref stands for, nil when there is none.
func (i *index) find(ref string) *record {
	if fullID.MatchString(ref) {
		if r := i.images["sha256:"+hexOf(ref)]; r != nil {
			return r
		}
	}
	if named, err := reference.ParseNormalizedNamed(ref); err == nil {
		if t, ok := i.names[reference.TagNameOnly(named).String()]; ok {
			return i.images[t.id]
		}
		if digested, ok := named.(reference.Digested); ok { // name:tag@digest stands for the digest
			return i.byDigest(named, digested.Digest())
		}
	}
	if m := prefixID.FindStringSubmatch(ref); m != nil {
		if id := i.byPrefix(m[1]); id != "" {
			return i.images[id]
		}
	}
	return nil
}

func (i *index) byDigest(named reference.Named, d digest.Digest) *record {
	pinned, err := reference.WithDigest(reference.TrimNamed(named), d)
	if err != nil {
		return nil
	}
	if t, ok := i.names[pinned.String()]; ok {
		return i.images[t.id]
	}
	return nil
}

// image completes a record.
func (s *Service) image(ctx context.Context, r *record) (Image, error) {
	config, err := s.config(ctx, r)
	if err != nil {
		return Image{}, err
	}
	s.mu.RLock()
	names := s.index.namesOf(r.id)
	s.mu.RUnlock()
	image := Image{ID: r.id, Parent: r.parent, ChainID: r.chain, Config: *config, Size: r.size, Manifest: r.manifest, LastTag: r.lastTag}
	image.RepoTags, image.RepoDigests = split(names)
	return image, nil
}

// split separates tags from digests, in the form people write.
func split(names []reference.Named) (tags, digests []string) {
	tags, digests = []string{}, []string{}
	for _, named := range names {
		if _, ok := named.(reference.Canonical); ok {
			digests = append(digests, reference.FamiliarString(named))
		} else {
			tags = append(tags, reference.FamiliarString(named))
		}
	}
	return tags, digests
}

// config reads an image's configuration, once. Callers do not change it.
func (s *Service) config(ctx context.Context, r *record) (*dockerspec.DockerOCIImage, error) {
	if config := r.config.Load(); config != nil {
		return config, nil
	}
	raw, err := s.rawConfig(ctx, r)
	if err != nil {
		return nil, err
	}
	config := &dockerspec.DockerOCIImage{}
	if err := json.Unmarshal(raw, config); err != nil {
		return nil, fmt.Errorf("image %s is damaged: %w", r.id, err)
	}
	r.config.Store(config)
	return config, nil
}

// rawConfig reads an image's configuration as it is.
func (s *Service) rawConfig(ctx context.Context, r *record) ([]byte, error) {
	return s.blob(ctx, ocispec.Descriptor{Digest: digest.Digest(r.id), Size: r.configSize})
}

// blob reads a small blob whole.
func (s *Service) blob(ctx context.Context, desc ocispec.Descriptor) ([]byte, error) {
	if desc.Size > maxConfig {
		return nil, fmt.Errorf("blob %s has %d bytes: %w", desc.Digest, desc.Size, errs.ErrInvalid)
	}
	raw, err := ccontent.ReadBlob(content.Context(ctx), s.Store.Content, desc)
	if err != nil {
		return nil, fmt.Errorf("blob %s: %w", desc.Digest, err)
	}
	return raw, nil
}
