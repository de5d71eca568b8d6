package oldengines

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cleat-dev/cleat/internal/acctest"
)

func TestMain(m *testing.M) { acctest.Main(m) }

// cleat is the program in a directory, kept to one version of the API.
type cleat struct {
	program, dir, version, project string
	engine                         *acctest.Engine
}

// spoken is one version on one engine.
type spoken struct {
	name, api string
	engine    *acctest.Engine
}

// everywhere are the versions on dockerd, and those of held that are among them on a cleatd held back to each.
func everywhere(t *testing.T, versions []string, held ...string) []spoken {
	t.Helper()
	e := acctest.Dockerd(t)
	var all []spoken
	for _, api := range versions {
		all = append(all, spoken{"dockerd-" + api, api, e})
	}
	for _, api := range held {
		all = append(all, spoken{"cleatd-" + api, api, acctest.HeldCleatd(t, api)})
	}
	return all
}

// run runs a command, demands its exit code, and returns all it said.
func (c *cleat) run(t *testing.T, code int, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), c.program, append([]string{"-project=" + c.project}, args...)...)
	cmd.Dir = c.dir
	cmd.Env = append(c.engine.Env(), "DOCKER_CONFIG="+c.dir)
	if c.engine.Name == "dockerd" {
		cmd.Env = append(cmd.Env, "DOCKER_API_VERSION="+c.version)
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != code {
		t.Fatalf("API %s: cleat %s exits with %d, want %d:\n%s", c.version, strings.Join(args, " "), got, code, out.String())
	}
	return out.String()
}

// docker runs a command of the docker program, which speaks the engine's newest version.
func (c *cleat) docker(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), "docker", args...) // also to clean up
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
