package service

import (
	"context"
	"fmt"
	"strings"

	"github.com/distribution/reference"
	mobyswarm "github.com/moby/moby/api/types/swarm"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/imageref"
)

// pin asks the image's registry for its digest and platforms, so that all nodes run the same image. A registry that
// cannot be asked leaves the name: the nodes may have the image.
func pin(ctx context.Context, e API, spec *mobyswarm.ServiceSpec, auth string) {
	c := spec.TaskTemplate.ContainerSpec
	if imageref.IsID(c.Image) || strings.Contains(c.Image, "@") {
		return
	}
	named, err := reference.ParseNormalizedNamed(c.Image)
	if err != nil {
		return
	}
	found, err := e.DistributionInspect(ctx, c.Image, moby.DistributionInspectOptions{EncodedRegistryAuth: auth})
	if err != nil {
		return
	}
	pinned, err := reference.WithDigest(reference.TagNameOnly(named), found.Descriptor.Digest)
	if err != nil {
		return
	}
	c.Image = reference.FamiliarString(pinned)
	if len(platformsOf(spec)) > 0 {
		return
	}
	var platforms []mobyswarm.Platform
	seen := map[mobyswarm.Platform]bool{}
	for _, p := range found.Platforms {
		kind := mobyswarm.Platform{OS: p.OS, Architecture: p.Architecture}
		if strings.EqualFold(kind.Architecture, "arm") {
			kind.Architecture = "" // nodes say which variant they are, images do not
		}
		if p.OS == "unknown" || p.OS == "" || seen[kind] {
			continue // attestations
		}
		seen[kind] = true
		platforms = append(platforms, kind)
	}
	setPlatforms(spec, platforms)
}

// unpulled says why nodes have no image, which a swarm does not: what the registry answers to the credentials they were given.
func unpulled(ctx context.Context, e API, m Model) string {
	image := imageOf(m)
	if imageref.IsID(image) {
		return "an id is known to one node alone: give the image by a name that all nodes can pull"
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tailTimeout)
	defer cancel()
	next := fmt.Sprintf("nodes pull the image themselves: push it to %s, and give credentials that may read it, with an auth block or the provider's registry_auth", imageref.Registry(image))
	auth, err := registryAuth(ctx, e, m, image)
	if err == nil {
		_, err = e.DistributionInspect(ctx, image, moby.DistributionInspectOptions{EncodedRegistryAuth: auth})
	}
	if err == nil {
		return next
	}
	return fmt.Sprintf("the registry says: %v\n  %s", err, next)
}
