//go:build linux

package images

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"sync/atomic"

	ccontent "github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/klauspost/compress/zstd"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/cleat-dev/cleat/api/errs"
	unarchive "github.com/cleat-dev/cleat/daemon/archive"
	"github.com/cleat-dev/cleat/daemon/content"
)

const (
	// labelDiffID is the diff id of a layer's blob, as containerd marks it.
	labelDiffID = "containerd.io/uncompressed"
	// maxWindow bounds the memory a zstd layer may ask for.
	maxWindow = 128 << 20
)

func newRecord(id, parent string) *record {
	return &record{id: id, parent: parent, config: &atomic.Pointer[dockerspec.DockerOCIImage]{}}
}

// work returns a context under which what is written stays until end is called, with the outcome: what came to nothing is
// collected at once, or its blobs would take disk space until an image is removed.
func (s *Service) work(ctx context.Context) (_ context.Context, end func(*error), err error) {
	ctx, done, err := s.Store.Lease(ctx)
	return ctx, func(outcome *error) {
		done()
		if *outcome != nil {
			s.Store.Collect()
		}
	}, err
}

// manifest reads an image's manifest from the store.
func (s *Service) manifest(ctx context.Context, desc ocispec.Descriptor) (ocispec.Manifest, error) {
	var m ocispec.Manifest
	raw, err := s.blob(ctx, desc)
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return m, fmt.Errorf("manifest %s is damaged: %w", desc.Digest, err)
	}
	return m, nil
}

// manifestLabels keep what a manifest names. Where another form of a layer is here instead of the one it names, that is
// kept.
func (s *Service) manifestLabels(ctx context.Context, m ocispec.Manifest, config *dockerspec.DockerOCIImage) map[string]string {
	labels := map[string]string{"containerd.io/gc.ref.content.config": m.Config.Digest.String()}
	for n, layer := range m.Layers {
		labels["containerd.io/gc.ref.content.l."+strconv.Itoa(n)] = layer.Digest.String()
		if s.has(ctx, layer.Digest) || n >= len(config.RootFS.DiffIDs) {
			continue
		}
		if other, err := s.findLayer(ctx, config.RootFS.DiffIDs[n]); err == nil {
			labels["containerd.io/gc.ref.content.other."+strconv.Itoa(n)] = other.Digest.String()
		}
	}
	return labels
}

// has reports whether a blob is in the store.
func (s *Service) has(ctx context.Context, d digest.Digest) bool {
	_, err := s.Store.Content.Info(content.Context(ctx), d)
	return err == nil
}

// findLayer returns any blob whose uncompressed form has a diff id.
func (s *Service) findLayer(ctx context.Context, diffID digest.Digest) (ocispec.Descriptor, error) {
	var found ocispec.Descriptor
	ctx = content.Context(ctx)
	if info, err := s.Store.Content.Info(ctx, diffID); err == nil {
		return ocispec.Descriptor{Digest: diffID, Size: info.Size, MediaType: ocispec.MediaTypeImageLayer}, nil
	}
	err := s.Store.Content.Walk(ctx, func(info ccontent.Info) error {
		found = ocispec.Descriptor{Digest: info.Digest, Size: info.Size, MediaType: ocispec.MediaTypeImageLayer}
		return nil
	}, fmt.Sprintf("labels.%q==%q", labelDiffID, diffID.String()))
	if err == nil && found.Digest == "" {
		err = fmt.Errorf("layer %s: %w", diffID, errs.ErrNotFound)
	}
	return found, err
}

// writeBlob writes a small blob with labels; one that is there gets the labels. Under the lease of ctx it stays.
func (s *Service) writeBlob(ctx context.Context, desc ocispec.Descriptor, raw []byte, labels map[string]string) error {
	ctx = content.Context(ctx)
	err := ccontent.WriteBlob(ctx, s.Store.Content, "write-"+desc.Digest.String(), bytes.NewReader(raw), desc, ccontent.WithLabels(labels))
	if err != nil {
		return fmt.Errorf("blob %s: %w", desc.Digest, err)
	}
	return s.label(ctx, desc.Digest, labels)
}

// label gives a blob labels it has not got.
func (s *Service) label(ctx context.Context, d digest.Digest, labels map[string]string) error {
	ctx = content.Context(ctx)
	info, err := s.Store.Content.Info(ctx, d)
	if err != nil {
		return fmt.Errorf("blob %s: %w", d, err)
	}
	update := ccontent.Info{Digest: d, Labels: map[string]string{}}
	var paths []string
	for key, value := range labels {
		if info.Labels[key] != value {
			update.Labels[key] = value
			paths = append(paths, "labels."+key)
		}
	}
	if len(paths) == 0 {
		return nil
	}
	if _, err := s.Store.Content.Update(ctx, update, paths...); err != nil {
		return fmt.Errorf("blob %s: %w", d, err)
	}
	return nil
}

// openLayer reads a layer's blob, uncompressed.
func (s *Service) openLayer(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	at, err := s.Store.Content.ReaderAt(content.Context(ctx), desc)
	if err != nil {
		return nil, fmt.Errorf("layer %s: %w", desc.Digest, err)
	}
	r, err := Decompress(ccontent.NewReader(at))
	if err != nil {
		at.Close()
		return nil, fmt.Errorf("layer %s: %w", desc.Digest, err)
	}
	return &closers{Reader: r, close: []io.Closer{r, at}}, nil
}

type closers struct {
	io.Reader
	close []io.Closer
}

func (c *closers) Close() error {
	for _, close := range c.close {
		close.Close() // reading is over: nothing can be lost
	}
	return nil
}

// Decompress returns what r holds, uncompressed: gzip, bzip2, xz, zstd or as it is, told by its first bytes. Close does
// not close r.
func Decompress(r io.Reader) (io.ReadCloser, error) {
	buffered := bufio.NewReaderSize(r, 256<<10)
	magic, err := buffered.Peek(6)
	if err != nil && err != io.EOF {
		return nil, err
	}
	if isZstd(magic) { // layers may begin with a skippable frame
		z, err := zstd.NewReader(buffered, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, badArchive(err)
		}
		return z.IOReadCloser(), nil
	}
	return unarchive.Decompress(buffered) //nolint:wrapcheck // it says that it is about an archive
}

func badArchive(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("archive: %w: %w", err, errs.ErrInvalid)
}

// isZstd reports whether a frame or a skippable frame of zstd begins here.
func isZstd(magic []byte) bool {
	if len(magic) < 4 {
		return false
	}
	return bytes.Equal(magic[:4], []byte{0x28, 0xb5, 0x2f, 0xfd}) || magic[0]&0xf0 == 0x50 && bytes.Equal(magic[1:4], []byte{0x2a, 0x4d, 0x18})
}

// ociLayer is the type of a layer in our own manifests.
func ociLayer(mediaType string) string {
	switch mediaType {
	case images.MediaTypeDockerSchema2LayerGzip, images.MediaTypeDockerSchema2LayerForeignGzip:
		return ocispec.MediaTypeImageLayerGzip
	case images.MediaTypeDockerSchema2LayerZstd:
		return ocispec.MediaTypeImageLayerZstd
	case images.MediaTypeDockerSchema2Layer, images.MediaTypeDockerSchema2LayerForeign, "":
		return ocispec.MediaTypeImageLayer
	}
	return mediaType
}

// LayerBlobs are the blobs of an image's layers, the lowest first.
func (s *Service) LayerBlobs(ctx context.Context, i Image) ([]ocispec.Descriptor, error) {
	m, err := s.manifest(ctx, i.Manifest)
	return m.Layers, err
}
