package acceptance

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	moby "github.com/moby/moby/client"
)

// images are the names of a repository on the engine.
func (b bench) images(repository string) ([]string, error) {
	found, err := b.docker.ImageList(context.WithoutCancel(b.t.Context()), moby.ImageListOptions{})
	var names []string
	for _, i := range found.Items {
		for _, name := range i.RepoTags {
			if strings.Contains(name, repository+":") {
				names = append(names, name)
			}
		}
	}
	return names, err
}

// TestContainerSnapshot: a snapshot is taken on a trigger and on nothing else, as many are kept as is declared, a lost
// one is taken again, and none is left.
func TestContainerSnapshot(t *testing.T) {
	each(t, func(b bench) {
		const address = "docker_container_snapshot.a"
		snapshot := func(release string, keep int, seconds string) string {
			return strings.Replace(sleeper, "3600", seconds, 1) + fmt.Sprintf(`
resource "docker_container_snapshot" "a" {
  container  = docker_container.a.id
  repository = "PREFIX/snap"
  triggers   = { release = %q }
  keep       = %d
}`, release, keep)
		}
		there := func(want int) resource.TestCheckFunc {
			return goneCheck("another number of snapshots", func() (bool, error) {
				names, err := b.images(b.prefix + "/snap")
				if len(names) != want {
					b.t.Errorf("%d snapshots %v, want %d", len(names), names, want)
				}
				return false, err
			})
		}
		lose := b.must(func() error {
			names, err := b.images(b.prefix + "/snap")
			for _, name := range names {
				if _, err := b.docker.ImageRemove(t.Context(), name, moby.ImageRemoveOptions{}); err != nil {
					return err
				}
			}
			return err
		})
		var name remembered
		b.run(resource.ComposeTestCheckFunc(there(0), b.containerGone(b.prefix)),
			resource.TestStep{Config: snapshot("1", 2, "3600"), Check: resource.ComposeTestCheckFunc(
				resource.TestMatchResourceAttr(address, "name", regexp.MustCompile(`^`+b.prefix+`/snap:\d{8}-\d{6}\.\d{3}$`)),
				resource.TestMatchResourceAttr(address, "image_id", regexp.MustCompile("^sha256:")), name.keep(address, "name"), there(1),
			)},
			resource.TestStep{Config: snapshot("1", 2, "3600"), ConfigPlanChecks: empty()},
			resource.TestStep{Config: snapshot("1", 2, "3600"), ResourceName: address, ImportState: true, ImportStateVerify: true, ImportStateId: b.prefix + "/snap",
				ImportStateVerifyIgnore: []string{"container", "triggers", "keep"}},
			resource.TestStep{Config: snapshot("1", 2, "3601"), ConfigPlanChecks: plans(address, plancheck.ResourceActionUpdate), Check: resource.ComposeTestCheckFunc(name.same(address, "name"), there(1))},
			resource.TestStep{Config: snapshot("2", 2, "3601"), Check: resource.ComposeTestCheckFunc(name.other(address, "name"), resource.TestCheckResourceAttr(address, "snapshots.#", "2"), there(2))},
			resource.TestStep{Config: snapshot("3", 2, "3601"), Check: resource.ComposeTestCheckFunc(resource.TestCheckResourceAttr(address, "snapshots.#", "2"), there(2), name.keep(address, "name"))},
			resource.TestStep{Config: snapshot("3", 1, "3601"), Check: resource.ComposeTestCheckFunc(name.same(address, "name"), there(1))},
			resource.TestStep{PreConfig: lose, Config: snapshot("3", 1, "3601"), ConfigPlanChecks: plans(address, plancheck.ResourceActionCreate), Check: there(1)},
		)
	})
}
