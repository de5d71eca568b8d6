//go:build linux

package networks

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/moby/moby/api/types/network"

	"github.com/cleat-dev/cleat/api/errs"
)

// listFilter returns the test that the filters of a list are: all terms have to hold, one value of each is enough.
func listFilter(filters map[string][]string) (func(network.Inspect) bool, error) {
	tests := map[string]func(n network.Inspect, value string) bool{
		"driver": func(n network.Inspect, v string) bool { return n.Driver == v },
		"scope":  func(n network.Inspect, v string) bool { return n.Scope == v },
		"id":     func(n network.Inspect, v string) bool { return like(n.ID, v) },
		"name":   func(n network.Inspect, v string) bool { return like(n.Name, v) },
		"label":  func(n network.Inspect, v string) bool { return labelled(n.Labels, v) },
		"type":   func(n network.Inspect, v string) bool { return (v == "builtin") == predefined(n.Name) },
		"dangling": func(n network.Inspect, v string) bool {
			return truth(v) == (!predefined(n.Name) && len(n.Containers) == 0)
		},
	}
	for term, values := range filters {
		if tests[term] == nil {
			return nil, fmt.Errorf("invalid filter '%s': %w", term, errs.ErrInvalid)
		}
		for _, v := range values {
			_, err := strconv.ParseBool(v)
			if term == "dangling" && err != nil || term == "type" && v != "builtin" && v != "custom" {
				return nil, fmt.Errorf("invalid filter '%s=%s': %w", term, v, errs.ErrInvalid)
			}
		}
	}
	return func(n network.Inspect) bool {
		for term, values := range filters {
			holds := func(v string) bool { return tests[term](n, v) }
			switch {
			case len(values) == 0:
			case term == "label": // all of them
				if slices.ContainsFunc(values, func(v string) bool { return !holds(v) }) {
					return false
				}
			case !slices.ContainsFunc(values, holds):
				return false
			}
		}
		return true
	}, nil
}

// truth is a value that was checked.
func truth(v string) bool {
	b, _ := strconv.ParseBool(v)
	return b
}

// like reports whether a value is a part of s, or a regular expression that matches in it.
func like(s, value string) bool {
	if strings.Contains(s, value) {
		return true
	}
	form, err := regexp.Compile(value)
	return err == nil && form.MatchString(s)
}

// labelled reports whether labels have key, or key=value.
func labelled(labels map[string]string, want string) bool {
	key, value, whole := strings.Cut(want, "=")
	has, ok := labels[key]
	return ok && (!whole || has == value)
}

// pruneFilter returns the test that the filters of a prune are: until, label, and label!, of which all have to hold.
func pruneFilter(filters map[string][]string, now time.Time) (func(network.Network) bool, error) {
	var until time.Time
	for term, values := range filters {
		switch term {
		case "label", "label!":
		case "until":
			if len(values) != 1 {
				return nil, fmt.Errorf("more than one until filter specified: %w", errs.ErrInvalid)
			}
			var err error
			if until, err = moment(values[0], now); err != nil {
				return nil, err
			}
		default:
			return nil, fmt.Errorf("invalid filter '%s': %w", term, errs.ErrInvalid)
		}
	}
	return func(n network.Network) bool {
		if !until.IsZero() && !n.Created.Before(until) {
			return false
		}
		for _, v := range filters["label"] {
			if !labelled(n.Labels, v) {
				return false
			}
		}
		for _, v := range filters["label!"] {
			if labelled(n.Labels, v) {
				return false
			}
		}
		return true
	}, nil
}

// moment reads a point in time: a duration before now, seconds since 1970, or a date with or without time and zone.
func moment(value string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(value); err == nil {
		return now.Add(-d), nil
	}
	if seconds, err := strconv.ParseFloat(value, 64); err == nil && seconds >= 0 && seconds < 1<<40 {
		return time.Unix(0, int64(seconds*float64(time.Second))), nil
	}
	for _, form := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04", "2006-01-02Z07:00", "2006-01-02"} {
		if t, err := time.Parse(form, value); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("invalid filter 'until=%s': want a duration, seconds or a date: %w", value, errs.ErrInvalid)
}
