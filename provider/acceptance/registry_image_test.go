package acceptance

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// digestOf is what a registry has under a name, "" when it has nothing.
func digestOf(t *testing.T, r *acctest.Registry, name string) (string, error) {
	repository, tag, _ := strings.Cut(name, ":")
	answer, err := r.Do(context.WithoutCancel(t.Context()), http.MethodGet, "/v2/"+repository+"/manifests/"+tag)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusNotFound {
		return "", nil
	}
	if answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("manifest of %s: %s", name, answer.Status)
	}
	return answer.Header.Get("Docker-Content-Digest"), nil
}

// deleteImage takes an image out of a registry behind Terraform's back.
func (b bench) deleteImage(r *acctest.Registry, name string) func() {
	return b.must(func() error {
		digest, err := digestOf(b.t, r, name)
		if err != nil {
			return err
		}
		repository, _, _ := strings.Cut(name, ":")
		answer, err := r.Do(b.t.Context(), http.MethodDelete, "/v2/"+repository+"/manifests/"+digest)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusAccepted {
			return fmt.Errorf("delete %s: %s", digest, answer.Status)
		}
		return nil
	})
}

// TestRegistryImage: pushed with credentials to a registry with an authority of its own, found again, repaired after others moved or deleted it, and deleted.
func TestRegistryImage(t *testing.T) {
	each(t, func(b bench) {
		const address = "docker_registry_image.a"
		registry := acctest.NewTLSRegistry(t, acctest.Auth{Username: "me", Password: "s3cret"})
		name := "team/" + b.prefix + ":1"
		b.provider = fmt.Sprintf("  registry_auth {\n    address  = %q\n    username = \"me\"\n    password = \"s3cret\"\n    ca_material = %q\n  }\n", registry.Address, registry.Authority)
		config := func(more string) string {
			return fmt.Sprintf(`
resource "docker_tag" "a" {
  source_image = "busybox:1"
  target_image = %q
}
resource "docker_registry_image" "a" {
  name = docker_tag.a.target_image
%s}
data "docker_registry_image" "a" { name = docker_registry_image.a.name }
data "docker_registry_image_manifests" "a" { name = docker_registry_image.a.name }
data "docker_registry_image_tags" "a" { name = trimsuffix(docker_registry_image.a.name, ":1") }
`, registry.Ref(name), more)
		}
		const trigger = "  triggers = { a = \"1\" }\n"
		const refused = `
  auth_config {
    address  = "x"
    username = "me"
    password = "wrong-s3cret"
  }
`
		var digest remembered
		gone := goneCheck("image "+name, func() (bool, error) {
			found, err := digestOf(t, registry, name)
			return found != "", err
		})
		b.run(gone,
			resource.TestStep{Config: config(refused), ExpectError: regexp.MustCompile(`(?s)docker_registry_image not created.*name.*credentials`)},
			resource.TestStep{Config: config(""), ConfigPlanChecks: plans(address, plancheck.ResourceActionCreate), Check: resource.ComposeTestCheckFunc(
				digest.keep(address, "sha256_digest"),
				resource.TestCheckResourceAttrWith(address, "sha256_digest", func(v string) error {
					if found, err := digestOf(t, registry, name); err != nil || found != v {
						return fmt.Errorf("the registry has %q, %v; the state %q", found, err, v)
					}
					return nil
				}),
				resource.TestCheckResourceAttrPair(address, "sha256_digest", "data.docker_registry_image.a", "sha256_digest"),
				resource.TestCheckTypeSetElemAttrPair("data.docker_registry_image_manifests.a", "manifests.*.sha256_digest", address, "sha256_digest"),
				resource.TestCheckResourceAttr("data.docker_registry_image_manifests.a", "manifests.0.os", "linux"),
				resource.TestCheckResourceAttr("data.docker_registry_image_tags.a", "tags.#", "1"),
				resource.TestCheckResourceAttr("data.docker_registry_image_tags.a", "tags.0", "1"),
			)},
			resource.TestStep{Config: config(""), ConfigPlanChecks: empty()},
			resource.TestStep{Config: config(""), ResourceName: address, ImportState: true, ImportStateVerify: true, ImportStateId: registry.Ref(name)},
			resource.TestStep{ // somebody pushes another image; the helper takes the local name away too
				PreConfig: func() { registry.Push(t, b.engine, acctest.HTTPServer, name) },
				Config:    config(""), ConfigPlanChecks: plans(address, plancheck.ResourceActionUpdate), Check: digest.same(address, "sha256_digest"),
			},
			resource.TestStep{ // and deletes it
				PreConfig: b.deleteImage(registry, name),
				Config:    config(trigger), ConfigPlanChecks: plans(address, plancheck.ResourceActionCreate), Check: digest.same(address, "sha256_digest"),
			},
			resource.TestStep{Config: config(""), ConfigPlanChecks: plans(address, plancheck.ResourceActionUpdate)},
			resource.TestStep{Config: config(""), ConfigPlanChecks: empty()},
		)
	})
}
