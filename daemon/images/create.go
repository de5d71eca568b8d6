//go:build linux

package images

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"time"

	"github.com/distribution/reference"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/moby/moby/api/types/events"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/snapshot"
)

// emptyTar is the diff id of a layer without files, 1,024 zeros. Such layers are left out of images.
const emptyTar = digest.Digest("sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef")

// New is an image to be made: a layer, or only a configuration, on top of another image.
type New struct {
	// Parent is the image below, by ID; "" for none.
	Parent string
	// Layer is in the content store, its DiffID of the uncompressed form; nil when no file changed.
	Layer  *ocispec.Descriptor
	DiffID digest.Digest
	// Config has the configuration of containers, and author and platform where they differ from the parent's. Layers
	// and history follow from the other fields.
	Config dockerspec.DockerOCIImage
	// Author, Comment, CreatedBy and Container, the ID of the container it was made from, are recorded.
	Author, Comment, CreatedBy, Container string
	// Repo and Tag name the image; an empty Repo leaves it without name, an empty Tag is latest.
	Repo, Tag string
}

// configuration is what is written: the common form with the fields older versions of the API show.
type configuration struct {
	dockerspec.DockerOCIImage
	Config          dockerspec.DockerOCIImageConfig  `json:"config"`
	Comment         string                           `json:"comment,omitempty"`
	Container       string                           `json:"container,omitempty"`
	ContainerConfig *dockerspec.DockerOCIImageConfig `json:"container_config,omitempty"`
}

// Create makes an image and returns its ID. The same content at the same time is the same image.
func (s *Service) Create(ctx context.Context, n New) (_ string, err error) {
	var named reference.NamedTagged
	if n.Repo != "" {
		var err error
		if named, err = ParseName(n.Repo, n.Tag); err != nil {
			return "", err
		}
	}
	ctx, end, err := s.work(ctx)
	if err != nil {
		return "", err
	}
	defer end(&err)
	c, layers, err := s.base(ctx, n.Parent)
	if err != nil {
		return "", err
	}
	now := time.Now().UTC()
	step := ocispec.History{Created: &now, CreatedBy: n.CreatedBy, Author: n.Author, Comment: n.Comment, EmptyLayer: n.Layer == nil || n.DiffID == emptyTar}
	if !step.EmptyLayer {
		if err := s.apply(ctx, c.RootFS.DiffIDs, *n.Layer, n.DiffID); err != nil {
			return "", err
		}
		c.RootFS.DiffIDs, layers = append(c.RootFS.DiffIDs, n.DiffID), append(layers, *n.Layer)
	}
	c.History = append(c.History, step)
	c.Created, c.Config, c.Comment, c.Container = &now, n.Config.Config, n.Comment, n.Container
	if n.Container != "" {
		c.ContainerConfig = &c.Config
	}
	if c.Author = n.Config.Author; n.Author != "" {
		c.Author = n.Author
	}
	if n.Config.Architecture != "" {
		c.Platform = n.Config.Platform
	}
	r, err := s.store(ctx, c, layers, n.Parent)
	if err != nil {
		return "", err
	}
	if err := s.assign(ctx, r, named, nil, ocispec.Descriptor{}); err != nil {
		return "", err
	}
	if named != nil {
		s.publish(ctx, events.ActionTag, r.id, reference.FamiliarString(named))
	}
	return r.id, nil
}

// base returns the beginning of an image on top of another.
func (s *Service) base(ctx context.Context, parent string) (*configuration, []ocispec.Descriptor, error) {
	c := &configuration{}
	c.Platform = ocispec.Platform{OS: "linux", Architecture: runtime.GOARCH}
	c.RootFS = ocispec.RootFS{Type: "layers", DiffIDs: []digest.Digest{}}
	if parent == "" {
		return c, nil, nil
	}
	r := s.lookup(parent)
	if r == nil {
		return nil, nil, noSuchImage(parent)
	}
	below, err := s.config(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	if n := len(below.RootFS.DiffIDs); n > 0 { // from here on it stays
		all := chains(below.RootFS.DiffIDs[:n-1])
		if _, err := s.Layers.Applied(ctx, last(all), below.RootFS.DiffIDs[n-1]); err != nil {
			return nil, nil, err
		}
	}
	c.Platform = below.Platform
	c.RootFS.DiffIDs = append(c.RootFS.DiffIDs, below.RootFS.DiffIDs...)
	c.History = append(c.History, below.History...)
	m, err := s.manifest(ctx, r.manifest)
	if err != nil {
		return nil, nil, err
	}
	return c, m.Layers, nil
}

// chains returns the chain of each layer.
func chains(diffIDs []digest.Digest) []digest.Digest {
	all := make([]digest.Digest, len(diffIDs))
	var chain digest.Digest
	for n, d := range diffIDs {
		chain = snapshot.ChainID(chain, d)
		all[n] = chain
	}
	return all
}

func last(all []digest.Digest) digest.Digest {
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1]
}

