//go:build linux

package images

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/cleat-dev/cleat/api/errs"
)

// maxDepth is how many layers an image of the old layout may have.
const maxDepth = 500

var legacyID = regexp.MustCompile(`^[0-9a-f]{64}$`)

// v1Image is what matters of a layer's json in remote-api-v1.18, "Image tarball format".
type v1Image struct {
	Parent          string     `json:"parent"`
	Created         *time.Time `json:"created"`
	Author          string     `json:"author"`
	Comment         string     `json:"comment"`
	OS              string     `json:"os"`
	ContainerConfig struct {
		Cmd []string `json:"Cmd"`
	} `json:"container_config"`
}

// v1Loaded is a layer of the old layout as an image.
type v1Loaded struct {
	record  *record
	diffIDs []digest.Digest
	layers  []ocispec.Descriptor
	history []ocispec.History
}

// loadLegacy reads the layout of remote-api-v1.18: each layer is an image, with the one below as its parent.
func (l *loader) loadLegacy(ctx context.Context) error {
	repositories := map[string]map[string]string{}
	_, err := l.find("repositories")
	if err == nil {
		err = l.decode(ctx, "repositories", &repositories)
	} else if !l.hasLegacy() {
		return fmt.Errorf("the archive has no image: no manifest.json, no index.json, no repositories: %w", errs.ErrInvalid)
	} else {
		err = nil
	}
	if err != nil {
		return err
	}
	loaded := map[string]*v1Loaded{}
	for _, name := range slices.Sorted(maps.Keys(l.files)) {
		if dir, file := path.Split(name); file == "json" && legacyID.MatchString(path.Clean(dir)) {
			if _, err := l.legacyImage(ctx, path.Clean(dir), loaded, 0); err != nil {
				return err
			}
		}
	}
	named := map[string]bool{}
	for _, repo := range slices.Sorted(maps.Keys(repositories)) {
		for _, tag := range slices.Sorted(maps.Keys(repositories[repo])) {
			image := loaded[repositories[repo][tag]]
			if image == nil {
				return fmt.Errorf("repositories names the image %q, which is not there: %w", repositories[repo][tag], errs.ErrInvalid)
			}
			if err := l.name(ctx, image.record, []string{repo + ":" + tag}); err != nil {
				return err
			}
			named[image.record.id] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(loaded)) { // those nobody names and no other is built on
		r := loaded[id].record
		if !named[r.id] && len(l.s.Children(r.id)) == 0 {
			if err := l.name(ctx, r, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *loader) hasLegacy() bool {
	for name := range l.files {
		if dir, file := path.Split(name); file == "json" && legacyID.MatchString(path.Clean(dir)) {
			return true
		}
	}
	return false
}

// legacyImage adds a layer as an image, its parents first.
func (l *loader) legacyImage(ctx context.Context, id string, loaded map[string]*v1Loaded, depth int) (*v1Loaded, error) {
	if done := loaded[id]; done != nil {
		return done, nil
	}
	if !legacyID.MatchString(id) || depth > maxDepth {
		return nil, fmt.Errorf("layer %q: it is no id, or its parents do not end: %w", id, errs.ErrInvalid)
	}
	var v1 v1Image
	if err := l.decode(ctx, id+"/json", &v1); err != nil {
		return nil, err
	}
	if v1.OS != "" && v1.OS != "linux" {
		return nil, fmt.Errorf("cannot load %s image on linux: %w", v1.OS, errs.ErrInvalid)
	}
	image := &v1Loaded{}
	parent := ""
	if v1.Parent != "" {
		below, err := l.legacyImage(ctx, v1.Parent, loaded, depth+1)
		if err != nil {
			return nil, err
		}
		parent = below.record.id
		image.diffIDs, image.layers, image.history = slices.Clone(below.diffIDs), slices.Clone(below.layers), slices.Clone(below.history)
	}
	empty, err := l.legacyLayer(ctx, id, image)
	if err != nil {
		return nil, err
	}
	image.history = append(image.history, ocispec.History{Created: v1.Created, Author: v1.Author, Comment: v1.Comment,
		CreatedBy: strings.Join(v1.ContainerConfig.Cmd, " "), EmptyLayer: empty})
	raw, err := l.legacyConfig(ctx, id, image)
	if err != nil {
		return nil, err
	}
	if image.record, err = l.s.storeRaw(ctx, raw, image.layers, parent); err != nil {
		return nil, err
	}
	loaded[id] = image
	return image, l.s.assign(ctx, image.record, nil, nil, ocispec.Descriptor{})
}

// legacyLayer unpacks the layer of an old image. Its diff id is what comes out.
func (l *loader) legacyLayer(ctx context.Context, id string, image *v1Loaded) (empty bool, err error) {
	f, err := l.find(id + "/layer.tar")
	if err != nil {
		return false, err
	}
	diffID, err := l.diffID(ctx, f)
	if err != nil {
		return false, fmt.Errorf("%s/layer.tar: %w", id, err)
	}
	if diffID == emptyTar {
		return true, nil
	}
	desc, err := l.layer(ctx, id+"/layer.tar", image.diffIDs, diffID)
	if err != nil {
		return false, err
	}
	image.diffIDs, image.layers = append(image.diffIDs, diffID), append(image.layers, desc)
	return false, nil
}

// legacyConfig makes a configuration of an old image's json.
func (l *loader) legacyConfig(ctx context.Context, id string, image *v1Loaded) ([]byte, error) {
	var c map[string]json.RawMessage
	if err := l.decode(ctx, id+"/json", &c); err != nil {
		return nil, err
	}
	for _, key := range []string{"id", "parent", "Size", "parent_id", "layer_id", "throwaway"} {
		delete(c, key)
	}
	for key, value := range map[string]any{"rootfs": ocispec.RootFS{Type: "layers", DiffIDs: append([]digest.Digest{}, image.diffIDs...)}, "history": image.history} {
		raw, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		c[key] = raw
	}
	return json.Marshal(c)
}
