package codec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/diff"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/cleat-dev/cleat/api/version"
)

// boundaries are the versions below which a shape's next step holds, the newest first: all versions that differ.
func boundaries(s *Shape) []version.Version {
	var all []version.Version
	for _, step := range s.Steps {
		all = append(all, v1(step.Since.Minor-1))
	}
	slices.SortFunc(all, func(a, b version.Version) int { return b.Compare(a) })
	return slices.Compact(all)
}

// TestLadder takes a body of the newest form down the versions, step by step, and up again. A file of testdata/ladder is
// the body and what each version takes away: of an answer ("down"), and of a round trip ("up").
func TestLadder(t *testing.T) {
	t.Parallel()
	for name, shape := range shapes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join("testdata", "ladder", name+".txtar")
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := &txtar.Archive{Comment: archive.Comment, Files: append(archive.Files[:1:1], rungs(t, shape, archive.Files[0].Data)...)}
			if *update {
				if err := os.WriteFile(file, txtar.Format(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(txtar.Format(archive)), string(txtar.Format(got))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", file, diff)
			}
		})
	}
}

// rungs are the differences from each version to the next lower one.
func rungs(t *testing.T, s *Shape, newest []byte) []txtar.File {
	t.Helper()
	var files []txtar.File
	add := func(what string, before, after []byte) {
		if d := diff.Diff("newer", []byte(indentAll(t, before)), "older", []byte(indentAll(t, after))); d != nil {
			_, lines, _ := bytes.Cut(d, []byte("\n@@")) // not the names
			files = append(files, txtar.File{Name: what, Data: append([]byte("@@"), lines...)})
		}
	}
	lowered, lifted := newest, newest
	for _, v := range boundaries(s) {
		down, err := s.Down(newest, v)
		if err != nil {
			t.Fatal(err)
		}
		up, err := s.Up(down, v)
		if err != nil {
			t.Fatal(err)
		}
		add(fmt.Sprintf("%s down", v), lowered, down)
		add(fmt.Sprintf("%s up", v), lifted, up)
		lowered, lifted = down, up
	}
	return files
}

// TestEveryStepDoesSomething: each direction of each step changes some body of the ladder or of the golden files, so that
// those would tell if it did something else.
func TestEveryStepDoesSomething(t *testing.T) {
	t.Parallel()
	for name, shape := range shapes {
		samples := samplesOf(t, name, shape)
		for i, step := range shape.Steps {
			at := v1(step.Since.Minor - 1)
			if step.Down != nil || step.DownAll != nil {
				without := &Shape{Name: name, Kind: shape.Kind, Older: shape.Older, Steps: slices.Concat(shape.Steps[:i], shape.Steps[i+1:])}
				if !slices.ContainsFunc(samples, func(body []byte) bool { return differ(t, shape.Down, without.Down, body, at) }) {
					t.Errorf("%s: no body shows the way down of %q, %s", name, step.What, step.Since)
				}
			}
			if step.Up != nil || step.UpAll != nil {
				without := &Shape{Name: name, Kind: shape.Kind, Steps: slices.Concat(shape.Steps[:i], shape.Steps[i+1:])}
				if !slices.ContainsFunc(samples, func(body []byte) bool { return differ(t, shape.Up, without.Up, body, at) }) {
					t.Errorf("%s: no body shows the way up of %q, %s", name, step.What, step.Since)
				}
			}
		}
	}
}

type conversion = func([]byte, version.Version) ([]byte, error)

func differ(t *testing.T, with, without conversion, body []byte, v version.Version) bool {
	t.Helper()
	a, err := with(body, v)
	if err != nil {
		t.Fatal(err)
	}
	b, err := without(body, v)
	if err != nil {
		t.Fatal(err)
	}
	return !bytes.Equal(a, b)
}

// samplesOf are the bodies of the golden files and of the ladder, the latter in all their forms.
func samplesOf(t *testing.T, name string, s *Shape) [][]byte {
	t.Helper()
	archive, err := txtar.ParseFile(filepath.Join("testdata", "ladder", name+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	samples := [][]byte{archive.Files[0].Data}
	for _, v := range boundaries(s) {
		down, err := s.Down(archive.Files[0].Data, v)
		if err != nil {
			t.Fatal(err)
		}
		samples = append(samples, down)
	}
	files, err := filepath.Glob("testdata/" + name + ".*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var g golden
		if err := json.Unmarshal(raw, &g); err != nil {
			t.Fatal(err)
		}
		samples = append(samples, g.In)
	}
	return slices.DeleteFunc(samples, func(body []byte) bool { return len(strings.TrimSpace(string(body))) == 0 })
}
