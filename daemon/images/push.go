//go:build linux

package images

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"

	ccontent "github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/distribution/reference"
	"github.com/klauspost/compress/gzip"
	"github.com/moby/moby/api/types/events"
	types "github.com/moby/moby/api/types/registry"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/api/stream"
	"github.com/cleat-dev/cleat/daemon/content"
	"github.com/cleat-dev/cleat/internal/registry"
)

const (
	// uploads is how many layers of one push are sent at the same time.
	uploads = 5
	// labelGzip names the compressed form of a layer's blob, made for an earlier push.
	labelGzip = "containerd.io/gc.ref.content.gzip"
)

// Push sends an image to the registry its name says: one tag, or with an empty tag all of the repository's. A name that
// no image has is errs.ErrNotFound before the first message. to, when not empty, is the registry instead of the name's.
func (s *Service) Push(ctx context.Context, repo, tag, to string, auth types.AuthConfig, out func(stream.Message) error) error {
	named, err := reference.ParseNormalizedNamed(repo)
	if err != nil {
		return fmt.Errorf("invalid reference format: %w: %w", err, errs.ErrInvalid)
	}
	if tagged, ok := named.(reference.Tagged); ok && tag == "" {
		tag = tagged.Tag()
	}
	if _, ok := named.(reference.Digested); ok {
		return fmt.Errorf("cannot push a digest reference: %w", errs.ErrInvalid)
	}
	named = reference.TrimNamed(named)
	all, err := s.pushed(named, tag)
	if err != nil {
		return err
	}
	if to != "" {
		if named, err = reference.ParseNormalizedNamed(to + "/" + reference.Path(named)); err != nil {
			return fmt.Errorf("invalid registry %q: %w: %w", to, err, errs.ErrInvalid)
		}
	}
	r, err := s.Registry.Repository(named, auth)
	if err != nil {
		return err
	}
	if err := out(stream.Message{Status: "The push refers to repository [" + named.Name() + "]"}); err != nil {
		return err
	}
	ctx, done, err := s.Store.Lease(ctx)
	if err != nil {
		return err
	}
	defer done()
	p := &pusher{s: s, repo: r, named: named, out: out}
	for _, t := range all {
		if err := p.one(ctx, t); err != nil {
			return explainPush(err)
		}
	}
	return nil
}

// explainPush words a refusal as engines do.
func explainPush(err error) error {
	if registry.Denied(err) && registry.Code(err) != "" {
		return fmt.Errorf("%v: %w", withoutClass(err), errs.ErrInternal)
	}
	return err
}

// pushed returns the tags to push, sorted.
func (s *Service) pushed(named reference.Named, tag string) ([]target, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if tag != "" {
		tagged, err := reference.WithTag(named, tag)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", err, errs.ErrInvalid)
		}
		if t, ok := s.index.names[tagged.String()]; ok {
			return []target{t}, nil
		}
		return nil, fmt.Errorf("An image does not exist locally with the tag: %s: %w", reference.FamiliarName(named), errs.ErrNotFound) //nolint:staticcheck // the engine's words
	}
	all := s.index.tags(named)
	if len(all) == 0 {
		return nil, fmt.Errorf("An image does not exist locally with the tag: %s: %w", reference.FamiliarName(named), errs.ErrNotFound) //nolint:staticcheck // the engine's words
	}
	return all, nil
}

// pusher is one push.
type pusher struct {
	s     *Service
	repo  *registry.Repository
	named reference.Named
	out   func(stream.Message) error
}

// one pushes one tag.
func (p *pusher) one(ctx context.Context, t target) error {
	tagged, ok := t.named.(reference.NamedTagged)
	if !ok {
		return fmt.Errorf("%s is no tag: %w", t.named, errs.ErrInternal)
	}
	r := p.s.lookup(t.id)
	if r == nil {
		return noSuchImage(t.id)
	}
	m, err := p.s.manifest(ctx, r.manifest)
	if err != nil {
		return err
	}
	config, err := p.s.config(ctx, r)
	if err != nil {
		return err
	}
	layers, err := p.layers(ctx, m.Layers, config.RootFS.DiffIDs)
	if err != nil {
		return err
	}
	raw, err := p.s.rawConfig(ctx, r)
	if err != nil {
		return err
	}
	configDesc := ocispec.Descriptor{MediaType: images.MediaTypeDockerSchema2Config, Digest: digest.Digest(t.id), Size: int64(len(raw))}
	open := func() (io.ReadCloser, error) { return p.blob(ctx, configDesc) }
	if _, err := p.repo.PushBlob(ctx, configDesc, "", open); err != nil {
		return err
	}
	desc, rawManifest, err := p.manifest(ctx, r.manifest, m, layers, configDesc)
	if err != nil {
		return err
	}
	if err := p.repo.PushManifest(ctx, tagged.Tag(), desc, rawManifest); err != nil {
		return err
	}
	return p.finish(ctx, tagged, r, desc)
}

