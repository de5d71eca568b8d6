//go:build linux

package images

import (
	"fmt"

	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/cleat-dev/cleat/api/errs"
)

// parsePlatform reads os[/arch[/variant]]; empty is this host.
func parsePlatform(s string) (ocispec.Platform, error) {
	if s == "" {
		return platforms.Normalize(platforms.DefaultSpec()), nil
	}
	p, err := platforms.Parse(s)
	if err != nil {
		return ocispec.Platform{}, fmt.Errorf("%w: %w", err, errs.ErrInvalid)
	}
	if p.OS != "linux" {
		return ocispec.Platform{}, fmt.Errorf("operating system %q is not supported: %w", p.OS, errs.ErrInvalid)
	}
	return p, nil
}

// choose returns the manifest of an index that runs best on a platform.
func choose(index ocispec.Index, want ocispec.Platform) (ocispec.Descriptor, error) {
	matcher := platforms.Only(want)
	var best *ocispec.Descriptor
	for n, m := range index.Manifests {
		p := ocispec.Platform{OS: "linux", Architecture: want.Architecture}
		if m.Platform != nil {
			p = *m.Platform
		} else if len(index.Manifests) > 1 {
			continue
		}
		if !matcher.Match(p) || best != nil && !matcher.Less(p, *best.Platform) {
			continue
		}
		best = &index.Manifests[n]
		best.Platform = &p
	}
	if best == nil {
		return ocispec.Descriptor{}, fmt.Errorf("no matching manifest for %s in the manifest list entries: %w", platforms.FormatAll(want), errs.ErrNotFound)
	}
	return *best, nil
}
