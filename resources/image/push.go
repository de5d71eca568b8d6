package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	moby "github.com/moby/moby/client"
	"github.com/opencontainers/go-digest"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/imageref"
	"github.com/cleat-dev/cleat/internal/progress"
	"github.com/cleat-dev/cleat/resources/contract"
)

// Pusher is the part of the engine's API a push calls.
type Pusher interface {
	ImagePush(ctx context.Context, image string, options moby.ImagePushOptions) (moby.ImagePushResponse, error)
}

// Push has the engine push an image under its name, waits for its end and returns the digest it has in the registry; "" when the
// engine does not say it. auth is as the push call takes it.
func Push(ctx context.Context, e Pusher, name, auth string) (digest.Digest, error) {
	p := &pushed{layers: newLayers(ctx, name)}
	stream, err := e.ImagePush(ctx, name, moby.ImagePushOptions{RegistryAuth: auth})
	if err == nil {
		err = errors.Join(follow(stream, p.report), stream.Close())
	}
	if err != nil {
		return "", pushError(name, classified(err))
	}
	return p.digest, nil
}

// pushed follows a push.
type pushed struct {
	layers *layers
	digest digest.Digest
}

// told matches how engines say the digest to people; not all of them say it in any other way.
var told = regexp.MustCompile(`digest: (sha256:[0-9a-f]{64}) size:`)

func (p *pushed) report(m message) {
	var result struct{ Digest digest.Digest }
	if len(m.Aux) > 0 && json.Unmarshal(m.Aux, &result) == nil && result.Digest.Validate() == nil {
		p.digest = result.Digest
	}
	if found := told.FindStringSubmatch(m.Status); found != nil && p.digest == "" {
		p.digest = digest.Digest(found[1])
	}
	l := p.layers
	switch {
	case m.Status == "Pushing" && m.Progress.Total > 0:
		l.have[m.ID], l.want[m.ID] = min(m.Progress.Current, m.Progress.Total), m.Progress.Total
	case m.Status == "Pushed":
		l.have[m.ID] = l.want[m.ID]
	}
	if m.Status == "" {
		return
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

// pushError adds what to do to what went wrong.
func pushError(name string, err error) error {
	registry, text := imageref.Registry(name), strings.ToLower(err.Error())
	says := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(text, w) {
				return true
			}
		}
		return false
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("image %q: push took longer than its timeout: %w", name, err)
	case says("does not exist locally", "no such image", "image not known", "tag does not exist"):
		return contract.At("name", "image %q: the engine has no image of this name to push: pull, build or tag it first, with docker_image or docker_tag (%s): %w", name, err, errs.ErrNotFound)
	case says("server gave http response to https client"):
		return contract.At("name", "image %q: push: %w (the engine pushes, and takes %s for a registry with TLS: name it in the engine's own insecure-registries)", name, err, registry)
	case says("x509:", "certificate signed by", "certificate is not trusted"):
		return contract.At("name", "image %q: push: %w (the engine pushes: put the authority's certificate into /etc/docker/certs.d/%s/ca.crt on its host)", name, err, registry)
	case errors.Is(err, errs.ErrUnauthorized):
		return contract.At("name", "image %q: push: %w (give credentials that may write there: an auth_config, a registry_auth block for %s of the provider, or docker login)", name, err, registry)
	case errors.Is(err, errs.ErrUnavailable):
		return fmt.Errorf("image %q: push to %s: %w (see whether the engine reaches the registry, then run again)", name, registry, err)
	default:
		return fmt.Errorf("image %q: push to %s: %w", name, registry, err)
	}
}
