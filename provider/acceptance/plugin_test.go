package acceptance

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	mobyplugin "github.com/moby/moby/api/types/plugin"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/acctest"
)

// A plugin is installed from a registry with what it is granted, set, disabled, found changed and put right, imported
// and removed. Engines without plugins say so at plan.
func TestPlugin(t *testing.T) {
	const address = "docker_plugin.p"
	none := `resource "docker_plugin" "p" { name = "team/p:1" }`
	refuses := func(words string) func(*testing.T, *acctest.Engine) {
		return func(t *testing.T, e *acctest.Engine) {
			newBench(t, e).run(nil,
				resource.TestStep{Config: none, PlanOnly: true, ExpectError: regexp.MustCompile(words)},
				resource.TestStep{Config: `data "docker_plugin" "p" { alias = "x" }`, PlanOnly: true, ExpectError: regexp.MustCompile(words)},
			)
		}
	}
	acctest.Each(t, func(t *testing.T, e *acctest.Engine) {
		t.Parallel()
		switch {
		case e.IsOld():
			newBench(t, e).run(nil, resource.TestStep{Config: none, PlanOnly: true, ExpectError: regexp.MustCompile(`needs engine API\s+1.25`)})
		case e.Name != "dockerd":
			refuses(`has\s+no\s+plugins:\s+this\s+needs\s+a\s+Docker\s+engine`)(t, e)
		default:
			b := newBench(t, e)
			ref := b.publish(acctest.Auth{Username: "ann", Password: "s3cret"}, plainPlugin) + ":1"
			granted := func(rest string) string {
				return fmt.Sprintf(`
resource "docker_plugin" "p" {
  name  = %q
  alias = "PREFIX"
  grant_permissions {
    name  = "network"
    value = ["host"]
  }
  grant_permissions {
    name  = "capabilities"
    value = ["CAP_NET_ADMIN"]
  }
%s}
`, ref, rest)
			}
			first, set := granted(""), granted("  env = [\"DEBUG=1\"]\n  enable_timeout = 20\n")
			disabled := granted("  env = [\"DEBUG=1\"]\n  enable_timeout = 20\n  enabled = false\n")
			data := `data "docker_plugin" "p" { alias = docker_plugin.p.alias }`
			var id remembered
			plugin := func(f func(ctx context.Context, c *mobyplugin.Plugin) error) func() {
				return b.must(func() error {
					found, err := b.docker.PluginInspect(t.Context(), b.prefix, moby.PluginInspectOptions{})
					if err != nil {
						return err
					}
					return f(t.Context(), &found.Plugin)
				})
			}
			is := func(enabled bool, debug string) resource.TestCheckFunc {
				return func(*terraform.State) error {
					found, err := b.docker.PluginInspect(t.Context(), b.prefix, moby.PluginInspectOptions{})
					if err != nil {
						return err
					}
					return errors.Join(wants("enabled", found.Plugin.Enabled, enabled), wants("env", strings.Join(found.Plugin.Settings.Env, ","), "DEBUG="+debug))
				}
			}
			b.run(b.pluginGone(b.prefix),
				resource.TestStep{Config: fmt.Sprintf("resource \"docker_plugin\" \"p\" {\n  name = %q\n}", ref),
					ExpectError: regexp.MustCompile(`(?s)asks for\s+what\s+is\s+not\s+granted:\s+capabilities\s+\["CAP_NET_ADMIN"\],\s+network\s+\["host"\]`)},
				resource.TestStep{Config: first, ConfigPlanChecks: plans(address, plancheck.ResourceActionCreate), Check: resource.ComposeTestCheckFunc(
					id.keep(address, "id"), is(true, "0"), resource.TestCheckResourceAttr(address, "plugin_reference", ref),
				)},
				resource.TestStep{Config: set, ConfigPlanChecks: plans(address, plancheck.ResourceActionUpdate), Check: resource.ComposeTestCheckFunc(id.same(address, "id"), is(true, "1"))},
				resource.TestStep{ // drift of both
					PreConfig: plugin(func(ctx context.Context, p *mobyplugin.Plugin) error {
						_, err := b.docker.PluginDisable(ctx, p.ID, moby.PluginDisableOptions{})
						if err == nil {
							_, err = b.docker.PluginSet(ctx, p.ID, moby.PluginSetOptions{Args: []string{"DEBUG=5"}})
						}
						return err
					}),
					Config: set, ConfigPlanChecks: plans(address, plancheck.ResourceActionUpdate), Check: resource.ComposeTestCheckFunc(id.same(address, "id"), is(true, "1")),
				},
				resource.TestStep{Config: disabled + data, ConfigPlanChecks: plans(address, plancheck.ResourceActionUpdate), Check: resource.ComposeTestCheckFunc(
					id.same(address, "id"), is(false, "1"), resource.TestCheckResourceAttrPair("data.docker_plugin.p", "id", address, "id"),
					resource.TestCheckResourceAttr("data.docker_plugin.p", "name", b.prefix+":latest"),
					resource.TestCheckTypeSetElemAttr("data.docker_plugin.p", "env.*", "DEBUG=1"),
				)},
				resource.TestStep{ResourceName: address, ImportState: true, ImportStateId: b.prefix, ImportStateVerify: true,
					ImportStateVerifyIgnore: []string{"grant_permissions", "enable_timeout", "alias"}},
				resource.TestStep{ // removed by hand: made again, and then destroyed while it runs
					PreConfig: plugin(func(ctx context.Context, p *mobyplugin.Plugin) error {
						_, err := b.docker.PluginRemove(ctx, p.ID, moby.PluginRemoveOptions{})
						return err
					}),
					Config: first, ConfigPlanChecks: plans(address, plancheck.ResourceActionCreate), Check: resource.ComposeTestCheckFunc(id.other(address, "id"), is(true, "0")),
				},
			)
		}
	})
}

func (b bench) pluginGone(name string) resource.TestCheckFunc {
	return goneCheck("plugin "+name, func() (bool, error) {
		_, err := b.docker.PluginInspect(context.WithoutCancel(b.t.Context()), name, moby.PluginInspectOptions{})
		if errors.Is(err, errs.ErrNotFound) {
			return false, nil
		}
		return true, err
	})
}
