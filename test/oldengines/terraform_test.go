package oldengines

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// TestTerraform: the provider takes the same project through the same life. It labels nothing, so that volumes and
// networks work as soon as there are any.
func TestTerraform(t *testing.T) {
	e := acctest.Dockerd(t)
	terraform := acctest.Program(t, "terraform")
	plugins := filepath.Dir(acctest.Built(t, "terraform-provider-docker"))
	for _, api := range []string{"1.21", "1.22", "1.24"} { // for 1.18 there is provider/acceptance
		t.Run(api, func(t *testing.T) {
			t.Parallel()
			id := strings.ReplaceAll(api, ".", "") + "tf"
			c := &cleat{program: terraform, dir: t.TempDir(), version: api, engine: e}
			c.write(t, "rc", fmt.Sprintf("provider_installation {\n  dev_overrides { \"cleat-dev/docker\" = %q }\n  direct {}\n}\n", plugins))
			c.write(t, "versions.tf", "terraform {\n  required_providers {\n    docker = { source = \"cleat-dev/docker\" }\n  }\n}\n")
			c.write(t, "app/Dockerfile", "FROM busybox:1\nENV KIND="+id+"\n")
			text := stack(id, 64, "no") + storage(id)
			c.write(t, "main.tf", text)
			c.terraform(t, 0, "apply", "-auto-approve")
			c.terraform(t, 0, "plan", "-detailed-exitcode")
			c.write(t, "main.tf", strings.Replace(text, "memory   = 64", "memory   = 96", 1))
			plan := c.terraform(t, 2, "plan", "-detailed-exitcode")
			want := "will be updated in-place"
			if api == "1.21" {
				want = "in place only from 1.22 on"
			}
			if !strings.Contains(strings.Join(strings.Fields(plan), " "), want) {
				t.Errorf("the plan does not say %q:\n%s", want, plan)
			}
			c.terraform(t, 0, "apply", "-auto-approve")
			c.terraform(t, 0, "plan", "-detailed-exitcode")
			c.docker(t, "rm", "-f", "old-"+id+"-web")
			c.terraform(t, 0, "apply", "-auto-approve")
			c.terraform(t, 0, "destroy", "-auto-approve")
		})
	}
}

// terraform runs a command of terraform and demands its exit code.
func (c *cleat) terraform(t *testing.T, code int, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), c.program, append(args, "-no-color", "-input=false")...)
	cmd.Dir = c.dir
	cmd.Env = append(c.engine.Env(), "DOCKER_API_VERSION="+c.version, "DOCKER_CONFIG="+c.dir, "TF_CLI_CONFIG_FILE="+filepath.Join(c.dir, "rc"), "CHECKPOINT_DISABLE=1")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	_ = cmd.Run()
	if got := cmd.ProcessState.ExitCode(); got != code {
		t.Fatalf("API %s: terraform %s exits with %d, want %d:\n%s", c.version, strings.Join(args, " "), got, code, out.String())
	}
	return out.String()
}
