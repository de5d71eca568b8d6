package acceptance

import (
	"context"
	"flag"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/internal/acctest"
	"github.com/cleat-dev/cleat/provider"
)

// together is how many engines work at the same time when -parallel does not say: as many as [acctest.Each] has.
const together = "4"

func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", together); err != nil { // before the command line is read
		panic(err)
	}
	acctest.Main(m)
}

// bench is one engine with Terraform in front of it.
type bench struct {
	t      *testing.T
	engine *acctest.Engine
	// docker does things behind Terraform's back.
	docker *client.Client
	// prefix makes the names of one test its own.
	prefix string
	// provider is what the provider block says beyond the host.
	provider string
	// shown is what the test shows of resource types, for the matrix of design/provider-conformance.md.
	shown *acctest.Shown
}

// each runs a test on every engine, with Terraform. The engines have nothing in common, and much of a test is waiting for
// one: they work at the same time.
func each(t *testing.T, test func(b bench)) {
	t.Helper()
	acctest.Each(t, func(t *testing.T, e *acctest.Engine) {
		t.Parallel()
		test(newBench(t, e))
	})
}

// eachToday runs a test where the engine's API is not the oldest; there the configuration is refused at plan, for that
// reason.
func eachToday(t *testing.T, config, refused string, test func(b bench)) {
	t.Helper()
	acctest.EachToday(t, func(t *testing.T, e *acctest.Engine) {
		t.Parallel()
		test(newBench(t, e))
	})
	t.Run(acctest.Old, func(t *testing.T) {
		b := newBench(t, acctest.HeldCleatd(t, "1.18"))
		t.Parallel()
		b.run(nil, resource.TestStep{Config: config, PlanOnly: true, ExpectError: regexp.MustCompile(`(?s)Error: .*line \d+, in resource.*` + refused)})
	})
}

func newBench(t *testing.T, e *acctest.Engine) bench {
	t.Helper()
	acctest.Program(t, "terraform")
	docker, err := client.New(t.Context(), client.Config{Host: e.Host})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { docker.Close() })
	name := strings.ToLower(strings.TrimPrefix(strings.Split(t.Name(), "/")[0], "Test"))
	return bench{t: t, engine: e, docker: docker, prefix: "acc-" + name, shown: e.Shows(t)}
}

// run takes Terraform through the steps and then destroys what they made.
func (b bench) run(gone resource.TestCheckFunc, steps ...resource.TestStep) {
	b.t.Helper()
	for i := range steps {
		if steps[i].Config != "" {
			steps[i].Config = b.config(steps[i].Config)
		}
	}
	steps = folded(steps)
	w := b.watch(steps)
	resource.UnitTest(b.t, resource.TestCase{
		ProtoV6ProviderFactories: map[string]func() (tfprotov6.ProviderServer, error){
			"docker": func() (tfprotov6.ProviderServer, error) {
				p, err := provider.New(b.t.Context(), "acceptance")
				if err != nil {
					return nil, err
				}
				return providerserver.NewProtocol6WithError(p)()
			},
		},
		CheckDestroy: gone,
		Steps:        steps,
	})
	w.passed()
}

// folded leaves out the steps that only look at the plan of what the step before declares: that one ends with this very plan,
// after its apply and a refresh, and gets their checks.
func folded(steps []resource.TestStep) []resource.TestStep {
	var all []resource.TestStep
	for _, step := range steps {
		if len(all) > 0 {
			last := &all[len(all)-1]
			only := resource.TestStep{Config: last.Config, ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: step.ConfigPlanChecks.PreApply}}
			if last.Config != "" && !last.PlanOnly && !last.ImportState && last.ExpectError == nil && reflect.DeepEqual(step, only) {
				last.ConfigPlanChecks.PostApplyPostRefresh = append(last.ConfigPlanChecks.PostApplyPostRefresh, only.ConfigPlanChecks.PreApply...)
				continue
			}
		}
		all = append(all, step)
	}
	return all
}

// config completes a configuration: PREFIX stands for the test's own prefix, SUBNETn for networks nobody else has.
func (b bench) config(text string) string {
	text = strings.ReplaceAll(text, "PREFIX", b.prefix)
	for n := range 3 {
		subnet := b.engine.Subnet(n)
		text = strings.ReplaceAll(text, fmt.Sprintf("SUBNET%d", n), subnet.String())
		text = strings.ReplaceAll(text, fmt.Sprintf("HOST%d", n), strings.TrimSuffix(subnet.Addr().String(), "0"))
	}
	return fmt.Sprintf("provider \"docker\" {\n  host = %q\n%s}\n", b.engine.Host, b.provider) + text
}

// empty is the check that a step plans nothing.
func empty() resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{explained{plancheck.ExpectEmptyPlan()}}}
}

// plans is the check of what a step plans for one object.
func plans(address string, action plancheck.ResourceActionType) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{explained{plancheck.ExpectResourceAction(address, action)}}}
}

// explained adds to the failure of a check what was planned instead: which attributes, and which of them replace.
type explained struct{ plancheck.PlanCheck }

func (e explained) CheckPlan(ctx context.Context, req plancheck.CheckPlanRequest, resp *plancheck.CheckPlanResponse) {
	e.PlanCheck.CheckPlan(ctx, req, resp)
	if resp.Error == nil {
		return
	}
	for _, r := range req.Plan.ResourceChanges {
		if r.Change.Actions.NoOp() {
			continue
		}
		before, _ := r.Change.Before.(map[string]any)
		after, _ := r.Change.After.(map[string]any)
		for name, value := range after {
			if was := before[name]; !reflect.DeepEqual(was, value) {
				resp.Error = fmt.Errorf("%w\n%s.%s: %v -> %v", resp.Error, r.Address, name, was, value)
			}
		}
		resp.Error = fmt.Errorf("%w\n%s: %v, replaces for %v", resp.Error, r.Address, r.Change.Actions, r.Change.ReplacePaths)
	}
}

// remembered keeps an attribute of the state and checks later that it is still, or no longer, the same.
type remembered struct{ value string }

func (r *remembered) keep(address, name string) resource.TestCheckFunc {
	return resource.TestCheckResourceAttrWith(address, name, func(v string) error {
		r.value = v
		return nil
	})
}

func (r *remembered) same(address, name string) resource.TestCheckFunc {
	return resource.TestCheckResourceAttrWith(address, name, func(v string) error {
		if v != r.value {
			return fmt.Errorf("%s of %s became %q, was %q: the object was replaced", name, address, v, r.value)
		}
		return nil
	})
}

func (r *remembered) other(address, name string) resource.TestCheckFunc {
	return resource.TestCheckResourceAttrWith(address, name, func(v string) error {
		if v == r.value {
			return fmt.Errorf("%s of %s is still %q: the object was not replaced", name, address, v)
		}
		return nil
	})
}

// must fails the test when something behind Terraform's back does not work. It returns a function for
// [resource.TestStep.PreConfig].
func (b bench) must(f func() error) func() {
	return func() {
		b.t.Helper()
		if err := f(); err != nil {
			b.t.Fatal(err)
		}
	}
}

// goneCheck is a CheckDestroy that asks the engine.
func goneCheck(what string, exists func() (bool, error)) resource.TestCheckFunc {
	return func(*terraform.State) error {
		switch found, err := exists(); {
		case err != nil:
			return err
		case found:
			return fmt.Errorf("%s is still there after destroy", what)
		}
		return nil
	}
}
