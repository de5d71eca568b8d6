//go:build linux

package images

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/distribution/reference"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/cleat-dev/cleat/api/errs"
)

const (
	imagePrefix = "image/"
	namePrefix  = "name/"

	labelParent  = "dev.cleat/parent"
	labelChain   = "dev.cleat/chain"
	labelSize    = "dev.cleat/size"
	labelCreated = "dev.cleat/created"
	labelTagged  = "dev.cleat/tagged"
	labelConfig  = "dev.cleat/config" // the media type and size of the configuration
	labelImage   = "dev.cleat/image"
)

// record is an image in the index. Once it is in there it does not change but for lastTag; a change makes a new one.
type record struct {
	id, parent string
	chain      digest.Digest
	size       int64
	configSize int64
	created    time.Time // zero when the image does not say
	lastTag    time.Time
	manifest   ocispec.Descriptor

	config *atomic.Pointer[dockerspec.DockerOCIImage] // once it was read
}

func (r *record) record() images.Image {
	labels := map[string]string{
		labelParent: r.parent, labelChain: r.chain.String(), labelSize: strconv.FormatInt(r.size, 10),
		labelConfig: strconv.FormatInt(r.configSize, 10),
	}
	if !r.created.IsZero() {
		labels[labelCreated] = r.created.UTC().Format(time.RFC3339Nano)
	}
	if !r.lastTag.IsZero() {
		labels[labelTagged] = r.lastTag.UTC().Format(time.RFC3339Nano)
	}
	return images.Image{Name: imagePrefix + r.id, Target: r.manifest, Labels: labels}
}

func readRecord(i images.Image) (*record, error) {
	r := &record{id: strings.TrimPrefix(i.Name, imagePrefix), parent: i.Labels[labelParent], chain: digest.Digest(i.Labels[labelChain]),
		manifest: i.Target, config: &atomic.Pointer[dockerspec.DockerOCIImage]{}}
	var failed [4]error
	r.size, failed[0] = strconv.ParseInt(i.Labels[labelSize], 10, 64)
	r.configSize, failed[1] = strconv.ParseInt(i.Labels[labelConfig], 10, 64)
	r.created, failed[2] = readTime(i.Labels[labelCreated])
	r.lastTag, failed[3] = readTime(i.Labels[labelTagged])
	if err := errors.Join(failed[:]...); err != nil {
		return nil, fmt.Errorf("images: record %s is damaged: %w", i.Name, err)
	}
	return r, nil
}

func readTime(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	return time.Parse(time.RFC3339Nano, s)
}

// nameKey is the record of a name with tag or digest.
func nameKey(named reference.Named) string { return namePrefix + named.String() }

func nameRecord(named reference.Named, id string, target ocispec.Descriptor) images.Image {
	return images.Image{Name: nameKey(named), Target: target, Labels: map[string]string{labelImage: id}}
}

// put writes a record, new or not.
func put(ctx context.Context, store images.Store, i images.Image) error {
	_, err := store.Create(ctx, i)
	if errs.Class(err) == errs.ErrConflict {
		_, err = store.Update(ctx, i)
	}
	return err
}

func isNotFound(err error) bool { return errors.Is(err, errs.ErrNotFound) }

// target is what a name stands for.
type target struct {
	named reference.Named
	id    string
	desc  ocispec.Descriptor
}

// index is all records. Its methods are called with the service's locks held.
type index struct {
	images   map[string]*record
	names    map[string]target                     // by the full name with tag or digest
	of       map[string]map[string]reference.Named // image → its names
	children map[string]map[string]bool
	chains   map[digest.Digest]int // how many images have this chain
	ids      []string              // hex, sorted
}

func newIndex() index {
	return index{images: map[string]*record{}, names: map[string]target{}, of: map[string]map[string]reference.Named{},
		children: map[string]map[string]bool{}, chains: map[digest.Digest]int{}}
}

