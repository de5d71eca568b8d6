//go:build linux

package containers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"

	"github.com/cleat-dev/cleat/api/errs"
)

// ListOptions are the parameters of "List containers".
type ListOptions = struct {
	// All includes containers that do not run; Limit > 0 does too, and bounds the number: the newest.
	All   bool
	Limit int
	// Since and Before name containers: only those made after, or before; they include what does not run.
	Since, Before string
	// Size adds what the file systems take.
	Size bool
	// Filters by term.
	Filters map[string][]string
}

// List is "List containers", newest first.
func (s *Service) List(ctx context.Context, o ListOptions) ([]container.Summary, error) {
	match, err := s.listFilter(ctx, o)
	if err != nil {
		return nil, err
	}
	all := s.index.all()
	parents := s.parentsOf(all)
	names := &displayNames{ctx: ctx, images: s.images, known: map[string]string{}}
	out := []container.Summary{}
	now := time.Now()
	for _, c := range slices.Backward(all) {
		if o.Limit > 0 && len(out) == o.Limit {
			break
		}
		r := c.record()
		if !match(c, r) {
			continue
		}
		row := summary(r, now)
		row.Image = names.of(r)
		row.Names = append(row.Names, parents[r.ID]...)
		if c.isRemoving() {
			row.State, row.Status = container.StateRemoving, "Removal In Progress"
		}
		if o.Size {
			row.SizeRw, row.SizeRootFs, err = s.layers.Size(ctx, r.ID)
			switch {
			case errors.Is(err, errs.ErrNotFound) && (c.isRemoving() || c.isGone()): // removed while we look
				continue
			case errors.Is(err, errs.ErrNotFound): // its layer is being made
			case err != nil:
				return nil, fmt.Errorf("size of container %s: %w", short(r.ID), err)
			}
		}
		out = append(out, row)
	}
	return out, nil
}

// parentsOf are the names "/parent/alias" that links give to containers.
func (s *Service) parentsOf(all []*ctr) map[string][]string {
	out := map[string][]string{}
	for _, c := range all {
		r := c.record()
		for _, l := range r.Links {
			out[l.ID] = append(out[l.ID], "/"+r.Name+"/"+l.Alias)
		}
	}
	return out
}

// summary is a row of the list without image name.
func summary(r *record, now time.Time) container.Summary {
	row := container.Summary{
		ID: r.ID, Names: []string{"/" + r.Name}, ImageID: r.ImageID, Command: commandLine(r), Created: r.Created.Unix(), Ports: portsAPI(r.Ports),
		Labels: r.Config.Labels, State: r.State.status(), Status: r.State.text(now), Mounts: mountsAPI(r),
		NetworkSettings: &container.NetworkSettingsSummary{Networks: map[string]*network.EndpointSettings{}},
	}
	if row.Labels == nil {
		row.Labels = map[string]string{}
	}
	row.HostConfig.NetworkMode, row.HostConfig.Annotations = string(r.Host.NetworkMode), r.Host.Annotations
	for name, e := range r.Endpoints { // records are never changed: no copy
		row.NetworkSettings.Networks[name] = e
	}
	return row
}

// commandLine is program and arguments in one line.
func commandLine(r *record) string {
	if len(r.Args) == 0 {
		return r.Path
	}
	var b strings.Builder
	b.WriteString(r.Path)
	for _, arg := range r.Args {
		b.WriteByte(' ')
		if strings.Contains(arg, " ") {
			b.WriteString("'" + arg + "'")
		} else {
			b.WriteString(arg)
		}
	}
	return b.String()
}

// text is the state for people: "Up 3 seconds", "Exited (0) 2 minutes ago".
func (s *state) text(now time.Time) string {
	ago := func(t time.Time) string { return units.HumanDuration(max(now.Sub(t), 0)) }
	switch s.status() {
	case container.StatePaused:
		return "Up " + ago(s.StartedAt) + " (Paused)"
	case container.StateRunning:
		return "Up " + ago(s.StartedAt) + s.healthText()
	case container.StateRestarting:
		return "Restarting (" + strconv.Itoa(s.ExitCode) + ") " + ago(s.FinishedAt) + " ago"
	case container.StateDead:
		return "Dead"
	case container.StateCreated:
		return "Created"
	default:
		if s.FinishedAt.IsZero() {
			return ""
		}
		return "Exited (" + strconv.Itoa(s.ExitCode) + ") " + ago(s.FinishedAt) + " ago"
	}
}

// portsAPI are the ports of a list's row, sorted.
func portsAPI(ports network.PortMap) []container.PortSummary {
	out := make([]container.PortSummary, 0, len(ports))
	for port, bindings := range ports {
		if len(bindings) == 0 {
			out = append(out, container.PortSummary{PrivatePort: port.Num(), Type: string(port.Proto())})
		}
		for _, b := range bindings {
			host, err := strconv.ParseUint(b.HostPort, 10, 16)
			if err != nil {
				continue
			}
			out = append(out, container.PortSummary{IP: b.HostIP, PrivatePort: port.Num(), PublicPort: uint16(host), Type: string(port.Proto())})
		}
	}
	slices.SortFunc(out, func(a, b container.PortSummary) int {
		return cmp.Or(cmp.Compare(a.PrivatePort, b.PrivatePort), cmp.Compare(a.Type, b.Type), cmp.Compare(a.PublicPort, b.PublicPort), a.IP.Compare(b.IP))
	})
	return out
}
