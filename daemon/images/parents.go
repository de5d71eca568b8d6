//go:build linux

package images

import (
	"context"
	"slices"

	"github.com/opencontainers/go-digest"
)

// linkParents notes in an archive's table which of its images was built on which other of it.
func (a *saver) linkParents(selection []*saved) {
	for i, image := range selection {
		r := a.s.lookup(image.id)
		if r != nil && r.parent != "" && slices.ContainsFunc(selection, func(other *saved) bool { return other.id == r.parent }) {
			a.items[i].Parent = r.parent
		}
	}
}

// tabled is an image of manifest.json with its configuration.
type tabled struct {
	manifestItem
	id  string
	raw []byte
}

// configs reads the configurations of all images of a table.
func (l *loader) configs(ctx context.Context, items []manifestItem) ([]tabled, error) {
	all := make([]tabled, 0, len(items))
	for _, item := range items {
		raw, err := l.content(ctx, item.Config, maxConfig)
		if err != nil {
			return nil, err
		}
		all = append(all, tabled{item, digest.FromBytes(raw).String(), raw})
	}
	return all, nil
}

// parentsFirst returns images in an order in which each comes after the one it says it was built on. A parent that is not
// in the archive, or whose layers the image does not begin with, is none.
func parentsFirst(all []tabled) []tabled {
	out := make([]tabled, 0, len(all))
	var add func(image tabled, above []string)
	add = func(image tabled, above []string) {
		if slices.ContainsFunc(out, func(done tabled) bool { return done.id == image.id && slices.Equal(done.RepoTags, image.RepoTags) }) {
			return
		}
		at := slices.IndexFunc(all, func(other tabled) bool { return other.id == image.Parent })
		if at < 0 || slices.Contains(above, image.Parent) || !builtOn(image, all[at]) {
			image.Parent = ""
		} else {
			add(all[at], append(above, image.id))
		}
		out = append(out, image)
	}
	for _, image := range all {
		add(image, []string{image.id})
	}
	return out
}

// builtOn reports whether an image's layers begin with those of another.
func builtOn(image, below tabled) bool {
	config, err := readConfig(image.raw, len(image.Layers))
	other, err2 := readConfig(below.raw, len(below.Layers))
	if err != nil || err2 != nil { // said when it is its turn
		return false
	}
	mine, its := config.RootFS.DiffIDs, other.RootFS.DiffIDs
	return len(its) <= len(mine) && slices.Equal(its, mine[:len(its)])
}
