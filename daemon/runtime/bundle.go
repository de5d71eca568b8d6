//go:build linux

package runtime

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/runtime/wire"
)

// A Bundle is everything a run of a container needs.
type Bundle struct {
	// ID is the container's.
	ID string
	// Spec is the runtime specification. Root file system and namespaces are given by absolute paths that stay valid when
	// the daemon dies: restarts by the policy use them again. Spec.Linux.CgroupsPath is [Runtime.CgroupsPath] when empty.
	Spec *specs.Spec
	// TTY gives the command a terminal, OpenStdin an input, and StdinOnce ends that when its client goes.
	TTY, OpenStdin, StdinOnce bool
	// Log says where output goes.
	Log LogConfig
	// Restart is the restart policy. The monitor carries it out, with the delays the API documents: 100 ms, doubled after
	// each short run up to a minute, 100 ms again after a run of 10 s.
	Restart RestartPolicy
	// Init says that the command of Spec is cleat-monitor in its mode as process 1.
	Init bool
}

// RestartPolicy says when a command that ended is started again.
type RestartPolicy struct {
	// Name is "no" or "", "always", "unless-stopped" or "on-failure".
	Name string
	// MaximumRetryCount bounds on-failure; 0 means no bound.
	MaximumRetryCount int
}

func (p RestartPolicy) check() error {
	switch p.Name {
	case "", "no", "always", "unless-stopped", "on-failure":
		return nil
	}
	return fmt.Errorf("invalid restart policy %q: %w", p.Name, errs.ErrInvalid)
}

func (p RestartPolicy) name() string {
	if p.Name == "" {
		return "no"
	}
	return p.Name
}

// prepare writes the folders of a bundle.
func (r *Runtime) prepare(b Bundle) (wire.Conf, error) {
	if err := checkID(b.ID); err != nil {
		return wire.Conf{}, err
	}
	if b.Spec == nil || b.Spec.Linux == nil || b.Spec.Process == nil || b.Spec.Root == nil {
		return wire.Conf{}, fmt.Errorf("specification without process, root or linux: %w", errs.ErrInvalid)
	}
	if err := b.Restart.check(); err != nil {
		return wire.Conf{}, err
	}
	spec, linux, process := *b.Spec, *b.Spec.Linux, *b.Spec.Process
	if linux.CgroupsPath == "" {
		linux.CgroupsPath = r.CgroupsPath(b.ID)
	}
	process.Terminal = b.TTY
	spec.Linux, spec.Process = &linux, &process
	conf := wire.Conf{
		ID: b.ID, TTY: b.TTY, Stdin: b.OpenStdin, StdinOnce: b.StdinOnce,
		Policy: b.Restart.name(), MaxRetry: int64(b.Restart.MaximumRetryCount), Init: b.Init,
	}
	if err := b.Log.fill(&conf, b.ID); err != nil {
		return wire.Conf{}, err
	}
	if err := r.groups.fill(&conf, linux.CgroupsPath); err != nil {
		return wire.Conf{}, err
	}
	conf.HostPID = !slices.ContainsFunc(linux.Namespaces, func(n specs.LinuxNamespace) bool { return n.Type == specs.PIDNamespace })
	if m := linux.Resources; m != nil && m.Memory != nil && m.Memory.Limit != nil {
		conf.Limited = *m.Memory.Limit > 0
	}
	for _, dir := range []string{r.stateDir(b.ID), r.runDir(b.ID)} {
		if err := os.MkdirAll(dir, 0o711); err != nil {
			return wire.Conf{}, err
		}
	}
	content, err := json.Marshal(&spec)
	if err != nil {
		return wire.Conf{}, err
	}
	if err := replaceFile(filepath.Join(r.stateDir(b.ID), wire.ConfigFile), content); err != nil {
		return wire.Conf{}, err
	}
	return conf, nil
}

// writeConf replaces a container's monitor.conf.
func (r *Runtime) writeConf(conf wire.Conf) error {
	return replaceFile(filepath.Join(r.stateDir(conf.ID), wire.ConfFile), conf.Encode())
}

// readConf reads a container's monitor.conf.
func (r *Runtime) readConf(id string) (wire.Conf, error) {
	content, err := os.ReadFile(filepath.Join(r.stateDir(id), wire.ConfFile))
	if err != nil {
		return wire.Conf{}, err
	}
	conf, ok := wire.ParseConf(string(content))
	if !ok || conf.ID != id {
		return wire.Conf{}, fmt.Errorf("%s of container %s is broken: %w", wire.ConfFile, id, errs.ErrInternal)
	}
	return conf, nil
}

// replaceFile writes a file whole or not at all. It is not synced: every start writes it again, and nothing of it is
// needed after a crash of the host.
func replaceFile(path string, content []byte) error {
	temp := path + ".new"
	if err := os.WriteFile(temp, content, 0o600); err != nil {
		return err
	}
	return os.Rename(temp, path)
}
