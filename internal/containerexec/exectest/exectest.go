// Package exectest is an engine whose commands are functions, for the tests of what runs commands in containers.
package exectest

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"

	"github.com/moby/moby/api/types/events"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
)

// Run is one command that was run.
type Run struct {
	Container string
	moby.ExecCreateOptions
}

// Engine runs commands. What kills commands by their mark is not run but ends the one that waits for Killed.
type Engine struct {
	// Command is what every command does; it returns the exit code.
	Command func(r Run, stdin io.Reader, out io.Writer) int
	// Version is the API version.
	Version string
	// NoShell: the container has none, so that nothing can be killed.
	NoShell bool
	// Late is for how many looks a command is reported running after its streams ended.
	Late int
	// Refuse is the error of starting a command in a container.
	Refuse map[string]error
	// Killed is closed when a command was killed.
	Killed chan struct{}

	mu      sync.Mutex
	runs    []Run
	running map[string]bool
	codes   map[string]int
	ended   chan events.Message
}

// New returns an engine of API 1.41.
func New(command func(r Run, stdin io.Reader, out io.Writer) int) *Engine {
	return &Engine{
		Command: command, Version: "1.41", Refuse: map[string]error{}, Killed: make(chan struct{}),
		running: map[string]bool{}, codes: map[string]int{}, ended: make(chan events.Message, 100),
	}
}

// Taken returns the commands run since the last time, each as CONTAINER: WORDS.
func (e *Engine) Taken() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var lines []string
	for _, r := range e.runs {
		lines = append(lines, r.Container+": "+strings.Join(r.Cmd, " "))
	}
	e.runs = nil
	return strings.Join(lines, "; ")
}

// ClientVersion is the API version.
func (e *Engine) ClientVersion() string { return e.Version }

// ExecCreate notes a command.
func (e *Engine) ExecCreate(_ context.Context, container string, o moby.ExecCreateOptions) (moby.ExecCreateResult, error) {
	if err := e.Refuse[container]; err != nil {
		return moby.ExecCreateResult{}, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.runs = append(e.runs, Run{container, o})
	return moby.ExecCreateResult{ID: fmt.Sprintf("exec%d", len(e.codes)+len(e.runs))}, nil
}

// ExecAttach runs the command noted last.
func (e *Engine) ExecAttach(_ context.Context, id string, o moby.ExecAttachOptions) (moby.ExecAttachResult, error) {
	ours, theirs := net.Pipe()
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.runs) == 0 {
		return moby.ExecAttachResult{}, errs.ErrNotFound
	}
	r := e.runs[len(e.runs)-1]
	e.running[id] = true
	go func() {
		code := 127
		switch killer := strings.Contains(strings.Join(r.Cmd, " "), "kill -KILL"); {
		case !killer:
			code = e.Command(r, theirs, frames{theirs, o.TTY})
		case !e.NoShell:
			close(e.Killed)
			code = 0
		}
		theirs.Close()
		e.mu.Lock()
		e.codes[id] = code
		e.running[id] = e.Late > 0
		e.mu.Unlock()
		e.ended <- events.Message{}
	}()
	return moby.ExecAttachResult{HijackedResponse: moby.NewHijackedResponse(ours, "")}, nil
}

// ExecInspect tells how a command ended.
func (e *Engine) ExecInspect(_ context.Context, id string, _ moby.ExecInspectOptions) (moby.ExecInspectResult, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, ended := e.codes[id]; ended && e.Late > 0 {
		if e.Late--; e.Late == 0 {
			e.running[id] = false
			e.ended <- events.Message{}
		}
	}
	return moby.ExecInspectResult{ID: id, Running: e.running[id], ExitCode: e.codes[id]}, nil
}

// Events tells of ends.
func (e *Engine) Events(context.Context, moby.EventsListOptions) moby.EventsResult {
	return moby.EventsResult{Messages: e.ended, Err: make(chan error)}
}

// frames writes standard output as engines multiplex it.
type frames struct {
	w   io.Writer
	raw bool
}

func (f frames) Write(p []byte) (int, error) {
	if f.raw {
		return f.w.Write(p)
	}
	header := []byte{1, 0, 0, 0, 0, 0, 0, 0}
	binary.BigEndian.PutUint32(header[4:], uint32(len(p)))
	if _, err := f.w.Write(append(header, p...)); err != nil {
		return 0, err
	}
	return len(p), nil
}
