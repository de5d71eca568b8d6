package truth_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/moby/moby/api/types/container"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/containerref"
)

// composeOne is a project with a variable, a service that has a profile, something beside its file, and data.
const composeOne = `
services:
  web:
    image: busybox:1
    command: [sleep, "3600"]
    stop_signal: SIGKILL
    environment: {WHO: "${WHO}"}
    volumes: ["data:/data", "./beside:/beside:ro"]
  debug:
    image: busybox:1
    command: [sleep, "3600"]
    stop_signal: SIGKILL
    profiles: [debug]
volumes: {data: }
`

// composeTwo completes it.
const composeTwo = `
services:
  web: {environment: {ALSO: "yes"}}
`

// TestCompose: every attribute of a project in another value, and the project gone.
func TestCompose(t *testing.T) {
	eachToday(t, func(t *testing.T, b *bench) {
		project := b.project
		one, two := filepath.Join(b.dir, "one"), filepath.Join(b.dir, project+"-c")
		for name, content := range map[string]string{
			"one/compose.yaml": composeOne, "one/more.yaml": composeTwo, "one/beside/file": "1", project + "-c/beside/file": "2", "first.env": "WHO=first\n", "second.env": "WHO=second\n",
		} {
			b.put(name, content)
		}
		c := &composed{bench: b}
		attributes := map[string]string{
			"config_paths": fmt.Sprintf("[%q]", filepath.Join(one, "compose.yaml")), "project_name": fmt.Sprintf("%q", project+"-a"),
			"env_files": fmt.Sprintf("[%q]", filepath.Join(b.dir, "first.env")), "wait": "true", "wait_timeout": `"60s"`,
		}
		b.Cleanup(b.destroy)
		for _, step := range []struct {
			what, plan string
			set        map[string]string // attributes; "" takes one away
			do         func()
			// containers are what there is then, and kept are those of them that were there before. What a container of the
			// web shows of its definition is behind its name.
			containers, kept string
		}{
			{what: "creation", plan: "create: does not exist", containers: "a-web-1:first"},
			{what: "another file with values, and a profile", set: map[string]string{"env_files": fmt.Sprintf("[%q]", filepath.Join(b.dir, "second.env")), "profiles": `["debug"]`},
				plan: "update env_files profiles services", containers: "a-debug-1 a-web-1:second"},
			{what: "an edited file with values", do: func() { b.put("second.env", "WHO=edited\n") }, plan: "update services", containers: "a-debug-1 a-web-1:edited", kept: "a-debug-1"},
			{what: "no profile", set: map[string]string{"profiles": ""}, plan: "update profiles", // what is left is told, not removed
				containers: "a-debug-1 a-web-1:edited", kept: "a-debug-1 a-web-1"},
			{what: "no orphans, and another limit", set: map[string]string{"remove_orphans": "true", "wait_timeout": `"61s"`}, plan: "update remove_orphans services wait_timeout",
				containers: "a-web-1:edited", kept: "a-web-1"},
			{what: "a second file, and another directory", set: map[string]string{
				"config_paths":      fmt.Sprintf("[%q, %q]", filepath.Join(one, "compose.yaml"), filepath.Join(one, "more.yaml")),
				"project_directory": fmt.Sprintf("%q", two),
			}, plan: "update config_paths project_directory services", containers: "a-web-1:edited:also:moved"},
			{what: "removal", do: c.remove, plan: "create: does not exist", containers: "a-web-1:edited:also:moved"},
			{what: "the name of the directory", set: map[string]string{"project_name": ""}, plan: "replace networks project_name!", containers: "c-web-1:edited:also:moved"},
		} {
			before := c.ids
			for name, value := range step.set {
				attributes[name] = value
			}
			b.write(declaration(attributes))
			if step.do != nil {
				step.do()
			}
			b.want(step.what, replaceAll(b.apply().String(), "docker_compose.a ", "", "(configuration)", "", "\n", ""), step.plan)
			b.want(step.what, c.look(), step.containers)
			for name, id := range c.ids {
				if kept := slices.Contains(strings.Fields(step.kept), name); kept != (before[name] == id) {
					b.Errorf("%s: container %s is the one it was: %v, want %v", step.what, name, !kept, kept)
				}
			}
			b.empty(step.what)
		}
		// The data of a project that is gone is still there.
		_, err := b.api.VolumeRemove(b.Context(), project+"-a_data", moby.VolumeRemoveOptions{})
		b.must(err)
	})
}

// put writes a file of the bench.
func (b *bench) put(name, content string) {
	b.Helper()
	name = filepath.Join(b.dir, name)
	b.must(os.MkdirAll(filepath.Dir(name), 0o755))
	b.must(os.WriteFile(name, []byte(content), 0o600))
}

// declaration is the project with attributes that have a value.
func declaration(attributes map[string]string) string {
	text := "resource \"docker_compose\" \"a\" {\n"
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		if value := attributes[name]; value != "" {
			text += name + " = " + value + "\n"
		}
	}
	return text + "}\n"
}

// composed is the project on the engine, under whichever name.
type composed struct {
	*bench
	// ids are those of its containers, by name.
	ids map[string]string
}

func (c *composed) list() []container.Summary {
	c.Helper()
	found, err := c.api.ContainerList(c.Context(), moby.ContainerListOptions{All: true, Filters: moby.Filters{}.Add("label", "com.docker.compose.project")})
	c.must(err)
	return found.Items
}

// look says what containers there are, all of which run, and what is seen of the definition of those of the web.
func (c *composed) look() string {
	c.Helper()
	c.ids = map[string]string{}
	var all []string
	for _, item := range c.list() {
		name := strings.TrimPrefix(containerref.Name(item.Names), c.project+"-")
		text := name
		found := c.inspect(item.ID).Container
		if !found.State.Running {
			text += " is " + string(found.State.Status)
		}
		for _, variable := range found.Config.Env {
			if value, ok := strings.CutPrefix(variable, "WHO="); ok && value != "" {
				text += ":" + value
			}
		}
		if slices.Contains(found.Config.Env, "ALSO=yes") {
			text += ":also"
		}
		for _, m := range found.Mounts {
			if m.Destination == "/beside" && m.Source == filepath.Join(c.dir, c.project+"-c", "beside") {
				text += ":moved"
			}
		}
		all, c.ids[name] = append(all, text), item.ID
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// remove removes all of the project but its data.
func (c *composed) remove() {
	c.Helper()
	for _, item := range c.list() {
		_, err := c.api.ContainerRemove(c.Context(), item.ID, moby.ContainerRemoveOptions{Force: true})
		c.must(err)
	}
	_, err := c.api.NetworkRemove(c.Context(), c.project+"-a_default", moby.NetworkRemoveOptions{})
	c.must(err)
}
