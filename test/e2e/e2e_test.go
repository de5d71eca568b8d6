package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cleat-dev/cleat/internal/acctest"
)

func TestMain(m *testing.M) { acctest.Main(m) }

// commandTimeout bounds one command on one stack: a hang fails with what was printed so far.
const commandTimeout = 4 * time.Minute

// A driver is a program that applies a directory of .tf files, with flags both understand.
type driver struct {
	// name is the file in PATH or bin.
	name string
	path string
	env  []string
	// prepare runs once in a new directory.
	prepare []string
}

// drivers returns cleat and terraform, both made ready once.
func drivers(t *testing.T) []driver {
	t.Helper()
	return []driver{
		{name: "cleat", path: acctest.Built(t, "cleat")},
		{name: "terraform", path: acctest.Program(t, "terraform"), env: terraformEnv(t), prepare: []string{"init", "-input=false", "-no-color"}},
	}
}

// terraformEnv offers our provider, and no other, from a mirror in the file system, the way a release is installed.
func terraformEnv(t *testing.T) []string {
	t.Helper()
	mirror := t.TempDir()
	dir := filepath.Join(mirror, "registry.terraform.io", "cleat-dev", "docker", "0.0.1", runtime.GOOS+"_"+runtime.GOARCH)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(acctest.Built(t, "terraform-provider-docker"), filepath.Join(dir, "terraform-provider-docker_v0.0.1")); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(mirror, "terraformrc")
	content := fmt.Sprintf("disable_checkpoint = true\nprovider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", mirror)
	if err := os.WriteFile(config, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"TF_CLI_CONFIG_FILE=" + config, "TF_IN_AUTOMATION=1", "TF_INPUT=0"}
}

// project is one stack in a directory of its own, driven by one program on one engine.
type project struct {
	driver driver
	engine *acctest.Engine
	dir    string
	vars   []string
}

// ports gives every project twenty of its own: both engines publish on the same address.
var ports atomic.Int32

// newProject copies a stack and prepares it. Whatever happens to the test, it is destroyed in the end.
func newProject(t *testing.T, d driver, e *acctest.Engine, stack string) *project {
	t.Helper()
	return newStack(t, d, e, filepath.Join("..", "..", "examples", "stacks", stack))
}

func newStack(t *testing.T, d driver, e *acctest.Engine, source string) *project {
	t.Helper()
	p := &project{driver: d, engine: e, dir: filepath.Join(t.TempDir(), filepath.Base(source))}
	if err := os.CopyFS(p.dir, os.DirFS(source)); err != nil {
		t.Fatal(err)
	}
	variables, err := os.ReadFile(filepath.Join(source, "variables.tf"))
	if err != nil {
		t.Fatal(err)
	}
	port := 20000 + 20*ports.Add(1)
	for _, name := range []string{"port", "first_port"} {
		if bytes.Contains(variables, []byte(`variable "`+name+`"`)) {
			p.vars = append(p.vars, "-var", fmt.Sprintf("%s=%d", name, port))
		}
	}
	p.vars = append(p.vars, "-var", "base_image="+acctest.Busybox)
	if d.prepare != nil {
		p.must(t, 0, d.prepare...)
	}
	t.Cleanup(func() {
		if t.Failed() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), commandTimeout)
			defer cancel()
			_, out := p.run(ctx, p.with("destroy", "-auto-approve", "-no-color")...)
			t.Logf("destroyed after the failure:\n%s", lastLines(out, 5))
		}
	})
	return p
}

// with is a command line with the project's variables.
func (p *project) with(command string, flags ...string) []string {
	return append(append([]string{command}, flags...), p.vars...)
}

// run runs the program and returns its exit code, -1 when it did not end by itself, and all it printed.
func (p *project) run(ctx context.Context, args ...string) (int, string) {
	cmd := exec.CommandContext(ctx, p.driver.path, args...)
	cmd.Dir, cmd.Env = p.dir, append(p.engine.Env(), p.driver.env...)
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, string(out)
	case errors.As(err, &exit):
		return exit.ExitCode(), string(out)
	}
	return -1, string(out) + err.Error()
}

// must runs the program and demands an exit code.
func (p *project) must(t *testing.T, want int, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), commandTimeout)
	defer cancel()
	code, out := p.run(ctx, args...)
	if code != want {
		t.Fatalf("%s %s: exit %d, want %d\n%s", p.driver.name, strings.Join(args, " "), code, want, lastLines(out, 60))
	}
	return out
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
