//go:build linux

package images

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	ccontent "github.com/containerd/containerd/v2/core/content"
	"github.com/distribution/reference"
	"github.com/moby/moby/api/types/events"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/api/stream"
	"github.com/cleat-dev/cleat/daemon/content"
)

const (
	// smallFile is the size up to which a file of an archive is kept in memory; maxSmall is for all of them together.
	smallFile = 256 << 10
	maxSmall  = 64 << 20
	// maxFiles bounds the files of an archive, maxLinks links that lead to links.
	maxFiles = 100_000
	maxLinks = 8
)

// Load reads images from an archive, compressed or not, in any of the layouts that [Service.Save] writes. Images that
// are here already get the names all the same. An archive that is damaged adds the images before the damage at most.
//
// Names in the archive are keys, not paths: nothing is written by them.
func (s *Service) Load(ctx context.Context, r io.Reader, quiet bool, out func(stream.Message) error) (err error) {
	ctx, end, err := s.work(ctx)
	if err != nil {
		return err
	}
	defer end(&err)
	l := &loader{s: s, quiet: quiet, out: out, files: map[string]file{}}
	if err := l.read(ctx, r); err != nil {
		return loadError(ctx, err)
	}
	return loadError(ctx, l.load(ctx))
}

// loadError is the daemon's answer to a bad archive: the contract knows no status but 500.
func loadError(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil || errs.Class(err) == errs.ErrInternal {
		return err
	}
	return fmt.Errorf("%v: %w", withoutClass(err), errs.ErrInternal)
}

// file is a file of an archive.
type file struct {
	link  string             // the name of another file, when it is a link
	small []byte             // its content, or
	blob  ocispec.Descriptor // where it is in the store
}

type loader struct {
	s     *Service
	quiet bool
	out   func(stream.Message) error
	files map[string]file
	total int
}

// read takes the archive apart: large files go into the store, under the lease.
func (l *loader) read(ctx context.Context, r io.Reader) error {
	plain, err := Decompress(&ending{ctx, r})
	if err != nil {
		return err
	}
	defer plain.Close()
	for t := tar.NewReader(plain); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			_, err = io.Copy(io.Discard, plain) // so that the client sees its upload taken
			return err
		}
		if err != nil {
			return fmt.Errorf("error processing tar file: %w: %w", err, errs.ErrInvalid)
		}
		if len(l.files) == maxFiles {
			return fmt.Errorf("the archive has more than %d files: %w", maxFiles, errs.ErrInvalid)
		}
		f, keep, err := l.entry(ctx, h, t)
		if err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
		if keep {
			l.files[clean(h.Name)] = f
		}
	}
}

// clean is a name as a key: relative to the root, whatever it says.
func clean(name string) string { return path.Clean("/" + name)[1:] }

func (l *loader) entry(ctx context.Context, h *tar.Header, r io.Reader) (f file, keep bool, err error) {
	switch h.Typeflag {
	case tar.TypeSymlink:
		if path.IsAbs(h.Linkname) {
			return file{link: clean(h.Linkname)}, true, nil
		}
		return file{link: clean(path.Join(path.Dir(clean(h.Name)), h.Linkname))}, true, nil
	case tar.TypeLink:
		return file{link: clean(h.Linkname)}, true, nil
	case tar.TypeReg:
	default: // folders say nothing, and nothing else belongs into such an archive
		return file{}, false, nil
	}
	if h.Size <= smallFile {
		if l.total += int(h.Size); l.total > maxSmall {
			return file{}, false, fmt.Errorf("the small files of the archive are larger than %d bytes together: %w", maxSmall, errs.ErrInvalid)
		}
		f.small, err = io.ReadAll(r)
		return f, true, err
	}
	if err := l.s.Store.Room(h.Size); err != nil {
		return file{}, false, err
	}
	f.blob, err = l.s.Layers.WriteBlob(ctx, ocispec.MediaTypeImageLayer, func(w io.Writer) error {
		_, err := io.CopyBuffer(w, struct{ io.Reader }{r}, make([]byte, pipeChunk))
		return err
	})
	return f, true, err
}

// find returns a file, through links.
func (l *loader) find(name string) (file, error) {
	key := clean(name)
	for range maxLinks {
		f, ok := l.files[key]
		if !ok {
			return file{}, fmt.Errorf("the archive has no file %q: %w", name, errs.ErrInvalid)
		}
		if f.link == "" {
			return f, nil
		}
		key = f.link
	}
	return file{}, fmt.Errorf("%q is a link without end: %w", name, errs.ErrInvalid)
}

