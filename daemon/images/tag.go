//go:build linux

package images

import (
	"context"
	"fmt"
	"time"

	"github.com/distribution/reference"
	"github.com/moby/moby/api/types/events"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/cleat-dev/cleat/api/errs"
)

// ParseName reads repository and tag of a request; an empty tag is latest. Errors are errs.ErrInvalid.
func ParseName(repo, tag string) (reference.NamedTagged, error) {
	named, err := reference.ParseNormalizedNamed(repo)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, errs.ErrInvalid)
	}
	if _, ok := named.(reference.Digested); ok {
		return nil, fmt.Errorf("refusing to create a tag with a digest reference: %w", errs.ErrInvalid)
	}
	if tag != "" {
		if named, err = reference.WithTag(reference.TrimNamed(named), tag); err != nil {
			return nil, fmt.Errorf("%w: %w", err, errs.ErrInvalid)
		}
	}
	tagged, ok := reference.TagNameOnly(named).(reference.NamedTagged)
	if !ok {
		return nil, fmt.Errorf("invalid reference format: %w", errs.ErrInvalid)
	}
	if reference.FamiliarName(tagged) == "sha256" { // it could not be told from an ID
		return nil, fmt.Errorf("refusing to create an ambiguous tag using digest algorithm as name: %w", errs.ErrInvalid)
	}
	return tagged, nil
}

// Tag gives an image a name. Without force a name that another image has is errs.ErrConflict; with force it moves.
func (s *Service) Tag(ctx context.Context, ref, repo, tag string, force bool) error {
	named, err := ParseName(repo, tag)
	if err != nil {
		return err
	}
	var id string
	err = s.update(ctx, func(c *change) error {
		r := s.index.find(ref)
		if r == nil {
			return noSuchImage(ref)
		}
		id = r.id
		if old, ok := s.index.names[named.String()]; ok && old.id != id && !force {
			return fmt.Errorf("Conflict: Tag %s is already set to image %s, if you want to replace it, please use -f option: %w", //nolint:staticcheck // the engine's words
				reference.FamiliarString(named), hexOf(old.id), errs.ErrConflict)
		}
		return c.name(named, id, r.manifest)
	})
	if err != nil {
		return err
	}
	s.publish(ctx, events.ActionTag, id, reference.FamiliarString(named))
	return nil
}

// assign names an image that is there or that r adds, and takes the name from whatever had it. digested are further
// names, by digest.
func (s *Service) assign(ctx context.Context, r *record, named reference.NamedTagged, digested reference.Canonical, desc ocispec.Descriptor) error {
	if named != nil || digested != nil {
		r.lastTag = time.Now()
	}
	return s.update(ctx, func(c *change) error {
		if err := c.add(r); err != nil {
			return err
		}
		if named != nil {
			if err := c.name(named, r.id, r.manifest); err != nil {
				return err
			}
		}
		if digested != nil {
			return c.name(digested, r.id, desc)
		}
		return nil
	})
}
