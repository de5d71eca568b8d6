//go:build linux

package builds

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"

	"github.com/cleat-dev/cleat/api/errs"
)

// source is an image given in cachefrom. Its history is compared, because an image that was pulled has no parents.
type source struct {
	image     Image
	ancestors map[string]bool // the image and those it is built on
}

// openSources finds the images of cachefrom. Those that are not there are passed over, as engines do.
func (b *build) openSources(ctx context.Context) error {
	if b.o.NoCache {
		return nil
	}
	for _, ref := range b.o.CacheFrom {
		found, err := b.s.Images.Resolve(ctx, ref)
		if errors.Is(err, errs.ErrNotFound) || errors.Is(err, errs.ErrInvalid) {
			continue
		}
		if err != nil {
			return err //nolint:wrapcheck // it names the image
		}
		src := source{image: found, ancestors: map[string]bool{}}
		for at := found; ; {
			src.ancestors[at.ID] = true
			if at.Parent == "" || src.ancestors[at.Parent] {
				break
			}
			if at, err = b.s.Images.Resolve(ctx, at.Parent); err != nil {
				break // the parent was removed: so far, then
			}
		}
		b.sources = append(b.sources, src)
	}
	return nil
}

// trusted reports whether a cached image may be used: with cachefrom, only what the sources are built on.
func (b *build) trusted(id string) bool {
	if len(b.o.CacheFrom) == 0 {
		return true
	}
	return slices.ContainsFunc(b.sources, func(s source) bool { return s.ancestors[id] })
}

// fromSources looks for a step in the histories of the sources: one that begins with that of the stage's image and goes
// on with the step's command. The image that the source was after that step is made again.
func (b *build) fromSources(ctx context.Context, key string, command []string) (Image, bool, error) {
	if len(b.sources) == 0 {
		return Image{}, false, nil
	}
	s := b.current
	var parent Image
	if s.id != "" {
		var err error
		if parent, err = b.s.Images.Resolve(ctx, s.id); err != nil {
			return Image{}, false, err //nolint:wrapcheck // it names the image
		}
	}
	for _, src := range b.sources {
		if !s.continues(&src.image, &parent, strings.Join(command, " ")) {
			continue
		}
		if len(src.image.Config.History) == len(parent.Config.History)+1 {
			return src.image, true, nil
		}
		n, ok := stepOf(&src.image, &parent)
		if !ok {
			continue
		}
		if err := b.make(ctx, key, n); err != nil {
			return Image{}, false, err
		}
		return Image{ID: s.id, Parent: parent.ID, ChainID: s.chain}, true, nil
	}
	return Image{}, false, nil
}

// continues reports whether an image was built on parent with that command as the next step. What the base image brought
// must be the very same; steps of this build were made at another time, on the same layers with the same commands.
func (s *stage) continues(i, parent *Image, command string) bool {
	before, layers := parent.Config.History, parent.Config.RootFS.DiffIDs
	if len(i.Config.History) <= len(before) || len(i.Config.RootFS.DiffIDs) < len(layers) {
		return false
	}
	for n := range before {
		theirs, ours := i.Config.History[n], before[n]
		if n >= s.baseSteps {
			theirs.Created, ours.Created = nil, nil
		}
		if !reflect.DeepEqual(theirs, ours) {
			return false
		}
	}
	return slices.Equal(i.Config.RootFS.DiffIDs[:len(layers)], layers) && i.Config.History[len(before)].CreatedBy == command
}

// stepOf is what the step after parent did in an image: its layer, if it made one.
func stepOf(i, parent *Image) (NewImage, bool) {
	h := i.Config.History[len(parent.Config.History)]
	n := NewImage{CreatedBy: h.CreatedBy, Comment: h.Comment}
	if h.EmptyLayer {
		return n, true
	}
	at := len(parent.Config.RootFS.DiffIDs)
	if at >= len(i.Config.RootFS.DiffIDs) || len(i.Layers) != len(i.Config.RootFS.DiffIDs) {
		return n, false
	}
	n.Layer, n.DiffID = &i.Layers[at], i.Config.RootFS.DiffIDs[at]
	return n, true
}
