//go:build linux

package images

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/distribution/reference"
	types "github.com/moby/moby/api/types/registry"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/cleat-dev/cleat/api/errs"
)

var searchFilters = []string{"is-automated", "is-official", "stars"}

// Search asks an index for repositories (remote-api-v1.18, "Search images"). Filters are is-automated, is-official and
// stars, the least number of them.
func (s *Service) Search(ctx context.Context, term string, limit int, filters map[string][]string, auth types.AuthConfig) ([]types.SearchResult, error) {
	keep, err := searchFilter(filters)
	if err != nil {
		return nil, err
	}
	results, err := s.Registry.Search(ctx, term, limit, auth)
	if err != nil {
		return nil, err
	}
	found := []types.SearchResult{}
	for _, r := range results {
		if keep(r) {
			found = append(found, r)
		}
	}
	return found, nil
}

func searchFilter(filters map[string][]string) (func(types.SearchResult) bool, error) {
	for _, name := range slices.Sorted(maps.Keys(filters)) {
		if !slices.Contains(searchFilters, name) {
			return nil, fmt.Errorf("invalid filter '%s': %w", name, errs.ErrInvalid)
		}
	}
	boolean := func(name string) (tristate, error) {
		if len(filters[name]) == 0 {
			return either, nil
		}
		b, err := strconv.ParseBool(filters[name][0])
		switch {
		case err != nil:
			return either, fmt.Errorf("invalid filter '%s=[%s]': %w", name, filters[name][0], errs.ErrInvalid)
		case b:
			return yes, nil
		default:
			return no, nil
		}
	}
	automated, err := boolean("is-automated")
	if err != nil {
		return nil, err
	}
	official, err := boolean("is-official")
	if err != nil {
		return nil, err
	}
	stars := 0
	for _, value := range filters["stars"] {
		n, err := strconv.Atoi(value)
		if err != nil {
			return nil, fmt.Errorf("invalid filter 'stars=%s': %w", value, errs.ErrInvalid)
		}
		stars = max(stars, n)
	}
	is := func(want tristate, got bool) bool { return want == either || (want == yes) == got }
	return func(r types.SearchResult) bool {
		//lint:ignore SA1019 indexes beside Docker Hub still say it, and clients may ask for it
		return is(automated, r.IsAutomated) && is(official, r.IsOfficial) && r.StarCount >= stars
	}, nil
}

// Login checks credentials with their registry. Wrong ones are errs.ErrUnauthorized.
func (s *Service) Login(ctx context.Context, auth types.AuthConfig) (types.AuthResponse, error) {
	token, err := s.Registry.Login(ctx, auth)
	if err != nil {
		return types.AuthResponse{}, err
	}
	return types.AuthResponse{Status: "Login Succeeded", IdentityToken: token}, nil
}

// Distribution describes an image as a registry has it, without fetching it.
func (s *Service) Distribution(ctx context.Context, ref string, auth types.AuthConfig) (types.DistributionInspect, error) {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return types.DistributionInspect{}, fmt.Errorf("%w: %w", err, errs.ErrInvalid)
	}
	named = reference.TagNameOnly(named)
	p, err := s.newPull(named, auth, "", nil)
	if err != nil {
		return types.DistributionInspect{}, err
	}
	desc, raw, err := p.repo.Manifest(ctx, tagOrDigest(named))
	if err != nil {
		return types.DistributionInspect{}, explain(err, named)
	}
	answer := types.DistributionInspect{Descriptor: desc, Platforms: []ocispec.Platform{}}
	if !images.IsIndexType(desc.MediaType) {
		f := found{top: desc, topRaw: raw}
		if err := p.resolve(ctx, &f); err != nil {
			return answer, err
		}
		config, err := p.config(ctx, f)
		if err != nil {
			return answer, err
		}
		var platform ocispec.Platform
		if err := json.Unmarshal(config, &platform); err != nil {
			return answer, fmt.Errorf("image configuration: %w: %w", err, errs.ErrInternal)
		}
		answer.Platforms = append(answer.Platforms, platform)
		return answer, nil
	}
	var index ocispec.Index
	if err := json.Unmarshal(raw, &index); err != nil {
		return answer, fmt.Errorf("manifest list %s: %w: %w", desc.Digest, err, errs.ErrInternal)
	}
	for _, m := range index.Manifests {
		if m.Platform != nil {
			answer.Platforms = append(answer.Platforms, *m.Platform)
		}
	}
	return answer, nil
}
