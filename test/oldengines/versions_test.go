package oldengines

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// stack is what every version can express.
func stack(id string, memory int, restart string) string {
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
  command  = ["sh", "-c", "trap 'exit 0' TERM; sleep 1000 & wait"]
  env      = ["MODE=old"]
  hostname = "web"
  user     = "1000"
  memory   = %[2]d
  restart  = %[3]q

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
`, id, memory, restart)
}

// storage is what cleat makes from 1.23 on, where volumes and networks take labels.
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
  command = ["sh", "-c", "trap 'exit 0' TERM; sleep 1000 & wait"]

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

// lives are the versions in which something begins that cleat relies on, and what each can.
var lives = map[string]struct {
	// storage: there are volumes and networks, and they take labels.
	storage bool
	// limits and restart: what changes in place.
	limits, restart bool
}{
	"1.18": {}, "1.21": {},
	"1.22": {limits: true},
	"1.23": {storage: true, limits: true, restart: true},
	"1.24": {storage: true, limits: true, restart: true},
	"1.30": {storage: true, limits: true, restart: true},
	"1.39": {storage: true, limits: true, restart: true},
}

// TestLife takes a project through its life on every version: created, nothing to do, changed as the version can,
// drifted and repaired, destroyed.
func TestLife(t *testing.T) {
	program := acctest.Built(t, "cleat")
	for _, s := range everywhere(t, []string{"1.18", "1.21", "1.22", "1.23", "1.24", "1.30", "1.39"}, "1.24", "1.30") {
		v := lives[s.api]
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			id := strings.ReplaceAll(s.api, ".", "")
			c := &cleat{program: program, dir: t.TempDir(), version: s.api, project: "old" + id, engine: s.engine}
			more := ""
			if v.storage {
				more = storage(id)
			}
			declare := func(memory int, restart string) { c.write(t, "main.tf", stack(id, memory, restart)+more) }
			c.write(t, "app/Dockerfile", "FROM busybox:1\nENV KIND="+id+"\n")
			declare(64, "no")
			c.apply(t)
			made := c.docker(t, "inspect", "--format", "{{.Id}}", "old-"+id+"-web")
			c.committed(t, "old-"+id+"-snap:v1")

			declare(96, "no")
			c.change(t, "memory", v.limits, "1.22")
			if now := c.docker(t, "inspect", "--format", "{{.HostConfig.Memory}} {{.Id}}", "old-"+id+"-web"); now != fmt.Sprintf("%d ", 96<<20)+made && v.limits {
				t.Errorf("in place the container has memory and id %q, want %d and %q", now, 96<<20, made)
			}
			declare(96, "on-failure")
			c.change(t, "restart", v.restart, "1.23")

			c.docker(t, "kill", "old-"+id+"-web")
			if plan := c.run(t, 2, "plan", "-detailed-exitcode"); !strings.Contains(plan, "must_run") || !strings.Contains(plan, "drift") {
				t.Errorf("a stopped container is not drift of must_run:\n%s", plan)
			}
			c.apply(t)
			c.docker(t, "rm", "-f", "old-"+id+"-web")
			c.apply(t)
			c.run(t, 0, "destroy", "-auto-approve")
			if left := c.docker(t, "ps", "-a", "--format", "{{.Names}}", "--filter", "name=old-"+id) + c.docker(t, "ps", "-a", "--format", "{{.Names}}", "--filter", "name="+c.project) +
				c.docker(t, "images", "--format", "{{.Repository}}", "--filter", "reference=old-"+id+"*") +
				c.docker(t, "volume", "ls", "-q", "--filter", "name=old-"+id) + c.docker(t, "network", "ls", "--format", "{{.Name}}", "--filter", "name=old-"+id); left != "" {
				t.Errorf("left behind: %s", left)
			}
		})
	}
}

// apply brings what is declared about; then there is nothing to do.
func (c *cleat) apply(t *testing.T) {
	t.Helper()
	c.run(t, 0, "apply", "-auto-approve")
	c.run(t, 0, "plan", "-detailed-exitcode")
}

// change applies a change of one attribute of the container, which the version makes in place or from since on.
func (c *cleat) change(t *testing.T, attribute string, inPlace bool, since string) {
	t.Helper()
	plan := c.run(t, 2, "plan", "-detailed-exitcode")
	want := []string{"docker_container.web will be updated in place"}
	if !inPlace {
		want = []string{"docker_container.web will be replaced", "only from " + since + " on"}
	}
	for _, part := range append(want, attribute) {
		if !strings.Contains(plan, part) {
			t.Errorf("API %s: the plan of another %s does not say %q:\n%s", c.version, attribute, part, plan)
		}
	}
	c.apply(t)
}

// committed demands that an image made of a container of ours does not pass on that it is ours.
func (c *cleat) committed(t *testing.T, image string) {
	t.Helper()
	labels := c.docker(t, "inspect", "--format", "{{json .Config.Labels}}", image)
	if !strings.Contains(labels, `"tier":"front"`) || strings.Contains(labels, c.project) {
		t.Errorf("API %s: the committed image has the labels %s", c.version, labels)
	}
}

// TestUnlabelled: volumes and networks take labels from 1.23 on. Before they could not be told from anybody's, so that
// cleat refuses them at plan; nothing is made.
func TestUnlabelled(t *testing.T) {
	const api = "1.22"
	c := &cleat{program: acctest.Built(t, "cleat"), dir: t.TempDir(), version: api, project: "old122x", engine: acctest.Dockerd(t)}
	c.write(t, "app/Dockerfile", "FROM busybox:1\n")
	c.write(t, "main.tf", stack("122x", 64, "no")+storage("122x"))
	plan := c.run(t, 1, "apply", "-auto-approve")
	for _, want := range []string{"docker_volume.data", "docker_network.lan", "take labels for a docker_volume from API 1.23 on", "cleat adopt"} {
		if !strings.Contains(plan, want) {
			t.Errorf("the plan does not say %q:\n%s", want, plan)
		}
	}
	if left := c.docker(t, "ps", "-a", "--format", "{{.Names}}", "--filter", "name=old-122x"); left != "" {
		t.Errorf("made: %s", left)
	}
}