// finish notes the digest under which the registry knows the image, and tells it.
func (p *pusher) finish(ctx context.Context, tagged reference.NamedTagged, r *record, desc ocispec.Descriptor) error {
	digested, err := reference.WithDigest(p.named, desc.Digest)
	if err != nil {
		return fmt.Errorf("%s: %w", p.named, err)
	}
	err = p.s.update(ctx, func(c *change) error {
		if p.s.index.images[r.id] == nil { // removed meanwhile
			return nil
		}
		return c.name(digested, r.id, desc)
	})
	if err != nil {
		return err
	}
	p.s.publish(ctx, events.ActionPush, reference.FamiliarString(tagged), reference.FamiliarName(tagged))
	if err := p.out(stream.Message{Status: fmt.Sprintf("%s: digest: %s size: %d", tagged.Tag(), desc.Digest, desc.Size)}); err != nil {
		return err
	}
	aux, err := json.Marshal(struct {
		Tag, Digest string
		Size        int64
	}{tagged.Tag(), desc.Digest.String(), desc.Size})
	if err != nil {
		return fmt.Errorf("push: %w", err)
	}
	return p.out(stream.Message{Detail: &stream.Progress{}, Aux: aux})
}

// manifest returns what is pushed: the manifest the image came with if it holds for what was sent, or a new one.
func (p *pusher) manifest(ctx context.Context, desc ocispec.Descriptor, m ocispec.Manifest, layers []ocispec.Descriptor, config ocispec.Descriptor) (ocispec.Descriptor, []byte, error) {
	same := len(layers) == len(m.Layers)
	for n := range layers {
		same = same && layers[n].Digest == m.Layers[n].Digest
	}
	if same {
		raw, err := p.s.blob(ctx, desc)
		return desc, raw, err
	}
	type manifest struct {
		SchemaVersion int                  `json:"schemaVersion"`
		MediaType     string               `json:"mediaType"`
		Config        ocispec.Descriptor   `json:"config"`
		Layers        []ocispec.Descriptor `json:"layers"`
	}
	raw, err := json.MarshalIndent(manifest{2, images.MediaTypeDockerSchema2Manifest, config, layers}, "", "   ")
	if err != nil {
		return ocispec.Descriptor{}, nil, fmt.Errorf("push: %w", err)
	}
	made := ocispec.Descriptor{MediaType: images.MediaTypeDockerSchema2Manifest, Digest: digest.FromBytes(raw), Size: int64(len(raw))}
	labels := map[string]string{"containerd.io/gc.ref.content.config": config.Digest.String()}
	for n, layer := range layers {
		labels[fmt.Sprintf("containerd.io/gc.ref.content.l.%d", n)] = layer.Digest.String()
	}
	return made, raw, p.s.writeBlob(ctx, made, raw, labels)
}

