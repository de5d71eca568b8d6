//go:build linux

package containers

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/imageconfig"
)

// CommitOptions are those of "Create a new image from a container's changes".
type CommitOptions = struct {
	Repo, Tag, Comment, Author string
	// Pause freezes a running container meanwhile.
	Pause bool
	// Changes are instructions of a Dockerfile, applied to Config.
	Changes []string
	// Config says what differs from the container's configuration; nil for nothing.
	Config *container.Config
}

// Commit makes an image of a container's file system and configuration and returns its id.
func (s *Service) Commit(ctx context.Context, ref string, o CommitOptions) (id string, err error) {
	c, err := s.index.find(ref)
	if err != nil {
		return "", err
	}
	r := c.record()
	config := &container.Config{}
	if o.Config != nil {
		*config = *o.Config
	}
	if len(o.Changes) > 0 {
		changed, err := imageconfig.Change(imageconfig.FromContainer(config), o.Changes)
		if err != nil {
			return "", err
		}
		config = imageconfig.ToContainer(changed)
	}
	own, err := deepCopy(r.Config)
	if err != nil {
		return "", fmt.Errorf("container %s: %w", short(c.id), err)
	}
	inherit(config, own)
	if err := validConfig(config); err != nil {
		return "", err
	}
	if o.Pause && r.State.Running && !r.State.Paused {
		switch err := s.Pause(ctx, c.id); {
		case errors.Is(err, errs.ErrConflict): // ended, or paused by somebody else
		case err != nil:
			return "", err
		default:
			defer func() {
				if resumed := s.Unpause(context.WithoutCancel(ctx), c.id); resumed != nil && c.record().State.Paused {
					err = errors.Join(err, resumed)
				}
			}()
		}
	}
	ctx, done, err := s.layers.Lease(ctx) // an equal layer of another image may go before ours is there
	if err != nil {
		return "", fmt.Errorf("commit container %s: %w", short(c.id), err)
	}
	defer done()
	layer, diffID, err := s.layers.Commit(ctx, c.id)
	if err != nil {
		return "", fmt.Errorf("commit container %s: %w", short(c.id), err)
	}
	image, err := s.imageOf(ctx, r, config)
	if err != nil {
		return "", err
	}
	id, err = s.images.Create(ctx, NewImage{
		Parent: r.ImageID, Layer: &layer, DiffID: diffID, Config: image, Author: o.Author, Comment: o.Comment, Container: r.ID,
		CreatedBy: strings.Join(append([]string{r.Path}, r.Args...), " "), Repo: o.Repo, Tag: o.Tag,
	})
	if err != nil {
		return "", fmt.Errorf("commit container %s: %w", short(c.id), err)
	}
	s.tell(c, events.ActionCommit, "comment", o.Comment, "imageID", id, "imageRef", o.Repo)
	return id, nil
}

// imageOf is the configuration of an image made of a container: that of the container, on the platform of its image.
func (s *Service) imageOf(ctx context.Context, r *record, config *container.Config) (dockerspec.DockerOCIImage, error) {
	var out dockerspec.DockerOCIImage
	out.OS, out.Architecture = "linux", runtime.GOARCH
	if r.ImageID != "" {
		parent, err := s.images.Resolve(ctx, r.ImageID)
		if err != nil {
			return out, fmt.Errorf("image of container %s: %w", short(r.ID), err)
		}
		out.Platform = parent.Config.Platform
	}
	now := time.Now().UTC()
	out.Created = &now
	out.Config = imageconfig.FromContainer(config)
	return out, nil
}
