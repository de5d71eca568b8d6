package guides

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclwrite"

	"github.com/cleat-dev/cleat/internal/acctest"
)

func TestMain(m *testing.M) { acctest.Main(m) }

const (
	registryName = "registry.example.com:5000"
	registryUser = "me"
	registryPass = "open-sesame"
	// patience is how long one command may take.
	patience = 2 * time.Minute
)

// block is a part of a guide that is more than text.
type block struct {
	// kind is the language of a fence, or "test" for a hidden command.
	kind string
	// line is where it begins.
	line  int
	lines []string
}

var hidden = regexp.MustCompile(`^<!-- test: (.*) -->$`)

// blocks takes a guide apart.
func blocks(text string) ([]block, error) {
	var all []block
	var open *block
	var indent string
	for i, line := range strings.Split(text, "\n") {
		trimmed := strings.TrimLeft(line, " ")
		switch {
		case open != nil && trimmed == "```":
			all, open = append(all, *open), nil
		case open != nil:
			open.lines = append(open.lines, strings.TrimPrefix(line, indent))
		case strings.HasPrefix(trimmed, "```"):
			indent = line[:len(line)-len(trimmed)]
			open = &block{kind: strings.TrimPrefix(trimmed, "```"), line: i + 1}
		default:
			if m := hidden.FindStringSubmatch(trimmed); m != nil {
				all = append(all, block{kind: "test", line: i + 1, lines: m[1:]})
			}
		}
	}
	if open != nil {
		return nil, fmt.Errorf("line %d: the fence is not closed", open.line)
	}
	return all, nil
}

var fileName = regexp.MustCompile(`^# (\S+\.tf)$`)

// file is the name a configuration gives itself in its first line; "" when it is none, or a part of one.
func (b block) file() string {
	if b.kind != "terraform" || len(b.lines) == 0 {
		return ""
	}
	if m := fileName.FindStringSubmatch(b.lines[0]); m != nil {
		return m[1]
	}
	return ""
}

func (b block) text() string { return strings.Join(b.lines, "\n") + "\n" }

// step is a command with what it prints.
type step struct {
	line    int
	command string
	output  []string
}

func (b block) steps() ([]step, error) {
	var steps []step
	for i, line := range b.lines {
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			steps = append(steps, step{line: b.line + i + 1, command: command})
		} else if len(steps) == 0 {
			return nil, fmt.Errorf("line %d: a console begins with a command", b.line+1)
		} else {
			last := &steps[len(steps)-1]
			last.output = append(last.output, strings.TrimRight(line, " "))
		}
	}
	return steps, nil
}

// pattern is what a command's output has to match.
func pattern(lines []string) *regexp.Regexp {
	var p strings.Builder
	for _, line := range lines {
		if strings.TrimSpace(line) == "…" {
			p.WriteString(`(?:[^\n]*\n)*?`)
			continue
		}
		p.WriteString(strings.ReplaceAll(regexp.QuoteMeta(line), "…", `[^\n]*?`) + `\n`)
	}
	return regexp.MustCompile(`\A` + p.String() + `\z`)
}

// guides returns the texts of all guides by their name.
func guides(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "docs", "guides", "*.md"))
	if err != nil || len(files) < 6 {
		t.Fatalf("guides %v, %v", files, err)
	}
	texts := map[string]string{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts[strings.TrimSuffix(filepath.Base(file), ".md")] = string(raw)
	}
	return texts
}

// TestConfigurations: whatever a guide shows as configuration parses and is formatted, whole files and parts of them.
func TestConfigurations(t *testing.T) {
	t.Parallel()
	for name, text := range guides(t) {
		all, err := blocks(text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, b := range all {
			if b.kind != "terraform" {
				continue
			}
			raw := []byte(b.text())
			if _, diags := hclparse.NewParser().ParseHCL(raw, name); diags.HasErrors() {
				t.Errorf("%s, line %d: %v", name, b.line, diags.Errs()[0])
			}
			if diff := cmp.Diff(string(hclwrite.Format(raw)), string(raw)); diff != "" {
				t.Errorf("%s, line %d (-formatted +shown):\n%s", name, b.line, diff)
			}
		}
	}
}

// TestMessages: what tables call messages are words of the program.
func TestMessages(t *testing.T) {
	t.Parallel()
	var source strings.Builder
	files, err := filepath.Glob(filepath.Join("..", "..", "client", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(file, "_test.go") {
			source.Write(raw)
		}
	}
	found := 0
	for name, text := range guides(t) {
		table := false
		for line := range strings.Lines(text) {
			cells := strings.Split(line, "|")
			if len(cells) < 3 {
				table = false
				continue
			}
			message := strings.TrimSpace(cells[1])
			if table && !strings.HasPrefix(message, "---") {
				if found++; !strings.Contains(source.String(), message) {
					t.Errorf("%s: nothing says %q", name, message)
				}
			}
			table = table || message == "message"
		}
	}
	if found < 6 {
		t.Errorf("%d messages in tables", found)
	}
}

// TestGuides does what the guides say.
func TestGuides(t *testing.T) {
	engine := acctest.Dockerd(t)
	for name, text := range guides(t) {
		all, err := blocks(text)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(text, "```console") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			before := engine.Inventory(t)
			r := newReader(t, engine, text)
			defer func() {
				if t.Failed() { // the engine is the tests' own; the next guide is to find it as it was
					_, _ = r.run(t, "docker rm -f $(docker ps -aq); docker volume prune -af; docker network prune -f; docker rmi cleat-ledger:1")
				}
			}()
			for _, b := range all {
				if !r.does(t, b) {
					break // what follows would only say so again
				}
			}
			if diff := cmp.Diff(before, engine.Inventory(t)); diff != "" && !t.Failed() {
				t.Errorf("left behind (-before +after):\n%s", diff)
			}
		})
	}
}

