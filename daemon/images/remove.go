//go:build linux

package images

import (
	"context"
	"fmt"
	"strings"

	"github.com/distribution/reference"
	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/api/types/image"
	"github.com/opencontainers/go-digest"

	"github.com/cleat-dev/cleat/api/errs"
)

// removal is one call of Remove.
type removal struct {
	s       *Service
	force   bool
	answer  []image.DeleteResponse
	publish []func(context.Context)
}

// Remove removes a name of an image, and the image with its last name; with the ID it removes the image if all its
// names are of one repository (remote-api-v1.18, "Remove an image"). Parents that nothing needs any more go too unless
// noprune. force also removes what stopped containers were made of, and all names. What cannot be is errs.ErrConflict.
func (s *Service) Remove(ctx context.Context, ref string, force, noprune bool) ([]image.DeleteResponse, error) {
	d := &removal{s: s, force: force, answer: []image.DeleteResponse{}}
	s.mu.RLock()
	r := s.index.find(ref)
	s.mu.RUnlock()
	if r == nil {
		return nil, noSuchImage(ref)
	}
	byID := isPrefixOf(ref, r.id)
	done, err := d.names(ctx, ref, r.id, byID)
	if err != nil || done {
		d.tell(ctx)
		return d.answer, err
	}
	err = d.image(ctx, r.id, !noprune, !byID)
	d.tell(ctx)
	return d.answer, err
}

func (d *removal) tell(ctx context.Context) {
	for _, publish := range d.publish {
		publish(context.WithoutCancel(ctx))
	}
	if len(d.publish) > 0 {
		d.s.Store.Collect()
	}
}

func isPrefixOf(ref, id string) bool {
	return strings.HasPrefix(id, ref) || strings.HasPrefix(hexOf(id), ref)
}

// names removes the names that are meant, and reports whether that was all there is to do.
func (d *removal) names(ctx context.Context, ref, id string, byID bool) (done bool, err error) {
	err = d.s.update(ctx, func(c *change) error {
		names := d.s.index.namesOf(id)
		if byID {
			if !oneRepository(names) {
				return nil // whether force is enough is for image to say
			}
			if err := d.conflict(id, len(names) > 0); err != nil {
				return err
			}
			return d.unname(c, id, names)
		}
		if users := d.s.users(id); !d.force && oneRepository(names) && len(users) > 0 {
			return fmt.Errorf("conflict: unable to remove repository reference %q (must force) - container %s is using its referenced image %s: %w",
				familiar(ref), short(users[0].ID), short(id), errs.ErrConflict)
		}
		gone, left := pick(ref, names)
		done = len(left) > 0
		return d.unname(c, id, gone)
	})
	return done, err
}

// familiar is a reference as it stands in messages.
func familiar(ref string) string {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return ref
	}
	return reference.FamiliarString(reference.TagNameOnly(named))
}

// pick separates what a reference names from the other names. With the last tag of a repository its digests go.
func pick(ref string, names []reference.Named) (gone, left []reference.Named) {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return nil, names
	}
	named = reference.TagNameOnly(named)
	full := named.String()
	if digested, ok := named.(reference.Digested); ok {
		if pinned, err := reference.WithDigest(reference.TrimNamed(named), digested.Digest()); err == nil {
			full = pinned.String()
		}
	}
	tags := 0
	_, byDigest := named.(reference.Digested)
	for _, n := range names {
		if _, ok := n.(reference.Canonical); !ok && n.Name() == named.Name() && n.String() != full {
			tags++
		}
	}
	for _, n := range names {
		_, canonical := n.(reference.Canonical)
		if n.String() == full || canonical && !byDigest && tags == 0 && n.Name() == named.Name() {
			gone = append(gone, n)
		} else {
			left = append(left, n)
		}
	}
	return gone, left
}

