package acceptance

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	moby "github.com/moby/moby/client"
)

// composeYAML is a database, a job that has to end before two web containers start, and what they share. CONDITION is what
// the web waits for in the database.
const composeYAML = `
services:
  db:
    image: busybox:1
    command: [sleep, "3600"]
    stop_signal: SIGKILL
    volumes: ["data:/data"]
    healthcheck: {test: [CMD, test, -e, /data], interval: 1s}
  job:
    image: busybox:1
    command: [sh, -c, "cat /greeting > /data/done"]
    volumes: ["data:/data"]
    configs: [greeting]
    depends_on: [db]
  web:
    image: busybox:1
    command: [sh, -c, "cat /data/done; exec sleep 3600"]
    stop_signal: SIGKILL
    scale: 2
    volumes: ["data:/data", /anonymous]
    networks: {front: {aliases: [site]}, back: }
    depends_on:
      db: {condition: CONDITION}
      job: {condition: service_completed_successfully}
volumes: {data: }
networks: {front: , back: {internal: true}}
configs: {greeting: {content: hello}}
`

// composed is a project on an engine, with its file.
type composed struct {
	b       bench
	file    string
	project string
	ids     map[string]string
	// anonymous is the volume of web-1 that nobody named.
	anonymous string
}

func newComposed(b bench) *composed {
	return &composed{b: b, file: filepath.Join(b.t.TempDir(), "compose.yaml"), project: b.prefix, ids: map[string]string{}}
}

// write replaces the file. Podman tests health only where systemd runs.
func (c *composed) write(yaml string) func() {
	condition := "service_healthy"
	if c.b.engine.Name == "podman" {
		condition = "service_started"
		yaml = strings.Replace(yaml, "    healthcheck: {test: [CMD, test, -e, /data], interval: 1s}\n", "", 1)
	}
	return c.b.must(func() error {
		return os.WriteFile(c.file, []byte(strings.ReplaceAll(yaml, "CONDITION", condition)), 0o600)
	})
}

func (c *composed) config(more string) string {
	return fmt.Sprintf("resource \"docker_compose\" \"a\" {\n  config_paths = [%q]\n  project_name = \"PREFIX\"\n%s}\n", c.file, more)
}

// containers are the states of the project's containers by name.
func (c *composed) containers() (map[string]string, map[string]string, error) {
	found, err := c.b.docker.ContainerList(context.WithoutCancel(c.b.t.Context()), moby.ContainerListOptions{All: true, Filters: moby.Filters{}.
		Add("label", "com.docker.compose.project="+c.project)})
	states, ids := map[string]string{}, map[string]string{}
	for _, item := range found.Items {
		name := strings.TrimPrefix(item.Names[0], "/"+c.project+"-")
		states[name], ids[name] = string(item.State), item.ID
	}
	return states, ids, err
}

// are checks the states of the project's containers, and that those named in kept are the ones they were.
func (c *composed) are(want map[string]string, kept ...string) resource.TestCheckFunc {
	return func(*terraform.State) error {
		states, ids, err := c.containers()
		if err != nil {
			return err
		}
		if diff := cmp.Diff(want, states); diff != "" {
			return fmt.Errorf("containers (-want +got):\n%s", diff)
		}
		for name, id := range ids {
			if was, known := c.ids[name]; known && slices.Contains(kept, name) != (was == id) {
				return fmt.Errorf("container %s was %.12s and is %.12s, want kept: %v", name, was, id, kept)
			}
		}
		maps.Copy(c.ids, ids)
		return nil
	}
}

// keepsVolume checks that the volume nobody named is the one it was.
func (c *composed) keepsVolume(*terraform.State) error {
	found, err := c.b.docker.ContainerInspect(c.b.t.Context(), c.project+"-web-1", moby.ContainerInspectOptions{})
	if err != nil {
		return err
	}
	name := ""
	for _, m := range found.Container.Mounts {
		if m.Destination == "/anonymous" {
			name = m.Name
		}
	}
	if name == "" || c.anonymous != "" && c.anonymous != name {
		return fmt.Errorf("the volume at /anonymous is %q, was %q", name, c.anonymous)
	}
	c.anonymous = name
	return nil
}

