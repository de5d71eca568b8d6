//go:build linux

package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	_ "github.com/opencontainers/cgroups/devices" // control groups set device rules through it
	"github.com/opencontainers/runc/libcontainer"
	"github.com/opencontainers/runc/libcontainer/configs"
	_ "github.com/opencontainers/runc/libcontainer/nsenter" // the C constructor that enters the namespaces before Go runs
	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/daemon/runtime/wire"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "init" {
		useFilter()
		joinGroups()
		libcontainer.Init() // does not return
	}
	acceptSignals()
	logrus.SetOutput(io.Discard) // what matters is in the error; 2 is the monitor's
	report := os.NewFile(wire.CreatorReport, "report")
	unix.CloseOnExec(wire.CreatorReport)
	if !tied() {
		os.Exit(1)
	}
	result, err := run(os.Args[1:])
	if err != nil {
		result = classify(err)
	}
	if _, err := report.Write(result.Encode()); err != nil {
		os.Exit(1) // the monitor is gone: cleatd kills what it finds in the control groups
	}
}

// tied makes this process die with its monitor, and reports whether that lives: a start that nobody would know of must not
// go on. What we start is not tied to us.
func tied() bool {
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return false
	}
	report := []unix.PollFd{{Fd: wire.CreatorReport, Events: unix.POLLOUT}}
	_, err := unix.Poll(report, 0)
	return err == nil && report[0].Revents&unix.POLLERR == 0
}

var errUsage = errors.New("usage: cleat-creator create <id> <state folder> <run folder> [init] | exec <id> <run folder> <process file> <tty>")

func run(args []string) (wire.Report, error) {
	switch {
	case len(args) == 4 && args[0] == "create":
		return create(args[1], args[2], args[3], false)
	case len(args) == 5 && args[0] == "create" && args[4] == "init":
		return create(args[1], args[2], args[3], true)
	case len(args) == 5 && args[0] == "exec":
		return exec(args[1], args[2], args[3], args[4] == "1")
	}
	return wire.Report{}, errUsage
}

// create starts the container's own command. init says that it is cleat-monitor as process 1.
func create(id, stateDir, runDir string, init bool) (wire.Report, error) {
	var spec specs.Spec
	if err := readJSON(filepath.Join(stateDir, wire.ConfigFile), &spec); err != nil {
		return wire.Report{}, err
	}
	root := filepath.Join(runDir, wire.StateDir)
	if err := os.RemoveAll(root); err != nil { // of the run before
		return wire.Report{}, err
	}
	config, err := configOf(id, &spec)
	if err != nil {
		return wire.Report{}, err
	}
	container, err := libcontainer.Create(root, id, config)
	if err != nil {
		return wire.Report{}, err
	}
	process, err := processOf(spec.Process, spec.Process.Terminal)
	if err != nil {
		return wire.Report{}, err
	}
	process.Init = true
	return start(container, process, runDir, init)
}

// exec starts another command in a running container.
func exec(id, runDir, file string, tty bool) (wire.Report, error) {
	var spec specs.Process
	if err := readJSON(file, &spec); err != nil {
		return wire.Report{}, err
	}
	if err := os.Remove(file); err != nil { // it may hold secrets in its environment
		return wire.Report{}, err
	}
	root, groups := openGroups(filepath.Join(runDir, wire.StateDir), id)
	defer closeAll(groups)
	container, err := libcontainer.Load(root, id)
	if err != nil {
		return wire.Report{}, err
	}
	process, err := processOf(&spec, tty)
	if err != nil {
		return wire.Report{}, err
	}
	process.ExtraFiles = groups
	return start(container, process, runDir, false)
}

// start runs the process and returns when its own program runs: a signal sent before would find libcontainer's. The init of
// ours is given the gate, and says itself when it is ready for signals.
func start(container *libcontainer.Container, process *libcontainer.Process, runDir string, init bool) (wire.Report, error) {
	config := container.Config()
	alone := process.Init && config.Namespaces.Contains(configs.NEWPID) && config.Namespaces.PathOf(configs.NEWPID) == ""
	filter, err := openFilter(runDir, config.Seccomp, alone)
	if err != nil {
		return wire.Report{}, err
	}
	process.ExtraFiles = slices.Insert(process.ExtraFiles, 0, filter.memfd)
	g, err := openGate()
	if err != nil {
		filter.close(false)
		return wire.Report{}, err
	}
	defer unix.Close(g.read)
	writing := os.NewFile(uintptr(g.write), "gate")
	if init {
		process.ExtraFiles = append(process.ExtraFiles, writing) // as wire.InitGate, behind the filter
	}
	err = container.Run(process)
	_ = writing.Close()
	filter.close(err == nil)
	if err != nil {
		return wire.Report{}, err
	}
	pid, err := process.Pid()
	if err != nil {
		return wire.Report{}, err
	}
	started, err := startTime(pid)
	if err != nil {
		return wire.Report{}, err
	}
	g.wait(pid)
	return wire.Report{Pid: int64(pid), StartTime: started}, nil
}

// gate is a pipe whose writing end init inherits. libcontainer closes everything init was not given right before its
// exec: then, or when init dies, the reading end ends.
type gate struct{ read, write int }

// firstFree is above the descriptors libcontainer gives to init by number.
const firstFree = 64

func openGate() (gate, error) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return gate{}, err
	}
	defer unix.Close(ends[1])
	inherited, err := unix.FcntlInt(uintptr(ends[1]), unix.F_DUPFD, firstFree)
	if err != nil {
		_ = unix.Close(ends[0])
		return gate{}, err
	}
	return gate{read: ends[0], write: inherited}, nil
}

// wait returns when the process has called exec, or is gone.
func (g gate) wait(pid int) {
	for {
		n, err := unix.Read(g.read, make([]byte, 1))
		if n == 0 && err == nil || err != nil && !errors.Is(err, unix.EINTR) {
			break
		}
	}
	// Between the end of the pipe and the exec are microseconds, and nothing tells of the exec itself.
	own, err := os.Readlink("/proc/self/exe")
	file := "/proc/" + strconv.Itoa(pid) + "/exe"
	for range 1000 {
		if now, e := os.Readlink(file); err != nil || e != nil || now != own {
			return
		}
		_ = unix.Nanosleep(&unix.Timespec{Nsec: 50_000}, nil)
	}
}
