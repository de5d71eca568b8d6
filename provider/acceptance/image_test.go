package acceptance

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/acctest"
)

func (b bench) imageGone(name string) resource.TestCheckFunc {
	return goneCheck("image "+name, func() (bool, error) {
		_, err := b.docker.ImageInspect(context.WithoutCancel(b.t.Context()), name)
		if errors.Is(err, errs.ErrNotFound) {
			return false, nil
		}
		return true, err
	})
}

// removeImage takes an image away behind Terraform's back.
func (b bench) removeImage(name string) func() {
	return b.must(func() error {
		_, err := b.docker.ImageRemove(b.t.Context(), name, moby.ImageRemoveOptions{Force: true})
		return err
	})
}

func TestImagePull(t *testing.T) {
	each(t, func(b bench) {
		const address = "docker_image.a"
		registry := acctest.NewRegistry(t, acctest.Auth{Username: "me", Password: "s3cret"})
		name := registry.Push(t, b.engine, acctest.Busybox, "team/app:1")
		config := func(trigger string) string {
			return fmt.Sprintf(`
resource "docker_image" "a" {
  name = %q
  pull_triggers = [%q]
}
data "docker_image" "a" { name = docker_image.a.name }
`, name, trigger)
		}
		auth := func(password string) string {
			return fmt.Sprintf("  registry_auth {\n    address  = %q\n    username = \"me\"\n    password = %q\n  }\n", registry.Address, password)
		}
		b.provider = auth("s3cret")
		wrong := b
		wrong.provider = auth("wrong")
		var id remembered
		wrong.run(nil, resource.TestStep{Config: config("1"), ExpectError: regexp.MustCompile(`(?s)docker_image not created.*` + regexp.QuoteMeta(registry.Address))})
		b.run(b.imageGone(name),
			resource.TestStep{Config: config("1"), ConfigPlanChecks: plans(address, plancheck.ResourceActionCreate), Check: resource.ComposeTestCheckFunc(
				id.keep(address, "image_id"),
				resource.TestMatchResourceAttr(address, "repo_digest", regexp.MustCompile(`@sha256:`)),
			)},
			resource.TestStep{Config: config("1"), ConfigPlanChecks: empty()},
			resource.TestStep{PreConfig: b.removeImage(name), Config: config("1"), ConfigPlanChecks: plans(address, plancheck.ResourceActionCreate), Check: id.same(address, "image_id")},
			resource.TestStep{
				PreConfig: func() { registry.Push(t, b.engine, acctest.HTTPServer, "team/app:1") }, // takes the local name away too
				Config:    config("2"), Check: id.other(address, "image_id"),
			},
			resource.TestStep{Config: config("2"), ConfigPlanChecks: empty()},
		)
	})
}

// Wrong values are refused at plan.
func TestImageBadInput(t *testing.T) {
	eachToday(t, "resource \"docker_image\" \"a\" {\n  name = \"PREFIX:1\"\n  platform = \"linux/amd64\"\n}", `platform.*needs engine API\s+1.32`, func(b bench) {
		wrong := func(body, want string) resource.TestStep {
			return resource.TestStep{Config: "resource \"docker_image\" \"a\" {\n" + body + "\n}", PlanOnly: true, ExpectError: regexp.MustCompile(`(?s)Error: .*` + want)}
		}
		b.run(nil,
			wrong(`name = "Not An Image"`, `name = "Not An Image"`),
			wrong("name = \"x:1\"\n build { context = \"/no/such/directory\" }", `/no/such/directory`),
			wrong(fmt.Sprintf("name = \"x:1\"\n build { context = %q }", t.TempDir()), `Dockerfile`),
		)
	})
}

func TestTag(t *testing.T) {
	each(t, func(b bench) {
		const address = "docker_tag.a"
		config := `
resource "docker_tag" "a" {
  source_image = "busybox:1"
  target_image = "PREFIX:stable"
}`
		other := regexp.MustCompile(`busybox:1`).ReplaceAllLiteralString(config, acctest.HTTPServer)
		target := b.prefix + ":stable"
		var id remembered
		b.run(b.imageGone(target),
			resource.TestStep{Config: config, ConfigPlanChecks: plans(address, plancheck.ResourceActionCreate), Check: id.keep(address, "source_image_id")},
			resource.TestStep{Config: config, ConfigPlanChecks: empty()},
			resource.TestStep{PreConfig: b.removeImage(target), Config: config, ConfigPlanChecks: plans(address, plancheck.ResourceActionCreate), Check: id.same(address, "source_image_id")},
			resource.TestStep{ // moved behind our back
				PreConfig: b.must(func() error {
					_, err := b.docker.ImageTag(t.Context(), moby.ImageTagOptions{Source: acctest.HTTPServer, Target: target})
					return err
				}),
				Config: config, ConfigPlanChecks: plans(address, plancheck.ResourceActionUpdate), Check: id.same(address, "source_image_id"),
			},
			resource.TestStep{Config: other, ConfigPlanChecks: plans(address, plancheck.ResourceActionUpdate), Check: id.other(address, "source_image_id")},
			resource.TestStep{Config: other, ConfigPlanChecks: empty()},
		)
	})
}
