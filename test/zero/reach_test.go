package zero

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/moby/moby/api/types/swarm"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/acctest"
)

// 9: credentials that docker pulls with, of a helper for one registry (ECR) or for all of them, are not found.
func TestAsk09(t *testing.T) {
	b := newBench(t, acctest.Dockerd(t))
	registry := acctest.NewRegistry(t, acctest.Auth{Username: "me", Password: "s3cret"})
	name := registry.Push(t, b.engine, acctest.Busybox, "team/app:1")
	dir := t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\nread host\nif [ \"$1 $host\" = 'get %s' ]; then echo '{\"Username\":\"me\",\"Secret\":\"s3cret\"}'; else echo credentials not found in native keychain; exit 1; fi\n", registry.Address)
	if err := os.WriteFile(filepath.Join(dir, "docker-credential-zero"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	t.Setenv("DOCKER_CONFIG", dir)
	config := fmt.Sprintf("resource \"docker_image\" \"a\" { name = %q }\ndata \"docker_registry_image\" \"a\" { name = docker_image.a.name }\n", name)
	b.run(resource.TestStep{Config: config, ExpectError: regexp.MustCompile(`(?s)docker_image not created.*` + regexp.QuoteMeta(registry.Address))})
	for _, known := range []string{`{"credHelpers": {"` + registry.Address + `": "zero"}}`, `{"credsStore": "zero"}`} {
		write(t, dir, "config.json", known)
		b.settled(config, b.has(name, true), resource.TestMatchResourceAttr("data.docker_registry_image.a", "sha256_digest", regexp.MustCompile("^sha256:")))
	}
}

// 10: an image is pushed and not recorded, and is not deleted: for the lack of credentials, or because the registry, as
// those of clouds, deletes nothing, which nobody says.
func TestAsk10(t *testing.T) {
	b := newBench(t, acctest.Dockerd(t))
	registry := acctest.NewRegistry(t, acctest.Auth{Username: "me", Password: "s3cret"})
	behind := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: registry.Address})
	var deletes atomic.Bool
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete && !deletes.Load() {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		behind.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	address := strings.TrimPrefix(front.URL, "http://")
	b.provider = fmt.Sprintf("  registry_auth {\n    address  = %q\n    username = \"me\"\n    password = \"s3cret\"\n  }\n", address)
	tag := fmt.Sprintf("resource \"docker_tag\" \"a\" {\n  source_image = \"busybox:1\"\n  target_image = \"%s/team/app:1\"\n}\n", address)
	config := tag + "resource \"docker_registry_image\" \"a\" { name = docker_tag.a.target_image }\n"
	digest := func() (string, error) {
		answer, err := registry.Do(context.WithoutCancel(t.Context()), http.MethodHead, "/v2/team/app/manifests/1")
		if err != nil {
			return "", err
		}
		return answer.Header.Get("Docker-Content-Digest"), answer.Body.Close()
	}
	b.run(
		resource.TestStep{Config: config, Check: resource.TestCheckResourceAttrWith("docker_registry_image.a", "sha256_digest", func(v string) error {
			found, err := digest()
			if err == nil && found != v {
				err = fmt.Errorf("the registry has %q, the state %q", found, v)
			}
			return err
		})},
		b.nothing(config),
		resource.TestStep{Config: tag, ExpectError: regexp.MustCompile(`(?s)docker_registry_image not deleted.*keep_remotely`)},
		resource.TestStep{PreConfig: func() { deletes.Store(true) }, Config: tag, Check: func(*terraform.State) error {
			found, err := digest()
			if err == nil && found != "" {
				err = fmt.Errorf("the registry still has %s", found)
			}
			return err
		}},
	)
}

// 11: SSH needs commands on this machine, does not say that it is a host key that is missing, and does not survive a
// connection that ends.
func TestAsk11(t *testing.T) {
	b := newBench(t, acctest.Dockerd(t))
	server := acctest.StartSSHD(t)
	t.Setenv("TF_ACC_TERRAFORM_PATH", acctest.Program(t, "terraform"))
	for name, value := range map[string]string{"PATH": t.TempDir(), "HOME": t.TempDir(), "SSH_AUTH_SOCK": ""} {
		t.Setenv(name, value)
	}
	dir := t.TempDir()
	write(t, dir, "compose.yaml", "services: {a: {image: \"busybox:1\", command: [sleep, \"1000\"], stop_signal: SIGKILL}}\n")
	composed := fmt.Sprintf("resource \"docker_compose\" \"a\" {\n  config_paths = [%q]\n  project_name = \"PREFIX-c\"\n}\n", filepath.Join(dir, "compose.yaml"))
	config := func(known string) string {
		return fmt.Sprintf("provider \"docker\" {\n  host     = %q\n  ssh_opts = [\"-i\", %q, \"-o\", \"UserKnownHostsFile=%s\"]\n}\n",
			server.Host(strings.TrimPrefix(b.engine.Host, "unix://")), server.Key, known) + sleeping("") + composed
	}
	again := b.nothing(config(server.KnownHosts))
	again.PreConfig = server.Cut
	b.run(
		resource.TestStep{Config: config("/nowhere"), PlanOnly: true, ExpectError: regexp.MustCompile(`key\s+of\s+\[127\.0\.0\.1\]:` + server.Port + `\s+is\s+not\s+known`)},
		resource.TestStep{Config: config(server.KnownHosts)},
		again,
	)
}

// 15: what a service uses cannot be rotated, and a service that is replaced leaves the old one.
func TestAsk15(t *testing.T) {
	b := newBench(t, acctest.Swarm(t))
	config := func(version, mode string) string {
		return fmt.Sprintf(`
resource "docker_config" "a" {
  name     = "PREFIX-%[1]s"
  data_raw = %[1]q
  lifecycle { create_before_destroy = true }
}
resource "docker_service" "a" {
  name = "PREFIX"
  task_spec {
    container_spec {
      image             = "busybox:1"
      args              = ["sleep", "1000"]
      stop_grace_period = "0s"
      configs {
        config_id = docker_config.a.id
        file_name = "/version"
      }
    }
  }
  mode {
    %[2]s
  }
  update_config { monitor = "100ms" }
  converge_config {}
}`, version, mode)
	}
	var ids []string
	// is checks that there is one service of the name, which uses one version, and nothing of others.
	is := func(version, other string) resource.TestCheckFunc {
		return func(*terraform.State) error {
			found, err := b.docker.ServiceList(b.Context(), moby.ServiceListOptions{Filters: moby.Filters{}.Add("name", b.prefix)})
			if err != nil {
				return err
			}
			if len(found.Items) != 1 {
				return fmt.Errorf("there are %d services of the name, want one", len(found.Items))
			}
			ids = append(ids, found.Items[0].ID)
			used := found.Items[0].Spec.TaskTemplate.ContainerSpec.Configs
			if len(used) != 1 || used[0].ConfigName != b.prefix+"-"+version {
				return fmt.Errorf("the service has the configs %v, want version %s", configNames(used), version)
			}
			if _, err := b.docker.ConfigInspect(b.Context(), b.prefix+"-"+other, moby.ConfigInspectOptions{}); !errors.Is(err, errs.ErrNotFound) {
				return fmt.Errorf("the config of version %s is still there: %v", other, err)
			}
			return nil
		}
	}
	const replicated, global = "replicated {}", "global = true"
	b.run(
		resource.TestStep{Config: config("1", replicated), Check: is("1", "2")},
		does(config("2", replicated), "docker_service.a", update, is("2", "1")),
		b.nothing(config("2", replicated)),
		does(config("2", global), "docker_service.a", replace, is("2", "1"), func(*terraform.State) error {
			if ids[0] != ids[1] || ids[1] == ids[2] {
				return fmt.Errorf("the ids of the service were %v", ids)
			}
			left, err := b.docker.ContainerList(b.Context(), moby.ContainerListOptions{All: true, Filters: moby.Filters{}.Add("label", "com.docker.swarm.service.id="+ids[1])})
			if err == nil && len(left.Items) > 0 {
				err = fmt.Errorf("%d containers of the service that was replaced are left", len(left.Items))
			}
			return err
		}),
	)
}

func configNames(used []*swarm.ConfigReference) []string {
	var names []string
	for _, c := range used {
		names = append(names, c.ConfigName)
	}
	return names
}

// 16: nothing runs a command in a container, once.
func TestAsk16(t *testing.T) {
	b := newBench(t, acctest.Dockerd(t))
	config := func(version string) string {
		return sleeping("") + fmt.Sprintf(`
resource "docker_exec" "a" {
  container = docker_container.a.id
  command   = ["sh", "-c", "echo once >> /log; cat /log"]
  triggers  = { version = %q }
}`, version)
	}
	stdout := func(want string) resource.TestCheckFunc {
		return resource.TestCheckResourceAttr("docker_exec.a", "stdout", want)
	}
	b.run(
		resource.TestStep{Config: config("1"), Check: stdout("once\n")},
		b.nothing(config("1")),
		does(config("2"), "docker_exec.a", replace, stdout("once\nonce\n")),
	)
}
