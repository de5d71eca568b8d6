package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/cleat-dev/cleat/internal/acctest"
)

func TestMain(m *testing.M) { acctest.Main(m) }

// build makes the program and returns its directory.
func build(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	command := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, "cleat"), "github.com/cleat-dev/cleat/cmd/cleat")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return dir
}

// params are those of the scripts of one folder; engine is the condition that holds in them.
func params(bin, scripts, engine string, env ...string) testscript.Params {
	return testscript.Params{
		Condition: func(name string) (bool, error) {
			if name != "dockerd" && name != "podman" && name != "cleatd" {
				return false, fmt.Errorf("condition %q: want dockerd, podman or cleatd", name)
			}
			return name == engine, nil
		},
		Dir: filepath.Join("testdata", scripts),
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
			for _, v := range env {
				name, value, _ := strings.Cut(v, "=")
				e.Setenv(name, value)
			}
			return nil
		},
		Cmds:               map[string]func(*testscript.TestScript, bool, []string){"exits": acctest.Exits},
		RequireUniqueNames: true,
	}
}

// TestOffline runs the scripts that need no engine: none can be reached.
func TestOffline(t *testing.T) {
	t.Parallel()
	testscript.Run(t, params(build(t), "offline", "", "DOCKER_HOST=unix:///does/not/exist/cleat.sock"))
}

// TestEngine runs the others on every engine. A script leaves nothing behind.
func TestEngine(t *testing.T) {
	bin := build(t)
	acctest.EachToday(t, func(t *testing.T, e *acctest.Engine) {
		before := e.Inventory(t)
		t.Run("scripts", func(t *testing.T) {
			testscript.Run(t, params(bin, "engine", e.Name, "DOCKER_HOST="+e.Host))
		})
		if diff := cmp.Diff(before, e.Inventory(t)); diff != "" {
			t.Errorf("left behind (-before +after):\n%s", diff)
		}
	})
}