// apply unpacks a layer that is in the content store on top of others.
func (s *Service) apply(ctx context.Context, below []digest.Digest, layer ocispec.Descriptor, diffID digest.Digest) error {
	parent := last(chains(below))
	if _, err := s.Layers.Applied(ctx, parent, diffID); err == nil || !isNotFound(err) {
		return err
	}
	r, err := s.openLayer(ctx, layer)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = s.Layers.Apply(ctx, parent, diffID, r)
	return err
}

// store writes a configuration and the manifest that keeps it with its layers, which are unpacked already.
func (s *Service) store(ctx context.Context, c any, layers []ocispec.Descriptor, parent string) (*record, error) {
	raw, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("image: %w", err)
	}
	return s.storeRaw(ctx, raw, layers, parent)
}

// storeRaw is store for a configuration as it came.
func (s *Service) storeRaw(ctx context.Context, raw []byte, layers []ocispec.Descriptor, parent string) (*record, error) {
	m := ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest, Layers: []ocispec.Descriptor{},
		Config: ocispec.Descriptor{MediaType: ocispec.MediaTypeImageConfig, Digest: digest.FromBytes(raw), Size: int64(len(raw))}}
	m.SchemaVersion = 2
	for _, layer := range layers {
		m.Layers = append(m.Layers, ocispec.Descriptor{MediaType: ociLayer(layer.MediaType), Digest: layer.Digest, Size: layer.Size, URLs: layer.URLs})
	}
	rawManifest, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("image: %w", err)
	}
	desc := ocispec.Descriptor{MediaType: m.MediaType, Digest: digest.FromBytes(rawManifest), Size: int64(len(rawManifest))}
	return s.storeImage(ctx, desc, rawManifest, m, raw, parent)
}

// storeImage writes an image's manifest and configuration as they are and returns the record for it.
func (s *Service) storeImage(ctx context.Context, desc ocispec.Descriptor, rawManifest []byte, m ocispec.Manifest, raw []byte, parent string) (*record, error) {
	config, err := readConfig(raw, len(m.Layers))
	if err != nil {
		return nil, err
	}
	chain := last(chains(config.RootFS.DiffIDs))
	size, err := s.Layers.ChainSize(ctx, chain)
	if err != nil {
		return nil, err
	}
	labels := map[string]string{}
	if chain != "" {
		labels["containerd.io/gc.ref.snapshot."+s.Store.Snapshotter] = chain.String()
	}
	if err := s.writeBlob(ctx, m.Config, raw, labels); err != nil {
		return nil, err
	}
	if err := s.writeBlob(ctx, desc, rawManifest, s.manifestLabels(ctx, m, config)); err != nil {
		return nil, err
	}
	r := newRecord(m.Config.Digest.String(), parent)
	r.chain, r.size, r.configSize, r.manifest = chain, size, int64(len(raw)), desc
	if config.Created != nil {
		r.created = *config.Created
	}
	r.config.Store(config)
	return r, nil
}

// readConfig reads a configuration and checks what everything relies on.
func readConfig(raw []byte, layers int) (*dockerspec.DockerOCIImage, error) {
	config := &dockerspec.DockerOCIImage{}
	if err := json.Unmarshal(raw, config); err != nil {
		return nil, fmt.Errorf("image configuration: %w: %w", err, errs.ErrInvalid)
	}
	if len(config.RootFS.DiffIDs) != layers {
		return nil, fmt.Errorf("image configuration has %d layers, its manifest %d: %w", len(config.RootFS.DiffIDs), layers, errs.ErrInvalid)
	}
	for _, d := range config.RootFS.DiffIDs {
		if err := d.Validate(); err != nil || d.Algorithm() != digest.SHA256 {
			return nil, fmt.Errorf("image configuration: diff id %q: %w", d, errs.ErrInvalid)
		}
	}
	steps := 0
	for _, step := range config.History {
		if !step.EmptyLayer {
			steps++
		}
	}
	if steps > layers {
		return nil, fmt.Errorf("image configuration: its history has %d layers, not %d: %w", steps, layers, errs.ErrInvalid)
	}
	return config, nil
}
