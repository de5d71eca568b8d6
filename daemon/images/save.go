//go:build linux

package images

import (
	"archive/tar"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/distribution/reference"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/moby/moby/api/types/events"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/content"
	"github.com/cleat-dev/cleat/daemon/snapshot"
)

// saved is an image that goes into an archive.
type saved struct {
	id   string
	tags []reference.NamedTagged
}

// manifestItem is an image in manifest.json, the layout of engines since 1.10.
type manifestItem struct {
	Config   string
	RepoTags []string
	Layers   []string
	// Parent is the image this one was built on, when the archive has it.
	Parent string `json:",omitempty"`
}

// Save writes images into one archive that readers of all times take: every layer once under blobs/sha256, and over it
// three tables of contents, that of OCI (index.json), that of engines since 1.10 (manifest.json) and that of
// remote-api-v1.18, "Image tarball format" (repositories, and a folder for each layer whose layer.tar is a link).
//
// A name is repository:tag, a repository for all its tags, or an ID, which is saved without name. What does not exist
// is errs.ErrNotFound before anything is written.
func (s *Service) Save(ctx context.Context, names []string, w io.Writer) error {
	selection, err := s.selection(names)
	if err != nil {
		return err
	}
	ctx, done, err := s.Store.Lease(ctx)
	if err != nil {
		return err
	}
	defer done()
	a := &saver{s: s, tar: tar.NewWriter(w), written: map[string]bool{}, repositories: map[string]map[string]string{}, items: []manifestItem{}}
	a.index.SchemaVersion, a.index.MediaType = 2, ocispec.MediaTypeImageIndex
	for _, image := range selection {
		if err := a.image(ctx, image); err != nil {
			return fmt.Errorf("save %s: %w", image.id, err)
		}
	}
	a.linkParents(selection)
	if err := a.tables(); err != nil {
		return fmt.Errorf("save: %w", err)
	}
	for _, image := range selection {
		s.publish(ctx, events.ActionSave, image.id, image.id)
	}
	return nil
}

// selection finds what names stand for; an image once, in the order of the names.
func (s *Service) selection(names []string) ([]*saved, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var all []*saved
	byID := map[string]*saved{}
	add := func(id string, tag reference.Named) {
		if byID[id] == nil {
			byID[id] = &saved{id: id}
			all = append(all, byID[id])
		}
		tagged, ok := tag.(reference.NamedTagged)
		for _, other := range byID[id].tags {
			ok = ok && other.String() != tagged.String()
		}
		if ok {
			byID[id].tags = append(byID[id].tags, tagged)
		}
	}
	for _, name := range names {
		if named, err := reference.ParseNormalizedNamed(name); err == nil && reference.IsNameOnly(named) {
			tags := s.index.tags(named)
			for _, t := range tags {
				add(t.id, t.named)
			}
			if len(tags) > 0 {
				continue
			}
		}
		r := s.index.find(name)
		if r == nil {
			return nil, fmt.Errorf("No such image: %s: %w", name, errs.ErrNotFound) //nolint:staticcheck // the engine's words
		}
		named, err := reference.ParseNormalizedNamed(name)
		if err != nil || isPrefixOf(name, r.id) {
			named = nil
		}
		add(r.id, named)
	}
	return all, nil
}

// saver writes one archive.
type saver struct {
	s            *Service
	tar          *tar.Writer
	written      map[string]bool
	items        []manifestItem
	index        ocispec.Index
	repositories map[string]map[string]string
}

func (a *saver) image(ctx context.Context, image *saved) error {
	r := a.s.lookup(image.id)
	if r == nil {
		return noSuchImage(image.id)
	}
	raw, err := a.s.rawConfig(ctx, r)
	if err != nil {
		return err
	}
	config, err := a.s.config(ctx, r)
	if err != nil {
		return err
	}
	layers, err := a.s.layers(ctx, r)
	if err != nil {
		return err
	}
	m := ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest, Layers: []ocispec.Descriptor{},
		Config: ocispec.Descriptor{MediaType: ocispec.MediaTypeImageConfig, Digest: digest.Digest(r.id), Size: int64(len(raw))}}
	m.SchemaVersion = 2
	item := manifestItem{Config: blobPath(m.Config.Digest), Layers: []string{}}
	for n, layer := range layers {
		if err := a.layer(ctx, r, n, layer); err != nil {
			return err
		}
		item.Layers = append(item.Layers, blobPath(layer.DiffID))
		m.Layers = append(m.Layers, ocispec.Descriptor{MediaType: ocispec.MediaTypeImageLayer, Digest: layer.DiffID, Size: layer.Archive})
	}
	if err := a.blob(raw, r.created); err != nil {
		return err
	}
	rawManifest, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := a.blob(rawManifest, r.created); err != nil {
		return err
	}
	top, err := a.legacy(raw, config, layers)
	if err != nil {
		return err
	}
	desc := ocispec.Descriptor{MediaType: m.MediaType, Digest: digest.FromBytes(rawManifest), Size: int64(len(rawManifest)),
		Platform: &ocispec.Platform{OS: config.OS, Architecture: config.Architecture, Variant: config.Variant}}
	a.list(image, item, desc, top)
	return nil
}

