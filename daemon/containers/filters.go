//go:build linux

package containers

import (
	"context"
	"errors"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"

	"github.com/cleat-dev/cleat/api/errs"
)

// listTerms are the filters a list knows.
var listTerms = []string{
	"ancestor", "before", "exited", "expose", "health", "id", "is-task", "isolation", "label", "label!", "name", "network", "publish", "since",
	"status", "volume",
}

// test says whether a container passes.
type test func(r *record) bool

// listFilter makes one test of all parameters of a list.
func (s *Service) listFilter(ctx context.Context, o ListOptions) (func(*ctr, *record) bool, error) {
	for term := range o.Filters {
		if !slices.Contains(listTerms, term) {
			return nil, invalid("invalid filter '%s'", term)
		}
	}
	var tests []test
	all := o.All || o.Limit > 0 || o.Since != "" || o.Before != ""
	for _, status := range o.Filters["status"] {
		if err := container.ValidateContainerState(container.ContainerState(status)); err != nil {
			return nil, invalid("Unrecognised filter value for status: %s", status)
		}
		all = true
	}
	for _, health := range o.Filters["health"] {
		if err := container.ValidateHealthStatus(container.HealthStatus(health)); err != nil {
			return nil, invalid("Unrecognised filter value for health: %s", health)
		}
	}
	if !all {
		tests = append(tests, func(r *record) bool { return r.State.alive() })
	}
	for _, make := range []func() (test, error){
		func() (test, error) { return s.times(o) },
		func() (test, error) { return s.ancestors(ctx, o.Filters["ancestor"]) },
		func() (test, error) { return exits(o.Filters["exited"]) },
		func() (test, error) {
			return ports("publish", o.Filters["publish"], func(r *record) network.PortSet { return publishedSet(r) })
		},
		func() (test, error) { return ports("expose", o.Filters["expose"], exposedSet) },
		func() (test, error) { return tasks(o.Filters["is-task"]) },
		func() (test, error) { return words(o.Filters), nil },
	} {
		t, err := make()
		if err != nil {
			return nil, err
		}
		if t != nil {
			tests = append(tests, t)
		}
	}
	status := o.Filters["status"]
	return func(c *ctr, r *record) bool {
		if len(status) > 0 {
			now := r.State.status()
			if c.isRemoving() {
				now = container.StateRemoving
			}
			if !slices.Contains(status, string(now)) {
				return false
			}
		}
		return passes(tests, r)
	}, nil
}

func passes(tests []test, r *record) bool {
	for _, t := range tests {
		if !t(r) {
			return false
		}
	}
	return true
}

// times are since and before, as parameters and as filters.
func (s *Service) times(o ListOptions) (test, error) {
	var after, before time.Time
	for _, bound := range []struct {
		refs   []string
		narrow func(t time.Time)
	}{
		{append(slices.Clone(o.Filters["since"]), o.Since), func(t time.Time) {
			if t.After(after) {
				after = t
			}
		}},
		{append(slices.Clone(o.Filters["before"]), o.Before), func(t time.Time) {
			if before.IsZero() || t.Before(before) {
				before = t
			}
		}},
	} {
		for _, ref := range bound.refs {
			if ref == "" {
				continue
			}
			c, err := s.index.find(ref)
			if err != nil {
				return nil, err
			}
			bound.narrow(c.record().Created)
		}
	}
	if after.IsZero() && before.IsZero() {
		return nil, nil
	}
	return func(r *record) bool { return r.Created.After(after) && (before.IsZero() || r.Created.Before(before)) }, nil
}

// ancestors passes containers whose image is one of those named, or was built on one.
func (s *Service) ancestors(ctx context.Context, refs []string) (test, error) {
	if len(refs) == 0 {
		return nil, nil
	}
	wanted := map[string]bool{}
	for _, ref := range refs {
		image, err := s.images.Resolve(ctx, ref)
		if errors.Is(err, errs.ErrNotFound) {
			continue // no container can have it
		}
		if err != nil {
			return nil, err
		}
		wanted[image.ID] = true
	}
	known := map[string]bool{}
	return func(r *record) bool {
		if yes, ok := known[r.ImageID]; ok {
			return yes
		}
		yes := false
		for id := r.ImageID; id != "" && !yes; {
			if yes = wanted[id]; !yes {
				image, err := s.images.Resolve(ctx, id)
				if err != nil {
					break
				}
				id = image.Parent
			}
		}
		known[r.ImageID] = yes
		return yes
	}, nil
}

func exits(values []string) (test, error) {
	var codes []int
	for _, v := range values {
		code, err := strconv.Atoi(v)
		if err != nil {
			return nil, invalid("invalid filter 'exited=%s': want a number", v)
		}
		codes = append(codes, code)
	}
	if len(codes) == 0 {
		return nil, nil
	}
	return func(r *record) bool {
		return !r.State.Running && !r.State.StartedAt.IsZero() && slices.Contains(codes, r.State.ExitCode)
	}, nil
}

// ports reads "80", "80/udp", "80-90".
func ports(term string, values []string, of func(*record) network.PortSet) (test, error) {
	wanted := network.PortSet{}
	for _, v := range values {
		ports, err := network.ParsePortRange(v)
		if err != nil {
			return nil, invalid("invalid filter '%s=%s': %v", term, v, err)
		}
		for port := range ports.All() {
			wanted[port] = struct{}{}
		}
	}
	if len(wanted) == 0 {
		return nil, nil
	}
	return func(r *record) bool {
		for port := range of(r) {
			if _, ok := wanted[port]; ok {
				return true
			}
		}
		return false
	}, nil
}

