package images

import (
	"context"
	"encoding/json"
	"io"

	"github.com/moby/moby/api/types/image"
	"github.com/moby/moby/api/types/registry"

	"github.com/cleat-dev/cleat/api/stream"
)

// Backend is what the routes need: the images service.
type Backend interface {
	reader
	writer
	archiver
	registries
}

// ListOptions select images. The type has no name of its own so that the service needs none of ours.
type ListOptions = struct {
	All        bool
	Filters    map[string][]string
	SharedSize bool
}

// Inspected is an image with the fields older versions show.
type Inspected = struct {
	image.InspectResponse
	Parent          string          `json:",omitempty"`
	DockerVersion   string          `json:",omitempty"`
	Container       string          `json:",omitempty"`
	ContainerConfig json.RawMessage `json:",omitempty"`
}

// Import is a file system that becomes an image. Source is a URL or "-" for Body.
type Import = struct {
	Source    string
	Body      io.Reader
	Repo, Tag string
	Message   string
	Changes   []string
	Platform  string
}

type reader interface {
	List(ctx context.Context, o ListOptions) ([]image.Summary, error)
	Inspect(ctx context.Context, ref string) (Inspected, error)
	History(ctx context.Context, ref string) ([]image.HistoryResponseItem, error)
}

type writer interface {
	// Tag is errs.ErrConflict without force when another image has the name.
	Tag(ctx context.Context, ref, repo, tag string, force bool) error
	Remove(ctx context.Context, ref string, force, noprune bool) ([]image.DeleteResponse, error)
	Prune(ctx context.Context, filters map[string][]string) (image.PruneReport, error)
}

type archiver interface {
	Import(ctx context.Context, i Import, out func(stream.Message) error) (id string, err error)
	// Save writes nothing when a name is not there: errs.ErrNotFound.
	Save(ctx context.Context, names []string, w io.Writer) error
	Load(ctx context.Context, r io.Reader, quiet bool, out func(stream.Message) error) error
}

type registries interface {
	Pull(ctx context.Context, ref string, auth registry.AuthConfig, platform string, out func(stream.Message) error) error
	// PullAll pulls all tags of a repository.
	PullAll(ctx context.Context, repo string, auth registry.AuthConfig, platform string, out func(stream.Message) error) error
	// Push pushes all tags when tag is empty, to the registry to instead of the name's when that is not.
	Push(ctx context.Context, repo, tag, to string, auth registry.AuthConfig, out func(stream.Message) error) error
	Search(ctx context.Context, term string, limit int, filters map[string][]string, auth registry.AuthConfig) ([]registry.SearchResult, error)
	Login(ctx context.Context, auth registry.AuthConfig) (registry.AuthResponse, error)
	Distribution(ctx context.Context, ref string, auth registry.AuthConfig) (registry.DistributionInspect, error)
}
