package cli

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/moby/moby/client"
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
		Cmds:               map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
		RequireUniqueNames: true,
	}
}

// exits runs a program and demands its exit code.
func exits(ts *testscript.TestScript, not bool, args []string) {
	if not || len(args) < 2 {
		ts.Fatalf("usage: exits CODE program [args...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var ended *exec.ExitError
		if !errors.As(err, &ended) {
			ts.Fatalf("%s: %v", args[1], err)
		}
		got = ended.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
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
	acctest.Each(t, func(t *testing.T, e *acctest.Engine) {
		before := inventory(t, e)
		t.Run("scripts", func(t *testing.T) {
			testscript.Run(t, params(bin, "engine", e.Name, "DOCKER_HOST="+e.Host))
		})
		if after := inventory(t, e); after != before {
			t.Errorf("left behind:\n%s\nbefore:\n%s", after, before)
		}
	})
}

// inventory is all an engine holds, in text.
func inventory(t *testing.T, e *acctest.Engine) string {
	t.Helper()
	c := e.Client(t)
	var all []string
	containers, err := c.ContainerList(t.Context(), client.ContainerListOptions{All: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range containers.Items {
		all = append(all, "container "+strings.Join(i.Names, ","))
	}
	volumes, err := c.VolumeList(t.Context(), client.VolumeListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range volumes.Items {
		all = append(all, "volume "+i.Name)
	}
	networks, err := c.NetworkList(t.Context(), client.NetworkListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range networks.Items {
		all = append(all, "network "+i.Name)
	}
	images, err := c.ImageList(t.Context(), client.ImageListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range images.Items {
		all = append(all, "image "+strings.Join(i.RepoTags, ","))
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}
