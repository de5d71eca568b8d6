//go:build linux

package containers

import (
	"maps"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/container"
)

// inherit fills in what a configuration leaves to the one below it: what the client left to the image, or what a commit
// leaves to the container. to and its maps are changed.
func inherit(to, from *container.Config) {
	to.ExposedPorts = union(to.ExposedPorts, from.ExposedPorts)
	to.Labels = union(to.Labels, from.Labels)
	to.Volumes = union(to.Volumes, from.Volumes)
	to.Env = inheritEnv(to.Env, from.Env)
	if len(to.Entrypoint) == 0 {
		if len(to.Cmd) == 0 {
			to.Cmd = from.Cmd
		}
		if to.Entrypoint == nil {
			to.Entrypoint = from.Entrypoint
		}
	}
	if to.Healthcheck == nil {
		to.Healthcheck = from.Healthcheck
	} else if from.Healthcheck != nil {
		to.Healthcheck = inheritHealth(to.Healthcheck, from.Healthcheck)
	}
	to.User = first(to.User, from.User)
	to.WorkingDir = first(to.WorkingDir, from.WorkingDir)
	to.StopSignal = first(to.StopSignal, from.StopSignal)
	if len(to.Shell) == 0 {
		to.Shell = from.Shell
	}
}

// union returns to with the entries of from that it lacks.
func union[K comparable, V any](to, from map[K]V) map[K]V {
	if len(from) == 0 {
		return to
	}
	out := maps.Clone(from)
	maps.Copy(out, to)
	return out
}

// inheritEnv appends the variables of from that to does not mention. A mention without "=" unsets.
func inheritEnv(to, from []string) []string {
	known := make(map[string]bool, len(to))
	for _, v := range to {
		name, _, _ := strings.Cut(v, "=")
		known[name] = true
	}
	out := slices.Clone(to)
	for _, v := range from {
		if name, _, _ := strings.Cut(v, "="); !known[name] {
			out = append(out, v)
		}
	}
	return out
}

func inheritHealth(to, from *container.HealthConfig) *container.HealthConfig {
	out := *to
	if len(out.Test) == 0 {
		out.Test = from.Test
	}
	if out.Interval == 0 {
		out.Interval = from.Interval
	}
	if out.Timeout == 0 {
		out.Timeout = from.Timeout
	}
	if out.StartPeriod == 0 {
		out.StartPeriod = from.StartPeriod
	}
	if out.StartInterval == 0 {
		out.StartInterval = from.StartInterval
	}
	if out.Retries == 0 {
		out.Retries = from.Retries
	}
	return &out
}

// command is the program and its arguments. [""] as entrypoint says that there is none.
func command(config *container.Config) (path string, args []string, err error) {
	if len(config.Entrypoint) == 1 && config.Entrypoint[0] == "" {
		config.Entrypoint = nil
	}
	words := slices.Concat(config.Entrypoint, config.Cmd)
	if len(words) == 0 {
		return "", nil, ErrNoCommand
	}
	return words[0], append([]string{}, words[1:]...), nil
}

// ErrNoCommand: neither the client nor the image says what to run.
var ErrNoCommand = invalid("No command specified")

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
