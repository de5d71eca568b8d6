//go:build linux

package runtime

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/cleat-dev/cleat/daemon/runtime/wire"
)

// removeFilters removes the compiled seccomp programs that creators have kept: they are not synced, and another release
// may compile differently. A creator that is just reading one is not disturbed.
func removeFilters(execRoot string) error {
	entries, err := os.ReadDir(execRoot)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.Type().IsRegular() && strings.HasPrefix(entry.Name(), wire.FilterPrefix) {
			if err := ignoreMissing(os.Remove(filepath.Join(execRoot, entry.Name()))); err != nil {
				return err
			}
		}
	}
	return nil
}
