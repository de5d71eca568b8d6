package client

import (
	"fmt"
	"sync"
	"testing"

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
	ctx := t.Context()
	var wg sync.WaitGroup
	for i := range 5 {
		wg.Go(func() {
			for n := range 30 {
				name := fmt.Sprintf("many%d/x:%d", i, n)
				if _, err := c.ImageTag(ctx, moby.ImageTagOptions{Source: acctest.Busybox, Target: name}); err != nil {
					t.Errorf("%s, or what it is a name of, is lost: %v", name, err)
					return
				}
				if _, err := c.ImageInspect(ctx, name); err != nil {
					t.Errorf("%s is lost: %v", name, err)
				}
				if _, err := c.ImageRemove(ctx, name, moby.ImageRemoveOptions{}); err != nil {
					t.Errorf("removing %s: %v", name, err)
				}
			}
		})
	}
	wg.Wait()
}
