package zero

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/moby/moby/api/types/container"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/internal/acctest"
	"github.com/cleat-dev/cleat/provider"
)

func TestMain(m *testing.M) { acctest.Main(m) }

// bench is an engine with Terraform in front of it.
type bench struct {
	*testing.T
	engine *acctest.Engine
	// docker does things behind Terraform's back.
	docker *client.Client
	// prefix makes the names of one test its own.
	prefix string
	// provider is what the provider block says beyond the host.
	provider string
}

func newBench(t *testing.T, e *acctest.Engine) *bench {
	t.Helper()
	acctest.Program(t, "terraform")
	docker, err := client.New(t.Context(), client.Config{Host: e.Host})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { docker.Close() })
	return &bench{T: t, engine: e, docker: docker, prefix: "zero-" + strings.ToLower(strings.TrimPrefix(strings.Split(t.Name(), "/")[0], "Test"))}
}

// run takes Terraform through the steps and then destroys what they made. PREFIX in a configuration stands for the
// test's own prefix, SUBNET for a network nobody else has.
func (b *bench) run(steps ...resource.TestStep) {
	b.Helper()
	for i := range steps {
		text := strings.NewReplacer("PREFIX", b.prefix, "SUBNET", b.engine.Subnet(0).String()).Replace(steps[i].Config)
		if text != "" && !strings.Contains(text, "provider \"docker\"") {
			text = fmt.Sprintf("provider \"docker\" {\n  host = %q\n%s}\n", b.engine.Host, b.provider) + text
		}
		steps[i].Config = text
	}
	resource.UnitTest(b.T, resource.TestCase{Steps: steps, ProtoV6ProviderFactories: map[string]func() (tfprotov6.ProviderServer, error){
		"docker": func() (tfprotov6.ProviderServer, error) {
			p, err := provider.New(b.Context(), "zero")
			if err != nil {
				return nil, err
			}
			return providerserver.NewProtocol6WithError(p)()
		},
	}})
}

// settled applies a configuration and expects the plan after it to be empty.
func (b *bench) settled(config string, checks ...resource.TestCheckFunc) {
	b.Helper()
	b.run(resource.TestStep{Config: config, Check: resource.ComposeTestCheckFunc(checks...)}, b.nothing(config))
}

// nothing is a step that plans nothing.
func (b *bench) nothing(config string) resource.TestStep {
	return resource.TestStep{Config: config, ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}}}
}

// does is a step that plans an action for an object.
func does(config, address string, action plancheck.ResourceActionType, checks ...resource.TestCheckFunc) resource.TestStep {
	return resource.TestStep{
		Config: config, Check: resource.ComposeTestCheckFunc(checks...),
		ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(address, action)}},
	}
}

// shows checks what the engine itself says of a container.
func (b *bench) shows(name string, check func(c container.InspectResponse) (got, want any)) resource.TestCheckFunc {
	return func(*terraform.State) error {
		r, err := b.docker.ContainerInspect(b.Context(), name, moby.ContainerInspectOptions{})
		if err != nil {
			return err
		}
		if got, want := check(r.Container); fmt.Sprint(got) != fmt.Sprint(want) {
			return fmt.Errorf("the engine has %v of container %s, want %v", got, name, want)
		}
		return nil
	}
}

// behind is a PreConfig that does something behind Terraform's back.
func (b *bench) behind(do func(ctx context.Context) error) func() {
	return func() {
		b.Helper()
		if err := do(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// created makes and starts a container as `docker run` does.
func (b *bench) created(name string, o moby.ContainerCreateOptions) {
	b.Helper()
	o.Name = name
	made, err := b.docker.ContainerCreate(b.Context(), o)
	if err == nil {
		b.Cleanup(func() {
			_, _ = b.docker.ContainerRemove(context.WithoutCancel(b.Context()), made.ID, moby.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		})
		_, err = b.docker.ContainerStart(b.Context(), made.ID, moby.ContainerStartOptions{})
	}
	if err != nil {
		b.Fatal(err)
	}
}
