package main

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// cell is one place of the matrix.
type cell struct {
	kind, engine string
	check        acctest.Check
}

// evidence is what passed tests showed: the attributes of every cell, as the tests name them.
type evidence map[cell]map[string]bool

var (
	// Something a program wrote without an end of line may stand before either.
	saidLine   = regexp.MustCompile(`=== ATTR  (\S+) shows (.*)$`)
	passedLine = regexp.MustCompile(`--- PASS: (\S+) \(`)
	endLine    = regexp.MustCompile(`^(ok|FAIL)\s+\S+/\S+\s`)
)

// read takes what tests showed from the output of go test -v, in which packages stand one after the other.
func read(log io.Reader) (evidence, error) {
	found := evidence{}
	said, passed := map[string][]string{}, map[string]bool{}
	lines := bufio.NewReader(log)
	for {
		line, err := lines.ReadString('\n')
		if err != nil && err != io.EOF {
			return nil, err
		}
		last := err == io.EOF
		line = strings.TrimRight(line, "\n")
		if m := saidLine.FindStringSubmatch(line); m != nil {
			said[m[1]] = append(said[m[1]], m[2])
		}
		if m := passedLine.FindStringSubmatch(line); m != nil {
			passed[m[1]] = true
		}
		if last || endLine.MatchString(line) {
			for test, texts := range said {
				if !passed[test] {
					continue
				}
				for _, text := range texts {
					if err := found.add(text); err != nil {
						return nil, fmt.Errorf("%s: %w", test, err)
					}
				}
			}
			said, passed = map[string][]string{}, map[string]bool{}
		}
		if last {
			return found, nil
		}
	}
}

// add is one line of a test: engine, type, check and attributes.
func (e evidence) add(text string) error {
	words := strings.Fields(text)
	if len(words) < 3 {
		return fmt.Errorf("shows %q: expected an engine, a type, a check and attributes", text)
	}
	c := cell{words[1], words[0], acctest.Check(words[2])}
	if !slices.Contains(checks, c.check) && c.check != acctest.Refuses {
		return fmt.Errorf("shows %q: there is no check %q", text, c.check)
	}
	if e[c] == nil {
		e[c] = map[string]bool{}
	}
	for _, a := range words[3:] {
		for ; a != ""; a = a[:max(0, strings.LastIndex(a, "."))] { // a key of a map shows the map
			e[c][a] = true
		}
	}
	return nil
}