// publishedSet are the host's side of what is published now, and the container's.
func publishedSet(r *record) network.PortSet {
	set := network.PortSet{}
	for port, bindings := range r.Ports {
		for _, b := range bindings {
			set[port] = struct{}{}
			if n, err := strconv.ParseUint(b.HostPort, 10, 16); err == nil {
				if host, ok := network.PortFrom(uint16(n), port.Proto()); ok {
					set[host] = struct{}{}
				}
			}
		}
	}
	return set
}

// tasks: no container of this engine is a task of a swarm.
func tasks(values []string) (test, error) {
	if len(values) == 0 {
		return nil, nil
	}
	want, err := strconv.ParseBool(values[0])
	if err != nil || len(values) > 1 {
		return nil, invalid("invalid filter 'is-task=%s'", strings.Join(values, ","))
	}
	return func(*record) bool { return !want }, nil
}

// words are the filters by text. Values of a term are alternatives, except labels, which must all be there.
func words(filters map[string][]string) test {
	var tests []test
	any := func(term string, has func(r *record, value string) bool) {
		if values := filters[term]; len(values) > 0 {
			tests = append(tests, func(r *record) bool {
				return slices.ContainsFunc(values, func(v string) bool { return has(r, v) })
			})
		}
	}
	any("id", func(r *record, v string) bool { return strings.HasPrefix(r.ID, v) || matches(v, r.ID) })
	any("name", func(r *record, v string) bool { return matches(v, r.Name) || matches(v, "/"+r.Name) })
	any("volume", hasMount)
	any("network", hasNetwork)
	any("isolation", func(_ *record, v string) bool { return container.Isolation(v).IsDefault() })
	any("health", func(r *record, v string) bool { return v == string(r.State.healthStatus()) })
	tests = append(tests, labelTest(filters))
	return func(r *record) bool { return passes(tests, r) }
}

// matches applies a value as the regular expression engines take it for, or as plain text when it is none.
func matches(pattern, text string) bool {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return pattern == text
	}
	return re.MatchString(text)
}

func hasMount(r *record, v string) bool {
	return slices.ContainsFunc(r.Mounts, func(m mountPoint) bool {
		return (m.Name != "" && m.Name == v) || m.Destination == path.Clean(v) || (m.Source != "" && m.Source == v)
	})
}

func hasNetwork(r *record, v string) bool {
	for name, e := range r.Endpoints {
		if name == v || (e.NetworkID != "" && strings.HasPrefix(e.NetworkID, v)) {
			return true
		}
	}
	return false
}

// labelTest is "label" and "label!": KEY or KEY=VALUE.
func labelTest(filters map[string][]string) test {
	has := func(labels map[string]string, want string) bool {
		key, value, exact := strings.Cut(want, "=")
		got, ok := labels[key]
		return ok && (!exact || got == value)
	}
	return func(r *record) bool {
		for _, want := range filters["label"] {
			if !has(r.Config.Labels, want) {
				return false
			}
		}
		for _, not := range filters["label!"] {
			if has(r.Config.Labels, not) {
				return false
			}
		}
		return true
	}
}

// pruneFilter is what of a prune's filters says about one container.
func pruneFilter(filters map[string][]string, now time.Time) (test, error) {
	for _, term := range slices.Sorted(maps.Keys(filters)) {
		if term != "label" && term != "label!" && term != "until" {
			return nil, invalid("invalid filter '%s'", term)
		}
	}
	tests := []test{labelTest(filters)}
	if until := filters["until"]; len(until) > 0 {
		if len(until) > 1 {
			return nil, invalid("more than one until filter specified")
		}
		bound, err := parseTime(until[0], now)
		if err != nil {
			return nil, invalid("invalid filter 'until=%s': %v", until[0], err)
		}
		tests = append(tests, func(r *record) bool { return r.Created.Before(bound) })
	}
	return func(r *record) bool { return passes(tests, r) }, nil
}

// parseTime reads a duration before now, seconds since 1970 with a fraction, or RFC 3339 with parts left out.
func parseTime(text string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(text); err == nil {
		return now.Add(-d), nil
	}
	if t, err := unixTime(text); err == nil {
		return t, nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04", "2006-01-02T15:04Z07:00", "2006-01-02", "2006-01-02Z07:00"} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, invalid("%q is no time: want seconds since 1970, RFC 3339, or a duration as 10m", text)
}

// unixTime reads seconds since 1970, with up to nine digits behind the point.
func unixTime(text string) (time.Time, error) {
	seconds, fraction, _ := strings.Cut(text, ".")
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return time.Time{}, invalid("%q is no time", text)
	}
	nanos := int64(0)
	if fraction != "" {
		if len(fraction) > 9 {
			fraction = fraction[:9]
		}
		u, err := strconv.ParseUint(fraction+strings.Repeat("0", 9-len(fraction)), 10, 32)
		if err != nil {
			return time.Time{}, invalid("%q is no time", text)
		}
		nanos = int64(u)
	}
	return time.Unix(n, nanos), nil
}
