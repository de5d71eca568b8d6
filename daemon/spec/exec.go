//go:build linux

package spec

import (
	"path"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/cleat-dev/cleat/api/errs"
)

// Exec is a further process in a container that runs.
type Exec struct {
	// Args is the program and its arguments; Env comes on top of the container's own.
	Args, Env []string
	// User as in the container's configuration; "" is the container's own user. WorkingDir "" is the container's.
	User, WorkingDir string
	Tty, Privileged  bool
	// ConsoleSize is height and width of the terminal; zero leaves it.
	ConsoleSize [2]uint
}

// ExecProcess makes the process of an exec in the container of spec. rootfs is its mounted root file system, where
// the user is looked up. Errors that are the caller's are errs.ErrInvalid.
func (k *Kernel) ExecProcess(spec *specs.Spec, rootfs string, e Exec) (*specs.Process, error) {
	p := *spec.Process
	p.Args, p.Terminal, p.ConsoleSize = e.Args, e.Tty, nil
	p.Env = MergeEnv(p.Env, e.Env)
	if e.Tty {
		p.Env = MergeEnv([]string{"TERM=xterm"}, p.Env)
		if e.ConsoleSize[0] > 0 && e.ConsoleSize[1] > 0 {
			p.ConsoleSize = &specs.Box{Height: e.ConsoleSize[0], Width: e.ConsoleSize[1]}
		}
	}
	if e.WorkingDir != "" {
		if !path.IsAbs(e.WorkingDir) {
			return nil, errs.Errorf(errs.ErrInvalid, "Cwd must be an absolute path")
		}
		p.Cwd = workingDir(e.WorkingDir)
	}
	if e.User != "" {
		user, err := ResolveUser(rootfs, e.User, nil)
		if err != nil {
			return nil, err
		}
		user.Umask = p.User.Umask
		p.User = user
	}
	if e.Privileged {
		all, err := capabilities(nil, nil, true)
		if err != nil {
			return nil, err
		}
		granted, _ := k.grant(all)
		p.Capabilities = linuxCapabilities(granted)
		p.ApparmorProfile = ""
	}
	return &p, nil
}
