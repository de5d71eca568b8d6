//go:build linux

package images

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/api/types/image"

	"github.com/cleat-dev/cleat/api/errs"
)

var pruneFilters = []string{"dangling", "label", "label!", "until"}

// Prune removes images no container uses: those without tag, or with the filter dangling=false all.
func (s *Service) Prune(ctx context.Context, filters map[string][]string) (image.PruneReport, error) {
	report := image.PruneReport{ImagesDeleted: []image.DeleteResponse{}}
	f, err := s.filter(filters, pruneFilters)
	if err != nil {
		return report, err
	}
	if err := s.Store.Drop(ctx, ""); err != nil { // layers of pulls that were cut
		return report, err
	}
	everything := f.dangling == no
	f.dangling = either
	for _, l := range s.snapshot() {
		if err := ctx.Err(); err != nil {
			return report, err
		}
		if tags, _ := split(l.names); !everything && len(tags) > 0 || len(s.users(l.id)) > 0 || l.children > 0 {
			continue
		}
		if ok, err := f.match(ctx, s, &l); err != nil {
			return report, err
		} else if !ok {
			continue
		}
		gone, err := s.removeWhole(ctx, l)
		if err != nil && !errors.Is(err, errs.ErrNotFound) && !errors.Is(err, errs.ErrConflict) {
			return report, err
		}
		report.ImagesDeleted = append(report.ImagesDeleted, gone...)
		if slices.ContainsFunc(gone, func(d image.DeleteResponse) bool { return d.Deleted == l.id }) {
			report.SpaceReclaimed += uint64(l.size)
		}
	}
	s.Events.Publish(events.Message{Type: events.ImageEventType, Action: events.ActionPrune,
		Actor: events.Actor{Attributes: map[string]string{"reclaimed": strconv.FormatUint(report.SpaceReclaimed, 10)}}})
	return report, nil
}

// removeWhole removes an image name by name.
func (s *Service) removeWhole(ctx context.Context, l listed) ([]image.DeleteResponse, error) {
	if tags, _ := split(l.names); len(tags) == 0 {
		return s.Remove(ctx, l.id, false, false)
	}
	var all []image.DeleteResponse
	tags, _ := split(l.names)
	for _, tag := range tags {
		gone, err := s.Remove(ctx, tag, false, false)
		all = append(all, gone...)
		if err != nil {
			return all, err
		}
	}
	return all, nil
}
