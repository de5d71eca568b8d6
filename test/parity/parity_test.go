package parity

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/moby/moby/client"

	cleatclient "github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/internal/acctest"
)

var update = flag.Bool("update", false, "write the plans into the fixtures anew")

func TestMain(m *testing.M) { acctest.Main(m) }

// TestParity drives every fixture and every example stack with both programs, on every engine.
func TestParity(t *testing.T) {
	registry := acctest.NewRegistry(t, acctest.Auth{Username: "ann", Password: "s3cret:with colon"})
	terraform, cleat := drivers(t)
	schemas, err := readNodes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := append(fixtures(t), stacks(t)...)
	var (
		mu    sync.Mutex
		ran   []string
		due   int
		kinds int
		used  = &ledger{used: map[int]bool{}}
	)
	on := func(t *testing.T, e *acctest.Engine) {
		kinds++
		c := reach(t, e)
		t.Run("fixtures", func(t *testing.T) {
			for _, f := range all {
				if !f.runsOn(kindOf(e)) {
					continue
				}
				due++
				t.Run(f.name, func(t *testing.T) {
					if !*update {
						t.Parallel()
					}
					mu.Lock()
					ran = append(ran, f.name)
					mu.Unlock()
					tmp := t.TempDir()
					a, err := newWorld(f, terraform, e, c, registry, schemas, tmp)
					if err != nil {
						t.Fatal(err)
					}
					b, err := newWorld(f, cleat, e, c, registry, schemas, tmp)
					if err != nil {
						t.Fatal(err)
					}
					meet(t, f, a, b, used)
				})
			}
		})
	}
	acctest.Each(t, on)
	t.Run("swarm", func(t *testing.T) { on(t, acctest.Swarm(t)) })
	if kinds == 5 && len(ran) == due && !t.Failed() { // some of them need not show every difference
		used.stale(t, ran)
	}
}

// meet takes the worlds of both programs through a fixture and compares what was planned.
func meet(t *testing.T, f fixture, a, b *world, used *ledger) {
	t.Helper()
	var records [2][]record
	var errs [2]error
	var wait sync.WaitGroup
	for i, w := range []*world{a, b} {
		live := func() { records[i], errs[i] = w.live(t.Context()) }
		if f.alone {
			live()
		} else {
			wait.Go(live)
		}
	}
	wait.Wait()
	for i, err := range errs {
		if err != nil {
			t.Errorf("%s: %v", []*world{a, b}[i].driver.name(), err)
		}
	}
	var differences []difference
	for n := range min(len(records[0]), len(records[1])) {
		one, two := records[0][n], records[1][n]
		if !one.complete || !two.complete {
			break // its error was reported
		}
		differences = append(differences, compare(n+1, one.plan, two.plan)...)
		differences = append(differences, compareAll(n+1, "recorded output ", map[string]map[string]any{"s": one.outputs}, map[string]map[string]any{"s": two.outputs})...)
		if n < len(f.steps) && f.steps[n].refused == nil && f.file != "" {
			f.expected(t, n+1, kindOf(a.engine), one.plan)
		}
	}
	used.unexpected(t, f.name, differences)
}

// expected compares a plan with that of the fixture.
func (f fixture) expected(t *testing.T, n int, engine string, p planned) {
	t.Helper()
	got := p.String()
	if *update {
		if err := f.accept(n, engine, got); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want, ok := f.steps[n-1].wants(engine); !ok || got != want {
		t.Errorf("step %d: planned\n%swant\n%s", n, got, want)
	}
}

// record is what one program made of a step.
type record struct {
	plan    planned
	outputs map[string]any
	// complete: all of the step went as the fixture says.
	complete bool
}

// live takes the world through all steps and then destroys it. It ends at the first step that does not go as the
// fixture says.
func (w *world) live(ctx context.Context) (all []record, err error) {
	defer func() {
		if err != nil {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commandTimeout)
			defer cancel()
			err = errors.Join(err, w.driver.destroy(ctx, w), w.removeOwn(ctx))
			return
		}
		err = errors.Join(w.gone(ctx), w.removeOwn(ctx))
	}()
	var vars []string
	for n, s := range w.fixture.steps {
		r, err := w.step(ctx, s)
		r.complete = err == nil
		all = append(all, r)
		if err != nil {
			return all, fmt.Errorf("step %d: %w", n+1, err)
		}
		vars = s.vars
	}
	p, err := w.driver.plan(ctx, w, vars, []string{"-destroy"})
	if err != nil {
		return all, fmt.Errorf("destroy: %w", err)
	}
	all = append(all, record{plan: p, complete: true})
	if p.empty() {
		return all, nil
	}
	if err := w.driver.apply(ctx, w, vars); err != nil {
		return all, fmt.Errorf("destroy: %w", err)
	}
	return all, nil
}