// reader is who follows a guide.
type reader struct {
	dir string
	env []string
	// registry is where registry.example.com:5000 really is.
	registry string
}

func newReader(t *testing.T, engine *acctest.Engine, text string) *reader {
	t.Helper()
	root := t.TempDir()
	r := &reader{dir: filepath.Join(root, "shop"), registry: registryName}
	bin, plugins := filepath.Join(root, "bin"), filepath.Join(root, "plugins", "registry.terraform.io", "cleat-dev", "docker", "1.0.0", runtime.GOOS+"_"+runtime.GOARCH)
	for _, dir := range []string{r.dir, bin, plugins, filepath.Join(root, ".docker")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	acctest.Program(t, "terraform")
	acctest.Program(t, "docker")
	for program, link := range map[string]string{"cleat": filepath.Join(bin, "cleat"), "terraform-provider-docker": filepath.Join(plugins, "terraform-provider-docker_v1.0.0")} {
		if err := os.Symlink(acctest.Built(t, program), link); err != nil {
			t.Fatal(err)
		}
	}
	r.write(t, "../terraformrc", fmt.Sprintf("disable_checkpoint = true\nprovider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", filepath.Join(root, "plugins")))
	if strings.Contains(text, registryName) {
		registry := acctest.NewTLSRegistry(t, acctest.Auth{Username: registryUser, Password: registryPass})
		registry.Push(t, engine, acctest.Busybox, "team/app:1")
		r.registry = registry.Address
		r.write(t, "ca.pem", registry.Authority)
	}
	r.env = append(engine.Env(), "HOME="+root, "DOCKER_CONFIG="+filepath.Join(root, ".docker"), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"),
		"TF_CLI_CONFIG_FILE="+filepath.Join(root, "terraformrc"), "TF_IN_AUTOMATION=1", "TF_INPUT=0", "TF_CLI_ARGS=-no-color")
	return r
}

// does takes one block of the guide. It returns false when that went wrong.
func (r *reader) does(t *testing.T, b block) bool {
	t.Helper()
	switch name := b.file(); {
	case name != "":
		r.write(t, name, r.local(b.text()))
	case b.kind == "test":
		if out, err := r.run(t, b.lines[0]); err != nil {
			t.Errorf("line %d: %s: %v\n%s", b.line, b.lines[0], err, out)
			return false
		}
	case b.kind == "console":
		steps, err := b.steps()
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range steps {
			out, _ := r.run(t, s.command) // commands may fail: what they print says how
			if !pattern(s.output).MatchString(out) {
				t.Errorf("line %d: $ %s\nprints\n%s\nwant\n%s", s.line, s.command, out, strings.Join(s.output, "\n"))
				return false
			}
		}
	}
	return true
}

func (r *reader) write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// local puts the real address of the registry in place of the shown one.
func (r *reader) local(text string) string { return strings.ReplaceAll(text, registryName, r.registry) }

// run runs a command as a shell would and returns what it printed, as the guide shows it.
func (r *reader) run(t *testing.T, command string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	shell := exec.CommandContext(ctx, "bash", "-c", r.local(command))
	shell.Dir, shell.Env, shell.WaitDelay = r.dir, r.env, time.Second
	raw, err := shell.CombinedOutput()
	var lines []string
	for line := range strings.Lines(strings.ReplaceAll(string(raw), r.registry, registryName)) {
		lines = append(lines, strings.TrimRight(line, " \n")+"\n")
	}
	return strings.Join(lines, ""), err
}
