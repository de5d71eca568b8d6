package image

import (
	"context"
	"errors"
	"fmt"
	"strings"

	moby "github.com/moby/moby/client"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/imageref"
	"github.com/cleat-dev/cleat/internal/progress"
	"github.com/cleat-dev/cleat/resources/contract"
)

// PullAPI is the part of the engine's API a pull needs.
type PullAPI interface {
	ImagePull(ctx context.Context, ref string, options moby.ImagePullOptions) (moby.ImagePullResponse, error)
	// RegistryAuth returns the credentials for a reference's registry as the pull call takes them, "" for none.
	RegistryAuth(ctx context.Context, ref string) (string, error)
}

// Pull has the engine pull an image and waits for its end. The name then stands for what the registry has. platform is
// os/architecture, or empty for the engine's own. Errors are of the attribute name.
func Pull(ctx context.Context, e PullAPI, name, platform string) error {
	auth, err := e.RegistryAuth(ctx, name)
	if err != nil {
		return fmt.Errorf("image %q: credentials of %s: %w", name, imageref.Registry(name), err)
	}
	options := moby.ImagePullOptions{RegistryAuth: auth}
	if platform != "" {
		options.Platforms = []ocispec.Platform{parsePlatform(platform)}
	}
	stream, err := e.ImagePull(ctx, name, options)
	if err == nil {
		err = errors.Join(follow(stream, newLayers(ctx, name).report), stream.Close())
	}
	if err == nil {
		return nil
	}
	return pullError(name, platform, classified(err))
}

// pullError adds what to do to what went wrong.
func pullError(name, platform string, err error) error {
	registry := imageref.Registry(name)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("image %q: pull took longer than its timeout: %w", name, err)
	case errors.Is(err, errs.ErrUnauthorized):
		return contract.At("name", "image %q: %w (add a registry_auth block for %s to the provider, or log in with docker login)", name, err, registry)
	case errors.Is(err, errs.ErrNotFound) && strings.Contains(err.Error(), "docker login"): // engines cannot tell: registries do not say
		return contract.At("name", "image %q: %w (if it is private: add a registry_auth block for %s to the provider)", name, err, registry)
	case errors.Is(err, errs.ErrNotFound) && platform != "":
		return contract.At("name", "image %q for %s: %w", name, platform, err)
	case errors.Is(err, errs.ErrNotFound):
		return contract.At("name", "image %q: %w", name, err)
	case errors.Is(err, errs.ErrUnavailable):
		next := "see whether the engine reaches the registry"
		if strings.Contains(err.Error(), "no space left") {
			next = "make room where the engine keeps its images"
		}
		return fmt.Errorf("image %q: pull from %s: %w (%s, then run again)", name, registry, err, next)
	default:
		return fmt.Errorf("image %q: pull: %w", name, err)
	}
}

// layers adds up the progress of a pull, which engines report layer by layer.
type layers struct {
	ctx  context.Context
	name string
	have map[string]int64
	want map[string]int64
}

func newLayers(ctx context.Context, name string) *layers {
	return &layers{ctx: ctx, name: name, have: map[string]int64{}, want: map[string]int64{}}
}

func (l *layers) report(m message) {
	switch {
	case m.Status == "Downloading" && m.Progress.Total > 0:
		l.have[m.ID], l.want[m.ID] = m.Progress.Current, m.Progress.Total
	case m.Status == "Download complete" || m.Status == "Pull complete":
		l.have[m.ID] = l.want[m.ID]
	}
	event := progress.Event{Object: l.name, Message: m.Status}
	if m.ID != "" {
		event.Message = m.ID + ": " + m.Status
	}
	for id, total := range l.want {
		event.Current += l.have[id]
		event.Total += total
	}
	progress.Report(l.ctx, event)
}
