//go:build linux

package builds

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"github.com/hashicorp/go-hclog"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/registry"
	"github.com/moby/moby/client"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/api/stream"
	"github.com/cleat-dev/cleat/daemon/metadata"
)

// Image is what a build needs to know of an image.
type Image struct {
	// ID is sha256:<hex> of the configuration; Parent the ID of the image this one was built on, "" for none.
	ID, Parent string
	// ChainID names the layers, "" when there are none.
	ChainID digest.Digest
	// Config has the defaults of containers, the platform and the history.
	Config dockerspec.DockerOCIImage
	// Layers are the blobs of the image's layers, the lowest first, one for each DiffID. They may be missing: then the
	// image cannot be given in cachefrom.
	Layers []ocispec.Descriptor
}

// NewImage is what a step makes.
type NewImage struct {
	// Parent is the image below, "" for scratch.
	Parent string
	// Layer is in the content store; nil when the step changed no file. DiffID is of its uncompressed form.
	Layer  *ocispec.Descriptor
	DiffID digest.Digest
	// Config has Author, Platform and Config. Layers and history follow from Parent, Layer and what is below.
	Config dockerspec.DockerOCIImage
	// Author, CreatedBy, Comment and Container are recorded in the history.
	Author, CreatedBy, Comment, Container string
}

// Images is what this service asks of the images service.
type Images interface {
	// Resolve returns the image a name, digest, id or unique beginning of an id stands for; errs.ErrNotFound.
	Resolve(ctx context.Context, ref string) (Image, error)
	// Held is Resolve of an image this service has just begun to hold ([Service.Holds]): a removal that did not know is over.
	Held(ctx context.Context, id string) (Image, error)
	// Create makes an image and returns its ID.
	Create(ctx context.Context, n NewImage) (string, error)
	// Tag gives an image a name, which it takes from another image if need be.
	Tag(ctx context.Context, id, repo, tag string) error
	// Pull fetches an image and reports progress. platform is "" or os[/arch[/variant]].
	Pull(ctx context.Context, ref string, auth registry.AuthConfig, platform string, out func(stream.Message) error) error
	// Remove removes an image without name that no image is built on and no container uses; otherwise errs.ErrConflict.
	Remove(ctx context.Context, id string) error
}

// Containers is what this service asks of the containers service.
type Containers interface {
	// Create makes a container. The configurations become the service's.
	Create(ctx context.Context, config *container.Config, host *container.HostConfig) (container.CreateResponse, error)
	// Run starts a container and returns when it has ended, and all it wrote has been written to stdout and stderr. When
	// ctx ends it returns at once, the container may go on.
	Run(ctx context.Context, id string, stdout, stderr io.Writer) (code int, err error)
	// Remove kills and removes a container and its anonymous volumes. One that is not there is no error.
	Remove(ctx context.Context, id string) error
}

// Layers is daemon/snapshot. The layer of a container has the container's id.
type Layers interface {
	Create(ctx context.Context, id string, chainID digest.Digest) error
	Mount(ctx context.Context, id string) (rootfs string, err error)
	Remove(ctx context.Context, id string) error
	Commit(ctx context.Context, id string) (layer ocispec.Descriptor, diffID digest.Digest, err error)
	// Lease keeps what calls with its context write, until done.
	Lease(ctx context.Context) (_ context.Context, done func(), err error)
	View(ctx context.Context, key string, chainID digest.Digest) (dir string, done func() error, err error)
}

// Config is what a Service is made of. All fields are required but HTTP and MaxContext.
type Config struct {
	// Root is a folder of the service's own, for contexts and downloads.
	Root       string
	DB         *metadata.DB
	Images     Images
	Containers Containers
	Layers     Layers
	// HTTP fetches remote contexts and the sources of ADD; nil is http.DefaultClient.
	HTTP *http.Client
	// MaxContext is how many bytes a context, or a downloaded source, may have unpacked. 0 is half of what is free on
	// the disk when the build begins.
	MaxContext int64
	Log        hclog.Logger
}

