//go:build linux

package images

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/distribution/reference"
	"github.com/moby/moby/api/types/events"
	types "github.com/moby/moby/api/types/registry"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/api/stream"
	"github.com/cleat-dev/cleat/internal/registry"
)

// Pull fetches an image: repository:tag, the tag latest when there is none, or repository@digest. platform is "" for
// this host or os[/arch[/variant]]. Progress goes to out, message by message; an error of out ends the pull. Errors
// before the first message are those of the request: errs.ErrNotFound for what the registry has not or does not show.
//
// A pull that ends early leaves no image; its layers are kept for a day, in case somebody tries again.
func (s *Service) Pull(ctx context.Context, ref string, auth types.AuthConfig, platform string, out func(stream.Message) error) error {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return fmt.Errorf("invalid reference format: %w: %w", err, errs.ErrInvalid)
	}
	p, err := s.newPull(named, auth, platform, out)
	if err != nil {
		return err
	}
	named = reference.TagNameOnly(named)
	newer, err := p.one(ctx, named)
	if err != nil {
		return err
	}
	return p.status(ctx, named, newer)
}

// PullAll is Pull for all tags of a repository.
func (s *Service) PullAll(ctx context.Context, repo string, auth types.AuthConfig, platform string, out func(stream.Message) error) error {
	named, err := reference.ParseNormalizedNamed(repo)
	if err != nil {
		return fmt.Errorf("invalid reference format: %w: %w", err, errs.ErrInvalid)
	}
	named = reference.TrimNamed(named)
	p, err := s.newPull(named, auth, platform, out)
	if err != nil {
		return err
	}
	tags, err := p.repo.Tags(ctx)
	if err != nil {
		return explain(err, named)
	}
	any := false
	for _, tag := range tags {
		tagged, err := reference.WithTag(named, tag)
		if err != nil {
			return fmt.Errorf("the registry has a tag %q: %w: %w", tag, err, errs.ErrInternal)
		}
		newer, err := p.one(ctx, tagged)
		if err != nil {
			return err
		}
		any = any || newer
	}
	return p.status(ctx, named, any)
}

// puller is one pull.
type puller struct {
	s    *Service
	repo *registry.Repository
	want ocispec.Platform
	out  func(stream.Message) error
}

func (s *Service) newPull(named reference.Named, auth types.AuthConfig, platform string, out func(stream.Message) error) (*puller, error) {
	want, err := parsePlatform(platform)
	if err != nil {
		return nil, err
	}
	repo, err := s.Registry.Repository(named, auth)
	if err != nil {
		return nil, err
	}
	return &puller{s: s, repo: repo, want: want, out: out}, nil
}

func (p *puller) status(ctx context.Context, named reference.Named, newer bool) error {
	status := "Status: Image is up to date for "
	if newer {
		status = "Status: Downloaded newer image for "
	}
	name := reference.FamiliarString(named)
	attributes := map[string]string{"name": reference.FamiliarName(named)}
	p.s.Events.Publish(events.Message{Type: events.ImageEventType, Action: events.ActionPull, Actor: events.Actor{ID: name, Attributes: attributes}})
	return p.out(stream.Message{Status: status + name})
}

// explain words an error of a registry as engines do.
func explain(err error, named reference.Named) error {
	name := reference.FamiliarString(named)
	var refused *registry.Error
	switch {
	case registry.Denied(err):
		return fmt.Errorf("pull access denied for %s, repository does not exist or may require 'docker login': %v: %w",
			reference.FamiliarName(named), withoutClass(err), errs.ErrNotFound)
	case registry.Code(err) == "NAME_UNKNOWN":
		return fmt.Errorf("repository %s not found: %w", reference.FamiliarName(named), err)
	case errors.As(err, &refused) && errors.Is(err, errs.ErrNotFound):
		return fmt.Errorf("manifest for %s not found: %w", name, err)
	}
	return err
}

// found is what a reference stands for in a registry.
type found struct {
	top, desc ocispec.Descriptor // the same unless top is an index
	topRaw    []byte
	raw       []byte
	manifest  ocispec.Manifest
}

