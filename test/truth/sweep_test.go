package truth_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// TestRebuiltImageLeavesNothing: the image a name stood for is in use until the container made from it is replaced,
// later in the same apply; then it goes.
func TestRebuiltImageLeavesNothing(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		build := filepath.Join(b.dir, "context")
		b.must(os.MkdirAll(build, 0o755))
		dockerfile := func(text string) {
			b.must(os.WriteFile(filepath.Join(build, "Dockerfile"), []byte(fmt.Sprintf("FROM %s\nLABEL is=%q\n", acctest.Busybox, text)), 0o600))
		}
		b.write(fmt.Sprintf(`
resource "docker_image" "app" {
  name = "localhost/%[1]s-app:1"
  build {
    context = %[2]q
  }
}
resource "docker_container" "app" {
  name    = "%[1]s-app"
  image   = docker_image.app.image_id
  command = ["sleep", "1000"]
  destroy_grace_seconds = 0
}
resource "docker_commit" "app" {
  container  = docker_container.app.id
  repository = "localhost/%[1]s-commit"
  tag        = "1"
}
resource "docker_container" "copy" {
  name    = "%[1]s-copy"
  image   = docker_commit.app.image_id
  command = ["sleep", "1000"]
  destroy_grace_seconds = 0
}
`, b.project, build))
		dockerfile("one")
		b.Cleanup(b.destroy)
		b.apply()
		before := b.inspect(b.project + "-app").Container.Image
		copied := b.inspect(b.project + "-copy").Container.Image
		dockerfile("two")
		b.apply()
		b.empty("a rebuild")
		if now := b.inspect(b.project + "-app").Container.Image; now == before {
			t.Error("the container still has the old image")
		}
		for what, id := range map[string]string{"built": before, "committed": copied} {
			if _, err := b.api.ImageInspect(b.Context(), id); err == nil {
				t.Errorf("the image %s before is left behind", what)
			}
		}
	})
}
