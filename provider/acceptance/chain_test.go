package acceptance

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
)

// Tests in which a container stands between other objects.

func TestImageBuild(t *testing.T) {
	each(t, func(b bench) {
		const address = "docker_image.a"
		dir := t.TempDir()
		write := func(name, content string) func() {
			return b.must(func() error { return os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644) })
		}
		write("Dockerfile", "FROM busybox:1\nCOPY . /src\n")()
		write(".dockerignore", "ignored\n")()
		write("greeting", "hello")()
		write("ignored", "1")()
		config := fmt.Sprintf(`
resource "docker_image" "a" {
  name = "PREFIX:1"
  build {
    context = %q
    tag     = ["PREFIX:latest"]
    labels  = { a = "1" }
  }
}
resource "docker_container" "a" {
  name    = "PREFIX"
  image   = docker_image.a.image_id
  command = ["sleep", "3600"]
  destroy_grace_seconds = 0
}`, dir)
		if b.engine.IsOld() { // 1.23 brought labels of a build
			config = strings.Replace(config, `labels  = { a = "1" }`, "", 1)
		}
		name := b.prefix + ":1"
		if b.engine.Name == "podman" {
			name = "localhost/" + name
		}
		var image, container remembered
		b.run(resource.ComposeTestCheckFunc(b.imageGone(name), b.containerGone(b.prefix)),
			resource.TestStep{Config: config, Check: resource.ComposeTestCheckFunc(image.keep(address, "image_id"), container.keep("docker_container.a", "id"))},
			resource.TestStep{Config: config, ConfigPlanChecks: empty()},
			resource.TestStep{PreConfig: write("ignored", "2"), Config: config, ConfigPlanChecks: empty()},
			resource.TestStep{PreConfig: write("greeting", "hello again"), Config: config, Check: resource.ComposeTestCheckFunc(
				image.other(address, "image_id"), container.other("docker_container.a", "id"),
			)},
			resource.TestStep{Config: config, ConfigPlanChecks: empty()},
		)
	})
}

func TestCommit(t *testing.T) {
	each(t, func(b bench) {
		const address = "docker_commit.a"
		config := func(trigger string) string {
			changes := fmt.Sprintf("changes = [\"ENV MADE=%s\"]", trigger)
			if b.engine.IsOld() { // 1.20 brought them
				changes = ""
			}
			return fmt.Sprintf(`
resource "docker_container" "a" {
  name    = "PREFIX"
  image   = "busybox:1"
  command = ["sleep", "3600"]
  destroy_grace_seconds = 0
}
resource "docker_commit" "a" {
  container  = docker_container.a.id
  repository = "PREFIX-image"
  message    = "from a test"
  %s
  triggers   = { n = %q }
}`, changes, trigger)
		}
		name := b.prefix + "-image:latest"
		var id remembered
		b.run(b.imageGone(name),
			resource.TestStep{Config: config("1"), ConfigPlanChecks: plans(address, plancheck.ResourceActionCreate), Check: id.keep(address, "image_id")},
			resource.TestStep{Config: config("1"), ConfigPlanChecks: empty()},
			resource.TestStep{Config: config("2"), ConfigPlanChecks: plans(address, plancheck.ResourceActionUpdate), Check: id.other(address, "image_id")},
			resource.TestStep{Config: config("2"), ConfigPlanChecks: empty()},
			resource.TestStep{PreConfig: b.removeImage(name), Config: config("2"), ConfigPlanChecks: plans(address, plancheck.ResourceActionCreate)},
			resource.TestStep{Config: config("2"), ResourceName: address, ImportState: true, ImportStateId: name, ImportStateVerify: true,
				ImportStateVerifyIgnore: []string{"changes", "triggers", "container", "container_id", "pause"}},
		)
	})
}

// The data sources about containers.
func TestDataOfContainers(t *testing.T) {
	each(t, func(b bench) {
		config := `
resource "docker_container" "a" {
  name     = "PREFIX"
  image    = "busybox:1"
  command  = ["echo", "hello from inside"]
  must_run = false
  attach   = true
  labels {
    label = "test"
    value = "PREFIX"
  }
}
data "docker_container" "a" { name = docker_container.a.name }
data "docker_containers" "a" {
  all = true
  filter {
    name   = "label"
    values = ["test=${docker_container.a.name}"]
  }
}
data "docker_logs" "a" { name = docker_container.a.name }
`
		b.run(b.containerGone(b.prefix),
			resource.TestStep{Config: config, Check: resource.ComposeTestCheckFunc(
				resource.TestCheckResourceAttrPair("data.docker_container.a", "id", "docker_container.a", "id"),
				resource.TestCheckResourceAttr("data.docker_containers.a", "containers.#", "1"),
				resource.TestCheckResourceAttr("data.docker_logs.a", "logs_list_string.0", "hello from inside"),
			)},
			resource.TestStep{Config: config, ConfigPlanChecks: empty()},
		)
	})
}
