//go:build linux

package images

import (
	"context"
	"fmt"
	"sync"
	"time"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/moby/moby/api/types/events"

	"github.com/distribution/reference"
	"github.com/hashicorp/go-hclog"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/cleat-dev/cleat/daemon/content"
	"github.com/cleat-dev/cleat/daemon/snapshot"
	"github.com/cleat-dev/cleat/internal/registry"
)

// User is a container that was made of an image.
type User = struct {
	ID, Name string
	Running  bool
}

// Users tells who uses an image: the containers service, and the builds service.
type Users interface {
	UsersOf(imageID string) []User
	// Building reports whether a build that runs stands on the image.
	Building(imageID string) bool
}

// Events takes what happens to images: event.Bus.
type Events interface {
	Publish(m events.Message)
}

// Config is what a Service is made of. All fields but Users and MaxDownloads are required.
type Config struct {
	Store    *content.Store
	Layers   *snapshot.Layers
	Registry *registry.Client
	Events   Events
	// Users may be nil: no image is in use.
	Users Users
	// MaxDownloads is how many layers are fetched at the same time, of all pulls together; 0: 3.
	MaxDownloads int
	Log          hclog.Logger
}

// Image is an image of the engine.
type Image struct {
	// ID is sha256:<hex>, the digest of the configuration; Parent the ID of the image it was built on, "" for none or
	// when it is not known here.
	ID, Parent string
	// ChainID names its layers in package snapshot; "" when it has none.
	ChainID digest.Digest
	// Config is its configuration.
	Config dockerspec.DockerOCIImage
	// RepoTags are its names as people write them, busybox:latest; RepoDigests those by digest. Sorted.
	RepoTags, RepoDigests []string
	// Size is the bytes of the files in all layers.
	Size int64
	// Manifest is the local manifest, which names the blobs of the layers.
	Manifest ocispec.Descriptor
	// LastTag is when it last got a name; zero when it never did here.
	LastTag time.Time
}

// Service keeps the images. Its methods may be called from any goroutine.
type Service struct {
	Config
	downloads downloads

	// write serialises changes; mu guards the index, which only who holds write changes.
	write sync.Mutex
	mu    sync.RWMutex
	index index
}

// Open reads the records of the store. It starts nothing and removes nothing.
func Open(ctx context.Context, c Config) (*Service, error) {
	if c.MaxDownloads <= 0 {
		c.MaxDownloads = 3
	}
	s := &Service{Config: c}
	s.downloads.init(c.MaxDownloads, c.Log)
	all, err := c.Store.Images.List(content.Context(ctx))
	if err != nil {
		return nil, fmt.Errorf("images: %w", err)
	}
	s.index = newIndex()
	if err := s.index.read(all); err != nil {
		return nil, err
	}
	return s, nil
}

// publish tells of what happened to an image.
func (s *Service) publish(ctx context.Context, action events.Action, id, name string) {
	attributes := map[string]string{}
	if r := s.lookup(id); r != nil {
		if config, err := s.config(context.WithoutCancel(ctx), r); err == nil {
			for key, value := range config.Config.Labels {
				attributes[key] = value
			}
		}
	}
	attributes["name"] = name
	s.Events.Publish(events.Message{Type: events.ImageEventType, Action: action, Actor: events.Actor{ID: id, Attributes: attributes}})
}

// change is a change of records: on the disk in one transaction, then in the index.
type change struct {
	s     *Service
	ctx   context.Context // of the transaction
	after []func(*index)
}

// update runs fn, which reads the index as it is and says what changes. Others do not change it meanwhile.
func (s *Service) update(ctx context.Context, fn func(c *change) error) error {
	s.write.Lock()
	defer s.write.Unlock()
	c := &change{s: s}
	err := s.Store.Update(context.WithoutCancel(ctx), func(ctx context.Context) error {
		c.ctx = ctx
		return fn(c)
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, apply := range c.after {
		apply(&s.index)
	}
	return nil
}

// Settle returns when the changes under way are done: a removal that began before somebody became a user of an image, which
// the removal could not know, is seen then.
func (s *Service) Settle() {
	s.write.Lock()
	defer s.write.Unlock()
}

// name gives an image a name, or takes it from another. The record of the image exists, or is added before.
func (c *change) name(named reference.Named, id string, target ocispec.Descriptor) error {
	if err := put(c.ctx, c.s.Store.Images, nameRecord(named, id, target)); err != nil {
		return fmt.Errorf("name %s: %w", named, err)
	}
	now := time.Now()
	if r := c.s.index.images[id]; r != nil {
		changed := *r
		changed.lastTag = now
		if err := put(c.ctx, c.s.Store.Images, changed.record()); err != nil {
			return fmt.Errorf("image %s: %w", id, err)
		}
	}
	c.after = append(c.after, func(i *index) { i.name(named, id, target, now) })
	return nil
}

// unname removes a name.
func (c *change) unname(named reference.Named) error {
	if err := c.s.Store.Images.Delete(c.ctx, nameKey(named)); err != nil && !isNotFound(err) {
		return fmt.Errorf("name %s: %w", named, err)
	}
	c.after = append(c.after, func(i *index) { i.unname(named) })
	return nil
}

// add adds an image; one that is there stays as it is.
func (c *change) add(r *record) error {
	if c.s.index.images[r.id] != nil {
		return nil
	}
	if err := put(c.ctx, c.s.Store.Images, r.record()); err != nil {
		return fmt.Errorf("image %s: %w", r.id, err)
	}
	c.after = append(c.after, func(i *index) { i.add(r) })
	return nil
}

// remove removes an image that has no names any more.
func (c *change) remove(id string) error {
	if err := c.s.Store.Images.Delete(c.ctx, imagePrefix+id); err != nil && !isNotFound(err) {
		return fmt.Errorf("image %s: %w", id, err)
	}
	c.after = append(c.after, func(i *index) { i.remove(id) })
	return nil
}

// lookup returns an image's record, nil when there is none. Records do not change.
func (s *Service) lookup(id string) *record {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.index.images[id]
}

// users returns the containers made of an image.
func (s *Service) users(id string) []User {
	if s.Users == nil {
		return nil
	}
	return s.Users.UsersOf(id)
}
