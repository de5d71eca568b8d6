package oldengines

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cleat-dev/cleat/internal/acctest"
)

func TestMain(m *testing.M) { acctest.Main(m) }

// cleat is the program on an engine of which it knows a version only.
type cleat struct {
	program, dir, version string
	engine                *acctest.Engine
}

func build(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "cleat")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./cmd/cleat")
	cmd.Dir = "../.."
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, text)
	}
	return program
}

// run runs a command and returns its exit code and all it said.
func (c *cleat) run(t *testing.T, args ...string) (int, string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), c.program, args...)
	cmd.Dir = c.dir
	cmd.Env = append(c.engine.Env(), "DOCKER_API_VERSION="+c.version, "DOCKER_CONFIG="+c.dir)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String()
}

// must runs a command, demands its exit code, and returns what it said.
func (c *cleat) must(t *testing.T, code int, args ...string) string {
	t.Helper()
	got, text := c.run(t, args...)
	if got != code {
		t.Fatalf("API %s: cleat %s exits with %d, want %d:\n%s", c.version, strings.Join(args, " "), got, code, text)
	}
	return text
}

func (c *cleat) docker(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "docker", args...)
	cmd.Env = c.engine.Env()
	text, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("docker %s: %v\n%s", strings.Join(args, " "), err, text)
	}
	return string(text)
}

func (c *cleat) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(c.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// stack is what every version can express; memory is the container's limit in MiB.
func stack(id, restart string, memory int) string {
	return fmt.Sprintf(`
resource "docker_image" "app" {
  name = "old-%[1]s:v1"

  build {
    context = "app"
  }
}

resource "docker_tag" "stable" {
  source_image = docker_image.app.name
  target_image = "old-%[1]s:stable"
}

resource "docker_container" "web" {
  name     = "old-%[1]s-web"
  image    = docker_image.app.image_id
  command  = ["sleep", "1000"]
  env      = ["MODE=old"]
  hostname = "web"
  user     = "1000"
  memory   = %[3]d
  restart  = %[2]q

  labels {
    label = "tier"
    value = "front"
  }

  ports {
    internal = 80
  }

  volumes {
    host_path      = "/tmp"
    container_path = "/host"
    read_only      = true
  }
}

resource "docker_commit" "snap" {
  container  = docker_container.web.id
  repository = "old-%[1]s-snap"
  tag        = "v1"
  message    = "a snapshot"
}
`, id, restart, memory)
}

// storage is what there is from 1.21 on.
func storage(id string) string {
	return fmt.Sprintf(`
resource "docker_volume" "data" {
  name = "old-%[1]s-data"
}

resource "docker_network" "lan" {
  name = "old-%[1]s-lan"
}

resource "docker_container" "job" {
  name    = "old-%[1]s-job"
  image   = docker_image.app.image_id
  command = ["sleep", "1000"]

  networks_advanced {
    name = docker_network.lan.name
  }

  volumes {
    volume_name    = docker_volume.data.name
    container_path = "/data"
  }
}
`, id)
}

func TestVersions(t *testing.T) {
	e := acctest.Dockerd(t)
	program := build(t)
	for _, v := range []struct {
		api     string
		storage bool
		inPlace bool
	}{
		{"1.18", false, false}, {"1.21", true, false}, {"1.22", true, true}, {"1.23", true, true}, {"1.24", true, true}, {"1.30", true, true}, {"1.39", true, true},
	} {
		t.Run(v.api, func(t *testing.T) {
			t.Parallel()
			id := strings.ReplaceAll(v.api, ".", "")
			c := &cleat{program: program, dir: t.TempDir(), version: v.api, engine: e}
			c.write(t, "app/Dockerfile", "FROM busybox:1\nENV KIND="+id+"\n")
			text := stack(id, "no", 64)
			if v.storage {
				text += storage(id)
			}
			c.write(t, "main.tf", "terraform {\n}\n"+text)
			c.must(t, 0, "-project=old"+id, "apply", "-auto-approve")
			c.must(t, 0, "-project=old"+id, "plan", "-detailed-exitcode")
			c.write(t, "main.tf", strings.Replace(text, "memory   = 64", "memory   = 96", 1))
			plan := c.must(t, 2, "-project=old"+id, "plan", "-detailed-exitcode")
			t.Log(plan)
			c.must(t, 0, "-project=old"+id, "apply", "-auto-approve")
			c.must(t, 0, "-project=old"+id, "plan", "-detailed-exitcode")
			c.docker(t, "kill", "old-"+id+"-web")
			t.Log(c.must(t, 2, "-project=old"+id, "plan", "-detailed-exitcode"))
			c.must(t, 0, "-project=old"+id, "apply", "-auto-approve")
			c.must(t, 0, "-project=old"+id, "plan", "-detailed-exitcode")
			c.must(t, 0, "-project=old"+id, "destroy", "-auto-approve")
		})
	}
}