// layers sends the layers and returns them as they were sent, compressed.
func (p *pusher) layers(ctx context.Context, descs []ocispec.Descriptor, diffIDs []digest.Digest) (_ []ocispec.Descriptor, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	b := newBoard(ctx, p.out, func() { cancel(context.Canceled) })
	defer func() {
		if failed := b.close(); failed != nil {
			err = failed
		}
	}()
	for n := range descs {
		b.step(short(diffIDs[len(descs)-1-n].String()), "Preparing")
	}
	sent := make([]ocispec.Descriptor, len(descs))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(uploads)
	first := map[digest.Digest]int{} // an image may have a layer twice
	for n := len(descs) - 1; n >= 0; n-- {
		if _, twice := first[diffIDs[n]]; twice {
			continue
		}
		first[diffIDs[n]] = n
		group.Go(func() error {
			var err error
			sent[n], err = p.layer(ctx, descs[n], diffIDs[n], b)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for n := range sent {
		sent[n] = sent[first[diffIDs[n]]]
	}
	return sent, nil
}

// layer sends one layer.
func (p *pusher) layer(ctx context.Context, desc ocispec.Descriptor, diffID digest.Digest, b *board) (ocispec.Descriptor, error) {
	name := short(diffID.String())
	if images.IsNonDistributable(desc.MediaType) && len(desc.URLs) > 0 {
		b.step(name, "Skipped foreign layer")
		return desc, nil
	}
	desc, err := p.s.compressed(ctx, desc, diffID)
	if err != nil {
		return desc, err
	}
	open := func() (io.ReadCloser, error) {
		r, err := p.blob(ctx, desc)
		if err != nil {
			return nil, err
		}
		counted := &progress{r: r, every: progressInterval, report: func(read int64) { b.amount(name, "Pushing", read, desc.Size) }}
		return &closers{Reader: counted, close: []io.Closer{r}}, nil
	}
	how, err := p.repo.PushBlob(ctx, desc, "", open)
	if err != nil {
		return desc, err
	}
	if how == registry.Exists {
		b.step(name, "Layer already exists")
	} else {
		b.step(name, "Pushed")
	}
	return desc, nil
}

func (p *pusher) blob(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	at, err := p.s.Store.Content.ReaderAt(content.Context(ctx), desc)
	if err != nil {
		return nil, fmt.Errorf("blob %s: %w", desc.Digest, err)
	}
	return &closers{Reader: ccontent.NewReader(at), close: []io.Closer{at}}, nil
}

// compressed returns a layer as it can be pushed. One that is here only uncompressed is compressed once; the result
// stays as long as the layer.
func (s *Service) compressed(ctx context.Context, desc ocispec.Descriptor, diffID digest.Digest) (ocispec.Descriptor, error) {
	if !s.has(ctx, desc.Digest) {
		other, err := s.findLayer(ctx, diffID)
		if err != nil {
			return desc, err
		}
		desc = other
	}
	mediaType, err := s.layerType(ctx, desc)
	if err != nil || mediaType != "" {
		desc.MediaType = mediaType
		return desc, err
	}
	info, err := s.Store.Content.Info(content.Context(ctx), desc.Digest)
	if err != nil {
		return desc, fmt.Errorf("layer %s: %w", desc.Digest, err)
	}
	if made := digest.Digest(info.Labels[labelGzip]); made != "" {
		if info, err := s.Store.Content.Info(content.Context(ctx), made); err == nil {
			return ocispec.Descriptor{MediaType: images.MediaTypeDockerSchema2LayerGzip, Digest: made, Size: info.Size}, nil
		}
	}
	made, err := s.Layers.WriteBlob(ctx, images.MediaTypeDockerSchema2LayerGzip, func(w io.Writer) error { return s.gzip(ctx, w, desc) })
	if err != nil {
		return desc, fmt.Errorf("layer %s: %w", desc.Digest, err)
	}
	if err := s.label(ctx, made.Digest, map[string]string{labelDiffID: diffID.String()}); err != nil {
		return desc, err
	}
	return made, s.label(ctx, desc.Digest, map[string]string{labelGzip: made.Digest.String()})
}

// layerType returns the type of a compressed layer by its content, "" for one that is not.
func (s *Service) layerType(ctx context.Context, desc ocispec.Descriptor) (string, error) {
	at, err := s.Store.Content.ReaderAt(content.Context(ctx), desc)
	if err != nil {
		return "", fmt.Errorf("layer %s: %w", desc.Digest, err)
	}
	defer at.Close()
	magic := make([]byte, 6)
	if n, err := at.ReadAt(magic, 0); err != nil && err != io.EOF {
		return "", fmt.Errorf("layer %s: %w", desc.Digest, err)
	} else {
		magic = magic[:n]
	}
	switch {
	case len(magic) > 1 && magic[0] == 0x1f && magic[1] == 0x8b:
		return images.MediaTypeDockerSchema2LayerGzip, nil
	case isZstd(magic):
		return ocispec.MediaTypeImageLayerZstd, nil
	}
	return "", nil
}

func (s *Service) gzip(ctx context.Context, w io.Writer, desc ocispec.Descriptor) error {
	at, err := s.Store.Content.ReaderAt(content.Context(ctx), desc)
	if err != nil {
		return err
	}
	defer at.Close()
	buffered := bufio.NewWriterSize(w, 256<<10)
	z, err := gzip.NewWriterLevel(buffered, gzip.DefaultCompression)
	if err != nil {
		return err
	}
	r := io.Reader(&ending{ctx, ccontent.NewReader(at)})
	if _, err := io.CopyBuffer(struct{ io.Writer }{z}, r, make([]byte, 256<<10)); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return buffered.Flush()
}

// ending is a reader that ends with a context.
type ending struct {
	ctx context.Context
	r   io.Reader
}

func (e *ending) Read(p []byte) (int, error) {
	if e.ctx.Err() != nil {
		return 0, context.Cause(e.ctx)
	}
	return e.r.Read(p)
}
