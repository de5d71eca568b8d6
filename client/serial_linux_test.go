package client

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/acctest"
)

func TestMain(m *testing.M) { acctest.Main(m) }

// TestPodmanKeepsTags gives one image names and takes them from it, several at once: no name that was given is lost.
func TestPodmanKeepsTags(t *testing.T) {
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	c, err := New(t.Context(), Config{Host: acctest.Podman(t).Host})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	var (
		wg          sync.WaitGroup
		given, lost atomic.Int64
	)
	for i := range 5 {
		wg.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				name := fmt.Sprintf("many%d/x:%d", i, n)
				if _, err := c.ImageTag(ctx, moby.ImageTagOptions{Source: acctest.Busybox, Target: name}); err != nil {
					continue // the end, or the source is lost
				}
				given.Add(1)
				if _, err := c.ImageInspect(ctx, name); err != nil && ctx.Err() == nil {
					lost.Add(1)
				}
				_, _ = c.ImageRemove(ctx, name, moby.ImageRemoveOptions{})
			}
		})
	}
	wg.Wait()
	if given.Load() == 0 || lost.Load() > 0 {
		t.Errorf("%d of %d names were lost", lost.Load(), given.Load())
	}
}
