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

// removeControlGroups removes what an engine left in the hierarchies: dockerd's below a parent of its own name,
// podman's by the ids of the containers in its storage (its parent's name is not configurable).
func removeControlGroups(w workdir) error {
	roots, err := filepath.Glob("/sys/fs/cgroup/*/" + w.name())
	if err != nil {
		return err
	}
	roots = append(roots, filepath.Join("/sys/fs/cgroup", w.name()))
	records, _ := os.ReadDir(w.join("root", "overlay-containers")) // no podman: no directory
	for _, record := range records {
		for _, pattern := range []string{"/sys/fs/cgroup/*/libpod_parent/libpod-", "/sys/fs/cgroup/libpod_parent/libpod-"} {
			found, err := filepath.Glob(pattern + record.Name())
			if err != nil {
				return err
			}
			roots = append(roots, found...)
		}
	}
	for _, root := range roots {
		if err := removeTree(root); err != nil {
			return err
		}
	}
	return nil
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
