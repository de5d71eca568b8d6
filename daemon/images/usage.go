//go:build linux

package images

import (
	"context"

	"github.com/moby/moby/api/types/image"
)

// Usage returns the images of [Service.List], with what each shares with others, and the bytes of all their layers, each
// counted once: for GET /system/df.
func (s *Service) Usage(ctx context.Context) ([]image.Summary, int64, error) {
	list, err := s.List(ctx, ListOptions{SharedSize: true})
	if err != nil {
		return nil, 0, err
	}
	var total int64
	counted := map[string]bool{}
	for _, l := range s.snapshot() {
		layers, err := s.layers(ctx, l.record)
		if isNotFound(err) { // removed meanwhile
			continue
		}
		if err != nil {
			return nil, 0, err
		}
		for _, layer := range layers {
			if chain := layer.ChainID.String(); !counted[chain] {
				counted[chain] = true
				total += layer.Size
			}
		}
	}
	return list, total, nil
}
