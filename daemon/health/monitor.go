package health

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/moby/moby/api/types/container"
)

const (
	// startLimit bounds how long a command may take to be started; the time does not count for its own.
	startLimit = 30 * time.Second
	// killLimit bounds the wait for a command that was killed: one in an uninterruptible call stays.
	killLimit = 10 * time.Second
	// starters is how many commands are being started at a time, when many containers are due.
	starters = 16
)

// Prober runs commands in containers.
type Prober interface {
	// Start starts a command in a running container and returns when it runs. What it writes goes to output. When ctx
	// ends before, the command does not go on.
	Start(ctx context.Context, id string, command []string, output io.Writer) (Probe, error)
}

// Probe is a command that runs.
type Probe interface {
	// Wait returns the exit code when the command has ended and its output is complete.
	Wait(ctx context.Context) (code int, err error)
	// Kill ends the command.
	Kill(ctx context.Context) error
}

// Target is a container to watch, for as long as one run of it lasts.
type Target struct {
	ID    string
	Check Check
	// Started is when the run began, Status what is known of its health; Last is the end of the last probe of this run,
	// zero when there was none.
	Started, Last time.Time
	Status        container.HealthStatus
	// Report takes a result and returns the status it leads to; false ends the watch.
	Report func(r container.HealthcheckResult) (status container.HealthStatus, goOn bool)
}

// Monitor watches containers. Its methods may be called from any goroutine.
type Monitor struct {
	prober Prober
	log    hclog.Logger
	ctx    context.Context
	end    context.CancelFunc
	slots  chan struct{}

	mu      sync.Mutex
	watched map[string]*watch
	busy    map[string]chan struct{} // a probe of the container is there; closed when it is gone
	work    sync.WaitGroup
}

// watch is a container that is watched.
type watch struct {
	Target
	ctx   context.Context
	end   context.CancelFunc
	timer *time.Timer
}

// New returns a monitor that watches nothing. It lives until Close.
func New(ctx context.Context, prober Prober, log hclog.Logger) *Monitor {
	m := &Monitor{prober: prober, log: log, slots: make(chan struct{}, starters), watched: map[string]*watch{}, busy: map[string]chan struct{}{}}
	m.ctx, m.end = context.WithCancel(context.WithoutCancel(ctx))
	return m
}

// Watch begins to probe a container. An earlier watch of it ends.
func (m *Monitor) Watch(t Target) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stop(t.ID)
	if m.ctx.Err() != nil {
		return
	}
	w := &watch{Target: t}
	w.ctx, w.end = context.WithCancel(m.ctx)
	m.watched[t.ID] = w
	now := time.Now()
	from := now
	if !t.Last.IsZero() {
		from = t.Last
	}
	due := from.Add(t.Check.delay(t.Status, t.Started, from))
	w.timer = time.AfterFunc(max(0, due.Sub(now)), func() { m.fire(w) })
}

// Stop ends the watch of a container, and kills a probe of it that runs.
func (m *Monitor) Stop(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stop(id)
}

func (m *Monitor) stop(id string) {
	if w := m.watched[id]; w != nil {
		delete(m.watched, id)
		w.timer.Stop()
		w.end()
	}
}

// Close ends all watches and waits until no probe runs and no result is being reported.
func (m *Monitor) Close() error {
	m.mu.Lock()
	for id := range m.watched {
		m.stop(id)
	}
	m.end()
	m.mu.Unlock()
	m.work.Wait()
	return nil
}

// fire probes a container that is due, and sets its timer again.
func (m *Monitor) fire(w *watch) {
	done, ok := m.claim(w)
	if !ok {
		return
	}
	defer m.work.Done()
	defer close(done)
	result, ok := m.probe(w)
	m.mu.Lock()
	delete(m.busy, w.ID)
	m.mu.Unlock()
	if !ok || w.ctx.Err() != nil {
		return
	}
	status, goOn := w.Report(result)
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.watched[w.ID] != w: // stopped meanwhile
	case goOn:
		w.Status = status
		w.timer.Reset(w.Check.delay(status, w.Started, time.Now()))
	default:
		m.stop(w.ID)
	}
}

// claim takes the right to probe the container; false when the watch is over. A probe of an earlier watch goes first.
func (m *Monitor) claim(w *watch) (done chan struct{}, ok bool) {
	for {
		m.mu.Lock()
		if m.watched[w.ID] != w {
			m.mu.Unlock()
			return nil, false
		}
		before := m.busy[w.ID]
		if before == nil {
			done = make(chan struct{})
			m.busy[w.ID] = done
			m.work.Add(1)
			m.mu.Unlock()
			return done, true
		}
		m.mu.Unlock()
		select {
		case <-before:
		case <-w.ctx.Done():
		}
	}
}

// probe runs the check once; false when it was stopped.
func (m *Monitor) probe(w *watch) (r container.HealthcheckResult, ok bool) {
	select {
	case m.slots <- struct{}{}:
	case <-w.ctx.Done():
		return r, false
	}
	r.Start = time.Now()
	output := &output{}
	starting, cancel := context.WithTimeout(w.ctx, startLimit)
	p, err := m.prober.Start(starting, w.ID, w.Check.Command, output)
	late := starting.Err()
	cancel()
	<-m.slots
	if err == nil {
		r.ExitCode, r.Output, err = m.run(w, p, output)
	} else if errors.Is(late, context.DeadlineExceeded) {
		err = fmt.Errorf("timed out starting health check for container %s", w.ID)
	}
	if w.ctx.Err() != nil {
		return r, false
	}
	if err != nil {
		r.ExitCode, r.Output = -1, err.Error()
		m.log.Debug("health check did not run", "container", w.ID, "error", err)
	}
	r.End = time.Now()
	return r, true
}

// run waits for the end of a command, and kills it when that does not come in time or is not waited for any more.
func (m *Monitor) run(w *watch, p Probe, output *output) (code int, text string, err error) {
	limited, cancel := context.WithTimeout(w.ctx, w.Check.Timeout)
	defer cancel()
	code, err = p.Wait(limited)
	if err == nil || limited.Err() == nil {
		return code, output.String(), err
	}
	killing, cancel := context.WithTimeout(context.WithoutCancel(w.ctx), killLimit)
	defer cancel()
	if err := p.Kill(killing); err == nil {
		_, _ = p.Wait(killing) // one that stays has been waited for long enough
	}
	text = fmt.Sprintf("Health check exceeded timeout (%v)", w.Check.Timeout)
	if said := output.String(); said != "" {
		text += ": " + said
	}
	return -1, text, nil
}

// maxOutput is how much of a probe's output is kept.
const maxOutput = 4096

// output keeps the beginning of what is written to it.
type output struct {
	mu   sync.Mutex
	text []byte
	more bool
}

// Write implements [io.Writer].
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := min(len(b), maxOutput-len(o.text))
	o.text = append(o.text, b[:n]...)
	o.more = o.more || n < len(b)
	return len(b), nil
}

// String is what was kept, with "..." behind it when there was more.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.more {
		return string(o.text) + "..."
	}
	return string(o.text)
}
