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
	// At is NOUN/NAME, or VERSION/NOUN/NAME.
	At    string
	Lines []string
	// Prefix of the paths.
	Prefix string
}

// group is the cases of one archive.
type group struct {
	cases []testCase
	// only is the engine that speaks the version, "" when all do.
	only string
}

func readCases(t *testing.T) map[string]group {
	t.Helper()
	cases := map[string]group{}
	readArchives(t, cases, "testdata/*.txtar", "", prefix, "")
	readArchives(t, cases, "testdata/v1.2/*.txtar", "v1.2/", "/v1.2", "cleatd") // dockerd refuses versions before 1.12
	readArchives(t, cases, "testdata/v1.41/*.txtar", "v1.41/", "/v1.41", "")
	return cases
}

func readArchives(t *testing.T, cases map[string]group, pattern, above, prefix, only string) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		noun := above + strings.TrimSuffix(filepath.Base(file), ".txtar")
		g := group{only: only}
		for _, f := range archive.Files {
			c := testCase{At: noun + "/" + f.Name, Prefix: prefix}
			for line := range strings.Lines(string(f.Data)) {
				if line = strings.TrimRight(line, "\n"); strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "#") {
					c.Lines = append(c.Lines, line)
				}
			}
			g.cases = append(g.cases, c)
		}
		cases[noun] = g
	}
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
			for _, c := range group.cases {
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
			if group.only != "" && group.only != e.Name {
				continue
			}
			t.Run(noun, func(t *testing.T) {
				t.Parallel()
				for _, c := range group.cases {
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
	r := &runner{t: t, e: e, prefix: c.Prefix, vars: map[string]string{"N": e.name(t)}}
	r.vars["NET"] = strings.TrimSuffix(e.Subnet(int(e.names.Load()%100)+1).Addr().String(), ".0")
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
