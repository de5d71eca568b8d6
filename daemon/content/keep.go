//go:build linux

package content

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/containerd/containerd/v2/core/leases"
	"github.com/opencontainers/go-digest"

	"github.com/cleat-dev/cleat/api/errs"
)

// keptPrefix begins the ids of leases that outlive the work they are from.
const keptPrefix = "kept-"

// Keep keeps blobs for a time after the work that fetched them was cut short, for whoever does it again: under a name, which
// [Store.Drop] takes. Blobs that are not there are passed over.
func (s *Store) Keep(ctx context.Context, name string, d time.Duration, blobs ...digest.Digest) error {
	err := s.Update(ctx, func(ctx context.Context) error {
		lease := leases.Lease{ID: keptPrefix + name}
		if err := s.Leases.Delete(ctx, lease); err != nil && !errors.Is(err, errs.ErrNotFound) {
			return err
		}
		if _, err := s.Leases.Create(ctx, leases.WithID(lease.ID), leases.WithExpiration(d)); err != nil {
			return err
		}
		for _, blob := range blobs {
			if err := s.Leases.AddResource(ctx, lease, leases.Resource{ID: blob.String(), Type: "content"}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("content: keep %s: %w", name, err)
	}
	return nil
}

// Drop lets go of what [Store.Keep] keeps under a name, "" is everything.
func (s *Store) Drop(ctx context.Context, name string) error {
	ctx = Context(ctx)
	if name != "" {
		if err := s.Leases.Delete(ctx, leases.Lease{ID: keptPrefix + name}); err != nil && !errors.Is(err, errs.ErrNotFound) {
			return fmt.Errorf("content: drop %s: %w", name, err)
		}
		return nil
	}
	dropped, err := s.dropLeases(ctx, func(id string) bool { return strings.HasPrefix(id, keptPrefix) })
	if dropped {
		s.Collect()
	}
	return err
}

// dropLeases removes the leases that match.
func (s *Store) dropLeases(ctx context.Context, match func(id string) bool) (dropped bool, err error) {
	all, err := s.Leases.List(ctx)
	if err != nil {
		return false, fmt.Errorf("content: leases: %w", err)
	}
	for _, lease := range all {
		if !match(lease.ID) {
			continue
		}
		if err := s.Leases.Delete(ctx, lease); err != nil && !errors.Is(err, errs.ErrNotFound) {
			return dropped, fmt.Errorf("content: lease %s: %w", lease.ID, err)
		}
		dropped = true
	}
	return dropped, nil
}
