//go:build linux

package images

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/distribution/reference"
	"github.com/moby/moby/api/types/image"

	"github.com/cleat-dev/cleat/api/errs"
)

// ListOptions select images (remote-api-v1.18, "List Images").
type ListOptions = struct {
	// All includes the images without name that others were built on.
	All bool
	// Filters are dangling, label, before, since, reference and until.
	Filters map[string][]string
	// SharedSize has the size computed that each image shares with others.
	SharedSize bool
}

var listFilters = []string{"dangling", "label", "label!", "before", "since", "reference", "until"}

// listed is an image with its names, as a list goes through them.
type listed struct {
	*record
	names    []reference.Named
	children int
}

// List returns the images, the newest first.
func (s *Service) List(ctx context.Context, o ListOptions) ([]image.Summary, error) {
	f, err := s.filter(o.Filters, listFilters)
	if err != nil {
		return nil, err
	}
	all := s.snapshot()
	list := make([]image.Summary, 0, len(all))
	for _, l := range all {
		if len(l.names) == 0 && !o.All && (l.children > 0 || f.dangling == no) {
			continue
		}
		if ok, err := f.match(ctx, s, &l); err != nil {
			return nil, err
		} else if !ok {
			continue
		}
		config, err := s.config(ctx, l.record)
		if isNotFound(err) { // removed meanwhile
			continue
		}
		if err != nil {
			return nil, err
		}
		summary := image.Summary{ID: l.id, ParentID: l.parent, Created: seconds(l.created), Labels: maps.Clone(config.Config.Labels), Size: l.size, SharedSize: -1, Containers: -1}
		summary.RepoTags, summary.RepoDigests = split(l.names)
		list = append(list, summary)
	}
	if o.SharedSize {
		if err := s.shared(ctx, list); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// seconds is a time in seconds; 0 for one that is not known.
func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// snapshot returns all images as they are now, the newest first.
func (s *Service) snapshot() []listed {
	s.mu.RLock()
	all := make([]listed, 0, len(s.index.images))
	for id, r := range s.index.images {
		all = append(all, listed{record: r, names: s.index.namesOf(id), children: len(s.index.children[id])})
	}
	s.mu.RUnlock()
	slices.SortFunc(all, func(a, b listed) int {
		if c := b.created.Compare(a.created); c != 0 {
			return c
		}
		return strings.Compare(a.id, b.id)
	})
	return all
}

// shared fills in what images have in common.
func (s *Service) shared(ctx context.Context, list []image.Summary) error {
	uses := map[string]int{}
	sizes := make([]map[string]int64, len(list))
	for n := range list {
		r := s.lookup(list[n].ID)
		if r == nil {
			continue
		}
		layers, err := s.layers(ctx, r)
		if err != nil {
			return err
		}
		sizes[n] = map[string]int64{}
		for _, layer := range layers {
			uses[layer.ChainID.String()]++
			sizes[n][layer.ChainID.String()] = layer.Size
		}
	}
	for n := range list {
		list[n].SharedSize = 0
		for chain, size := range sizes[n] {
			if uses[chain] > 1 {
				list[n].SharedSize += size
			}
		}
	}
	return nil
}

type tristate int

const (
	either tristate = iota
	yes
	no
)

// filter is what a query asks of an image.
type filter struct {
	dangling              tristate
	labels, without       []string
	references            []string
	before, since, oldest time.Time
}

// filter reads the filters of a query.
func (s *Service) filter(given map[string][]string, known []string) (*filter, error) {
	f := &filter{labels: given["label"], without: given["label!"], references: given["reference"]}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("invalid filter '%s': %w", name, errs.ErrInvalid)
		}
	}
	for _, value := range given["dangling"] {
		switch strings.ToLower(value) {
		case "1", "true":
			f.dangling = yes
		case "0", "false":
			f.dangling = no
		default:
			return nil, fmt.Errorf("invalid filter 'dangling=[%s]': %w", value, errs.ErrInvalid)
		}
	}
	for _, pattern := range f.references {
		if _, err := path.Match(pattern, ""); err != nil {
			return nil, fmt.Errorf("invalid filter 'reference=%s': %w: %w", pattern, err, errs.ErrInvalid)
		}
	}
	for _, until := range given["until"] {
		t, err := readUntil(until, time.Now())
		if err != nil {
			return nil, err
		}
		f.oldest = t
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for name, at := range map[string]*time.Time{"before": &f.before, "since": &f.since} {
		for _, ref := range given[name] {
			r := s.index.find(ref)
			if r == nil {
				return nil, noSuchImage(ref)
			}
			*at = r.created
		}
	}
	return f, nil
}

// match reports whether an image is one that is asked for. A filter for references leaves only those names.
func (f *filter) match(ctx context.Context, s *Service, l *listed) (bool, error) {
	tags, _ := split(l.names)
	if f.dangling == yes && (len(tags) > 0 || l.children > 0) || f.dangling == no && len(l.names) == 0 {
		return false, nil
	}
	if !f.before.IsZero() && !l.created.Before(f.before) || !f.since.IsZero() && !l.created.After(f.since) ||
		!f.oldest.IsZero() && !l.created.Before(f.oldest) {
		return false, nil
	}
	if len(f.references) > 0 {
		l.names = slices.DeleteFunc(l.names, func(named reference.Named) bool { return !f.named(named) })
		if len(l.names) == 0 {
			return false, nil
		}
	}
	if len(f.labels) == 0 && len(f.without) == 0 {
		return true, nil
	}
	config, err := s.config(ctx, l.record)
	if err != nil {
		return false, err
	}
	has := func(want string) bool {
		key, value, exact := strings.Cut(want, "=")
		got, ok := config.Config.Labels[key]
		return ok && (!exact || got == value)
	}
	for _, want := range f.labels {
		if !has(want) {
			return false, nil
		}
	}
	return !slices.ContainsFunc(f.without, has), nil
}

func (f *filter) named(named reference.Named) bool {
	return slices.ContainsFunc(f.references, func(pattern string) bool {
		ok, err := reference.FamiliarMatch(pattern, named)
		return ok && err == nil
	})
}

// readUntil reads a time of the filter until: a duration before now, seconds of Unix, or a date.
func readUntil(s string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(s); err == nil {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02Z07:00", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, s, time.UTC); err == nil {
			return t, nil
		}
	}
	var seconds, nanoseconds int64
	if n, _ := fmt.Sscanf(s, "%d.%d", &seconds, &nanoseconds); n > 0 {
		return time.Unix(seconds, nanoseconds), nil
	}
	return time.Time{}, fmt.Errorf("invalid filter 'until=%s': %w", s, errs.ErrInvalid)
}
