package acceptance

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/moby/moby/api/types/container"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/acctest"
)

func (b bench) containerGone(name string) resource.TestCheckFunc {
	return goneCheck("container "+name, func() (bool, error) {
		_, err := b.docker.ContainerInspect(context.WithoutCancel(b.t.Context()), name, moby.ContainerInspectOptions{})
		if errors.Is(err, errs.ErrNotFound) {
			return false, nil
		}
		return true, err
	})
}

// inspect checks what the engine itself says of a container.
func (b bench) inspect(name string, check func(container.InspectResponse) error) resource.TestCheckFunc {
	return func(*terraform.State) error {
		found, err := b.docker.ContainerInspect(b.t.Context(), name, moby.ContainerInspectOptions{})
		if err != nil {
			return err
		}
		return check(found.Container)
	}
}

func wants[T comparable](what string, got, want T) error {
	if got != want {
		return fmt.Errorf("the engine has %s %v, want %v", what, got, want)
	}
	return nil
}

// Another image under the same name replaces; another name of the same image does not.
func TestContainerImage(t *testing.T) {
	each(t, func(b bench) {
		const address = "docker_container.a"
		ctx := t.Context()
		tag := func(source, target string) error {
			_, err := b.docker.ImageTag(ctx, moby.ImageTagOptions{Source: source, Target: target})
			return err
		}
		config := `
resource "docker_container" "a" {
  name    = "PREFIX"
  image   = "PREFIX:1"
  command = ["sleep", "3600"]
  destroy_grace_seconds = 0
}`
		other := regexp.MustCompile(`PREFIX:1`).ReplaceAllLiteralString(config, "PREFIX:2")
		var id remembered
		b.must(func() error { return tag(acctest.Busybox, b.prefix+":1") })()
		b.run(b.containerGone(b.prefix),
			resource.TestStep{Config: config, Check: id.keep(address, "id")},
			resource.TestStep{PreConfig: b.must(func() error { return tag(acctest.Busybox, b.prefix+":2") }), Config: other,
				ConfigPlanChecks: plans(address, plancheck.ResourceActionUpdate), Check: id.same(address, "id")},
			resource.TestStep{PreConfig: b.must(func() error { return tag(acctest.HTTPServer, b.prefix+":2") }), Config: other,
				ConfigPlanChecks: plans(address, plancheck.ResourceActionDestroyBeforeCreate), Check: id.other(address, "id")},
			resource.TestStep{Config: other, ConfigPlanChecks: empty()},
		)
	})
}

// A container made by hand is imported, whatever way its declaration spells what it has, and needs at most what no
// engine reports.
func TestContainerImport(t *testing.T) {
	each(t, func(b bench) {
		ctx := t.Context()
		// podman does not report of a container it does not know which capabilities and health check were asked for.
		own := "\n  capabilities { drop = [\"mknod\"] }\n"
		config := container.Config{Image: acctest.Busybox, Cmd: []string{"sleep", "3600"}, Env: []string{"A=1"}, Labels: map[string]string{"l": "v"}}
		host := container.HostConfig{
			RestartPolicy: container.RestartPolicy{Name: "on-failure", MaximumRetryCount: 3}, Resources: container.Resources{Memory: 64 << 20},
		}
		if b.engine.Name == "podman" {
			own = ""
		} else {
			host.CapDrop = []string{"CAP_MKNOD"}
		}
		if own != "" && !b.engine.IsOld() { // 1.24 brought health checks
			own += "\n  healthcheck {\n    test     = [\"CMD\", \"true\"]\n    interval = \"90s\"\n  }\n"
			config.Healthcheck = &container.HealthConfig{Test: []string{"CMD", "true"}, Interval: 90 * time.Second}
		}
		created, err := b.docker.ContainerCreate(ctx, moby.ContainerCreateOptions{Name: b.prefix, Config: &config, HostConfig: &host})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.docker.ContainerStart(ctx, created.ID, moby.ContainerStartOptions{}); err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprintf(`
import {
  to = docker_container.a
  id = %q
}
resource "docker_container" "a" {
  name    = "PREFIX"
  image   = "busybox:1"
  command = ["sleep", "3600"]
  env     = ["A=1"]
  memory  = 64
  restart = "on-failure"
  max_retry_count = 3
  destroy_grace_seconds = 0
  labels {
    label = "l"
    value = "v"
  }
%s}`, b.prefix, own)
		b.run(b.containerGone(b.prefix),
			resource.TestStep{Config: text, ConfigPlanChecks: plans("docker_container.a", plancheck.ResourceActionUpdate),
				Check: resource.TestCheckResourceAttr("docker_container.a", "id", created.ID)},
			resource.TestStep{Config: text, ConfigPlanChecks: empty()},
		)
	})
}