// Service builds images. Its methods may be called from any goroutine; builds do not wait for each other.
type Service struct {
	Config
	cache  *cache
	hashes hashes

	mu   sync.Mutex
	pins map[string]int // images that running builds stand on
}

// New loads the cache's index. Nothing else is touched until [Service.Reconcile].
func New(c Config) (*Service, error) {
	if c.HTTP == nil {
		c.HTTP = http.DefaultClient
	}
	index, err := openCache(c.DB)
	if err != nil {
		return nil, err
	}
	return &Service{Config: c, cache: index, pins: map[string]int{}}, nil
}

// Reconcile removes what builds of a daemon that was killed have left: files below Root and the containers of steps. It
// forgets cached steps whose images are gone. It comes before the first build, when containers and images are known.
func (s *Service) Reconcile(ctx context.Context) error {
	left, err := os.ReadDir(s.Root)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("builds: %w", err)
	}
	for _, e := range left {
		for _, id := range marksBelow(filepath.Join(s.Root, e.Name())) {
			if err := s.Containers.Remove(ctx, id); err != nil && !errors.Is(err, errs.ErrNotFound) {
				return fmt.Errorf("builds: container %s: %w", short(id), err)
			}
		}
		if err := os.RemoveAll(filepath.Join(s.Root, e.Name())); err != nil {
			return fmt.Errorf("builds: %w", err)
		}
	}
	return s.cache.prune(func(image string) bool {
		_, err := s.Images.Resolve(ctx, image)
		return err == nil
	})
}

// Build makes an image. The context is read from body, to its end, unless o.RemoteContext says where it is. Messages go
// to send, which may be called from one goroutine at a time; what fails before the first message is an errs class and has
// a status: 400 for a Dockerfile that cannot be parsed. A failed command is a [*CommandError]. It returns the image's id.
//
// SuppressOutput, SessionID and Version are the caller's business.
func (s *Service) Build(ctx context.Context, body io.Reader, o client.ImageBuildOptions, send func(stream.Message) error) (id string, err error) {
	return s.make(ctx, body, o, send, false)
}

// make is Build. keepTriggers leaves those of the base image as they are instead of doing them.
func (s *Service) make(ctx context.Context, body io.Reader, o client.ImageBuildOptions, send func(stream.Message) error, keepTriggers bool) (id string, err error) {
	names, err := parseTags(o.Tags)
	if err != nil {
		return "", err
	}
	if err := checkOptions(&o); err != nil {
		return "", err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	b := &build{
		s: s, o: o, out: &output{send: send, cancel: cancel}, keepTriggers: keepTriggers,
		stages: map[string]int{}, bases: map[string]Image{}, views: map[string]*view{},
	}
	defer func() { b.close(ctx, err) }()
	if b.dir, err = s.tempDir(); err != nil {
		return "", err
	}
	if err := b.open(ctx, body); err != nil {
		return "", b.explain(ctx, err)
	}
	if err := b.parse(); err != nil {
		return "", err
	}
	if err := b.run(ctx); err != nil {
		return "", b.explain(ctx, err)
	}
	return b.current.id, b.explain(ctx, b.finish(ctx, names))
}

func (s *Service) tempDir() (string, error) {
	if err := os.MkdirAll(s.Root, 0o700); err != nil {
		return "", fmt.Errorf("build: %w", err)
	}
	dir, err := os.MkdirTemp(s.Root, "build-")
	if err != nil {
		return "", fmt.Errorf("build: %w", err)
	}
	return dir, nil
}

// Holds reports whether a build that runs stands on the image, which must not be removed then.
func (s *Service) Holds(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pins[id] > 0
}

// pin keeps an image from being removed while a build stands on it.
func (s *Service) pin(id string) {
	s.mu.Lock()
	s.pins[id]++
	s.mu.Unlock()
}

// unpin is the opposite, and reports whether no build stands on the image any more.
func (s *Service) unpin(id string) (free bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pins[id]--
	if s.pins[id] > 0 {
		return false
	}
	delete(s.pins, id)
	return true
}
