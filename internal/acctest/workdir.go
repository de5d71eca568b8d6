package acctest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A workdir is the directory of one engine or registry. Its owner holds a lock on it for as long as it lives, so
// that a later run can tell what a killed one left behind.
type workdir struct {
	path string
	lock *os.File
}

// lockName is the file of a work directory, and of all of them, that is locked.
const lockName = "lock"

// base is where all work directories are. The name is short: unix socket paths have 108 bytes.
func base() string { return filepath.Join(os.TempDir(), "cleat-acctest") }

// newWorkdir removes what dead runs left and makes a directory owned by this process.
func newWorkdir(prefix string) (workdir, error) {
	if err := os.MkdirAll(base(), 0o711); err != nil {
		return workdir{}, err
	}
	// One lock over making and sweeping: a directory is never seen between its creation and its locking.
	all, err := lockFile(filepath.Join(base(), lockName), os.O_CREATE|os.O_RDWR, true)
	if err != nil {
		return workdir{}, err
	}
	defer all.Close()
	sweep()
	path, err := os.MkdirTemp(base(), prefix)
	if err != nil {
		return workdir{}, err
	}
	lock, err := lockFile(filepath.Join(path, lockName), os.O_CREATE|os.O_RDWR, true)
	if err != nil {
		return workdir{}, err
	}
	return workdir{path: path, lock: lock}, nil
}

func (w workdir) join(elem ...string) string {
	return filepath.Join(append([]string{w.path}, elem...)...)
}

// name is unique among living work directories and fit for a control group.
func (w workdir) name() string { return "cleat-" + filepath.Base(w.path) }

// write puts a configuration file into the directory and returns its path.
func (w workdir) write(name, content string) (string, error) {
	path := w.join(name)
	return path, os.WriteFile(path, []byte(content), 0o600)
}

// remove deletes the control groups of the engine, in which nothing may run any more, and then the directory, which
// is the record of them: a later run tries again with what remains. The lock's file goes last: a directory without one is
// nobody's.
func (w workdir) remove() error {
	defer w.lock.Close()
	if err := removeControlGroups(w); err != nil {
		return err
	}
	entries, err := os.ReadDir(w.path)
	for _, entry := range entries {
		if entry.Name() != lockName {
			err = errors.Join(err, os.RemoveAll(w.join(entry.Name())))
		}
	}
	if err != nil {
		return err
	}
	return os.RemoveAll(w.path)
}

// sweep removes the directories whose owners are dead. Failures are left to the next run.
func sweep() {
	entries, err := os.ReadDir(base())
	if err != nil {
		return
	}
	for _, entry := range entries {
		path := filepath.Join(base(), entry.Name())
		if !entry.IsDir() {
			continue
		}
		lock, err := lockFile(filepath.Join(path, lockName), os.O_RDWR, false)
		switch {
		case err == nil:
			dead := workdir{path: path, lock: lock}
			_, _ = thaw(dead), dead.remove()
		case errors.Is(err, fs.ErrNotExist): // about to go, or killed right before: empty
			_ = os.Remove(path)
		}
	}
}

// tail is the end of a log file, for the message about an engine that did not start.
func tail(path string, lines int) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return fmt.Sprintf("(no log: %v)", err)
	}
	all := strings.Split(strings.TrimRight(string(content), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
