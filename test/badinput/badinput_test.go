package badinput

import (
	"flag"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/cleat-dev/cleat/internal/acctest"
	"github.com/cleat-dev/cleat/test/proxy"
)

var update = flag.Bool("update", false, "write the answers anew")

func TestMain(m *testing.M) { acctest.Main(m) }

// The sections of an archive that hold answers.
const (
	validated  = "cleat validate"
	planned    = "cleat plan"
	terraforms = "terraform plan"
	same       = "as cleat validate\n"
)

// mistake is one case.
type mistake struct {
	file    string
	archive *txtar.Archive
	dir     string
	// setup and clean are shell commands.
	setup, clean string
	terraform    bool
	// place: terraform's own errors do not always have one.
	place bool
}

func open(t *testing.T, file string) *mistake {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	m := &mistake{file: file, archive: archive, dir: t.TempDir(), terraform: true, place: true}
	for line := range strings.Lines(string(archive.Comment)) {
		key, value, _ := strings.Cut(line, ": ")
		switch value = strings.TrimSpace(value); key {
		case "setup":
			m.setup = value
		case "clean":
			m.clean = value
		case "terraform":
			m.terraform, m.place = !strings.HasPrefix(value, "no "), !strings.HasPrefix(value, "without a place")
		}
	}
	for _, f := range archive.Files {
		if isAnswer(f.Name) {
			continue
		}
		path := filepath.Join(m.dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func isAnswer(section string) bool {
	return section == validated || section == planned || section == terraforms
}

// expect compares an answer with the archive's, or puts it there.
func (m *mistake) expect(t *testing.T, section, got string) {
	t.Helper()
	for i := range m.archive.Files {
		if f := &m.archive.Files[i]; f.Name == section {
			if *update {
				f.Data = []byte(got)
			} else if diff := cmp.Diff(string(f.Data), got); diff != "" {
				t.Errorf("%s: (-want +got)\n%s", section, diff)
			}
			return
		}
	}
	if !*update {
		t.Errorf("%s has no section %q: run the test with -update", m.file, section)
		return
	}
	m.archive.Files = append(m.archive.Files, txtar.File{Name: section, Data: []byte(got)})
}

func (m *mistake) save(t *testing.T) {
	t.Helper()
	if !*update {
		return
	}
	if err := os.WriteFile(m.file, txtar.Format(m.archive), 0o644); err != nil {
		t.Fatal(err)
	}
}

// writes notes requests that change something.
type writes struct {
	mu   sync.Mutex
	seen []string
}

func (w *writes) note(r *http.Request) {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, r.Method+" "+r.URL.Path)
}

func (w *writes) none(t *testing.T) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.seen) > 0 {
		t.Errorf("the engine was asked to change something: %q", w.seen)
	}
	w.seen = nil
}

// place is how cleat and terraform say where something is.
var place = regexp.MustCompile(`on \S+\.tf line \d+`)

// TestMistakes: everything wrong is told before anything is changed, with its place.
func TestMistakes(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	e := acctest.Dockerd(t)
	programs := build(t)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			if c := open(t, file); c.setup == "" {
				t.Parallel()
			}
			m := open(t, file)
			w := &writes{}
			p, err := proxy.Start(filepath.Join(t.TempDir(), "s"), e.Host, w.note)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = p.Close() })
			m.shell(t, e, m.setup)
			defer m.shell(t, e, m.clean)
			env := programs.env(e, p.Host)
			m.cleat(t, programs, env)
			if m.terraform {
				m.askTerraform(t, programs, env)
			}
			w.none(t)
			m.save(t)
		})
	}
}

func (m *mistake) shell(t *testing.T, e *acctest.Engine, command string) {
	t.Helper()
	if command == "" {
		return
	}
	cmd := exec.Command("sh", "-c", command) // also when the test's context is over
	cmd.Env = e.Env()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
}

// cleat asks validate, which knows no engine, and plan.
func (m *mistake) cleat(t *testing.T, p *programs, env []string) {
	t.Helper()
	code, validate := p.run(t, m.dir, env, p.cleat, "validate")
	if code > 1 {
		t.Errorf("cleat validate exits with %d", code)
	}
	m.expect(t, validated, validate)
	planCode, plan := p.run(t, m.dir, env, p.cleat, "plan")
	if planCode != 1 {
		t.Errorf("cleat plan exits with %d, want 1", planCode)
	}
	if !place.MatchString(plan) {
		t.Errorf("cleat plan names no place:\n%s", plan)
	}
	if plan == validate {
		plan = same
	}
	m.expect(t, planned, plan)
}

func (m *mistake) askTerraform(t *testing.T, p *programs, env []string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(m.dir, "zz_terraform.tf"), []byte(required), 0o644); err != nil {
		t.Fatal(err)
	}
	code, text := p.ask(t, m.dir, env)
	if code != 1 {
		t.Errorf("terraform plan exits with %d, want 1", code)
	}
	if m.place && !place.MatchString(text) {
		t.Errorf("terraform plan names no place:\n%s", text)
	}
	m.expect(t, terraforms, text)
}
