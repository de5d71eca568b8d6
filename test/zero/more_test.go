package zero

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/moby/moby/api/types/container"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/acctest"
)

// has checks whether the engine has an image of that name.
func (b *bench) has(name string, want bool) resource.TestCheckFunc {
	return func(*terraform.State) error {
		_, err := b.docker.ImageInspect(b.Context(), name)
		if err != nil && !errors.Is(err, errs.ErrNotFound) {
			return err
		}
		if have := err == nil; have != want {
			return fmt.Errorf("the engine has image %s: %t", name, have)
		}
		return nil
	}
}

// 8: an image that has other names, or that a container uses, cannot be destroyed or replaced. It loses the name that
// is managed and nothing else; in use it stays, and the error says why and what to do.
func TestAsk08(t *testing.T) {
	acctest.Each(t, func(t *testing.T, e *acctest.Engine) {
		b := newBench(t, e)
		dir, name, other := t.TempDir(), b.prefix+":1", b.prefix+":other"
		write(t, dir, "Dockerfile", "FROM busybox:1\nLABEL zero=1\n")
		config := fmt.Sprintf("resource \"docker_image\" \"a\" {\n  name = \"PREFIX:1\"\n  build { context = %q }\n}\n", dir)
		const none = "resource \"terraform_data\" \"none\" {}\n"
		tagged := resource.TestStep{Config: none, Check: resource.ComposeTestCheckFunc(b.has(name, false), b.has(other, true))}
		tagged.PreConfig = b.behind(func(ctx context.Context) error {
			_, err := b.docker.ImageTag(ctx, moby.ImageTagOptions{Source: name, Target: other})
			return err
		})
		b.run(resource.TestStep{Config: config}, tagged)
		if _, err := b.docker.ImageRemove(t.Context(), other, moby.ImageRemoveOptions{}); err != nil {
			t.Fatal(err)
		}
		used := resource.TestStep{Config: none, ExpectError: regexp.MustCompile(`(?s)docker_image not deleted.*` + b.prefix + `.*keep_locally`)}
		used.PreConfig = func() {
			b.created(b.prefix, moby.ContainerCreateOptions{Config: &container.Config{Image: name, Cmd: []string{"sleep", "1000"}}})
		}
		// Replaced, it gives its name to the new one, and stays for the container.
		rebuilt := resource.TestStep{Config: config, Check: func(*terraform.State) error {
			r, err := b.docker.ContainerInspect(t.Context(), b.prefix, moby.ContainerInspectOptions{})
			if err != nil {
				return err
			}
			return b.has(r.Container.Image, true)(nil)
		}}
		rebuilt.PreConfig = func() { write(t, dir, "Dockerfile", "FROM busybox:1\nLABEL zero=2\n") }
		b.run(resource.TestStep{Config: config}, used, rebuilt, resource.TestStep{Config: none, Check: b.has(name, false)})
	})
}

// 19: labels of volumes are not applied, a changed capability is not seen, one with prefix replaces on every plan.
func TestAsk19(t *testing.T) {
	b := newBench(t, acctest.Dockerd(t))
	config := func(capability string) string {
		return `
resource "docker_volume" "v" {
  name = "PREFIX"
  labels {
    label = "a"
    value = "b"
  }
}
` + sleeping("  capabilities { add = [\""+capability+"\"] }")
	}
	labelled := func(*terraform.State) error {
		v, err := b.docker.VolumeInspect(t.Context(), b.prefix, moby.VolumeInspectOptions{})
		if err == nil && v.Volume.Labels["a"] != "b" {
			err = fmt.Errorf("labels of the volume: %v", v.Volume.Labels)
		}
		return err
	}
	b.run(
		resource.TestStep{Config: config("NET_ADMIN"), Check: labelled}, b.nothing(config("NET_ADMIN")), b.nothing(config("CAP_NET_ADMIN")),
		does(config("SYS_TIME"), web, replace, b.shows(b.prefix, func(c container.InspectResponse) (any, any) {
			return strings.TrimPrefix(c.HostConfig.CapAdd[0], "CAP_"), "SYS_TIME"
		})),
	)
}

