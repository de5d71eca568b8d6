//go:build linux

package builds

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Containers that live as long as a step have a file with their id in the build's folder: a daemon that is killed
// finds them at its next start.
const marksFolder = "containers"

func (b *build) mark(id string) error {
	dir := filepath.Join(b.dir, marksFolder)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("build: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, id), nil, 0o600); err != nil {
		return fmt.Errorf("build: %w", err)
	}
	return nil
}

func (b *build) marked(id string) bool {
	_, err := os.Lstat(filepath.Join(b.dir, marksFolder, id))
	return err == nil
}

func (b *build) unmark(id string) {
	err := os.Remove(filepath.Join(b.dir, marksFolder, id))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		b.s.Log.Warn("container of a build will be removed at the next start", "container", short(id), "error", err)
	}
}

func (b *build) marks() []string { return marksBelow(b.dir) }

// marksBelow lists the containers marked in a build's folder.
func marksBelow(dir string) []string {
	entries, err := os.ReadDir(filepath.Join(dir, marksFolder))
	if err != nil { // no folder: no containers
		return nil
	}
	ids := make([]string, 0, len(entries))
	for _, e := range entries {
		ids = append(ids, e.Name())
	}
	return ids
}
