package acceptance

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/echoprovider"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	"github.com/moby/moby/api/types/container"
	moby "github.com/moby/moby/client"

	ephemeral "github.com/cleat-dev/cleat/ephemerals/container"
	"github.com/cleat-dev/cleat/internal/acctest"
	"github.com/cleat-dev/cleat/internal/containerexec"
	"github.com/cleat-dev/cleat/provider"
	"github.com/cleat-dev/cleat/resources/contract"
)

// echoing runs steps in which the provider "echo" writes down what an ephemeral resource gave it.
func (b bench) echoing(steps ...resource.TestStep) {
	b.t.Helper()
	for i := range steps {
		steps[i].Config = b.config(steps[i].Config)
	}
	resource.UnitTest(b.t, resource.TestCase{
		ProtoV6ProviderFactories: map[string]func() (tfprotov6.ProviderServer, error){
			"echo": echoprovider.NewProviderServer(),
			"docker": func() (tfprotov6.ProviderServer, error) {
				p, err := provider.New(b.t.Context(), "acceptance")
				if err != nil {
					return nil, err
				}
				return provider.NewServer(b.t.Context(), p)
			},
		},
		Steps: steps,
	})
}

// noneLeft fails when a container that runs once was not removed.
func (b bench) noneLeft() {
	b.t.Helper()
	all, err := b.docker.ContainerList(context.WithoutCancel(b.t.Context()), moby.ContainerListOptions{All: true})
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range all.Items {
		if strings.Contains(strings.Join(c.Names, " "), "cleat-once-") {
			b.t.Errorf("left behind: %v, %s", c.Names, c.State)
		}
	}
}

// A container runs once for its output, at plan and at apply, and is gone whatever becomes of it.
func TestEphemeralContainer(t *testing.T) {
	config := func(attributes string) string {
		return fmt.Sprintf(`
ephemeral "docker_container" "a" {
  %s
}
provider "echo" {
  data = ephemeral.docker_container.a
}
resource "echo" "a" {}`, attributes)
	}
	each(t, func(b bench) {
		got := func(name string, want knownvalue.Check) statecheck.StateCheck {
			return statecheck.ExpectKnownValue("echo.a", tfjsonpath.New("data").AtMapKey(name), want)
		}
		b.echoing(
			resource.TestStep{
				Config: config(`image = "busybox:1"
  command           = ["sh", "-c", "cat; echo $A in $PWD; echo bad >&2; test -e /v/passwd && ! touch /v/x 2>/dev/null && exit 3"]
  env               = { A = "b=c", B = "" }
  working_dir       = "/tmp"
  stdin             = "from stdin\n"
  network_mode      = "none"
  expect_exit_codes = [0, 3]
  volumes {
    container_path = "/v"
    host_path      = "/etc"
    read_only      = true
  }`),
				ConfigStateChecks: []statecheck.StateCheck{
					got("stdout", knownvalue.StringExact("from stdin\nb=c in /tmp\n")), got("stderr", knownvalue.StringExact("bad\n")),
					got("exit_code", knownvalue.Int64Exact(3)), got("truncated", knownvalue.Bool(false)),
				},
			},
		)
		b.noneLeft()
		b.refused()
		b.interrupted()
		b.noneLeft()
	})
}

// refused opens what fails: the error names the attribute, and nothing the container wrote.
func (b bench) refused() {
	list := func(words ...string) types.List {
		var all []attr.Value
		for _, w := range words {
			all = append(all, types.StringValue(w))
		}
		return types.ListValueMust(types.StringType, all)
	}
	for name, c := range map[string]struct {
		m        ephemeral.Model
		at, want string
	}{
		"exit code": {ephemeral.Model{Image: types.StringValue(acctest.Busybox), Command: list("sh", "-c", "echo hunter; exit 4")}, "expect_exit_codes", "ended with exit code 4"},
		"no image":  {ephemeral.Model{Image: types.StringValue("does-not/exist:1")}, "image", "is not on the engine"},
		"too late":  {ephemeral.Model{Image: types.StringValue(acctest.Busybox), Command: list("sleep", "3600"), Timeout: types.Int64Value(1)}, "", "did not end within 1s"},
		"no source": {ephemeral.Model{Image: types.StringValue(acctest.Busybox), Volumes: contract.BlocksOf(ephemeral.Volume{})}, "volumes[0]", "volume_name"},
	} {
		_, err := ephemeral.Ephemeral{}.Open(b.t.Context(), b.docker, c.m)
		if at, _ := contract.PathOf(err); err == nil || at != c.at || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter") {
			b.t.Errorf("%s: %v at %q, want %q at %q", name, err, at, c.want, c.at)
		}
	}
}

// A token of a registry comes by the provider's credentials, and no engine is asked for it.
func TestEphemeralRegistryToken(t *testing.T) {
	service := acctest.NewTokenService(t, map[string]acctest.TokenUser{"me": {Password: "hunter", Actions: []string{"pull"}}})
	registry := acctest.NewTokenRegistry(t, service)
	acctest.Program(t, "terraform")
	b := bench{t: t, engine: &acctest.Engine{Host: "unix:///does/not/exist/engine.sock"}, provider: fmt.Sprintf(`
  disable_docker_daemon_check = true
  registry_auth {
    address  = %q
    username = "me"
    password = "hunter"
  }
`, registry.Address)}
	b.echoing(resource.TestStep{
		Config: fmt.Sprintf(`
ephemeral "docker_registry_token" "a" {
  address    = %q
  repository = "team/app"
  actions    = ["pull", "push"]
}
provider "echo" {
  data = ephemeral.docker_registry_token.a
}
resource "echo" "a" {}`, registry.Address),
		ConfigStateChecks: []statecheck.StateCheck{
			statecheck.ExpectKnownValue("echo.a", tfjsonpath.New("data").AtMapKey("token"), knownvalue.StringRegexp(regexp.MustCompile(`^[\w-]+\.[\w-]+\.[\w-]+$`))),
			statecheck.ExpectKnownValue("echo.a", tfjsonpath.New("data").AtMapKey("expires_at"), knownvalue.StringRegexp(regexp.MustCompile(`^\d{4}-.*Z$`))),
		},
	})
	granted := slices.Compact(service.Granted())
	if diff := cmp.Diff([]string{"me: repository:team/app:pull"}, granted); diff != "" {
		t.Errorf("granted (-want +got):\n%s", diff)
	}
}

// interrupted runs a container that is interrupted once it runs.
func (b bench) interrupted() {
	ctx, cancel := context.WithCancelCause(b.t.Context())
	defer cancel(nil)
	stop := errors.New("interrupted")
	stream := b.docker.Events(ctx, moby.EventsListOptions{Filters: moby.Filters{}.Add("event", "start")})
	go func() {
		for {
			select {
			case m := <-stream.Messages:
				if strings.HasPrefix(m.Actor.Attributes["name"], "cleat-once-") {
					cancel(stop)
				}
			case err := <-stream.Err:
				cancel(fmt.Errorf("no event: %w", err))
				return
			case <-ctx.Done():
				return
			}
		}
	}()
	_, err := containerexec.RunOnce(ctx, b.docker, moby.ContainerCreateOptions{
		Config: &container.Config{Image: acctest.Busybox, Cmd: []string{"sleep", "3600"}}, HostConfig: &container.HostConfig{},
	}, containerexec.Options{Limit: 1})
	if !errors.Is(err, stop) {
		b.t.Errorf("an interrupted run: %v, want %v", err, stop)
	}
}
