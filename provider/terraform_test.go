package provider

import (
	"os/exec"
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
)

// These tests run the shell under the real Terraform, whose core holds every answer against the protocol's rules:
// no fake of core can stand in for that. The engine is a map, so they need nothing but the terraform binary.

// factories serves a provider of lamps to Terraform.
func factories(t *testing.T, s *fakeShop) map[string]func() (tfprotov6.ProviderServer, error) {
	t.Helper()
	if _, err := exec.LookPath("terraform"); err != nil {
		t.Skip("needs terraform:", err)
	}
	return map[string]func() (tfprotov6.ProviderServer, error){
		"docker": func() (tfprotov6.ProviderServer, error) { return NewServer(t.Context(), newTestProvider(t, s)) },
	}
}

const wholeLamp = `
resource "docker_lamp" "a" {
  name   = "desk"
  bulb   = "led"
  colour = "warm"
  wait   = true
  secret = "s3cret"
  tags   = ["x", "y"]
  labels {
    label = "room"
    value = "office"
  }
  ports {
    internal = 80
  }
  ports {
    internal = 53
    protocol = "udp"
    external = 5353
  }
}
output "heat" { value = docker_lamp.a.heat }
`

// with returns config with one text replaced by another.
func with(config, from, to string) string {
	return regexp.MustCompile(regexp.QuoteMeta(from)).ReplaceAllLiteralString(config, to)
}

func expect(action plancheck.ResourceActionType) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction("docker_lamp.a", action)}}
}

func TestTerraformLifecycle(t *testing.T) {
	t.Parallel()
	s := newShop()
	moreWatts := with(wholeLamp, `wait   = true`, "wait = true\n  watts = 60")
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: factories(t, s), Steps: []resource.TestStep{
		{Config: wholeLamp, ConfigPlanChecks: expect(plancheck.ResourceActionCreate), Check: resource.ComposeTestCheckFunc(
			resource.TestCheckResourceAttr("docker_lamp.a", "watts", "40"),
			resource.TestCheckResourceAttr("docker_lamp.a", "heat", "40 J"),
			resource.TestCheckResourceAttr("docker_lamp.a", "ports.0.external", "30080"),
			resource.TestCheckResourceAttr("docker_lamp.a", "bulb_id", "id-of-led"),
		)},
		{Config: wholeLamp, ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}}},
		{Config: moreWatts, ConfigPlanChecks: expect(plancheck.ResourceActionUpdate), Check: resource.ComposeTestCheckFunc(
			resource.TestCheckResourceAttr("docker_lamp.a", "heat", "60 J"),
			resource.TestCheckResourceAttr("docker_lamp.a", "id", "lamp-1"),
		)},
		{ // the same colour in another spelling: nothing to do
			Config:           with(moreWatts, `"warm"`, `"wire"`),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}},
		},
		{ // drift, and its repair
			PreConfig:        func() { s.change("desk", func(m *lampModel) { m.Watts = types.Int64Value(5) }) },
			Config:           moreWatts,
			ConfigPlanChecks: expect(plancheck.ResourceActionUpdate),
			Check:            resource.TestCheckResourceAttr("docker_lamp.a", "watts", "60"),
		},
		{ // the engine's order of a keyed block does not matter
			PreConfig: func() {
				s.change("desk", func(m *lampModel) { m.Ports.Items[0], m.Ports.Items[1] = m.Ports.Items[1], m.Ports.Items[0] })
			},
			Config:           moreWatts,
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}},
		},
		{ // a moved bulb replaces
			PreConfig: func() {
				s.change("desk", func(m *lampModel) { m.Ports.Items[0], m.Ports.Items[1] = m.Ports.Items[1], m.Ports.Items[0] })
				s.mu.Lock()
				s.bulbs["led"] = "another"
				s.mu.Unlock()
			},
			Config:           moreWatts,
			ConfigPlanChecks: expect(plancheck.ResourceActionDestroyBeforeCreate),
			Check:            resource.TestCheckResourceAttr("docker_lamp.a", "id", "lamp-2"),
		},
		{ // gone behind our back: made again
			PreConfig:        func() { s.mu.Lock(); delete(s.lamps, "lamp-2"); s.mu.Unlock() },
			Config:           moreWatts,
			ConfigPlanChecks: expect(plancheck.ResourceActionCreate),
		},
		{Config: moreWatts, ResourceName: "docker_lamp.a", ImportState: true, ImportStateVerify: true, ImportStateId: "desk",
			ImportStateVerifyIgnore: []string{"wait", "secret"}},
		{Config: moreWatts, ResourceName: "docker_lamp.a", ImportState: true, ImportStateId: "nothing", ExpectError: regexp.MustCompile(`there is no lamp called "nothing"`)},
	}})
	if len(s.lamps) != 0 {
		t.Errorf("left after destroy: %v", s.lamps)
	}
}