func (c *composed) gone(*terraform.State) error {
	states, _, err := c.containers()
	if err != nil || len(states) > 0 {
		return fmt.Errorf("containers after destroy: %v, %w", states, err)
	}
	ctx := context.WithoutCancel(c.b.t.Context())
	networks, err := c.b.docker.NetworkList(ctx, moby.NetworkListOptions{Filters: moby.Filters{}.Add("label", "com.docker.compose.project="+c.project)})
	if err != nil || len(networks.Items) > 0 {
		return fmt.Errorf("networks after destroy: %v, %w", networks.Items, err)
	}
	volumes, err := c.b.docker.VolumeList(ctx, moby.VolumeListOptions{})
	if err != nil {
		return err
	}
	for _, v := range volumes.Items {
		if v.Name == c.anonymous {
			return fmt.Errorf("the anonymous volume %.12s is still there", v.Name)
		}
	}
	if _, err := c.b.docker.VolumeRemove(ctx, c.project+"_data", moby.VolumeRemoveOptions{}); err != nil {
		return fmt.Errorf("the named volume did not stay: %w", err)
	}
	return nil
}

// TestCompose: a project comes up in the order of its dependencies; an edited file, a stopped and a removed container are
// planned; only what changed is touched; what fails to start leaves what was there; orphans go; a destroy leaves the data.
func TestCompose(t *testing.T) {
	old := filepath.Join(t.TempDir(), "compose.yaml")
	if err := os.WriteFile(old, []byte("services: {a: {image: a}}"), 0o600); err != nil {
		t.Fatal(err)
	}
	eachToday(t, fmt.Sprintf("resource \"docker_compose\" \"a\" { config_paths = [%q] }", old), `needs engine API\s+1.25`, func(b bench) {
		const address = "docker_compose.a"
		c := newComposed(b)
		up := map[string]string{"db-1": "running", "job-1": "exited", "web-1": "running", "web-2": "running"}
		c.write(composeYAML)()
		web := b
		web.prefix += "-web-2"
		edited := strings.Replace(composeYAML, "exec sleep 3600", "exec sleep 3601", 1)
		broken := strings.Replace(edited, "[sh, -c, \"cat /data/done; exec sleep 3601\"]", "[/no/such/program]", 1)
		without := edited[:strings.Index(edited, "  web:")] + edited[strings.Index(edited, "volumes: {data"):]
		step := func(before func(), more string, check resource.TestCheckFunc) resource.TestStep {
			return resource.TestStep{PreConfig: before, Config: c.config(more), ConfigPlanChecks: plans(address, plancheck.ResourceActionUpdate), Check: check}
		}
		first := c.config("")
		b.run(c.gone,
			resource.TestStep{Config: first, ConfigPlanChecks: plans(address, plancheck.ResourceActionCreate), Check: resource.ComposeTestCheckFunc(
				c.are(up), resource.TestCheckResourceAttr(address, "id", b.prefix), resource.TestCheckResourceAttr(address, "services.%", "3"),
				resource.TestMatchResourceAttr(address, "services.web", regexp.MustCompile("^[0-9a-f]{64} x2$")),
				web.has("hello", "cat", "/data/done"), c.keepsVolume,
			)},
			resource.TestStep{Config: first, ConfigPlanChecks: empty()},
			resource.TestStep{Config: first, ResourceName: address, ImportState: true, ImportStateVerify: true, ImportStateId: b.prefix},
			step(b.must(func() error { return c.spoil() }), "", c.are(up, "db-1", "job-1", "web-1")), // one stopped, one removed
			resource.TestStep{Config: first, ConfigPlanChecks: empty()},
			step(c.write(edited), "", resource.ComposeTestCheckFunc(c.are(up, "db-1", "job-1"), c.keepsVolume)),
			resource.TestStep{PreConfig: c.write(broken), Config: first, ExpectError: regexp.MustCompile(`(?s)service "web": container\s+".*-web-1"\s+did\s+not\s+start`)},
			step(b.must(func() error { // what could not be replaced came back; a network is made anew, and with it who is in it
				c.write(strings.Replace(edited, "{internal: true}", "{internal: true, labels: {a: b}}", 1))()
				return c.are(up, "db-1", "job-1", "web-1", "web-2")(nil)
			}), "wait = true\n", c.are(up, "db-1", "job-1")),
			step(c.write(without), "remove_orphans = true\n", c.are(map[string]string{"db-1": "running", "job-1": "exited"}, "db-1", "job-1")),
		)
	})
}

// spoil stops one container of the web and removes the other.
func (c *composed) spoil() error {
	_, ids, err := c.containers()
	if err != nil {
		return err
	}
	ctx := c.b.t.Context()
	if _, err := c.b.docker.ContainerRemove(ctx, ids["web-2"], moby.ContainerRemoveOptions{Force: true}); err != nil {
		return err
	}
	delete(c.ids, "web-2")
	_, err = c.b.docker.ContainerStop(ctx, ids["web-1"], moby.ContainerStopOptions{})
	return err
}
