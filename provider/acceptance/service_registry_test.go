package acceptance

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/moby/moby/api/types/swarm"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// TestServicePrivateRegistry: nodes get the image of a registry that wants a password, with that of the auth block or else of
// the provider; the service is pinned to what the registry has. A wrong password fails with what to do about it.
func TestServicePrivateRegistry(t *testing.T) {
	b := onSwarm(t)
	const address = "docker_service.a"
	registry := acctest.NewRegistry(t, acctest.Auth{Username: "me", Password: "s3cret-of-nodes"})
	first := registry.Push(t, b.engine, acctest.Busybox, "team/"+b.prefix+":1")
	second := registry.Push(t, b.engine, acctest.HTTPServer, "team/"+b.prefix+":2")
	b.provider = fmt.Sprintf("  registry_auth {\n    address  = %q\n    username = \"me\"\n    password = \"s3cret-of-nodes\"\n  }\n", registry.Address)
	auth := func(password string) string {
		return fmt.Sprintf("auth {\n    server_address = %q\n    username       = \"me\"\n    password       = %q\n  }\n", registry.Address, password)
	}
	config := func(image, command, task, more string) string {
		return strings.ReplaceAll(service(command, task, converges+more), fmt.Sprintf("%q", acctest.Busybox), fmt.Sprintf("%q", image))
	}
	never := "restart_policy {\n      condition = \"none\"\n    }\n"
	pinned := func(image string) resource.TestCheckFunc {
		return b.serviceIs(b.prefix, func(s swarm.Service) error {
			if got := s.Spec.TaskTemplate.ContainerSpec.Image; !strings.HasPrefix(got, image+"@sha256:") {
				return fmt.Errorf("the service has image %q, want %q with the digest the registry gives", got, image)
			}
			return nil
		})
	}
	t.Cleanup(func() { // the node keeps what it pulled
		for _, image := range []string{first, second} {
			_, _ = b.docker.ImageRemove(context.WithoutCancel(t.Context()), image, moby.ImageRemoveOptions{Force: true})
		}
	})
	b.run(b.serviceGone(b.prefix),
		resource.TestStep{Config: config(first, sleeps, never, auth("wrong-password")), ExpectError: regexp.MustCompile(
			`(?s)was\s+made\s+and\s+1\s+of\s+its\s+tasks\s+failed.*registry\s+says:.*unauthorized.*auth\s+block`)},
		resource.TestStep{Config: config(first, sleeps, "", ""), Check: pinned(first)},
		resource.TestStep{Config: config(second, "", "", auth("s3cret-of-nodes")), ConfigPlanChecks: plans(address, plancheck.ResourceActionUpdate), Check: pinned(second)},
	)
}