// 20: attributes that are missing, and engines that are too new or too old. What an engine cannot express is refused at
// plan, and what it can is there.
func TestAsk20(t *testing.T) {
	const config = `
resource "docker_network" "n" { name = "PREFIX" }
`
	body := sleeping(`
  memory             = 64
  memory_reservation = 32
  host {
    host = "db"
    ip   = "10.0.0.9"
  }
  healthcheck {
    test           = ["CMD", "true"]
    interval       = "1h"
    start_period   = "1m"
    start_interval = "30s"
  }
  networks_advanced {
    name        = docker_network.n.name
    mac_address = "02:42:0a:00:00:09"
  }`)
	b := newBench(t, acctest.Cleatd(t))
	b.settled(config+body, b.shows(b.prefix, func(c container.InspectResponse) (any, any) {
		return fmt.Sprint(c.HostConfig.MemoryReservation>>20, c.HostConfig.ExtraHosts, c.Config.Healthcheck.StartInterval, c.NetworkSettings.Networks[b.prefix].MacAddress),
			"32 [db:10.0.0.9] 30s 02:42:0a:00:00:09"
	}))
	old := newBench(t, acctest.Dockerd(t))
	old.run(resource.TestStep{Config: config + body, PlanOnly: true, ExpectError: regexp.MustCompile(`start_interval: needs engine API 1\.44 or newer, this engine\s+speaks 1\.41`)})
}

// required is what a configuration in a directory of its own begins with.
const required = `
terraform {
  required_providers {
    docker = { source = "cleat-dev/docker" }
  }
}
`

// directory is one in which terraform is run as a person runs it, with the provider's program. Its log is in "log".
func directory(t *testing.T) (dir string, terraform func(args ...string) string) {
	t.Helper()
	acctest.Program(t, "terraform")
	program := acctest.Built(t, "terraform-provider-docker")
	dir = t.TempDir()
	write(t, dir, "terraformrc", fmt.Sprintf("provider_installation {\n  dev_overrides { \"cleat-dev/docker\" = %q }\n  direct {}\n}\n", filepath.Dir(program)))
	return dir, func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "terraform", append(args, "-no-color")...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+filepath.Join(dir, "terraformrc"), "CHECKPOINT_DISABLE=1", "TF_LOG_PROVIDER=TRACE", "TF_LOG_PATH="+filepath.Join(dir, "log"))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("terraform %s: %v\n%s", args[0], err, out)
		}
		return string(out)
	}
}

// Of no number: an image is built from the directory of its own configuration, by saved plans too. What Terraform writes there is
// no change.
func TestContextIsTheConfiguration(t *testing.T) {
	e := acctest.Cleatd(t)
	dir, terraform := directory(t)
	write(t, dir, "Dockerfile", "FROM scratch\nCOPY . /here/\n")
	write(t, dir, ".dockerignore", "log\n")
	write(t, dir, "main.tf", required+`
provider "docker" { host = "`+e.Host+`" }
resource "docker_image" "a" {
  name = "localhost/zero-context:1"
  build {
    context        = "."
    build_log_file = "build.log"
  }
}
resource "docker_volume" "a" { name = "zero-context" }
`)
	for _, plan := range []string{"one.tfplan", "tfplan"} {
		terraform("plan", "-out="+plan)
		terraform("apply", plan)
		if out := terraform("apply", "-auto-approve"); !strings.Contains(out, "No changes.") {
			t.Errorf("after %s:\n%s", plan, out)
		}
		write(t, dir, "more", plan)
	}
	if out := terraform("destroy", "-auto-approve"); !strings.Contains(out, "2 destroyed") {
		t.Error(out)
	}
}

// Of no number: a secret is told by no plan, apply or log.
func TestSecretIsNotTold(t *testing.T) {
	e := acctest.Dockerd(t)
	const secret = "s3cret-of-zero"
	config := required + `
provider "docker" {
  host = "` + e.Host + `"
  registry_auth {
    address  = "127.0.0.1:1"
    username = "me"
    password = "` + secret + `-of-registry"
  }
}
variable "s" {
  default   = "` + secret + `"
  sensitive = true
}
` + strings.ReplaceAll(sleeping("env = [\"PASSWORD=${var.s}\"]\n  upload {\n    file = \"/f\"\n    content = \"${var.s}MORE\"\n  }"), "PREFIX", "zero-secret")
	dir, terraform := directory(t)
	told := ""
	for _, more := range []string{"", " and more"} {
		write(t, dir, "main.tf", strings.Replace(config, "MORE", more, 1))
		told += terraform("plan") + terraform("apply", "-auto-approve")
	}
	told += terraform("destroy", "-auto-approve")
	log, err := os.ReadFile(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{"Terraform's output": told, "the log": string(log)} {
		if !strings.Contains(text, "docker_container") {
			t.Errorf("%s does not tell of the container at all", what)
		}
		for line := range strings.Lines(text) {
			if strings.Contains(line, secret) {
				t.Errorf("%s tells the secret: %s", what, line)
			}
		}
	}
}
