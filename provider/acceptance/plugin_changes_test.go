package acceptance

import (
	"errors"
	"fmt"
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// A plugin that a volume uses is disabled and removed where that is declared, and not else. What is granted is recorded,
// and counts for the plugin that is installed next; another name or alias replaces. The engine is the test's own: its
// volumes come from the plugin.
func TestPluginChanges(t *testing.T) {
	t.Parallel()
	const address = "docker_plugin.p"
	b := newBench(t, acctest.NewDockerd(t))
	name := b.publish(acctest.Auth{Username: "ann", Password: "s3cret"}, volumePlugin, curiousPlugin)
	plugin := func(tag int, alias, rest string) string {
		return fmt.Sprintf("resource \"docker_plugin\" \"p\" {\n  name = \"%s:%d\"\n  alias = %q\n%s}\n", name, tag, alias, rest)
	}
	const (
		network = "  grant_permissions {\n    name = \"network\"\n    value = [\"host\"]\n  }\n"
		asked   = network + "  grant_permissions {\n    name = \"capabilities\"\n    value = [\"CAP_NET_ADMIN\"]\n  }\n"
		more    = network + `
  grant_permissions {
    name  = "capabilities"
    value = ["CAP_NET_ADMIN", "CAP_CHOWN"]
  }
  grant_permissions {
    name  = "mount"
    value = ["/etc"]
  }
  grant_permissions {
    name  = "device"
    value = ["/dev/null"]
  }
  grant_permissions {
    name  = "host pid namespace"
    value = ["true"]
  }
`
		debug  = "  env = [\"DEBUG=1\"]\n"
		forced = "  force_disable = true\n  force_destroy = true\n"
	)
	other := b.prefix + "-other"
	is := func(alias, debug string, mounts int) resource.TestCheckFunc {
		return func(*terraform.State) error {
			found, err := b.docker.PluginInspect(t.Context(), alias, moby.PluginInspectOptions{})
			if err != nil {
				return err
			}
			return errors.Join(wants("enabled", found.Plugin.Enabled, true), wants("env", fmt.Sprint(found.Plugin.Settings.Env), "[DEBUG="+debug+"]"),
				wants("mounts", len(found.Plugin.Config.Mounts), mounts))
		}
	}
	var first, second remembered
	b.run(b.pluginGone(other),
		resource.TestStep{Config: plugin(1, b.prefix, asked), ConfigPlanChecks: plans(address, plancheck.ResourceActionCreate),
			Check: resource.ComposeTestCheckFunc(first.keep(address, "id"), is(b.prefix, "0", 0))},
		resource.TestStep{
			PreConfig: b.must(func() error {
				_, err := b.docker.VolumeCreate(t.Context(), moby.VolumeCreateOptions{Name: b.prefix + "-v", Driver: b.prefix + ":latest"})
				return err
			}),
			Config: plugin(1, b.prefix, asked+debug), ExpectError: regexp.MustCompile(`(?s)cannot\s+be\s+disabled.*set\s+force_disable.*in\s+use`),
		},
		resource.TestStep{Config: plugin(1, b.prefix, more+debug+forced), ConfigPlanChecks: plans(address, plancheck.ResourceActionUpdate),
			Check: resource.ComposeTestCheckFunc(first.same(address, "id"), is(b.prefix, "1", 0))},
		resource.TestStep{Config: plugin(2, b.prefix, more+debug+forced), ConfigPlanChecks: plans(address, plancheck.ResourceActionDestroyBeforeCreate),
			Check: resource.ComposeTestCheckFunc(first.other(address, "id"), is(b.prefix, "1", 1), resource.TestCheckResourceAttr(address, "plugin_reference", name+":2"))},
		resource.TestStep{Config: plugin(2, other, "  grant_all_permissions = true\n"), ConfigPlanChecks: plans(address, plancheck.ResourceActionDestroyBeforeCreate),
			Check: resource.ComposeTestCheckFunc(second.keep(address, "id"), is(other, "0", 1), func(*terraform.State) error { return b.pluginGone(b.prefix)(nil) })},
		resource.TestStep{ResourceName: address, ImportState: true, ImportStateVerify: true,
			ImportStateVerifyIgnore: []string{"grant_all_permissions", "alias"}},
	)
}