func (w *world) step(ctx context.Context, s step) (r record, err error) {
	if err := w.write(s.files); err != nil {
		return r, err
	}
	for _, line := range s.do {
		if err := w.behind(ctx, line); err != nil {
			return r, err
		}
	}
	if len(s.files) > 0 {
		if err := w.driver.prepare(ctx, w); err != nil {
			return r, err
		}
	}
	r.plan, err = w.driver.plan(ctx, w, s.vars, s.args)
	if s.refused != nil {
		return r, fails(err, s.refused.MatchString)
	}
	if err != nil || r.plan.empty() {
		return r, err
	}
	err = w.driver.apply(ctx, w, s.vars)
	if s.fails != nil {
		return r, fails(err, s.fails.MatchString)
	}
	if err != nil {
		return r, err
	}
	if err := w.driver.settled(ctx, w, s.vars); err != nil {
		return r, fmt.Errorf("not settled after its own apply: %w", err)
	}
	if len(r.plan.outputs) > 0 {
		r.outputs, err = w.driver.outputs(ctx, w)
	}
	return r, err
}

// fails turns a failure that has to be into none. Long lines are broken by terraform, so white space is one blank.
func fails(err error, matches func(string) bool) error {
	var command *commandError
	if !errors.As(err, &command) {
		return fmt.Errorf("did not fail: %w", errors.Join(err, errors.ErrUnsupported))
	}
	text := strings.Join(strings.Fields(strings.NewReplacer("│", " ", "╷", " ", "╵", " ").Replace(command.text)), " ")
	if !matches(text) {
		return fmt.Errorf("failed otherwise: %w", err)
	}
	return nil
}

// gone demands that nothing with the world's prefix is left on the engine.
func (w *world) gone(ctx context.Context) error {
	if w.fixture.alone {
		return nil // names are not ours to know; test/e2e looks after the examples
	}
	var left []string
	see := func(kind string, names ...string) {
		for _, name := range names {
			if strings.Contains(name, w.prefix) {
				left = append(left, kind+" "+name)
			}
		}
	}
	containers, err := w.docker.ContainerList(ctx, client.ContainerListOptions{All: true})
	for _, i := range containers.Items {
		see("container", i.Names...)
	}
	if err != nil {
		return err
	}
	if !w.engine.IsOld() {
		volumes, errV := w.docker.VolumeList(ctx, client.VolumeListOptions{})
		for _, i := range volumes.Items {
			see("volume", i.Name)
		}
		networks, errN := w.docker.NetworkList(ctx, client.NetworkListOptions{})
		for _, i := range networks.Items {
			see("network", i.Name)
		}
		if err := errors.Join(errV, errN); err != nil {
			return err
		}
	}
	if len(left) > 0 {
		return fmt.Errorf("left behind: %s", strings.Join(left, ", "))
	}
	return nil
}

// kindOf is the name fixtures know an engine by.
func kindOf(e *acctest.Engine) string {
	if e.IsOld() {
		return "old"
	}
	return e.Name
}

// reach is a client to do things behind the programs' back: moby's own, or ours where the engine is too old for that.
func reach(t *testing.T, e *acctest.Engine) *client.Client {
	t.Helper()
	if !e.IsOld() {
		return e.Client(t)
	}
	c, err := cleatclient.New(t.Context(), cleatclient.Config{Host: e.Host})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c.Client
}

// drivers returns both programs, ready to run. The provider is given to terraform in place of a release.
func drivers(t *testing.T) (driver, driver) {
	t.Helper()
	provider := filepath.Dir(acctest.Built(t, "terraform-provider-docker"))
	config := filepath.Join(t.TempDir(), "terraformrc")
	content := fmt.Sprintf("disable_checkpoint = true\nprovider_installation {\n  dev_overrides {\n    \"cleat-dev/docker\" = %q\n  }\n  direct {}\n}\n", provider)
	if err := os.WriteFile(config, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return terraform{acctest.Program(t, "terraform"), config}, cleat{acctest.Built(t, "cleat")}
}

// stacks are the examples, made and changed. Their names are fixed.
func stacks(t *testing.T) []fixture {
	t.Helper()
	root := filepath.Join("..", "..", "examples", "stacks")
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	var all []fixture
	for _, entry := range entries {
		files := map[string]string{}
		err := filepath.WalkDir(filepath.Join(root, entry.Name()), func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			name, err := filepath.Rel(filepath.Join(root, entry.Name()), path)
			files[name] = string(content)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, fixture{name: "stack-" + entry.Name(), alone: true, steps: []step{{files: files}}})
	}
	return all
}
