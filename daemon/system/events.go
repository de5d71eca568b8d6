//go:build linux

package system

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/moby/moby/api/types/events"

	"github.com/cleat-dev/cleat/api/errs"
)

// Events returns the messages from since until until that the filters let through (remote-api-v1.18, "Monitor Docker's
// events"). Times are as [ParseTime] reads them, empty for none: without since and until only what happens from now on.
// A malformed time, and an until before since, are errs.ErrInvalid.
func (s *Service) Events(ctx context.Context, since, until string, filters map[string][]string) (iter.Seq[events.Message], error) {
	now := time.Now()
	from, err := ParseTime(since, now)
	if err != nil {
		return nil, fmt.Errorf("since: %w", err)
	}
	to, err := ParseTime(until, now)
	if err != nil {
		return nil, fmt.Errorf("until: %w", err)
	}
	if !from.IsZero() && !to.IsZero() && to.Before(from) {
		return nil, fmt.Errorf("`since` time (%s) cannot be after `until` time (%s): %w", since, until, errs.ErrInvalid)
	}
	return s.cfg.Bus.Subscribe(ctx, from, to, filter(filters).includes), nil
}

// ParseTime reads a point in time: seconds since 1970 with up to nine digits behind the point, RFC 3339 with or without
// zone, or a duration such as 10m, which is that long before now. Empty is the zero time; 0 is not.
func ParseTime(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, ok := parseUnix(text); ok {
		return t, nil
	}
	if d, err := time.ParseDuration(text); err == nil {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04", "2006-01-02Z07:00", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("time %q: want seconds since 1970, RFC 3339 or a duration: %w", text, errs.ErrInvalid)
}

func parseUnix(text string) (time.Time, bool) {
	whole, fraction, point := strings.Cut(text, ".")
	seconds, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || point && strings.Trim(fraction, "0123456789") != "" {
		return time.Time{}, false
	}
	nanos, err := strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
	return time.Unix(seconds, nanos), err == nil
}

// filter holds the values of each term; one of each has to fit.
type filter map[string][]string

// includes reports whether a message passes. Terms it does not know let everything through, as engines do.
func (f filter) includes(m events.Message) bool {
	image := m.Actor.Attributes["image"]
	if m.Type == events.ImageEventType {
		image = m.Actor.Attributes["name"]
	}
	return f.exact("type", string(m.Type)) &&
		f.action(string(m.Action)) &&
		f.exact("scope", m.Scope) &&
		f.named("container", m, events.ContainerEventType) &&
		f.named("network", m, events.NetworkEventType) &&
		f.named("volume", m, events.VolumeEventType) &&
		f.named("daemon", m, events.DaemonEventType) &&
		f.named("plugin", m, events.PluginEventType) &&
		f.image(m, image) &&
		f.labels(m.Actor.Attributes)
}

func (f filter) exact(term, value string) bool {
	return len(f[term]) == 0 || slices.Contains(f[term], value)
}

// action takes exec_create and the like for all of their forms, "exec_create: sh -c …".
func (f filter) action(action string) bool {
	if f.exact("event", action) {
		return true
	}
	kind, _, detailed := strings.Cut(action, ":")
	return detailed && slices.Contains(f["event"], kind)
}

// named compares with id and name of an object of that type; the beginning of either is enough.
func (f filter) named(term string, m events.Message, kind events.Type) bool {
	if len(f[term]) == 0 {
		return true
	}
	return m.Type == kind && slices.ContainsFunc(f[term], func(want string) bool {
		return strings.HasPrefix(m.Actor.ID, want) || strings.HasPrefix(m.Actor.Attributes["name"], strings.TrimPrefix(want, "/"))
	})
}

// image compares with an image's id or name, or with the image a container was made from; the tag may be left out.
func (f filter) image(m events.Message, name string) bool {
	if len(f["image"]) == 0 {
		return true
	}
	if m.Type != events.ImageEventType && m.Type != events.ContainerEventType {
		return false
	}
	for _, candidate := range []string{m.Actor.ID, strings.TrimPrefix(m.Actor.ID, "sha256:"), name, strings.TrimPrefix(name, "sha256:"), untagged(name), untagged(m.Actor.ID)} {
		if candidate != "" && slices.Contains(f["image"], candidate) {
			return true
		}
	}
	return false
}

// untagged is a reference without tag and digest.
func untagged(ref string) string {
	ref, _, _ = strings.Cut(ref, "@")
	if colon := strings.LastIndexByte(ref, ':'); colon > strings.LastIndexByte(ref, '/') {
		return ref[:colon]
	}
	return ref
}

// labels wants all of them, as KEY or KEY=VALUE. An event's attributes are the object's labels among others.
func (f filter) labels(attributes map[string]string) bool {
	for _, label := range f["label"] {
		key, want, valued := strings.Cut(label, "=")
		if got, ok := attributes[key]; !ok || valued && got != want {
			return false
		}
	}
	return true
}