// content returns a file that is not large.
func (l *loader) content(ctx context.Context, name string, limit int64) ([]byte, error) {
	f, err := l.find(name)
	if err != nil {
		return nil, err
	}
	if f.blob.Digest == "" {
		return f.small, nil
	}
	if f.blob.Size > limit {
		return nil, fmt.Errorf("%q is larger than %d bytes: %w", name, limit, errs.ErrInvalid)
	}
	return ccontent.ReadBlob(content.Context(ctx), l.s.Store.Content, f.blob)
}

// decode reads a file of JSON.
func (l *loader) decode(ctx context.Context, name string, v any) error {
	raw, err := l.content(ctx, name, maxConfig)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("%s: %w: %w", name, err, errs.ErrInvalid)
	}
	return nil
}

// load finds out which layout it is.
func (l *loader) load(ctx context.Context) error {
	if _, err := l.find("manifest.json"); err == nil {
		return l.loadManifest(ctx)
	}
	if _, err := l.find("index.json"); err == nil {
		return l.loadIndex(ctx)
	}
	return l.loadLegacy(ctx)
}

// loadManifest reads the layout of engines since 1.10.
func (l *loader) loadManifest(ctx context.Context) error {
	var items []manifestItem
	if err := l.decode(ctx, "manifest.json", &items); err != nil {
		return err
	}
	all, err := l.configs(ctx, items)
	if err != nil {
		return err
	}
	for _, image := range parentsFirst(all) {
		if err := l.image(ctx, image.raw, image.Layers, image.RepoTags, image.Parent); err != nil {
			return err
		}
	}
	return nil
}

// loadIndex reads an OCI layout.
func (l *loader) loadIndex(ctx context.Context) error {
	var index ocispec.Index
	if err := l.decode(ctx, "index.json", &index); err != nil {
		return err
	}
	for _, desc := range index.Manifests {
		var m ocispec.Manifest
		if err := l.resolve(ctx, desc, &m); err != nil {
			return err
		}
		raw, err := l.verified(ctx, m.Config.Digest)
		if err != nil {
			return err
		}
		var layers, names []string
		for _, layer := range m.Layers {
			if err := layer.Digest.Validate(); err != nil {
				return fmt.Errorf("layer %q: %w: %w", layer.Digest, err, errs.ErrInvalid)
			}
			layers = append(layers, blobPath(layer.Digest))
		}
		if name := desc.Annotations["io.containerd.image.name"]; name != "" {
			names = []string{name}
		} else if name := desc.Annotations[ocispec.AnnotationRefName]; strings.ContainsAny(name, ":/") {
			names = []string{name}
		}
		if err := l.image(ctx, raw, layers, names, ""); err != nil {
			return err
		}
	}
	return nil
}

// resolve reads a manifest, through an index the one for this host.
func (l *loader) resolve(ctx context.Context, desc ocispec.Descriptor, m *ocispec.Manifest) error {
	for range maxLinks {
		raw, err := l.verified(ctx, desc.Digest)
		if err != nil {
			return err
		}
		var index ocispec.Index
		if err := json.Unmarshal(raw, &index); err != nil {
			return fmt.Errorf("manifest %s: %w: %w", desc.Digest, err, errs.ErrInvalid)
		}
		if len(index.Manifests) == 0 {
			if err := json.Unmarshal(raw, m); err != nil {
				return fmt.Errorf("manifest %s: %w: %w", desc.Digest, err, errs.ErrInvalid)
			}
			return nil
		}
		want, err := parsePlatform("")
		if err != nil {
			return err
		}
		if desc, err = choose(index, want); err != nil {
			return err
		}
	}
	return fmt.Errorf("indexes without end: %w", errs.ErrInvalid)
}

// verified reads a blob of an OCI layout.
func (l *loader) verified(ctx context.Context, d digest.Digest) ([]byte, error) {
	if err := d.Validate(); err != nil {
		return nil, fmt.Errorf("%q: %w: %w", d, err, errs.ErrInvalid)
	}
	raw, err := l.content(ctx, blobPath(d), maxConfig)
	if err != nil {
		return nil, err
	}
	if got := d.Algorithm().FromBytes(raw); got != d {
		return nil, fmt.Errorf("%s has the digest %s: %w", blobPath(d), got, errs.ErrInvalid)
	}
	return raw, nil
}

