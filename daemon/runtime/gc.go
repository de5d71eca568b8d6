//go:build linux

package runtime

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Remove ends whatever is left of a container and removes its folders, journal included, and control groups. It is safe for
// one that is half made, or gone. A running container is killed, and nothing more of it is delivered.
func (r *Runtime) Remove(ctx context.Context, id string) error {
	if err := checkID(id); err != nil {
		return err
	}
	r.mu.Lock()
	p := r.processes[id]
	delete(r.processes, id)
	delete(r.journals, id)
	r.mu.Unlock()
	conf, _ := r.readConf(id) // without it the groups are where they always are
	if conf.CgroupsPath == "" {
		_ = r.groups.fill(&conf, r.CgroupsPath(id)) // the path is ours, so it is fine
	}
	monitor := -1
	if p != nil {
		p.mu.Lock()
		p.final = true
		monitor = p.monitor
		p.mu.Unlock()
		p.detach()
	} else if socket, err := dial(ctx, r.runDir(id)); err == nil {
		if peer, err := unix.GetsockoptUcred(socket, unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			monitor, _ = unix.PidfdOpen(int(peer.Pid), 0)
		}
		closeFD(socket)
	}
	if monitor >= 0 {
		_ = unix.PidfdSendSignal(monitor, unix.SIGKILL, nil, 0)
		waitPidfd(monitor, lossWait)
		if p == nil {
			closeFD(monitor)
		}
	}
	if p != nil {
		p.mu.Lock()
		closeFD(p.monitor)
		p.monitor = -1
		p.mu.Unlock()
	}
	err := errors.Join(sweep(ctx, conf.Cgroups, conf.Freezer), os.RemoveAll(r.runDir(id)), os.RemoveAll(r.stateDir(id)))
	if err != nil {
		return fmt.Errorf("container %s: %w", short(id), err)
	}
	return nil
}

// GC removes what belongs to no container: after [Runtime.Adopt], folders of ids that are not known, and control groups of
// containers that do not run. Everything looked at carries this runtime's prefix or is below its roots.
func (r *Runtime) GC(ctx context.Context, known func(id string) bool) error {
	var problems []error
	for _, root := range []string{r.config.StateRoot, r.config.ExecRoot} {
		dirs, err := os.ReadDir(root)
		if err != nil {
			problems = append(problems, ignoreMissing(err))
			continue
		}
		for _, dir := range dirs {
			if dir.IsDir() && !known(dir.Name()) {
				problems = append(problems, r.Remove(ctx, dir.Name()))
			}
		}
	}
	left := map[string][]string{}
	for _, root := range r.groups.roots {
		dirs, err := os.ReadDir(root + r.group)
		if err != nil {
			problems = append(problems, ignoreMissing(err))
			continue
		}
		for _, dir := range dirs {
			if dir.IsDir() {
				left[dir.Name()] = append(left[dir.Name()], filepath.Join(root+r.group, dir.Name()))
			}
		}
	}
	for id, dirs := range left {
		if _, lives := r.Process(id); lives {
			continue
		}
		freezer := ""
		if r.groups.freezer != "" {
			freezer = filepath.Join(r.groups.freezer+r.group, id)
		}
		problems = append(problems, sweep(ctx, dirs, freezer))
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("runtime: %w", err)
	}
	return nil
}

// RemoveGroups removes this runtime's parents of control groups, when nothing is in them: for tests and uninstalling.
func (r *Runtime) RemoveGroups() error {
	var problems []error
	for _, root := range r.groups.roots {
		if err := unix.Rmdir(root + r.group); err != nil && !errors.Is(err, fs.ErrNotExist) {
			problems = append(problems, &os.PathError{Op: "rmdir", Path: root + r.group, Err: err})
		}
	}
	return errors.Join(problems...)
}
