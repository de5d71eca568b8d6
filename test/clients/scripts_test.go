package clients

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// edition is one of the programs, or of the libraries, that the scripts of a folder are for.
type edition struct {
	name    string
	scripts string
	// tools are the programs a script calls, by the names it calls them by.
	tools func(t *testing.T) map[string]string
	env   func(t *testing.T) []string
	// control: it does the same on a dockerd, when all are tested.
	control bool
}

// editions are all of them.
var editions = []edition{
	{name: "docker", scripts: "docker", tools: onPath("docker")},
	{name: "docker-debian", scripts: "docker", tools: debian("docker")},
	{name: "docker-29", scripts: "docker", control: true, tools: func(t *testing.T) map[string]string {
		return map[string]string{"docker": fetched(t, "docker")}
	}},
	{name: "compose-1", scripts: "compose", tools: debian("docker-compose", "docker")},
	{name: "compose-5", scripts: "compose", control: true, tools: func(t *testing.T) map[string]string {
		return map[string]string{"docker-compose": fetched(t, "docker-compose"), "docker": fetched(t, "docker")}
	}},
	{name: "python", scripts: "python", control: true, tools: pythonWithDocker},
	{name: "dockerode", scripts: "node", control: true, tools: onPath("node"), env: func(t *testing.T) []string {
		return []string{"NODE_PATH=" + fetched(t, "node_modules")}
	}},
	{name: "skopeo", scripts: "skopeo", control: true, tools: onPath("skopeo")},
}

// onPath are programs of the machine.
func onPath(names ...string) func(*testing.T) map[string]string {
	return func(t *testing.T) map[string]string {
		tools := map[string]string{}
		for _, name := range names {
			tools[name] = acctest.Program(t, name)
		}
		return tools
	}
}

// debian are programs as Debian has them, whatever else is on PATH.
func debian(names ...string) func(*testing.T) map[string]string {
	return func(t *testing.T) map[string]string {
		tools := map[string]string{}
		for _, name := range names {
			tools[name] = acctest.Program(t, "/usr/bin/"+name)
		}
		return tools
	}
}

// pythonWithDocker is Debian's Python, which has Debian's library.
func pythonWithDocker(t *testing.T) map[string]string {
	acctest.Program(t, "/usr/bin/python3")
	if out, err := exec.CommandContext(t.Context(), "/usr/bin/python3", "-c", "import docker").CombinedOutput(); err != nil {
		acctest.Missing(t, "python3-docker", fmt.Sprintf("%v: %s: run 'make setup'", err, out))
	}
	return map[string]string{"python3": "/usr/bin/python3"}
}

// registryAuth is what the scripts' registry asks for.
var registryAuth = acctest.Auth{Username: "someone", Password: "s3cret word"}

// TestScripts: every edition does its work on a cleatd, the newest on a dockerd too, and nothing of it is left.
func TestScripts(t *testing.T) {
	t.Run("cleatd", func(t *testing.T) { play(t, acctest.Cleatd(t), editions) })
	t.Run("dockerd", func(t *testing.T) {
		all(t)
		controls := slices.DeleteFunc(slices.Clone(editions), func(ed edition) bool { return !ed.control })
		play(t, acctest.Dockerd(t), controls)
	})
}

// play runs the scripts of editions on an engine.
func play(t *testing.T, e *acctest.Engine, editions []edition) {
	t.Helper()
	registry := acctest.NewRegistry(t, registryAuth)
	before := inventory(t, e)
	t.Run("scripts", func(t *testing.T) {
		for _, edition := range editions {
			t.Run(edition.name, func(t *testing.T) {
				t.Parallel()
				testscript.Run(t, edition.params(t, e, registry))
			})
		}
	})
	if after := inventory(t, e); !slices.Equal(before, after) {
		t.Errorf("left behind: %q, before: %q", after, before)
	}
}

// params are those of the scripts of an edition on an engine.
func (ed edition) params(t *testing.T, e *acctest.Engine, registry *acctest.Registry) testscript.Params {
	t.Helper()
	tools := ed.tools(t)
	helpers, err := filepath.Abs(filepath.Join("testdata", "bin"))
	if err != nil {
		t.Fatal(err)
	}
	var more []string
	if ed.env != nil {
		more = ed.env(t)
	}
	return testscript.Params{
		Dir:                filepath.Join("testdata", ed.scripts),
		RequireUniqueNames: true,
		Cmds:               map[string]func(*testscript.TestScript, bool, []string){"exits": acctest.Exits},
		Condition:          func(name string) (bool, error) { return name == ed.name || name == e.Name, nil },
		Setup: func(env *testscript.Env) error {
			bin := filepath.Join(env.WorkDir, ".bin")
			if err := os.Mkdir(bin, 0o755); err != nil {
				return err
			}
			for name, path := range tools {
				if err := os.Symlink(path, filepath.Join(bin, name)); err != nil {
					return err
				}
			}
			script := strings.TrimPrefix(filepath.Base(env.WorkDir), "script-")
			env.Vars = append(env.Vars, more...)
			env.Setenv("PATH", strings.Join([]string{bin, helpers, os.Getenv("PATH")}, string(os.PathListSeparator)))
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("DOCKER_HOST", e.Host)
			// An engine tells of what was: a run of the tests again on the same one has names of its own.
			env.Setenv("N", script+"-"+ed.name+"-"+strconv.FormatInt(time.Now().UnixMilli(), 36))
			env.Setenv("REGISTRY", registry.Address)
			env.Setenv("REGISTRY_USER", registryAuth.Username)
			env.Setenv("REGISTRY_PASSWORD", registryAuth.Password)
			return nil
		},
	}
}

// inventory is all an engine holds but images without a name: those of steps of a build stay, as its cache.
func inventory(t *testing.T, e *acctest.Engine) []string {
	t.Helper()
	return slices.DeleteFunc(e.Inventory(t), func(what string) bool { return strings.HasPrefix(what, "image sha256:") })
}
