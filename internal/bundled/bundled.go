package bundled

import (
	"errors"
	"path/filepath"
)

// ErrNone is a host without a bundled engine: not Linux, or no cleatd beside the program.
var ErrNone = errors.New("no bundled engine here")

// Engine is the bundled engine of this host, whether it runs or not.
type Engine struct {
	// Program is the path of cleatd.
	Program string
	// Dir holds socket, state, data and log. "" are the system's places: /run/cleat and /var/lib/cleat.
	Dir string
}

// Status is what is known of an engine.
type Status struct {
	// Running says that it answers; PID is its process then, 0 when systemd holds its socket.
	Running bool
	PID     int
}

// Socket is the path it listens at.
func (e *Engine) Socket() string { return filepath.Join(e.run(), "cleat.sock") }

// Host is its address as in DOCKER_HOST.
func (e *Engine) Host() string { return "unix://" + e.Socket() }

// DataRoot is where images, containers and volumes are.
func (e *Engine) DataRoot() string {
	if e.Dir != "" {
		return filepath.Join(e.Dir, "data")
	}
	return "/var/lib/cleat"
}

// Log is the file its messages go to when it was started by [Engine.Start].
func (e *Engine) Log() string { return filepath.Join(e.DataRoot(), "cleatd.log") }

func (e *Engine) run() string {
	if e.Dir != "" {
		return filepath.Join(e.Dir, "run")
	}
	return "/run/cleat"
}

func (e *Engine) pidfile() string { return filepath.Join(e.run(), "cleatd.pid") }

// args is cleatd's command line. The system's places are its own defaults.
func (e *Engine) args() []string {
	args := []string{"--pidfile", e.pidfile()}
	if e.Dir != "" {
		args = append(args, "--host", e.Host(), "--data-root", e.DataRoot(), "--exec-root", filepath.Join(e.run(), "exec"))
	}
	return args
}
