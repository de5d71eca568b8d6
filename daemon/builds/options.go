//go:build linux

package builds

import (
	"errors"
	"fmt"

	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
)

// defaultDockerfile is the Dockerfile's name unless the client says another.
const defaultDockerfile = "Dockerfile"

// name is a name the image gets.
type name struct{ repo, tag, familiar string }

// parseTags reads the parameter t. What is wrong with it has no class: engines answer 500.
func parseTags(tags []string) ([]name, error) {
	var names []name
	seen := map[string]bool{}
	for _, t := range tags {
		if t == "" {
			continue
		}
		ref, err := reference.ParseNormalizedNamed(t)
		if err != nil {
			return nil, err //nolint:wrapcheck // clients know the text
		}
		if _, digested := ref.(reference.Canonical); digested {
			return nil, errors.New("build tag cannot contain a digest")
		}
		tagged, ok := reference.TagNameOnly(ref).(reference.NamedTagged)
		if !ok || seen[tagged.String()] {
			continue
		}
		seen[tagged.String()] = true
		names = append(names, name{repo: reference.FamiliarName(tagged), tag: tagged.Tag(), familiar: reference.FamiliarString(tagged)})
	}
	return names, nil
}

// checkOptions sets defaults and refuses what the classic builder has not.
func checkOptions(o *client.ImageBuildOptions) error {
	if o.Dockerfile == "" {
		o.Dockerfile = defaultDockerfile
	}
	switch {
	case o.Squash:
		return invalid("squash is only supported with experimental mode")
	case len(o.SecurityOpt) > 0:
		return invalid("security options are not supported on linux")
	case !o.Isolation.IsDefault():
		return invalid("unsupported isolation: %q", o.Isolation)
	case len(o.Platforms) > 1:
		return invalid("a build has one platform, not %d", len(o.Platforms))
	}
	if o.ForceRemove {
		o.Remove = true
	}
	return nil
}

// platform is the one the client asked for, "" when it does not matter.
func platform(o *client.ImageBuildOptions) string {
	if len(o.Platforms) == 0 {
		return ""
	}
	return platforms.Format(o.Platforms[0])
}

// hostConfig is what the containers of RUN get.
func hostConfig(o *client.ImageBuildOptions) *container.HostConfig {
	mode := o.NetworkMode
	if mode == "" || mode == network.NetworkDefault {
		mode = network.NetworkBridge
	}
	return &container.HostConfig{
		NetworkMode: container.NetworkMode(mode),
		// Nobody reads a log of it.
		LogConfig:  container.LogConfig{Type: "none"},
		ExtraHosts: o.ExtraHosts,
		ShmSize:    o.ShmSize,
		Resources: container.Resources{
			Memory: o.Memory, MemorySwap: o.MemorySwap, CPUShares: o.CPUShares, CPUPeriod: o.CPUPeriod, CPUQuota: o.CPUQuota,
			CpusetCpus: o.CPUSetCPUs, CpusetMems: o.CPUSetMems, CgroupParent: o.CgroupParent, Ulimits: o.Ulimits,
		},
	}
}

func invalid(format string, args ...any) error { return errs.Errorf(errs.ErrInvalid, format, args...) }

// CommandError is a RUN whose command failed.
type CommandError struct {
	// Command as it was given, its words joined.
	Command string
	// Code is its exit code.
	Code int
}

func (e *CommandError) Error() string {
	return fmt.Sprintf("The command '%s' returned a non-zero code: %d", e.Command, e.Code)
}

// ExitCode is the command's.
func (e *CommandError) ExitCode() int { return e.Code }