// list puts an image into the tables of contents.
func (a *saver) list(image *saved, item manifestItem, desc ocispec.Descriptor, top string) {
	for _, tagged := range image.tags {
		name := reference.FamiliarName(tagged)
		item.RepoTags = append(item.RepoTags, reference.FamiliarString(tagged))
		if a.repositories[name] == nil {
			a.repositories[name] = map[string]string{}
		}
		if top != "" {
			a.repositories[name][tagged.Tag()] = top
		}
		named := desc
		named.Annotations = map[string]string{"io.containerd.image.name": tagged.String(), ocispec.AnnotationRefName: tagged.Tag()}
		a.index.Manifests = append(a.index.Manifests, named)
	}
	if len(image.tags) == 0 {
		a.index.Manifests = append(a.index.Manifests, desc)
	}
	a.items = append(a.items, item)
}

// tables ends the archive.
func (a *saver) tables() error {
	files := []struct {
		name  string
		value any
	}{
		{"index.json", a.index}, {"manifest.json", a.items},
		{ocispec.ImageLayoutFile, ocispec.ImageLayout{Version: ocispec.ImageLayoutVersion}}, {"repositories", a.repositories},
	}
	for _, file := range files {
		if file.name == "repositories" && len(a.repositories) == 0 { // only IDs were asked for
			continue
		}
		raw, err := json.Marshal(file.value)
		if err != nil {
			return err
		}
		if err := a.file(file.name, append(raw, '\n'), time.Time{}); err != nil {
			return err
		}
	}
	return a.tar.Close()
}

func blobPath(d digest.Digest) string { return "blobs/" + d.Algorithm().String() + "/" + d.Encoded() }

// layer writes a layer's archive, once.
func (a *saver) layer(ctx context.Context, r *record, n int, layer snapshot.Applied) error {
	path := blobPath(layer.DiffID)
	if a.written[path] {
		return nil
	}
	m, err := a.s.manifest(ctx, r.manifest)
	if err != nil {
		return err
	}
	var source ocispec.Descriptor
	if n < len(m.Layers) && a.s.has(ctx, m.Layers[n].Digest) {
		source = m.Layers[n]
	} else if source, err = a.s.findLayer(ctx, layer.DiffID); err != nil {
		return err
	}
	body, err := a.s.openLayer(content.Context(ctx), source)
	if err != nil {
		return err
	}
	defer body.Close()
	if err := a.header(&tar.Header{Typeflag: tar.TypeReg, Name: path, Mode: 0o644, Size: layer.Archive, ModTime: r.created}); err != nil {
		return err
	}
	_, err = io.CopyBuffer(struct{ io.Writer }{a.tar}, &ending{ctx, body}, make([]byte, 256<<10))
	return err
}

func (a *saver) blob(raw []byte, at time.Time) error {
	return a.file(blobPath(digest.FromBytes(raw)), raw, at)
}

func (a *saver) file(name string, raw []byte, at time.Time) error {
	if a.written[name] {
		return nil
	}
	if err := a.header(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(raw)), ModTime: at}); err != nil {
		return err
	}
	_, err := a.tar.Write(raw)
	return err
}

// header writes a header, after those of the folders around it.
func (a *saver) header(h *tar.Header) error {
	if h.ModTime.IsZero() {
		h.ModTime = time.Unix(0, 0)
	}
	for n, c := range h.Name {
		if dir := h.Name[:n] + "/"; c == '/' && !a.written[dir] && n+1 < len(h.Name) {
			a.written[dir] = true
			if err := a.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir, Mode: 0o755, ModTime: h.ModTime}); err != nil {
				return err
			}
		}
	}
	a.written[h.Name] = true
	h.ModTime = h.ModTime.Truncate(time.Second)
	return a.tar.WriteHeader(h)
}

// legacy writes the folders of remote-api-v1.18 for an image's layers and returns the name of the last, under which
// the image is known there.
func (a *saver) legacy(raw []byte, config *dockerspec.DockerOCIImage, layers []snapshot.Applied) (string, error) {
	var parent string
	for n, layer := range layers {
		v1 := map[string]any{"created": config.Created, "os": config.OS}
		if n == len(layers)-1 {
			if err := json.Unmarshal(raw, &v1); err != nil {
				return "", err
			}
			delete(v1, "rootfs")
			delete(v1, "history")
		}
		if parent != "" {
			v1["parent"] = parent
		}
		v1["layer_id"] = layer.ChainID
		key, err := json.Marshal(v1)
		if err != nil {
			return "", err
		}
		delete(v1, "layer_id")
		id := digest.FromBytes(key).Encoded()
		v1["id"] = id
		doc, err := json.Marshal(v1)
		if err != nil {
			return "", err
		}
		if err := a.folder(id, doc, layer.DiffID, config.Created); err != nil {
			return "", err
		}
		parent = id
	}
	return parent, nil
}

func (a *saver) folder(id string, doc []byte, diffID digest.Digest, created *time.Time) error {
	if a.written[id+"/"] {
		return nil
	}
	var at time.Time
	if created != nil {
		at = *created
	}
	if err := a.file(id+"/VERSION", []byte("1.0"), at); err != nil {
		return err
	}
	if err := a.file(id+"/json", doc, at); err != nil {
		return err
	}
	return a.header(&tar.Header{Typeflag: tar.TypeSymlink, Name: id + "/layer.tar", Linkname: "../" + blobPath(diffID), Mode: 0o777, ModTime: at})
}