// image adds one image. parent is the one it was built on, "" for none.
func (l *loader) image(ctx context.Context, raw []byte, layers, names []string, parent string) error {
	config, err := readConfig(raw, len(layers))
	if err != nil {
		return err
	}
	if config.OS != "" && config.OS != "linux" {
		return fmt.Errorf("cannot load %s image on linux: %w", config.OS, errs.ErrInvalid)
	}
	var descs []ocispec.Descriptor
	for n, name := range layers {
		desc, err := l.layer(ctx, name, config.RootFS.DiffIDs[:n], config.RootFS.DiffIDs[n])
		if err != nil {
			return err
		}
		descs = append(descs, desc)
	}
	r, err := l.s.storeRaw(ctx, raw, descs, parent)
	if err != nil {
		return err
	}
	return l.name(ctx, r, names)
}

// name names an image and reports it.
func (l *loader) name(ctx context.Context, r *record, names []string) error {
	if len(names) == 0 {
		if err := l.s.assign(ctx, r, nil, nil, ocispec.Descriptor{}); err != nil {
			return err
		}
		if err := l.out(stream.Message{Stream: "Loaded image ID: " + r.id + "\n"}); err != nil {
			return err
		}
	}
	for _, name := range names {
		named, err := ParseName(name, "")
		if err != nil {
			return fmt.Errorf("the archive names an image %q: %w", name, err)
		}
		if err := l.s.assign(ctx, r, named, nil, ocispec.Descriptor{}); err != nil {
			return err
		}
		if err := l.out(stream.Message{Stream: "Loaded image: " + reference.FamiliarString(named) + "\n"}); err != nil {
			return err
		}
	}
	l.s.publish(ctx, events.ActionLoad, r.id, r.id)
	return nil
}

// layer puts a layer of the archive into the store and unpacks it.
func (l *loader) layer(ctx context.Context, name string, below []digest.Digest, diffID digest.Digest) (ocispec.Descriptor, error) {
	f, err := l.find(name)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	desc := f.blob
	if desc.Digest == "" {
		desc, err = l.s.Layers.WriteBlob(ctx, ocispec.MediaTypeImageLayer, func(w io.Writer) error {
			_, err := io.Copy(w, bytes.NewReader(f.small))
			return err
		})
		if err != nil {
			return desc, err
		}
	}
	if desc.MediaType, err = l.s.layerType(ctx, desc); err != nil {
		return desc, err
	}
	desc.MediaType = ociLayer(desc.MediaType)
	if err := l.s.label(ctx, desc.Digest, map[string]string{labelDiffID: diffID.String()}); err != nil {
		return desc, err
	}
	parent := last(chains(below))
	if _, err := l.s.Layers.Applied(ctx, parent, diffID); err == nil || !isNotFound(err) {
		return desc, err
	}
	return desc, l.unpack(ctx, desc, parent, diffID)
}

func (l *loader) unpack(ctx context.Context, desc ocispec.Descriptor, parent, diffID digest.Digest) error {
	at, err := l.s.Store.Content.ReaderAt(content.Context(ctx), desc)
	if err != nil {
		return err
	}
	defer at.Close()
	r, err := Decompress(&progress{r: ccontent.NewReader(at), every: progressInterval, report: func(read int64) {
		if !l.quiet {
			_ = l.out(stream.Step(short(diffID.String()), "Loading layer", stream.Progress{Current: read, Total: desc.Size})) // a client that left ends ctx
		}
	}})
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = l.s.Layers.Apply(ctx, parent, diffID, r)
	return err
}

// diffID computes the diff id of a layer that nothing says it of.
func (l *loader) diffID(ctx context.Context, f file) (digest.Digest, error) {
	source := io.Reader(bytes.NewReader(f.small))
	if f.blob.Digest != "" {
		at, err := l.s.Store.Content.ReaderAt(content.Context(ctx), f.blob)
		if err != nil {
			return "", err
		}
		defer at.Close()
		source = ccontent.NewReader(at)
	}
	r, err := Decompress(source)
	if err != nil {
		return "", err
	}
	defer r.Close()
	digester := digest.Canonical.Digester()
	if _, err := io.Copy(digester.Hash(), &ending{ctx, r}); err != nil {
		return "", fmt.Errorf("%w: %w", err, errs.ErrInvalid)
	}
	return digester.Digest(), nil
}
