//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/opencontainers/runc/libcontainer"
	"github.com/opencontainers/runc/libcontainer/configs"
	"github.com/opencontainers/runc/libcontainer/specconv"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/cleat-dev/cleat/daemon/runtime/wire"
)

func readJSON(path string, v any) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(content, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// noPivotRoot is set for root file systems that are the initial ramfs, which cannot be pivoted away.
const noPivotRoot = "CLEAT_NO_PIVOT_ROOT"

func configOf(id string, spec *specs.Spec) (*configs.Config, error) {
	if spec.Process == nil || spec.Linux == nil || spec.Linux.CgroupsPath == "" {
		return nil, invalid("config.json has no process, or no linux.cgroupsPath")
	}
	config, err := specconv.CreateLibcontainerConfig(&specconv.CreateOpts{
		CgroupName: id, Spec: spec, NoPivotRoot: os.Getenv(noPivotRoot) != "",
	})
	if err != nil {
		return nil, &problem{wire.ClassInvalid, err}
	}
	return config, nil
}

// processOf translates a process of the runtime specification, and gives it its stdio.
func processOf(p *specs.Process, tty bool) (*libcontainer.Process, error) {
	if len(p.Args) == 0 {
		return nil, invalid("no command specified")
	}
	process := &libcontainer.Process{
		Args: p.Args, Env: p.Env, Cwd: p.Cwd, UID: int(p.User.UID), GID: int(p.User.GID),
		Label: p.SelinuxLabel, AppArmorProfile: p.ApparmorProfile, NoNewPrivileges: &p.NoNewPrivileges,
		Scheduler: p.Scheduler, IOPriority: p.IOPriority,
	}
	for _, gid := range p.User.AdditionalGids {
		process.AdditionalGroups = append(process.AdditionalGroups, int(gid))
	}
	if c := p.Capabilities; c != nil {
		process.Capabilities = &configs.Capabilities{
			Bounding: c.Bounding, Effective: c.Effective, Inheritable: c.Inheritable, Permitted: c.Permitted, Ambient: c.Ambient,
		}
	}
	for _, limit := range p.Rlimits {
		number, ok := rlimits[limit.Type]
		if !ok {
			return nil, invalid("unknown limit " + limit.Type)
		}
		process.Rlimits = append(process.Rlimits, configs.Rlimit{Type: number, Soft: limit.Soft, Hard: limit.Hard})
	}
	affinity, err := configs.ConvertCPUAffinity(p.ExecCPUAffinity)
	if err != nil {
		return nil, &problem{wire.ClassInvalid, err}
	}
	process.CPUAffinity = affinity
	if tty {
		process.ConsoleSocket = os.NewFile(wire.CreatorConsole, "console")
		if size := p.ConsoleSize; size != nil {
			process.ConsoleWidth, process.ConsoleHeight = uint16(size.Width), uint16(size.Height) //nolint:gosec // rows and columns
		}
		return process, nil
	}
	process.Stdin = os.NewFile(wire.CreatorStdin, "stdin")
	process.Stdout = os.NewFile(wire.CreatorStdout, "stdout")
	process.Stderr = os.NewFile(wire.CreatorStderr, "stderr")
	return process, nil
}

// rlimits are the kernel's numbers (asm-generic/resource.h), which the specification names.
var rlimits = map[string]int{
	"RLIMIT_CPU": 0, "RLIMIT_FSIZE": 1, "RLIMIT_DATA": 2, "RLIMIT_STACK": 3, "RLIMIT_CORE": 4, "RLIMIT_RSS": 5, "RLIMIT_NPROC": 6,
	"RLIMIT_NOFILE": 7, "RLIMIT_MEMLOCK": 8, "RLIMIT_AS": 9, "RLIMIT_LOCKS": 10, "RLIMIT_SIGPENDING": 11, "RLIMIT_MSGQUEUE": 12,
	"RLIMIT_NICE": 13, "RLIMIT_RTPRIO": 14, "RLIMIT_RTTIME": 15,
}

var errStat = errors.New("/proc/<pid>/stat: unexpected form")

// startTime is field 22 of /proc/<pid>/stat. The process may have ended already; it is not reaped before we exit.
func startTime(pid int) (int64, error) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, err
	}
	text := string(stat)
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 20 {
		return 0, errStat
	}
	return strconv.ParseInt(fields[19], 10, 64)
}
