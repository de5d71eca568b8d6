//go:build linux

package containers

import (
	"fmt"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
)

// BenchmarkCycle is the life of a container that runs "true".
func BenchmarkCycle(b *testing.B) {
	for _, mode := range []container.NetworkMode{network.NetworkNone, network.NetworkBridge} {
		b.Run(string(mode), func(b *testing.B) {
			w := newBench(b)
			for b.Loop() {
				id := w.run(&container.Config{Image: "busybox:1", Cmd: []string{"true"}}, &container.HostConfig{NetworkMode: mode})
				w.end(id)
				must(b, w.Remove(b.Context(), id, RemoveOptions{}))
			}
		})
	}
}

// BenchmarkList is a list of 100 containers, without HTTP.
func BenchmarkList(b *testing.B) {
	s := &Service{index: newIndex(), images: &fakeImages{image: Image{ID: "sha256:1"}}}
	for i := range 100 {
		s.index.add(newCtr(&record{ID: newID(), Name: fmt.Sprint("c", i), Created: time.Now(), ImageID: "sha256:1", Config: &container.Config{Image: "busybox"},
			Host: &container.HostConfig{}, State: state{Running: true, StartedAt: time.Now()}}))
	}
	for b.Loop() {
		if rows, err := s.List(b.Context(), ListOptions{All: true}); err != nil || len(rows) != 100 {
			b.Fatal(len(rows), err)
		}
	}
}
