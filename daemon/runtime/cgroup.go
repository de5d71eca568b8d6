//go:build linux

package runtime

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/cgroups"
	cgroupv1 "github.com/opencontainers/cgroups/fs"
	cgroupv2 "github.com/opencontainers/cgroups/fs2"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/daemon/runtime/wire"
)

// hierarchies are the control group file systems of the host. Roots has one entry per mount, without doubles.
type hierarchies struct {
	unified bool
	roots   []string
	memory  string // root of the memory controller, "" when there is none
	freezer string // root of version 1's freezer
}

// findHierarchies asks the library where a group would be, so that both agree.
func findHierarchies() (hierarchies, error) {
	const probe = "/cleat-probe"
	manager, err := groupManager(probe)
	if err != nil {
		return hierarchies{}, err
	}
	h := hierarchies{unified: cgroups.IsCgroup2UnifiedMode()}
	for controller, path := range manager.GetPaths() {
		root := strings.TrimSuffix(path, probe)
		if real, err := filepath.EvalSymlinks(root); err == nil {
			root = real // cpu and cpuacct may be two names of one mount
		}
		if !slices.Contains(h.roots, root) {
			h.roots = append(h.roots, root)
		}
		switch { // a hybrid host has an empty name, too: version 2's root, without controllers
		case h.unified, controller == "memory":
			h.memory = root
		case controller == "freezer":
			h.freezer = root
		}
	}
	slices.Sort(h.roots)
	if len(h.roots) == 0 {
		return hierarchies{}, errors.New("no control groups are mounted")
	}
	return h, nil
}

// groupManager is the library's manager of the groups at a path.
func groupManager(path string) (cgroups.Manager, error) {
	config := &cgroups.Cgroup{Path: path, Resources: &cgroups.Resources{SkipDevices: true}}
	if cgroups.IsCgroup2UnifiedMode() {
		return cgroupv2.NewManager(config, filepath.Join(cgroupv2.UnifiedMountpoint, path))
	}
	return cgroupv1.NewManager(config, nil)
}

// fill puts a container's groups into its monitor.conf.
func (h hierarchies) fill(conf *wire.Conf, path string) error {
	if !filepath.IsAbs(path) || filepath.Clean(path) != path || path == "/" {
		return fmt.Errorf("control groups path %q is not absolute and clean", path)
	}
	conf.CgroupsPath, conf.Unified = path, h.unified
	for _, root := range h.roots {
		conf.Cgroups = append(conf.Cgroups, root+path)
	}
	if h.memory != "" {
		conf.Memory = h.memory + path
	}
	if h.freezer != "" {
		conf.Freezer = h.freezer + path
	}
	return nil
}

// sweepLimit bounds how long leftovers are killed and removed.
const sweepLimit = 10 * time.Second

// sweep kills what is in groups and removes them. What is in uninterruptible sleep is waited for.
func sweep(ctx context.Context, dirs []string, freezer string) error {
	ctx, cancel := context.WithTimeout(ctx, sweepLimit)
	defer cancel()
	for delay := time.Millisecond; ; delay = min(2*delay, 50*time.Millisecond) {
		err := sweepOnce(dirs, freezer)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("control groups: %w", err)
		case <-time.After(delay): // the kernel has no event for a group that can be removed
		}
	}
}

func sweepOnce(dirs []string, freezer string) error {
	var problems []error
	for _, dir := range dirs {
		pids, err := cgroups.GetAllPids(dir)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) {
			continue
		}
		for _, pid := range pids {
			kill(pid)
		}
		if len(pids) > 0 {
			if freezer != "" {
				_ = os.WriteFile(filepath.Join(freezer, "freezer.state"), []byte("THAWED"), 0)
			}
			_ = os.WriteFile(filepath.Join(dir, "cgroup.freeze"), []byte("0"), 0) // version 2 only
			problems = append(problems, fmt.Errorf("%s: %d processes", dir, len(pids)))
			continue
		}
		if err := removeGroup(dir); err != nil {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

// kill kills a process by a descriptor of it, so that the pid cannot become another's in between.
func kill(pid int) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return
	}
	_ = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
	_ = unix.Close(fd)
}

// removeGroup removes a group and what is below it.
func removeGroup(dir string) error {
	err := unix.Rmdir(dir)
	if err == nil || errors.Is(err, unix.ENOENT) {
		return nil
	}
	entries, readErr := os.ReadDir(dir)
	if readErr != nil {
		return ignoreMissing(readErr)
	}
	for _, entry := range entries {
		if entry.IsDir() {
			if err := removeGroup(filepath.Join(dir, entry.Name())); err != nil {
				return err
			}
		}
	}
	if err := unix.Rmdir(dir); err != nil && !errors.Is(err, unix.ENOENT) {
		return &os.PathError{Op: "rmdir", Path: dir, Err: err}
	}
	return nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// processStat is what /proc says of a process.
type processStat struct {
	state     string
	startTime int64
	code      int // wait status, meaningful for a zombie
}

// statOf reads /proc/<pid>/stat; false when there is no such process.
func statOf(pid int64) (processStat, bool) {
	content, err := os.ReadFile("/proc/" + strconv.FormatInt(pid, 10) + "/stat")
	if err != nil {
		return processStat{}, false
	}
	text := string(content)
	f := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(f) < 50 {
		return processStat{}, false
	}
	start, err1 := strconv.ParseInt(f[19], 10, 64)
	code, err2 := strconv.Atoi(f[49])
	return processStat{f[0], start, code}, err1 == nil && err2 == nil
}

// bootID names the host's present boot.
func bootID() string {
	content, _ := os.ReadFile("/proc/sys/kernel/random/boot_id") // without it every start looks like another boot's: nothing is adopted wrongly
	return strings.TrimSpace(string(content))
}