func TestTerraformUnknowns(t *testing.T) {
	t.Parallel()
	s := newShop()
	config := `
resource "docker_lamp" "first" {
  name = "first"
  ports { internal = 1 }
}
resource "docker_lamp" "a" {
  name = docker_lamp.first.id
  tags = [docker_lamp.first.heat]
  dynamic "ports" {
    for_each = docker_lamp.first.ports[*].external
    content { internal = ports.value }
  }
  dynamic "labels" {
    for_each = toset(["x"])
    content {
      label = labels.value
      value = docker_lamp.first.id
    }
  }
}
data "docker_lamps" "all" { depends_on = [docker_lamp.a] }
output "lamps" { value = data.docker_lamps.all.lamps }
`
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: factories(t, s), Steps: []resource.TestStep{
		{Config: config, Check: resource.ComposeTestCheckFunc(
			resource.TestCheckResourceAttr("docker_lamp.a", "ports.0.internal", "30001"),
			resource.TestCheckResourceAttr("docker_lamp.a", "name", "lamp-1"),
			resource.TestCheckOutput("lamps", "2"),
		)},
		{Config: config, ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}}},
	}})
}

// A create that fails half way is tainted, one that fails wholly leaves nothing, and a failed update leaves in the
// state what the object became.
func TestTerraformFailures(t *testing.T) {
	t.Parallel()
	s := newShop()
	good := `resource "docker_lamp" "a" { name = "good" }`
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: factories(t, s), Steps: []resource.TestStep{
		{Config: `resource "docker_lamp" "a" {
  name = "unplaceable"
  ports {
    internal = 1
    external = 80
  }
}`, ExpectError: regexp.MustCompile(`(?s)on terraform_plugin_test.tf line \d+.*external = 80.*port 80 is taken`)},
		{Config: `resource "docker_lamp" "a" { name = "broken" }`, ExpectError: regexp.MustCompile(`made, but does not light`)},
		{Config: good, ConfigPlanChecks: expect(plancheck.ResourceActionDestroyBeforeCreate)},
		{Config: "resource \"docker_lamp\" \"a\" {\n name = \"better\"\n watts = 13\n}", ExpectError: regexp.MustCompile(`(?s)watts = 13.*13 W blows the fuse`)},
		{RefreshState: true, Check: resource.ComposeTestCheckFunc(
			resource.TestCheckResourceAttr("docker_lamp.a", "name", "better"),
			resource.TestCheckResourceAttr("docker_lamp.a", "watts", "40"),
		), ExpectNonEmptyPlan: true},
		{Config: "resource \"docker_lamp\" \"a\" {\n name = \"better\"\n watts = 200\n}", ExpectError: regexp.MustCompile(`(?s)watts = 200.*above 100 W a colour is needed`)},
		{Config: `resource "docker_lamp" "a" { name = "better" }`, ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}}},
	}})
}

// An engine too old for an attribute refuses it at plan; one too old for a change in place replaces and says why.
func TestTerraformOldEngine(t *testing.T) {
	t.Parallel()
	s := newShop()
	s.version = "1.24"
	labelled := `resource "docker_lamp" "a" {
  name = "old"
  labels {
    label = "a"
    value = "b"
  }
}`
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: factories(t, s), Steps: []resource.TestStep{
		{Config: "resource \"docker_lamp\" \"a\" {\n name = \"old\"\n secret = \"s3cret\"\n}", ExpectError: regexp.MustCompile(`(?s)needs engine API 1.25`)},
		{Config: `resource "docker_lamp" "a" { name = "old" }`},
		{Config: labelled, ConfigPlanChecks: expect(plancheck.ResourceActionDestroyBeforeCreate)},
	}})
}
