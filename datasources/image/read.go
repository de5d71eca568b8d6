package image

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/distribution/reference"
	"github.com/hashicorp/terraform-plugin-framework/types"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	mobyimage "github.com/moby/moby/api/types/image"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/flatten"
	"github.com/cleat-dev/cleat/resources/contract"
)

// API is the part of an engine's API this data source needs.
type API interface {
	ImageInspect(ctx context.Context, image string, options ...moby.ImageInspectOption) (moby.ImageInspectResult, error)
}

// DataSource is docker_image.
type DataSource struct{}

var _ contract.DataSource[Model, API] = DataSource{}

// Name implements contract.DataSource.
func (DataSource) Name() string { return "image" }

// Read implements contract.DataSource.
func (DataSource) Read(ctx context.Context, e API, config Model) (Model, error) {
	name := config.Name.ValueString()
	found, err := e.ImageInspect(ctx, name)
	if err != nil {
		return config, contract.At("name", "image %q: %w", name, err)
	}
	m := flattenImage(found.InspectResponse)
	m.Name = config.Name
	m.RepoDigest = repoDigest(name, found.RepoDigests)
	return m, nil
}

func flattenImage(i mobyimage.InspectResponse) Model {
	config := i.Config
	if config == nil {
		config = &dockerspec.DockerOCIImageConfig{}
	}
	return Model{
		ID:           flatten.Text(i.ID),
		ImageID:      flatten.Text(i.ID),
		RepoDigests:  flatten.Texts(slices.Sorted(slices.Values(i.RepoDigests))),
		Tags:         flatten.Texts(slices.Sorted(slices.Values(i.RepoTags))),
		OS:           flatten.Text(i.Os),
		Architecture: flatten.Text(i.Architecture),
		Variant:      flatten.Text(i.Variant),
		Author:       flatten.Text(i.Author),
		Created:      flatten.Time(i.Created),
		Size:         types.Int64Value(i.Size),
		Labels:       flatten.TextMap(config.Labels),
		Env:          flatten.Texts(config.Env),
		Command:      flatten.Texts(config.Cmd),
		Entrypoint:   flatten.Texts(config.Entrypoint),
		ExposedPorts: flatten.Texts(sortedPorts(config.ExposedPorts)),
		Volumes:      flatten.Keys(config.Volumes),
		User:         flatten.Text(config.User),
		WorkingDir:   flatten.Text(config.WorkingDir),
		StopSignal:   flatten.Text(config.StopSignal),
		Layers:       flatten.Texts(i.RootFS.Layers),
	}
}

// sortedPorts orders ports by number, then protocol.
func sortedPorts(ports map[string]struct{}) []string {
	number := func(port string) int {
		digits, _, _ := strings.Cut(port, "/")
		n, err := strconv.Atoi(digits)
		if err != nil {
			return 0 // what is no number comes first
		}
		return n
	}
	return slices.SortedFunc(maps.Keys(ports), func(a, b string) int {
		return cmp.Or(cmp.Compare(number(a), number(b)), strings.Compare(a, b))
	})
}

// repoDigest chooses the digest of the repository that was asked for, else the first one.
func repoDigest(name string, digests []string) types.String {
	if len(digests) == 0 {
		return types.StringNull()
	}
	asked, err := reference.ParseNormalizedNamed(name)
	for _, d := range digests {
		if named, parsed := reference.ParseNormalizedNamed(d); err == nil && parsed == nil && named.Name() == asked.Name() {
			return types.StringValue(d)
		}
	}
	return types.StringValue(slices.Min(digests))
}