// one pulls one image and reports whether it is new here under this name.
func (p *puller) one(ctx context.Context, named reference.Named) (newer bool, err error) {
	id := tagOrDigest(named)
	var f found
	if f.top, f.topRaw, err = p.repo.Manifest(ctx, id); err != nil {
		return false, explain(err, named)
	}
	if err := p.out(stream.Message{Status: "Pulling from " + reference.Path(named), ID: id}); err != nil {
		return false, err
	}
	if err := p.resolve(ctx, &f); err != nil {
		return false, err
	}
	ctx, end, err := p.s.work(ctx)
	if err != nil {
		return false, err
	}
	defer end(&err)
	r, err := p.fetch(ctx, f)
	if err != nil {
		p.keep(ctx, f, err)
		return false, err
	}
	if err := p.s.Store.Drop(ctx, f.desc.Digest.String()); err != nil {
		return false, err
	}
	if newer, err = p.assign(ctx, named, f, r); err != nil {
		return false, err
	}
	return newer, p.out(stream.Message{Status: "Digest: " + f.top.Digest.String()})
}

// keepLayers is how long layers stay of a pull that was cut.
const keepLayers = 24 * time.Hour

// keep keeps the layers of a pull that came to nothing, if another try may have more luck.
func (p *puller) keep(ctx context.Context, f found, failure error) {
	var c *cut
	if ctx.Err() == nil && !errors.As(failure, &c) {
		return
	}
	ctx = context.WithoutCancel(ctx)
	var layers []digest.Digest
	for _, layer := range f.manifest.Layers {
		if p.s.has(ctx, layer.Digest) {
			layers = append(layers, layer.Digest)
		}
	}
	if len(layers) == 0 {
		return
	}
	if err := p.s.Store.Keep(ctx, f.desc.Digest.String(), keepLayers, layers...); err != nil {
		p.s.Log.Warn("the layers of a pull that was cut may have to be fetched again", "error", err)
	}
}

func tagOrDigest(named reference.Named) string {
	if digested, ok := named.(reference.Digested); ok {
		return digested.Digest().String()
	}
	if tagged, ok := named.(reference.Tagged); ok {
		return tagged.Tag()
	}
	return ""
}

// resolve finds the image in what a reference stands for.
func (p *puller) resolve(ctx context.Context, f *found) error {
	f.desc, f.raw = f.top, f.topRaw
	if images.IsIndexType(f.top.MediaType) {
		var index ocispec.Index
		if err := json.Unmarshal(f.topRaw, &index); err != nil {
			return fmt.Errorf("manifest list %s: %w: %w", f.top.Digest, err, errs.ErrInternal)
		}
		choice, err := choose(index, p.want)
		if err != nil {
			return err
		}
		if err := choice.Digest.Validate(); err != nil {
			return fmt.Errorf("manifest list %s: %q: %w: %w", f.top.Digest, choice.Digest, err, errs.ErrInternal)
		}
		if f.desc, f.raw, err = p.repo.Manifest(ctx, choice.Digest.String()); err != nil {
			return err
		}
	}
	if !images.IsManifestType(f.desc.MediaType) {
		return fmt.Errorf("manifest %s is no image: media type %q: %w", f.desc.Digest, f.desc.MediaType, errs.ErrInternal)
	}
	if err := json.Unmarshal(f.raw, &f.manifest); err != nil {
		return fmt.Errorf("manifest %s: %w: %w", f.desc.Digest, err, errs.ErrInternal)
	}
	return checkManifest(f.manifest)
}

