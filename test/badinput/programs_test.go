package badinput

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// required tells terraform which provider is meant.
const required = `terraform {
  required_providers {
    docker = { source = "cleat-dev/docker" }
  }
}
`

// programs are the ones under test, as they are built, and terraform.
type programs struct {
	cleat, terraform, config string
}

func build(t *testing.T) *programs {
	t.Helper()
	p := &programs{terraform: acctest.Program(t, "terraform"), cleat: acctest.Built(t, "cleat")}
	p.config = filepath.Join(t.TempDir(), "terraformrc")
	text := fmt.Sprintf("provider_installation {\n  dev_overrides { \"cleat-dev/docker\" = %q }\n  direct {}\n}\n", filepath.Dir(acctest.Built(t, "terraform-provider-docker")))
	if err := os.WriteFile(p.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// env is the environment of the programs: the engine behind the proxy.
func (p *programs) env(e *acctest.Engine, host string) []string {
	return append(e.Env(), "DOCKER_HOST="+host, "TF_CLI_CONFIG_FILE="+p.config, "CHECKPOINT_DISABLE=1", "NO_COLOR=1", "DOCKER_CONFIG=/does/not/exist")
}

// run runs a program and returns its exit code and what it said on standard error, without what differs between runs.
func (p *programs) run(t *testing.T, dir string, env []string, program string, args ...string) (int, string) {
	t.Helper()
	code, _, stderr := output(t, dir, env, program, args...)
	return code, settled(stderr, dir)
}

func output(t *testing.T, dir string, env []string, program string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir, cmd.Env = dir, env
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// message is one line of `terraform plan -json`.
type message struct {
	Level      string `json:"@level"`
	Diagnostic struct {
		Summary, Detail string
		Range           *struct {
			Filename string
			Start    struct{ Line int }
		}
		Snippet *struct{ Context, Code string }
	}
}

// ask runs terraform plan and words its errors as cleat does: what it prints is broken into lines where the names of
// directories happen to end.
func (p *programs) ask(t *testing.T, dir string, env []string) (int, string) {
	t.Helper()
	code, stdout, stderr := output(t, dir, env, p.terraform, "plan", "-json", "-input=false", "-lock=false")
	errs := []string{stderr}
	for line := range strings.Lines(stdout) {
		var m message
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("terraform plan -json: %v in %s", err, line)
		}
		d := m.Diagnostic
		if m.Level != "error" || d.Summary == "" {
			continue
		}
		summary := d.Summary
		if names, ok := strings.CutPrefix(summary, "Cycle: "); ok { // in any order
			list := strings.Split(names, ", ")
			slices.Sort(list)
			summary = "Cycle: " + strings.Join(list, ", ")
		}
		text := "Error: " + summary + "\n"
		if d.Range != nil {
			text += fmt.Sprintf("  on %s line %d", d.Range.Filename, d.Range.Start.Line)
			if d.Snippet != nil {
				text += fmt.Sprintf(", in %s:\n %3d: %s", cmp.Or(d.Snippet.Context, "no block"), d.Range.Start.Line, d.Snippet.Code)
			}
			text += "\n"
		}
		if d.Detail != "" {
			text += "  " + d.Detail + "\n"
		}
		errs = append(errs, text)
	}
	slices.Sort(errs) // resources are planned at the same time
	return code, settled(strings.Join(errs, ""), dir)
}

var (
	ids    = regexp.MustCompile(`\b[0-9a-f]{64}\b|\([0-9a-f]{12}\)`)
	socket = regexp.MustCompile(`unix://[^\s"]+/s\b`)
)

// settled is a text without ids, directories, blank lines and trailing spaces.
func settled(text, dir string) string {
	text = strings.ReplaceAll(text, dir, "$DIR")
	text = ids.ReplaceAllStringFunc(text, func(s string) string {
		if s[0] == '(' {
			return "($ID)"
		}
		return "$ID"
	})
	text = socket.ReplaceAllString(text, "$$HOST")
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \n")
		if strings.TrimSpace(line) != "" {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}
