//go:build linux

package images

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/distribution/reference"
	"github.com/moby/moby/api/types/image"
	"github.com/moby/moby/api/types/storage"
	"github.com/opencontainers/go-digest"

	"github.com/cleat-dev/cleat/daemon/snapshot"
)

// Inspected is what an inspect tells: the newest form, and what older ones tell as well where the image's own
// configuration has it.
type Inspected = struct {
	image.InspectResponse
	Parent          string          `json:",omitempty"`
	DockerVersion   string          `json:",omitempty"`
	Container       string          `json:",omitempty"`
	ContainerConfig json.RawMessage `json:",omitempty"`
}

// legacy are fields of a configuration that newer engines do not write any more.
type legacy struct {
	DockerVersion   string          `json:"docker_version"`
	Container       string          `json:"container"`
	ContainerConfig json.RawMessage `json:"container_config"`
	Comment         string          `json:"comment"`
}

// Inspect describes an image (remote-api-v1.18, "Inspect an image").
func (s *Service) Inspect(ctx context.Context, ref string) (Inspected, error) {
	i, err := s.Resolve(ctx, ref)
	if err != nil {
		return Inspected{}, err
	}
	raw, err := s.rawConfig(ctx, s.recordOf(i))
	if err != nil {
		return Inspected{}, err
	}
	var old legacy
	if err := json.Unmarshal(raw, &old); err != nil {
		old = legacy{} // some field has a type of its own: then there is nothing to tell
	}
	config := i.Config.Config
	answer := Inspected{Parent: i.Parent, DockerVersion: old.DockerVersion, Container: old.Container, ContainerConfig: old.ContainerConfig}
	answer.InspectResponse = image.InspectResponse{
		ID: i.ID, RepoTags: i.RepoTags, RepoDigests: i.RepoDigests, Comment: old.Comment, Author: i.Config.Author, Config: &config,
		Architecture: i.Config.Architecture, Variant: i.Config.Variant, Os: i.Config.OS, OsVersion: i.Config.OSVersion, Size: i.Size,
		RootFS: image.RootFS{Type: "layers"}, Metadata: image.Metadata{LastTagTime: i.LastTag},
		GraphDriver: &storage.DriverData{Name: s.Store.Snapshotter, Data: map[string]string{}},
	}
	if i.Config.Created != nil {
		answer.Created = i.Config.Created.Format(time.RFC3339Nano)
	}
	if n := len(i.Config.History); answer.Comment == "" && n > 0 {
		answer.Comment = i.Config.History[n-1].Comment
	}
	for _, d := range i.Config.RootFS.DiffIDs {
		answer.RootFS.Layers = append(answer.RootFS.Layers, d.String())
	}
	if string(answer.ContainerConfig) == "null" {
		answer.ContainerConfig = nil
	}
	return answer, nil
}

// recordOf returns the record an image was made from, or one with what is needed to read its configuration.
func (s *Service) recordOf(i Image) *record {
	if r := s.lookup(i.ID); r != nil {
		return r
	}
	return &record{id: i.ID}
}

// History lists how an image came to be, the last step first. Steps whose image is not here have the id <missing>.
func (s *Service) History(ctx context.Context, ref string) ([]image.HistoryResponseItem, error) {
	i, err := s.Resolve(ctx, ref)
	if err != nil {
		return nil, err
	}
	layers, err := s.layers(ctx, s.recordOf(i))
	if err != nil {
		return nil, err
	}
	steps := i.Config.History
	list := make([]image.HistoryResponseItem, len(steps))
	for n, step := range steps {
		item := image.HistoryResponseItem{ID: "<missing>", CreatedBy: step.CreatedBy, Comment: step.Comment}
		if step.Created != nil {
			item.Created = step.Created.Unix()
		}
		if !step.EmptyLayer {
			if len(layers) == 0 {
				return nil, fmt.Errorf("image %s: too many non-empty layers in History section", i.ID)
			}
			item.Size, layers = layers[0].Size, layers[1:]
		}
		list[len(steps)-1-n] = item
	}
	s.identify(list, i.ID)
	return list, nil
}

// identify puts the IDs and tags of an image and its parents into a history.
func (s *Service) identify(list []image.HistoryResponseItem, id string) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for n := range list {
		r := s.index.images[id]
		if r == nil {
			return
		}
		list[n].ID = id
		for _, named := range s.index.namesOf(id) {
			if _, ok := named.(reference.Tagged); ok {
				list[n].Tags = append(list[n].Tags, reference.FamiliarString(named))
			}
		}
		id = r.parent
	}
}

// layers returns an image's layers, the lowest first.
func (s *Service) layers(ctx context.Context, r *record) ([]snapshot.Applied, error) {
	config, err := s.config(ctx, r)
	if err != nil {
		return nil, err
	}
	var layers []snapshot.Applied
	var chain digest.Digest
	for _, diffID := range config.RootFS.DiffIDs {
		layer, err := s.Layers.Stat(ctx, chain, diffID)
		if err != nil {
			return nil, fmt.Errorf("image %s: %w", r.id, err)
		}
		layers, chain = append(layers, layer), layer.ChainID
	}
	return layers, nil
}
