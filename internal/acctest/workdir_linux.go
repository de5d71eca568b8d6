package acctest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// lockFile opens a file and locks it until it is closed, or its process ends: the kernel's lock needs no tidying.
func lockFile(path string, wait bool) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	how := syscall.LOCK_EX
	if !wait {
		how |= syscall.LOCK_NB
	}
	if err := syscall.Flock(int(file.Fd()), how); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// controlGroups returns what an engine has in the hierarchies: dockerd's below a parent of its own name, podman's by
// the ids of the containers in its storage (its parent's name is not configurable).
func controlGroups(w workdir) []string {
	names := []string{w.name()}
	records, _ := os.ReadDir(w.join("root", "overlay-containers")) // not podman: no directory
	for _, record := range records {
		names = append(names, filepath.Join("libpod_parent", "libpod-"+record.Name()))
	}
	var found []string
	for _, name := range names {
		for _, pattern := range []string{"/sys/fs/cgroup/*/" + name, "/sys/fs/cgroup/" + name} {
			matches, _ := filepath.Glob(pattern) // the pattern is well-formed
			found = append(found, matches...)
		}
	}
	return found
}

// thaw lets paused containers die: in version 1 of control groups a frozen process does not even take a kill.
func thaw(w workdir) error {
	var errs []error
	for _, root := range controlGroups(w) {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.Name() != "freezer.state" {
				return err
			}
			return os.WriteFile(path, []byte("THAWED"), 0)
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// removeControlGroups removes an engine's control groups. It fails while something runs in them.
func removeControlGroups(w workdir) error {
	var errs []error
	for _, root := range controlGroups(w) {
		errs = append(errs, removeTree(root))
	}
	return errors.Join(errs...)
}

// removeTree removes a tree of control groups: directories only, children first.
func removeTree(root string) error {
	var dirs []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			dirs = append(dirs, path)
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for i := len(dirs) - 1; i >= 0; i-- {
		if rmErr := os.Remove(dirs[i]); rmErr != nil && !errors.Is(rmErr, fs.ErrNotExist) {
			err = errors.Join(err, rmErr)
		}
	}
	return err
}

// overlayWorks reports whether overlay mounts can be stacked on the directory's file system.
func overlayWorks(dir string) bool {
	const overlayMagic = 0x794c7630
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil || st.Type == overlayMagic {
		return false
	}
	content, err := os.ReadFile("/proc/filesystems")
	return err == nil && strings.Contains(string(content), "\toverlay\n")
}