// checkManifest refuses what no image can be.
func checkManifest(m ocispec.Manifest) error {
	switch m.Config.MediaType {
	case ocispec.MediaTypeImageConfig, images.MediaTypeDockerSchema2Config, "application/octet-stream", "":
	default:
		return fmt.Errorf("it is no image: its configuration has the media type %q: %w", m.Config.MediaType, errs.ErrInternal)
	}
	if m.Config.Size <= 0 || m.Config.Size > maxConfig || m.Config.Digest.Validate() != nil || m.Config.Digest.Algorithm() != digest.SHA256 {
		return fmt.Errorf("its configuration, %s with %d bytes, cannot be: %w", m.Config.Digest, m.Config.Size, errs.ErrInternal)
	}
	for _, layer := range m.Layers {
		if layer.Size < 0 || layer.Digest.Validate() != nil {
			return fmt.Errorf("its layer %s with %d bytes cannot be: %w", layer.Digest, layer.Size, errs.ErrInternal)
		}
		if !images.IsLayerType(layer.MediaType) {
			return fmt.Errorf("its layer %s has the media type %q: %w", layer.Digest, layer.MediaType, errs.ErrInternal)
		}
	}
	return nil
}

// fetch brings an image into the store, but gives it no name yet.
func (p *puller) fetch(ctx context.Context, f found) (*record, error) {
	if raw, parent, ok := p.present(ctx, f); ok {
		return p.s.storeImage(ctx, f.desc, f.raw, f.manifest, raw, parent)
	}
	raw, err := p.config(ctx, f)
	if err != nil {
		return nil, err
	}
	config, err := readConfig(raw, len(f.manifest.Layers))
	if err != nil {
		return nil, err
	}
	if config.OS != "" && config.OS != "linux" {
		return nil, fmt.Errorf("image operating system %q cannot be used on this platform: %w", config.OS, errs.ErrInternal)
	}
	if err := p.layers(ctx, f.manifest.Layers, config.RootFS.DiffIDs); err != nil {
		return nil, err
	}
	return p.s.storeImage(ctx, f.desc, f.raw, f.manifest, raw, "")
}

// config fetches the configuration of an image.
func (p *puller) config(ctx context.Context, f found) ([]byte, error) {
	body := p.repo.Blob(ctx, f.manifest.Config, 0)
	defer body.Close()
	raw, err := io.ReadAll(body)
	if err != nil {
		return nil, fmt.Errorf("image configuration: %w", err)
	}
	if got := digest.FromBytes(raw); got != f.manifest.Config.Digest {
		return nil, fmt.Errorf("image config verification failed for digest %s: it has %s: %w", f.manifest.Config.Digest, got, errs.ErrInternal)
	}
	return raw, nil
}

// present returns the configuration of an image that is here with all its layers, which are under the lease then.
func (p *puller) present(ctx context.Context, f found) (raw []byte, parent string, ok bool) {
	r := p.s.lookup(f.manifest.Config.Digest.String())
	if r == nil {
		return nil, "", false
	}
	raw, err := p.s.rawConfig(ctx, r)
	if err != nil {
		return nil, "", false
	}
	config, err := readConfig(raw, len(f.manifest.Layers))
	if err != nil {
		return nil, "", false
	}
	if n := len(config.RootFS.DiffIDs); n > 0 {
		_, err = p.s.Layers.Applied(ctx, last(chains(config.RootFS.DiffIDs[:n-1])), config.RootFS.DiffIDs[n-1])
	}
	return raw, r.parent, err == nil
}

// assign names what was pulled.
func (p *puller) assign(ctx context.Context, named reference.Named, f found, r *record) (newer bool, err error) {
	if f.top.Digest != f.desc.Digest {
		labels := map[string]string{"containerd.io/gc.ref.content.image": f.desc.Digest.String()}
		if err := p.s.writeBlob(ctx, f.top, f.topRaw, labels); err != nil {
			return false, err
		}
	}
	digested, err := reference.WithDigest(reference.TrimNamed(named), f.top.Digest)
	if err != nil {
		return false, fmt.Errorf("%s: %w", named, err)
	}
	var tagged reference.NamedTagged
	key := digested.String()
	if _, byDigest := named.(reference.Digested); !byDigest {
		tagged, _ = named.(reference.NamedTagged)
		key = named.String()
	}
	p.s.mu.RLock()
	before, had := p.s.index.names[key]
	p.s.mu.RUnlock()
	if err := p.s.assign(ctx, r, tagged, digested, f.top); err != nil {
		return false, err
	}
	return !had || before.id != r.id, nil
}