// read fills the index.
func (i *index) read(all []images.Image) error {
	for _, image := range all {
		if strings.HasPrefix(image.Name, imagePrefix) {
			r, err := readRecord(image)
			if err != nil {
				return err
			}
			i.insert(r)
			i.ids = append(i.ids, hexOf(r.id))
		}
	}
	slices.Sort(i.ids)
	for _, image := range all {
		full, ok := strings.CutPrefix(image.Name, namePrefix)
		if !ok {
			continue
		}
		named, err := reference.ParseNamed(full)
		if err != nil {
			return fmt.Errorf("images: record %s is damaged: %w", image.Name, err)
		}
		id := image.Labels[labelImage]
		if i.images[id] == nil {
			return fmt.Errorf("images: record %s is damaged: no image %q", image.Name, id)
		}
		i.name(named, id, image.Target, i.images[id].lastTag)
	}
	return nil
}

func (i *index) insert(r *record) {
	i.images[r.id] = r
	i.chains[r.chain]++
	if r.parent != "" {
		if i.children[r.parent] == nil {
			i.children[r.parent] = map[string]bool{}
		}
		i.children[r.parent][r.id] = true
	}
}

func (i *index) add(r *record) {
	i.insert(r)
	at, _ := slices.BinarySearch(i.ids, hexOf(r.id))
	i.ids = slices.Insert(i.ids, at, hexOf(r.id))
}

func (i *index) remove(id string) {
	r := i.images[id]
	if r == nil {
		return
	}
	delete(i.images, id)
	delete(i.of, id)
	if i.chains[r.chain]--; i.chains[r.chain] == 0 {
		delete(i.chains, r.chain)
	}
	if siblings := i.children[r.parent]; siblings != nil {
		if delete(siblings, id); len(siblings) == 0 {
			delete(i.children, r.parent)
		}
	}
	if at, found := slices.BinarySearch(i.ids, hexOf(id)); found {
		i.ids = slices.Delete(i.ids, at, at+1)
	}
}

func (i *index) name(named reference.Named, id string, desc ocispec.Descriptor, at time.Time) {
	i.unname(named)
	full := named.String()
	i.names[full] = target{named: named, id: id, desc: desc}
	if i.of[id] == nil {
		i.of[id] = map[string]reference.Named{}
	}
	i.of[id][full] = named
	if r := i.images[id]; r != nil {
		changed := *r
		changed.lastTag = at
		i.images[id] = &changed
	}
}

func (i *index) unname(named reference.Named) {
	full := named.String()
	old, ok := i.names[full]
	if !ok {
		return
	}
	delete(i.names, full)
	if delete(i.of[old.id], full); len(i.of[old.id]) == 0 {
		delete(i.of, old.id)
	}
}

// namesOf returns the names of an image, sorted.
func (i *index) namesOf(id string) []reference.Named {
	keys := slices.Sorted(maps.Keys(i.of[id]))
	names := make([]reference.Named, len(keys))
	for n, key := range keys {
		names[n] = i.of[id][key]
	}
	return names
}

// byPrefix returns the image whose ID begins so, "" when none or several do.
func (i *index) byPrefix(prefix string) string {
	at, _ := slices.BinarySearch(i.ids, prefix)
	if at == len(i.ids) || !strings.HasPrefix(i.ids[at], prefix) || at+1 < len(i.ids) && strings.HasPrefix(i.ids[at+1], prefix) {
		return ""
	}
	return "sha256:" + i.ids[at]
}

func hexOf(id string) string { return strings.TrimPrefix(id, "sha256:") }

// short is the form of an ID in messages.
func short(id string) string {
	id = hexOf(id)
	return id[:min(12, len(id))]
}

// tags returns the tags of a repository, sorted.
func (i *index) tags(repo reference.Named) []target {
	var all []target
	for _, t := range i.names {
		if _, ok := t.named.(reference.NamedTagged); ok && t.named.Name() == repo.Name() {
			all = append(all, t)
		}
	}
	slices.SortFunc(all, func(a, b target) int { return strings.Compare(a.named.String(), b.named.String()) })
	return all
}
