package bundled

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"path/filepath"
	"slices"
	"strings"
)

// ErrNone is a host without a bundled engine: not Linux, or no cleatd beside the program.
var ErrNone = errors.New("no bundled engine here")

// The system's places.
const (
	systemRun  = "/run/cleat"
	systemData = "/var/lib/cleat"
	socketName = "cleat.sock"
)

// Engine is a bundled engine of this host, whether it runs or not.
type Engine struct {
	// Program is the path of cleatd.
	Program string
	Places
	// Flags are further ones of cleatd's command line, for its start.
	Flags []string
}

// Places are where an engine keeps what it has. They are what makes it another engine than the next one.
type Places struct {
	socket, data string
	// exec holds what need not outlive a reboot, run the files of this package: process id and lock.
	exec, run string
	// bridge of its default network; "" is cleatd's own.
	bridge string
	// system places are cleatd's own defaults, which its file of options may change.
	system bool
}

// PlacesIn are those below one directory, or the system's for "".
func PlacesIn(dir string) Places {
	if dir == "" {
		return Places{socket: filepath.Join(systemRun, socketName), data: systemData, exec: filepath.Join(systemRun, "exec"), run: systemRun, system: true}
	}
	run := filepath.Join(dir, "run")
	return Places{socket: filepath.Join(run, socketName), data: filepath.Join(dir, "data"), exec: filepath.Join(run, "exec"), run: run}
}

// PlacesOf are those of a data root, with its socket and what else belongs to it inside; "" for any is the default.
// What need not outlive a reboot is below /run, and the bridge has a name of its own, both after the data root, so
// that two engines do not get in each other's way.
func PlacesOf(dataRoot, execRoot, socket string) Places {
	p := PlacesIn("")
	if dataRoot != "" && filepath.Clean(dataRoot) != systemData {
		p.data = filepath.Clean(dataRoot)
		sum := sha256.Sum256([]byte(p.data))
		name := hex.EncodeToString(sum[:4])
		p.socket, p.exec, p.run, p.bridge = filepath.Join(p.data, socketName), filepath.Join("/run", "cleat-"+name), p.data, "cleat-"+name
		p.system = false
	}
	if execRoot != "" {
		p.exec, p.system = filepath.Clean(execRoot), false
	}
	if socket != "" {
		p.socket, p.system = filepath.Clean(socket), false
	}
	return p
}

// Status is what is known of an engine.
type Status struct {
	// Running says that it answers; PID is its process then, 0 when systemd holds its socket.
	Running bool
	PID     int
}

// Socket is the path it listens at.
func (p Places) Socket() string { return p.socket }

// Host is its address as in DOCKER_HOST.
func (p Places) Host() string { return "unix://" + p.socket }

// DataRoot is where images, containers and volumes are.
func (p Places) DataRoot() string { return p.data }

// Log is the file its messages go to when it was started by [Engine.Start].
func (p Places) Log() string { return filepath.Join(p.data, "cleatd.log") }

// PIDFile has the number of its process when it was started by [Engine.Start].
func (p Places) PIDFile() string { return filepath.Join(p.run, "cleatd.pid") }

// args is cleatd's command line. Flags that are given come last, where they win.
func (e *Engine) args() []string {
	args := []string{"--pidfile", e.PIDFile()}
	if !e.system {
		args = append(args, "--host", e.Host(), "--data-root", e.data, "--exec-root", e.exec)
	}
	if e.bridge != "" && !slices.ContainsFunc(e.Flags, func(f string) bool { return f == "--bridge" || strings.HasPrefix(f, "--bridge=") }) {
		args = append(args, "--bridge", e.bridge)
	}
	return append(args, e.Flags...)
}
