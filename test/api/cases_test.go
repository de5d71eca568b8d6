package api

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// testCase is one file of an archive.
type testCase struct {
	// At is NOUN/NAME.
	At    string
	Lines []string
}

func readCases(t *testing.T) map[string][]testCase {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	cases := map[string][]testCase{}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		noun := strings.TrimSuffix(filepath.Base(file), ".txtar")
		for _, f := range archive.Files {
			c := testCase{At: noun + "/" + f.Name}
			for line := range strings.Lines(string(f.Data)) {
				if line = strings.TrimRight(line, "\n"); strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "#") {
					c.Lines = append(c.Lines, line)
				}
			}
			cases[noun] = append(cases[noun], c)
		}
	}
	return cases
}

// difference is an entry of differences.txt: what a real engine says where the document says something else.
type difference struct {
	// At matches cases, as path.Match does.
	At string
	// Document is the line of the case; Says what holds instead, on the engine named, "-" for nothing.
	Document, Engine, Says, Why string
}

func readDifferences(t *testing.T) []difference {
	t.Helper()
	raw, err := os.ReadFile("testdata/differences.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all []difference
	for block := range strings.SplitSeq(string(raw), "\n\n") {
		var d difference
		for line := range strings.Lines(block) {
			line = strings.TrimRight(line, "\n")
			key, value, ok := strings.Cut(line, ": ")
			switch {
			case line == "" || strings.HasPrefix(line, "#"):
			case !ok:
				t.Fatalf("differences.txt: %q", line)
			case key == "at":
				d.At = value
			case key == "document":
				d.Document = value
			case key == "why":
				d.Why = value
			default:
				d.Engine, d.Says = key, value
			}
		}
		if d == (difference{}) {
			continue
		}
		if d.At == "" || d.Document == "" || d.Engine == "" || d.Says == "" || d.Why == "" {
			t.Fatalf("differences.txt: incomplete entry\n%s", block)
		}
		all = append(all, d)
	}
	return all
}

// On reports whether the entry is about a line of a case.
func (d difference) on(at, line string) bool {
	ok, err := path.Match(d.At, at)
	return err == nil && ok && d.Document == line
}

// Every entry is about a line that is there, and none excuses cleatd.
func TestDifferences(t *testing.T) {
	t.Parallel()
	cases := readCases(t)
	for _, d := range readDifferences(t) {
		used := false
		for _, group := range cases {
			for _, c := range group {
				used = used || slices.ContainsFunc(c.Lines, func(line string) bool { return d.on(c.At, line) })
			}
		}
		if !used {
			t.Errorf("nothing at %s has the line %q", d.At, d.Document)
		}
		if d.Engine == "cleatd" {
			t.Errorf("%s: cleatd follows the document", d.At)
		}
	}
}

func TestCases(t *testing.T) {
	cases, differences := readCases(t), readDifferences(t)
	each(t, func(t *testing.T, e *engine) {
		for noun, group := range cases {
			t.Run(noun, func(t *testing.T) {
				t.Parallel()
				for _, c := range group {
					t.Run(path.Base(c.At), func(t *testing.T) {
						t.Parallel()
						runCase(t, e, c, differences)
					})
				}
			})
		}
	})
}

func runCase(t *testing.T, e *engine, c testCase, differences []difference) {
	t.Helper()
	r := &runner{t: t, e: e, vars: map[string]string{"N": e.name(t)}}
	for _, line := range c.Lines {
		for _, d := range differences {
			if d.Engine == e.Name && d.on(c.At, line) {
				line = d.Says
				break
			}
		}
		if line != "-" {
			r.line(line)
		}
	}
	r.flush()
}
