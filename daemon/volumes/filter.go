//go:build linux

package volumes

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/api/types/volume"

	"github.com/cleat-dev/cleat/api/errs"
)

// check refuses filters that are not known.
func check(filters map[string][]string, known ...string) error {
	for term := range filters {
		if !slices.Contains(known, term) {
			return fmt.Errorf("invalid filter '%s': %w", term, errs.ErrInvalid)
		}
	}
	return nil
}

// flag reads a filter that is on or off. set is false without it.
func flag(filters map[string][]string, term string) (on, set bool, err error) {
	for i, value := range filters[term] {
		v, err := strconv.ParseBool(value)
		if err != nil || i > 0 && v != on {
			return false, false, fmt.Errorf("invalid filter '%s=%s': %w", term, value, errs.ErrInvalid)
		}
		on = v
	}
	return on, len(filters[term]) > 0, nil
}

// listFilter makes a test of the filters of a list. Values of one filter are alternatives, labels are all needed.
func listFilter(filters map[string][]string) (func(*record) bool, error) {
	if err := check(filters, "name", "label", "driver", "dangling"); err != nil {
		return nil, err
	}
	dangling, asked, err := flag(filters, "dangling")
	if err != nil {
		return nil, err
	}
	names := make([]func(string) bool, 0, len(filters["name"]))
	for _, pattern := range filters["name"] {
		names = append(names, nameTest(pattern))
	}
	drivers := filters["driver"]
	return func(r *record) bool {
		switch {
		case asked && dangling != (len(r.Users) == 0):
			return false
		case len(drivers) > 0 && !slices.Contains(drivers, localDriver):
			return false
		case len(names) > 0 && !slices.ContainsFunc(names, func(test func(string) bool) bool { return test(r.Name) }):
			return false
		}
		return hasLabels(r, filters["label"])
	}, nil
}

// nameTest matches a name as engines do: by regular expression anywhere in it, else by equality.
func nameTest(pattern string) func(string) bool {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return func(name string) bool { return name == pattern }
	}
	return func(name string) bool { return name == pattern || re.MatchString(name) }
}

// hasLabels reports whether a volume has all labels: "key" or "key=value".
func hasLabels(r *record, labels []string) bool {
	return !slices.ContainsFunc(labels, func(label string) bool { return !hasLabel(r, label) })
}

func hasLabel(r *record, label string) bool {
	key, want, exact := strings.Cut(label, "=")
	value, ok := r.Labels[key]
	return ok && (!exact || value == want)
}

// Prune removes the volumes no container uses: the anonymous ones, with the filter all=true the named ones too, of
// those that have all label and none of the label! filters. Volumes with options stay, as on other engines: what they
// show is elsewhere, and how to reach it would be forgotten.
func (s *Service) Prune(ctx context.Context, filters map[string][]string) (volume.PruneReport, error) {
	report := volume.PruneReport{VolumesDeleted: []string{}}
	if err := check(filters, "all", "label", "label!"); err != nil {
		return report, err
	}
	everything, _, err := flag(filters, "all")
	if err != nil {
		return report, err
	}
	var problems []error
	for _, r := range s.records() {
		if len(r.Users) > 0 || len(r.Options) > 0 || !everything && !r.isAnonymous() || !hasLabels(r, filters["label"]) ||
			slices.ContainsFunc(filters["label!"], func(label string) bool { return hasLabel(r, label) }) {
			continue
		}
		if ctx.Err() != nil {
			break
		}
		bytes, _ := size(ctx, s.data(r.Name)) // of one that cannot be read nothing is known to be reclaimed
		switch err := s.Remove(ctx, r.Name, false); {
		case err == nil:
			report.VolumesDeleted = append(report.VolumesDeleted, r.Name)
			report.SpaceReclaimed += uint64(bytes)
		case !errors.Is(err, errs.ErrNotFound) && !errors.Is(err, errs.ErrConflict): // somebody was faster
			problems = append(problems, err)
		}
	}
	if len(problems) == 0 {
		s.events.Publish(events.Message{Type: events.VolumeEventType, Action: events.ActionPrune,
			Actor: events.Actor{Attributes: map[string]string{"reclaimed": strconv.FormatUint(report.SpaceReclaimed, 10)}}})
	}
	return report, errors.Join(problems...)
}
