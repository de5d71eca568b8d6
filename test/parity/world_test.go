package parity

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// commandTimeout bounds one command: a hang fails with what was printed so far.
const commandTimeout = 3 * time.Minute

// versions is what every configuration has beside its own files.
const versions = `terraform {
  required_providers {
    docker = {
      source = "cleat-dev/docker"
    }
  }
}

variable "prefix" {
  type = string
}

variable "net" {
  type = string
}

variable "port" {
  type = number
}

variable "registry" {
  type = string
}

variable "password" {
  type      = string
  sensitive = true
}
`

// world is one fixture driven by one program, on an engine it shares with other worlds: its names, addresses and
// ports are its own.
type world struct {
	fixture fixture
	engine  *acctest.Engine
	docker  *client.Client
	driver  driver
	// dir has the configuration; scratch is for files that are not of it.
	dir, scratch string
	// prefix begins every name, net the addresses ("10.208.130"); ports are port to port+portsEach-1.
	prefix, net string
	port        int
	registry    *acctest.Registry
	nodes       nodes
	// images are those the fixture made of its own, by id.
	images []string
}

const portsEach = 10

// worlds counts the worlds of a run, for addresses and ports.
var worlds atomic.Int32

func newWorld(f fixture, d driver, e *acctest.Engine, c *client.Client, r *acctest.Registry, schemas nodes, tmp string) (*world, error) {
	n := int(worlds.Add(1))
	w := &world{
		fixture: f, engine: e, docker: c, driver: d, registry: r, nodes: schemas, dir: filepath.Join(tmp, d.name(), "conf"), scratch: filepath.Join(tmp, d.name()),
		prefix: fmt.Sprintf("%.1s%d-%s", d.name(), n, f.name),
		net:    strings.TrimSuffix(e.Subnet(n).Addr().String(), ".0"),
		port:   21000 + portsEach*n,
	}
	if err := os.MkdirAll(w.dir, 0o755); err != nil {
		return nil, err
	}
	if f.file == "" { // an example is complete
		return w, nil
	}
	return w, os.WriteFile(filepath.Join(w.dir, "versions.tf"), []byte(versions), 0o644)
}

// env is the environment of the program.
func (w *world) env() []string {
	env := append(w.engine.Env(), w.driver.env(w)...)
	env = append(env, w.fixture.vars...)
	return append(env, "TF_VAR_prefix="+w.prefix, "TF_VAR_net="+w.net, "TF_VAR_port="+strconv.Itoa(w.port), "TF_VAR_first_port="+strconv.Itoa(w.port),
		"TF_VAR_registry="+w.registry.Address, "TF_VAR_password="+w.registry.Auth.Password, "TF_VAR_base_image="+acctest.Busybox)
}

// run runs the program and returns its exit code, -1 when it did not end by itself, its output, and its errors.
func (w *world) run(ctx context.Context, vars []string, args ...string) (int, string, string) {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	var stdout, stderr strings.Builder
	cmd := exec.CommandContext(ctx, w.driver.path(), args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = w.dir, append(w.env(), vars...), &stdout, &stderr
	cmd.WaitDelay = 5 * time.Second
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, stdout.String(), stderr.String()
	case errors.As(err, &exit):
		return exit.ExitCode(), stdout.String(), stderr.String()
	}
	return -1, stdout.String(), stderr.String() + err.Error()
}

// must runs the program and demands an exit code.
func (w *world) must(ctx context.Context, want int, vars []string, args ...string) (string, error) {
	code, stdout, stderr := w.run(ctx, vars, args...)
	if code != want {
		return "", &commandError{w.driver.name(), args, code, stdout + stderr}
	}
	return stdout, nil
}

// commandError is a program that did not end as it should.
type commandError struct {
	program string
	args    []string
	code    int
	text    string
}

func (e *commandError) Error() string {
	return fmt.Sprintf("%s %s: exit %d\n%s", e.program, strings.Join(e.args, " "), e.code, e.text)
}

// write puts the files of a step into the configuration.
func (w *world) write(files map[string]string) error {
	for name, content := range files {
		path := filepath.Join(w.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

var (
	digests   = regexp.MustCompile(`[0-9a-f]{64}`)
	macs      = regexp.MustCompile(`\b([0-9a-f]{2}:){5}[0-9a-f]{2}\b`)
	addresses = regexp.MustCompile(`\b10\.\d+\.\d+\.\d+\b`)
	times     = regexp.MustCompile(`\b20\d\d-\d\d-\d\dT[0-9:.]+(Z|[+-]\d\d:\d\d)`)
)

// mask replaces what is the world's own, so that the values of two worlds compare: names, addresses and ports by
// words for them, ids and what the engine chose by what they are.
func (w *world) mask(v any) any {
	switch v := v.(type) {
	case string:
		return w.maskText(v)
	case float64:
		if n := int(v) - w.port; float64(int(v)) == v && n >= 0 && n < portsEach {
			return fmt.Sprintf("PORT+%d", n)
		}
		return v
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = w.mask(e)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, e := range v {
			out[w.maskText(key)] = w.mask(e)
		}
		return out
	default:
		return v
	}
}

func (w *world) maskText(s string) string {
	s = strings.ReplaceAll(s, w.dir, "DIR")
	s = strings.ReplaceAll(s, w.prefix, "PREFIX")
	s = strings.ReplaceAll(s, w.net+".", "NET.")
	s = digests.ReplaceAllString(s, "ID")
	s = macs.ReplaceAllString(s, "MAC")
	s = times.ReplaceAllString(s, "TIME")
	for n := range portsEach { // what is left: five digits of an id, or of a time, may be a port by chance
		s = strings.ReplaceAll(s, strconv.Itoa(w.port+n), fmt.Sprintf("PORT+%d", n))
	}
	return addresses.ReplaceAllString(s, "ADDRESS")
}
