//go:build linux

package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// cliVersions are the versions of the API the CLI is told to speak: the contract's, and the newest we serve.
var cliVersions = []string{"1.18", "1.44"}

// commandTimeout bounds one command of a session: a busy machine's seconds, with room.
const commandTimeout = 30 * time.Second

// session is commands that are typed one after the other.
type session struct {
	name    string
	version string // the only one of the API it is for, "" is any
	alone   bool
	steps   []step
}

// step is a command and what must be seen of it.
type step struct {
	line          int
	command, want string
}

// TestCLI: the docker CLI is at home, in the version of the contract and in the newest. The sessions are in
// testdata/cli.txt.
func TestCLI(t *testing.T) {
	t.Parallel()
	acctest.Program(t, "docker")
	shared := acctest.Cleatd(t)
	for i, s := range sessions(t, "testdata/cli.txt") {
		for _, version := range cliVersions {
			if s.version != "" && s.version != version {
				continue
			}
			t.Run(s.name+"/"+version, func(t *testing.T) {
				t.Parallel()
				e := shared
				if s.alone {
					e = acctest.NewCleatd(t)
				}
				c := newCLI(t, e, version)
				c.set("N", fmt.Sprintf("%s-%s", s.name, strings.ReplaceAll(version, ".", "")))
				c.set("SUBNET", e.Subnet(i).String())
				c.play(t, s)
			})
		}
	}
}

// sessions reads a file of them.
func sessions(t *testing.T, file string) []session {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []session
	for i, line := range strings.SplitAfter(string(content), "\n") {
		title, begins := strings.CutPrefix(line, "== ")
		command, types := strings.CutPrefix(line, "$ ")
		switch {
		case begins:
			fields := strings.Fields(title)
			s := session{name: fields[0], alone: slices.Contains(fields, "alone")}
			if len(fields) > 1 && fields[1] != "alone" {
				s.version = fields[1]
			}
			all = append(all, s)
		case len(all) == 0: // the explanation
		case types:
			s := &all[len(all)-1]
			s.steps = append(s.steps, step{line: i + 1, command: command})
		case len(all[len(all)-1].steps) > 0:
			steps := all[len(all)-1].steps
			steps[len(steps)-1].want += line
		}
	}
	for _, s := range all { // an empty line is between two sessions
		last := &s.steps[len(s.steps)-1]
		last.want = strings.TrimSuffix(last.want, "\n")
		if last.want != "" {
			last.want += "\n"
		}
		last.want = strings.ReplaceAll(last.want, "\n\n", "\n")
	}
	return all
}

// cli is a shell with a docker CLI of its own.
type cli struct {
	env []string
	dir string
	// known are values of variables, which outputs have instead of their names, by name.
	known [][2]string
}

func newCLI(t *testing.T, e *acctest.Engine, version string) *cli {
	t.Helper()
	c := &cli{env: append(e.Env(), "DOCKER_BUILDKIT=0"), dir: t.TempDir()}
	c.set("PWD", c.dir)
	c.set("V", version)
	c.env = append(c.env, "DOCKER_API_VERSION="+version, "DOCKER_CONFIG="+t.TempDir())
	return c
}

// set gives a variable a value that outputs have the variable's name for.
func (c *cli) set(name, value string) {
	c.env = append(c.env, name+"="+value)
	c.known = append(c.known, [2]string{value, "$" + name})
}

// play types a session and compares.
func (c *cli) play(t *testing.T, s session) {
	t.Helper()
	for _, step := range s.steps {
		got, err := c.run(t.Context(), step.command)
		if err != nil {
			t.Fatalf("line %d: %s%v\n%s", step.line, step.command, err, got)
		}
		if diff := cmp.Diff(step.want, like(got, step.want)); diff != "" {
			t.Errorf("line %d: $ %s (-want +got):\n%s", step.line, step.command, diff)
		}
	}
}

var (
	idPattern = regexp.MustCompile(`\b([0-9a-f]{64}|[0-9a-f]{12})\b`)
	// clientNoise is what the CLI itself says below 1.30, where it ends its own call for events at times too early.
	clientNoise = regexp.MustCompile(`(?m)^time="[^"]*" level=error msg="error (getting events|removing container)[^\n]*context canceled"\n`)
	timePattern = regexp.MustCompile(`\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z`)
)

// run has a shell run a command, and returns all it wrote, and its code, with what differs from run to run named.
func (c *cli) run(ctx context.Context, command string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, "bash", "-c", command)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = c.env, c.dir, &out, &out, time.Second
	err := cmd.Run()
	if ctx.Err() != nil {
		return out.String(), ctx.Err()
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		fmt.Fprintf(&out, "rc=%d\n", exit.ExitCode())
		err = nil
	}
	text := clientNoise.ReplaceAllString(out.String(), "")
	text = timePattern.ReplaceAllString(text, "<time>") // first: a version may be in a time, 05:00:01.18…
	for _, known := range c.known {
		text = strings.ReplaceAll(text, known[0], known[1])
	}
	return idPattern.ReplaceAllString(text, "<id>"), err
}

// like returns got with what "..." of the lines of want stands for replaced by it.
func like(got, want string) string {
	lines, wanted := strings.SplitAfter(got, "\n"), strings.SplitAfter(want, "\n")
	for i := range min(len(lines), len(wanted)) {
		pattern := "(?s)^" + strings.ReplaceAll(regexp.QuoteMeta(wanted[i]), `\.\.\.`, ".*") + "$"
		if strings.Contains(wanted[i], "...") && regexp.MustCompile(pattern).MatchString(lines[i]) {
			lines[i] = wanted[i]
		}
	}
	return strings.Join(lines, "")
}
