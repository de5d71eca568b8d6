package acceptance

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/moby/moby/api/types/container"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/acctest"
	"github.com/cleat-dev/cleat/resources/contract"
)

// TestContainerHandOver: with create_before_destroy and a hand_over_key the successor gets the name and the port of the
// old one, which comes back when that fails. What an interrupted hand-over leaves is put right by the next apply,
// whether it goes on or goes back. A container without the key is not touched.
func TestContainerHandOver(t *testing.T) {
	const address = "docker_container.a"
	each(t, func(b bench) {
		port := acctest.FreePort(b.t)
		config := func(program string) string {
			return fmt.Sprintf(`
resource "docker_container" "a" {
  name    = "PREFIX"
  image   = "busybox:1"
  command = ["sh", "-c", "%s"]
  restart = "no"
  hand_over_key         = "acceptance"
  destroy_grace_seconds = 0
  ports {
    internal = 8080
    external = %d
  }
  wait_for { port = 8080 }
  lifecycle { create_before_destroy = true }
}
`, program, port)
		}
		foreign := `
resource "docker_container" "b" {
  name  = "PREFIX-foreign"
  image = "busybox:1"
  hand_over_key = "acceptance"
}
`
		first, second, third := config("httpd -p 8080; exec sleep 1001"), config("httpd -p 8080; exec sleep 1002"), config("httpd -p 8080; exec sleep 1003")
		var id remembered
		replaced := plans(address, plancheck.ResourceActionCreateBeforeDestroy)
		b.run(b.containerGone(b.prefix),
			resource.TestStep{Config: first, Check: id.keep(address, "id")},
			resource.TestStep{Config: second, ConfigPlanChecks: replaced, Check: resource.ComposeTestCheckFunc(
				id.other(address, "id"), id.keep(address, "id"), b.only(b.prefix, b.prefix))},
			resource.TestStep{
				PreConfig:   b.must(func() error { return b.make(b.prefix+"-foreign", nil, true) }),
				Config:      config("echo no luck; exit 3") + foreign,
				ExpectError: inAnyOrder(`the container\s+that\s+was\s+to\s+be\s+replaced\s+is\s+back`, `no luck`, `does\s+not\s+carry\s+the\s+hand_over_key`),
			},
			resource.TestStep{
				PreConfig: b.must(func() error {
					if err := b.holds(b.prefix, id.value, true); err != nil {
						return err
					}
					if err := b.only(b.prefix, b.prefix, b.prefix+"-foreign")(nil); err != nil {
						return err
					}
					_, err := b.docker.ContainerRemove(b.t.Context(), b.prefix+"-foreign", moby.ContainerRemoveOptions{Force: true})
					return err
				}),
				Config: second, ConfigPlanChecks: empty(),
			},
			// Cut off when the successor was made: going on.
			resource.TestStep{
				PreConfig: b.must(func() error { return b.cutOff(id.value) }),
				Config:    third, ConfigPlanChecks: replaced,
				Check: resource.ComposeTestCheckFunc(id.other(address, "id"), id.keep(address, "id"), b.only(b.prefix, b.prefix)),
			},
			// Going back.
			resource.TestStep{
				PreConfig: b.must(func() error { return b.cutOff(id.value) }),
				Config:    third, ConfigPlanChecks: plans(address, plancheck.ResourceActionUpdate),
				Check: resource.ComposeTestCheckFunc(id.same(address, "id"), b.only(b.prefix, b.prefix), func(*terraform.State) error { return b.holds(b.prefix, id.value, true) }),
			},
		)
	})
}

// make creates a container behind Terraform's back.
func (b bench) make(name string, labels map[string]string, run bool) error {
	created, err := b.docker.ContainerCreate(b.t.Context(), moby.ContainerCreateOptions{Name: name, Config: &container.Config{Image: "busybox:1", Cmd: []string{"sleep", "1000"}, Labels: labels}})
	if err != nil || !run {
		return err
	}
	_, err = b.docker.ContainerStart(b.t.Context(), created.ID, moby.ContainerStartOptions{})
	return err
}

// cutOff leaves what a provider leaves that is killed between making the successor and starting it.
func (b bench) cutOff(id string) error {
	ctx := b.t.Context()
	if _, err := b.docker.ContainerStop(ctx, id, moby.ContainerStopOptions{Timeout: new(0)}); err != nil {
		return err
	}
	if _, err := b.docker.ContainerRename(ctx, id, moby.ContainerRenameOptions{NewName: b.prefix + contract.AsideSuffix}); err != nil {
		return err
	}
	return b.make(b.prefix, map[string]string{"cleat.hand-over-key": "acceptance"}, false)
}

// holds checks which container has a name.
func (b bench) holds(name, id string, running bool) error {
	r, err := b.docker.ContainerInspect(b.t.Context(), name, moby.ContainerInspectOptions{})
	if err != nil {
		return err
	}
	if err := wants("id", r.Container.ID, id); err != nil {
		return err
	}
	return wants("running", r.Container.State.Running, running)
}

// only checks that of the containers whose names begin with prefix there are these and no others.
func (b bench) only(prefix string, names ...string) resource.TestCheckFunc {
	return func(*terraform.State) error {
		list, err := b.docker.ContainerList(context.WithoutCancel(b.t.Context()), moby.ContainerListOptions{All: true})
		if err != nil {
			return err
		}
		var found []string
		for _, c := range list.Items {
			if name := strings.TrimPrefix(c.Names[0], "/"); strings.HasPrefix(name, prefix) {
				found = append(found, name)
			}
		}
		slices.Sort(found)
		return wants("containers", fmt.Sprint(found), fmt.Sprint(names))
	}
}