// A container that does not come up is an error with its exit code and log, and the next apply makes another.
func TestContainerFailsToStart(t *testing.T) {
	each(t, func(b bench) {
		b.run(b.containerGone(b.prefix),
			resource.TestStep{Config: `
resource "docker_container" "a" {
  name    = "PREFIX"
  image   = "busybox:1"
  command = ["/no/such/program"]
}`, ExpectError: regexp.MustCompile(`(?s)docker_container created, but not as planned.*no/such/program`)},
			resource.TestStep{Config: `
resource "docker_container" "a" {
  name    = "PREFIX"
  image   = "busybox:1"
  command = ["sleep", "3600"]
  destroy_grace_seconds = 0
}`, ConfigPlanChecks: plans("docker_container.a", plancheck.ResourceActionDestroyBeforeCreate)},
		)
	})
}

// Wrong values are refused at plan, before anything is touched, with the attribute.
func TestContainerBadInput(t *testing.T) {
	wrong := func(inside, want string) resource.TestStep {
		return resource.TestStep{
			Config: "resource \"docker_container\" \"a\" {\n  name = \"PREFIX\"\n  image = \"busybox:1\"\n" + inside + "\n}", PlanOnly: true,
			ExpectError: regexp.MustCompile(`(?s)Error: .*line \d+, in resource "docker_container" "a".*` + want),
		}
	}
	eachToday(t, "resource \"docker_container\" \"a\" {\n  name = \"PREFIX\"\n  image = \"busybox:1\"\n  stop_timeout = 3\n}", `stop_timeout.*needs engine API\s+1.25`, func(b bench) {
		b.run(b.containerGone(b.prefix),
			resource.TestStep{Config: "resource \"docker_container\" \"a\" {\n  name = \"-\"\n  image = \"busybox:1\"\n}", PlanOnly: true, ExpectError: regexp.MustCompile(`(?s)line \d+.*name = "-"`)},
			resource.TestStep{Config: "resource \"docker_container\" \"a\" {\n  name = \"x1\"\n  image = \"Not An Image\"\n}", PlanOnly: true, ExpectError: regexp.MustCompile(`(?s)line \d+.*image = "Not An Image"`)},
			wrong(`  env = ["NOEQUALS"]`, `NOEQUALS`),
			wrong("  ports { internal = 70000 }", `70000`),
			wrong("  ports {\n internal = 80\n protocol = \"icmp\"\n }", `icmp`),
			wrong("  ports {\n internal = 80\n external = 8080\n }\n ports {\n internal = 81\n external = 8080\n }", `8080`),
			wrong("  capabilities { add = [\"FLY\"] }", `FLY`),
			wrong("  memory = -5", `-5`),
			wrong("  dns = [\"not-an-ip\"]", `not-an-ip`),
			wrong("  restart = \"sometimes\"", `sometimes`),
			wrong("  healthcheck {\n test = [\"CMD\", \"true\"]\n interval = \"soon\"\n }", `soon`),
			wrong("  volumes { container_path = \"relative\" }", `relative|source|host_path`),
			wrong("  upload {\n file = \"/x\"\n content = \"a\"\n content_base64 = \"YQ==\"\n }", `content`),
			wrong("  ulimit {\n name = \"nofile\"\n soft = 10\n hard = 5\n }", `soft|hard`),
		)
	})
}

// TestContainerOfEmptyValues: what modules pass on for values nobody gave, "" and 0, is what null is: no apply fails on
// it, no plan after it changes anything, and neither does leaving it out.
func TestContainerOfEmptyValues(t *testing.T) {
	given := `
resource "docker_container" "a" {
  name    = "PREFIX"
  image   = "busybox:1"
  command = ["sleep", "1000"]
  destroy_grace_seconds = 0
`
	blank := `
  cgroup_parent  = ""
  cgroupns_mode  = ""
  cpu_set        = ""
  cpus           = ""
  domainname     = ""
  gpus           = ""
  hostname       = ""
  ipc_mode       = ""
  log_driver     = ""
  log_opts       = {}
  memory         = 64
  memory_swap    = 0
  network_mode   = ""
  pid_mode       = ""
  platform       = ""
  runtime        = ""
  shm_size       = 0
  stop_signal    = ""
  user           = ""
  userns_mode    = ""
  working_dir    = ""
  ports {
    internal = 80
    external = 0
    ip       = ""
  }
  volumes {
    container_path = "/data"
    host_path      = ""
    volume_name    = ""
  }
}
`
	null := `
  memory = 64
  ports { internal = 80 }
  volumes { container_path = "/data" }
}
`
	each(t, func(b bench) {
		b.run(b.containerGone(b.prefix),
			resource.TestStep{Config: given + blank},
			resource.TestStep{Config: given + blank, ConfigPlanChecks: empty()},
			resource.TestStep{Config: given + null, ConfigPlanChecks: empty()},
		)
	})
}
