package acctest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// lockFile opens a file and locks it until it is closed, or its process ends: the kernel's lock needs no tidying.
func lockFile(path string, flags int, wait bool) (*os.File, error) {
	file, err := os.OpenFile(path, flags, 0o600)
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

// controlGroups returns what an engine has in the hierarchies: dockerd's below a parent of its own name, cleatd's below
// one named after its folder, podman's by the ids of the containers in its storage (its parent's name is not
// configurable).
func controlGroups(w workdir) []string {
	names := []string{w.name(), cleatdGroup(w.join("data"))}
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

// cleatdGroup is the parent of the control groups of all containers of a cleatd, by its data root: see daemon/runtime.
func cleatdGroup(data string) string {
	state := filepath.Join(data, "state")
	if real, err := filepath.EvalSymlinks(state); err == nil {
		state = real
	}
	sum := sha256.Sum256([]byte(state))
	return "cleat-" + hex.EncodeToString(sum[:5])
}

// ControlGroups counts the groups an engine has in all hierarchies, its parents' own included.
func (e *Engine) ControlGroups() (int, error) {
	n := 0
	for _, root := range controlGroups(e.dir) {
		err := filepath.WalkDir(root, func(_ string, entry fs.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				n++
			}
			if errors.Is(err, fs.ErrNotExist) {
				return nil // a container that has just ended
			}
			return err
		})
		if err != nil {
			return 0, err
		}
	}
	return n, nil
}

// thaw lets paused containers die: in version 1 of control groups a frozen process does not even take a kill.
func thaw(w workdir) error {
	var errs []error
	for _, root := range controlGroups(w) {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.Name() == "freezer.state" {
				err = os.WriteFile(path, []byte("THAWED"), 0)
			}
			if errors.Is(err, fs.ErrNotExist) {
				return nil // the group of one container has just gone; others are still frozen
			}
			return err
		})
		errs = append(errs, err)
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