// unname removes names and notes it, the tags before the digests.
func (d *removal) unname(c *change, id string, names []reference.Named) error {
	for _, digests := range []bool{false, true} {
		for _, named := range names {
			if _, canonical := named.(reference.Canonical); canonical != digests {
				continue
			}
			if err := c.unname(named); err != nil {
				return err
			}
			d.answer = append(d.answer, image.DeleteResponse{Untagged: reference.FamiliarString(named)})
			d.publish = append(d.publish, func(ctx context.Context) { d.s.publish(ctx, events.ActionUnTag, id, id) })
		}
	}
	return nil
}

// oneRepository reports whether an image has at most one tag, and digests of its repository alone.
func oneRepository(names []reference.Named) bool {
	if len(names) <= 1 {
		return true
	}
	repositories, tags := map[string]bool{}, 0
	for _, named := range names {
		repositories[named.Name()] = true
		if _, ok := named.(reference.Canonical); !ok {
			tags++
		}
	}
	return len(repositories) == 1 && tags <= 1
}

// image removes an image without names, and then the parents that were only there for it. Quiet is for what follows
// from a request that succeeded: what still needs the image is then no error.
func (d *removal) image(ctx context.Context, id string, prune, quiet bool) error {
	for next := id; next != ""; {
		id, parent := next, "" // of this round: the events come later
		err := d.s.update(ctx, func(c *change) error {
			r := d.s.index.images[id]
			if r == nil {
				return nil
			}
			if err := d.conflict(id, false); err != nil {
				return err
			}
			if names := d.s.index.namesOf(id); len(names) > 0 { // forced
				if err := d.unname(c, id, names); err != nil {
					return err
				}
			}
			parent = r.parent
			d.publish = append(d.publish, func(ctx context.Context) { d.s.publish(ctx, events.ActionDelete, id, id) })
			d.answer = append(d.answer, image.DeleteResponse{Deleted: id})
			for _, chain := range d.s.unused(ctx, r) {
				d.answer = append(d.answer, image.DeleteResponse{Deleted: chain.String()})
			}
			return c.remove(id)
		})
		if err != nil {
			if quiet {
				return nil
			}
			return err
		}
		if !prune {
			return nil
		}
		next, quiet = parent, true
		d.force = false
	}
	return nil
}

// conflict says why an image cannot be removed. With named it is about to lose its names.
func (d *removal) conflict(id string, named bool) error {
	refuse := func(how, why string) error {
		return fmt.Errorf("conflict: unable to delete %s (%s) - %s: %w", short(id), how, why, errs.ErrConflict)
	}
	if len(d.s.index.children[id]) > 0 {
		return refuse("cannot be forced", "image has dependent child images")
	}
	if d.s.Users != nil && d.s.Users.Building(id) {
		return refuse("cannot be forced", "image is being used by a running build")
	}
	users := d.s.users(id)
	for _, u := range users {
		if u.Running {
			return refuse("cannot be forced", "image is being used by running container "+short(u.ID))
		}
	}
	if d.force {
		return nil
	}
	if !named && len(d.s.index.of[id]) > 0 {
		return refuse("must be forced", "image is referenced in multiple repositories")
	}
	if len(users) > 0 {
		return refuse("must be forced", "image is being used by stopped container "+short(users[0].ID))
	}
	return nil
}

// unused returns the chains that go with an image, the top first: those no other image and no container stands on.
func (s *Service) unused(ctx context.Context, r *record) []digest.Digest {
	if s.index.chains[r.chain] > 1 || r.chain == "" {
		return nil
	}
	config, err := s.config(ctx, r)
	if err != nil { // damaged: it is being removed all the same
		return nil
	}
	needed := map[digest.Digest]bool{}
	for chain := range s.Layers.Uses() {
		needed[chain] = true
	}
	for id, other := range s.index.images {
		if id == r.id {
			continue
		}
		config, err := s.config(ctx, other)
		if err != nil {
			return nil
		}
		for _, chain := range chains(config.RootFS.DiffIDs) {
			needed[chain] = true
		}
	}
	all := chains(config.RootFS.DiffIDs)
	var gone []digest.Digest
	for n := len(all) - 1; n >= 0 && !needed[all[n]]; n-- {
		gone = append(gone, all[n])
	}
	return gone
}
