package truth_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	moby "github.com/moby/moby/client"

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

// TestImageOfAnotherPlatform: a name that stands for an image of another platform than declared is pulled again.
func TestImageOfAnotherPlatform(t *testing.T) {
	eachToday(t, func(t *testing.T, b *bench) {
		name := acctest.NewRegistry(t, acctest.Auth{}).Push(t, b.engine, acctest.Busybox, "team/app:1")
		if b.podman() { // as in TestTypes
			b.parallelism = 1
		}
		b.must(os.WriteFile(filepath.Join(b.dir, "Dockerfile"), []byte("FROM scratch\nCOPY Dockerfile /\n"), 0o600))
		b.write(fmt.Sprintf(`
resource "docker_image" "a" {
  name     = %[1]q
  platform = "linux/amd64"
}
resource "docker_image" "other" {
  name = "localhost/%[2]s:1"
  build {
    context  = path.module
    platform = "linux/arm64"
  }
}
`, name, b.project))
		b.Cleanup(b.destroy)
		b.apply()
		b.empty("creation")
		before, err := b.api.ImageInspect(b.Context(), name)
		b.must(err)
		_, err = b.api.ImageTag(b.Context(), moby.ImageTagOptions{Source: "localhost/" + b.project + ":1", Target: name})
		b.must(err)
		b.want("another platform", b.apply().String(), "docker_image.a update platform(drift)\n")
		b.empty("the pull")
		after, err := b.api.ImageInspect(b.Context(), name)
		b.must(err)
		b.want("the image", after.ID, before.ID)
	})
}
