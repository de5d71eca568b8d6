//go:build linux

package builds

import (
	"os"
	"strings"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// Ignored applies patterns to a folder and returns what says, file by file, whether it is to be kept.
func Ignored(dir, patterns string) (kept func(name string) bool, err error) {
	lines, err := ignorefile.ReadAll(strings.NewReader(patterns))
	if err != nil {
		return nil, err
	}
	matcher, err := patternmatcher.New(lines)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if err := excludeAll(root, matcher); err != nil {
		return nil, err
	}
	return func(name string) bool {
		match, err := matcher.MatchesOrParentMatches(name)
		return err == nil && !match
	}, nil
}
