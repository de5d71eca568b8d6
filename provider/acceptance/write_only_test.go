package acceptance

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// env_wo is in the container and nowhere else: not in the state, nor read back into it, also after an import and by a
// data source. Another version replaces.
func TestContainerSecretEnv(t *testing.T) {
	const address = "docker_container.a"
	config := func(secret, version string) string {
		return fmt.Sprintf(`
resource "docker_container" "a" {
  name           = "PREFIX"
  image          = "busybox:1"
  start          = false
  must_run       = false
  env            = ["OPEN=1"]
  env_wo         = { TOKEN = %q }
  env_wo_version = %s
}
data "docker_container" "a" {
  name = docker_container.a.id
}`, secret, version)
	}
	acctest.EachToday(t, func(t *testing.T, e *acctest.Engine) {
		t.Parallel()
		b := newBench(t, e)
		var id remembered
		inside := func(secret string) resource.TestCheckFunc {
			return func(s *terraform.State) error {
				found, err := b.docker.ContainerInspect(t.Context(), b.prefix, moby.ContainerInspectOptions{})
				if err != nil {
					return err
				}
				if !strings.Contains(strings.Join(found.Container.Config.Env, " "), "TOKEN="+secret) {
					return fmt.Errorf("the container's environment has no TOKEN=%s: %v", secret, found.Container.Config.Env)
				}
				for name, value := range found.Container.Config.Labels {
					if strings.Contains(value, "hunter") {
						return fmt.Errorf("label %s holds a secret", name)
					}
				}
				text, err := json.Marshal(s)
				if err == nil && strings.Contains(string(text), "hunter") {
					return fmt.Errorf("the state holds a secret: %s", text)
				}
				return err
			}
		}
		b.run(b.containerGone(b.prefix),
			resource.TestStep{Config: config("hunter1", "1"), Check: resource.ComposeTestCheckFunc(id.keep(address, "id"), inside("hunter1"))},
			resource.TestStep{Config: config("hunter2", "1"), ConfigPlanChecks: empty(), Check: id.same(address, "id")},
			resource.TestStep{ResourceName: address, ImportState: true, ImportStateVerify: true, ImportStateId: b.prefix,
				ImportStateVerifyIgnore: []string{"image", "must_run", "start"},
				ImportStateCheck: func(states []*terraform.InstanceState) error {
					if text := fmt.Sprint(states[0].Attributes); strings.Contains(text, "hunter") {
						return fmt.Errorf("the imported state holds a secret: %s", text)
					}
					return nil
				}},
			resource.TestStep{Config: config("hunter2", "2"), ConfigPlanChecks: plans(address, plancheck.ResourceActionDestroyBeforeCreate),
				Check: resource.ComposeTestCheckFunc(id.other(address, "id"), inside("hunter2"))},
		)
	})
}
