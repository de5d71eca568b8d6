//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/opencontainers/cgroups"
	"golang.org/x/sys/unix"
)

// In version 1 of control groups, who moves a process waits for an RCU grace period, 10 ms and more: most of what an exec
// takes. A thread that moves itself need not. So an exec's init does that, with the one thread that becomes the command, by
// the "tasks" files it has inherited. libcontainer is told that there are no groups to join, by a copy of its state without
// them. Version 2 beside version 1 has no such file; there the monitor starts us in the container's group.

// execState is where the copy of libcontainer's state is, below wire.StateDir.
const execState = "exec"

// state is what we look at in libcontainer's.
type state struct {
	Groups map[string]string `json:"cgroup_paths"`
}

// openGroups opens the files by which an exec's init joins the container's groups, and returns the folder libcontainer's
// state without groups is in. There are none where libcontainer is to do it, and on any error: it will meet that, too.
func openGroups(root, id string) (execRoot string, files []*os.File) {
	if cgroups.IsCgroup2UnifiedMode() {
		return root, nil
	}
	execRoot = filepath.Join(root, execState)
	var s state
	if err := readJSON(filepath.Join(execRoot, "groups.json"), &s); err != nil {
		if s, err = splitState(root, execRoot, id); err != nil {
			return root, nil
		}
	}
	for name, dir := range s.Groups {
		if name == "" {
			if !inGroup(dir) {
				closeAll(files)
				return root, nil
			}
			continue
		}
		file, err := os.OpenFile(filepath.Join(dir, "tasks"), os.O_WRONLY, 0)
		if err != nil {
			closeAll(files)
			return root, nil
		}
		files = append(files, file)
	}
	return execRoot, files
}

func closeAll(files []*os.File) {
	for _, file := range files {
		_ = file.Close()
	}
}

// splitState writes the copy of libcontainer's state without groups, and the groups beside it: at the first exec of a run.
func splitState(root, execRoot, id string) (s state, err error) {
	const file = "state.json"
	var all map[string]json.RawMessage
	if err := readJSON(filepath.Join(root, id, file), &all); err != nil {
		return s, err
	}
	if err := json.Unmarshal(all["cgroup_paths"], &s.Groups); err != nil {
		return s, err
	}
	if len(s.Groups) == 0 {
		return s, errors.New("no groups")
	}
	all["cgroup_paths"] = json.RawMessage("{}")
	if err := os.MkdirAll(filepath.Join(execRoot, id), 0o700); err != nil {
		return s, err
	}
	return s, errors.Join(writeJSON(filepath.Join(execRoot, id, file), all), writeJSON(filepath.Join(execRoot, "groups.json"), s))
}

// writeJSON writes a file whole or not at all; others may do the same.
func writeJSON(path string, v any) error {
	content, err := json.Marshal(v)
	if err != nil {
		return err
	}
	temp := path + "." + strconv.Itoa(os.Getpid())
	if err := os.WriteFile(temp, content, 0o600); err != nil {
		return err
	}
	return os.Rename(temp, path)
}

// inGroup reports whether this process is in a group of version 2, given by its folder.
func inGroup(dir string) bool {
	content, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(content)) {
		if path, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "0::"); ok {
			return len(path) > 1 && strings.HasSuffix(dir, path)
		}
	}
	return false
}

// joinGroups is called in libcontainer's init. What it does not do for an exec it says where libcontainer looks for errors.
func joinGroups() {
	if os.Getenv("_LIBCONTAINER_INITTYPE") != "setns" {
		return
	}
	runtime.LockOSThread() // first: what other threads begin from is begun outside of the groups
	for fd := initFilter + 1; ; fd++ {
		var file unix.Statfs_t
		if err := unix.Fstatfs(fd, &file); err != nil || file.Type != unix.CGROUP_SUPER_MAGIC {
			return
		}
		_, err := unix.Write(fd, []byte("0"))
		if err == nil {
			err = unix.Dup3(initFilter, fd, unix.O_CLOEXEC) // nothing else gets a number that libcontainer does not close
		}
		if err != nil {
			complain("join control group: " + err.Error())
		}
	}
}

// complain ends init with an error of libcontainer's form.
func complain(text string) {
	if fd, err := strconv.Atoi(os.Getenv("_LIBCONTAINER_LOGPIPE")); err == nil {
		line, _ := json.Marshal(map[string]string{"level": "error", "msg": text}) // two strings
		_, _ = fmt.Fprintf(os.NewFile(uintptr(fd), "log"), "%s\n", line)          //nolint:gosec // a small number
	}
	os.Exit(1)
}
