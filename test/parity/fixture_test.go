package parity

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// fixture is a configuration in steps.
type fixture struct {
	name string
	// file is the archive it comes from; empty for an example.
	file  string
	steps []step
	// engines it is for; empty for all of today that are no swarm, that is not "old" and not "swarm".
	engines []string
	// alone: names are fixed, so the worlds of both programs come one after the other.
	alone bool
	// vars are given to both programs in addition to those every world has.
	vars []string
}

// step is one change of the world and of its configuration.
type step struct {
	// files are written into the configuration's directory.
	files map[string]string
	do    []string
	args  []string
	vars  []string
	// plan is the plan expected, by engine; "" is for engines without one of their own.
	plan map[string]string
	// refused and fails are what a plan or an apply must fail with.
	refused, fails *regexp.Regexp
}

func (f fixture) runsOn(kind string) bool {
	return len(f.engines) == 0 && kind != "old" && kind != "swarm" || slices.Contains(f.engines, kind)
}

// wants is the plan expected on an engine.
func (s step) wants(engine string) (string, bool) {
	if text, ok := s.plan[engine]; ok {
		return text, true
	}
	text, ok := s.plan[""]
	return text, ok
}

// fixtures reads testdata.
func fixtures(t *testing.T) []fixture {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	var all []fixture
	for _, file := range files {
		f, err := readFixture(file)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all = append(all, f)
	}
	return all
}

func readFixture(file string) (fixture, error) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		return fixture{}, err
	}
	f := fixture{name: strings.TrimSuffix(filepath.Base(file), ".txtar"), file: file}
	for line := range strings.Lines(string(archive.Comment)) {
		if engines, ok := strings.CutPrefix(line, "engines:"); ok {
			f.engines = strings.Fields(engines)
		}
	}
	for _, entry := range archive.Files {
		number, name, _ := strings.Cut(entry.Name, "/")
		n, err := strconv.Atoi(number)
		if err != nil || name == "" || n < len(f.steps) || n > len(f.steps)+1 {
			return fixture{}, fmt.Errorf("file %q: want STEP/NAME, steps in order", entry.Name)
		}
		if n > len(f.steps) {
			f.steps = append(f.steps, step{files: map[string]string{}, plan: map[string]string{}})
		}
		if err := f.steps[n-1].add(name, string(entry.Data)); err != nil {
			return fixture{}, fmt.Errorf("%s: %w", entry.Name, err)
		}
	}
	if len(f.steps) == 0 {
		return fixture{}, fmt.Errorf("no steps")
	}
	return f, nil
}

func (s *step) add(name, content string) error {
	var err error
	switch name {
	case "do":
		s.do = slices.DeleteFunc(strings.Split(content, "\n"), func(line string) bool { return strings.TrimSpace(line) == "" })
	case "args":
		s.args = strings.Fields(content)
	case "error":
		s.refused, err = regexp.Compile("(?s)" + strings.TrimSpace(content))
	case "fails":
		s.fails, err = regexp.Compile("(?s)" + strings.TrimSpace(content))
	default:
		if engine, ok := strings.CutPrefix(name, "plan"); ok && (engine == "" || engine[0] == '.') {
			s.plan[strings.TrimPrefix(engine, ".")] = content
			return nil
		}
		s.files[name] = content
	}
	return err
}

// accept writes a plan into the fixture's archive: dockerd's is the one for all, another engine's is written only
// when it differs.
func (f fixture) accept(n int, engine, text string) error {
	content, err := os.ReadFile(f.file)
	if err != nil {
		return err
	}
	archive := txtar.Parse(content)
	general, own := fmt.Sprintf("%d/plan", n), fmt.Sprintf("%d/plan.%s", n, engine)
	at := func(name string) int {
		return slices.IndexFunc(archive.Files, func(e txtar.File) bool { return e.Name == name })
	}
	if i := at(own); i >= 0 {
		archive.Files = slices.Delete(archive.Files, i, i+1)
	}
	name, i := general, at(general)
	if i >= 0 && engine != "dockerd" && string(archive.Files[i].Data) != text && slices.Contains(append(f.engines, "dockerd"), "dockerd") {
		name, i = own, -1
	}
	if i < 0 {
		last := 0
		for j, e := range archive.Files {
			if strings.HasPrefix(e.Name, fmt.Sprintf("%d/", n)) {
				last = j + 1
			}
		}
		archive.Files = slices.Insert(archive.Files, last, txtar.File{Name: name})
		i = last
	}
	archive.Files[i].Data = []byte(text)
	if now := txtar.Format(archive); !bytes.Equal(now, content) {
		return os.WriteFile(f.file, now, 0o644)
	}
	return nil
}
