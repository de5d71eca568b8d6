package acceptance

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// largest is what the provider may weigh, stripped: it is downloaded by every pipeline run.
const largest = 40 << 20

// The program itself, as it is released: Terraform starts it, takes its schema and has it refuse what is wrong.
func TestBinary(t *testing.T) {
	acctest.Program(t, "terraform")
	program := acctest.Built(t, "terraform-provider-docker")
	info, err := os.Stat(program)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > largest {
		t.Errorf("the provider has %d bytes, at most %d are allowed", info.Size(), largest)
	}
	config := filepath.Join(t.TempDir(), "terraformrc")
	if err := os.WriteFile(config, fmt.Appendf(nil, "provider_installation {\n  dev_overrides { \"cleat-dev/docker\" = %q }\n  direct {}\n}\n", filepath.Dir(program)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, body, want string }{
		{"good", `resource "docker_volume" "a" { name = "good" }`, "Success!"},
		{"bad", `resource "docker_volume" "a" { name = "-bad" }`, "a volume name has"},
		{"bad provider", "provider \"docker\" { host = \"ftp://far\" }\ndata \"docker_info\" \"a\" {}", `found scheme "ftp"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			work := t.TempDir()
			text := "terraform {\n  required_providers {\n    docker = { source = \"cleat-dev/docker\" }\n  }\n}\n" + c.body + "\n"
			if err := os.WriteFile(filepath.Join(work, "main.tf"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), "terraform", "validate", "-no-color")
			cmd.Dir = work
			cmd.Env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+config, "CHECKPOINT_DISABLE=1")
			out, err := cmd.CombinedOutput()
			if (err == nil) != (c.name == "good") || !strings.Contains(string(out), c.want) {
				t.Errorf("terraform validate: %v\n%s\nwant %q", err, out, c.want)
			}
		})
	}
}
