//go:build linux

package containers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	"github.com/moby/sys/signal"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/health"
	"github.com/cleat-dev/cleat/daemon/metadata"
	"github.com/cleat-dev/cleat/daemon/runtime"
)

const (
	// stopTimeout is how long a container has between the signal and SIGKILL when nothing is said.
	stopTimeout = 10 * time.Second
	// killTimeout bounds the wait for a container that was sent SIGKILL: one in an uninterruptible call stays.
	killTimeout = 30 * time.Second
)

// StopOptions are those of stop and restart.
type StopOptions = struct {
	// Signal instead of the container's own, "" for that.
	Signal string
	// Timeout in seconds before SIGKILL; nil is the container's own or 10, negative waits for ever.
	Timeout *int
}

// Stop stops a container; stopped is false when it does not run. It returns when the end is recorded.
func (s *Service) Stop(ctx context.Context, ref string, o StopOptions) (stopped bool, err error) {
	c, err := s.index.find(ref)
	if err != nil {
		return false, err
	}
	if !c.record().State.alive() {
		return false, nil
	}
	if err := s.stop(ctx, c, o); err != nil {
		return false, fmt.Errorf("cannot stop container: %s: %w", ref, err)
	}
	s.tell(c, events.ActionStop)
	return true, nil
}

// Restart stops a container if it runs, and starts it.
func (s *Service) Restart(ctx context.Context, ref string, o StopOptions) error {
	c, err := s.index.find(ref)
	if err != nil {
		return err
	}
	if c.record().State.alive() {
		// Not removed in between, whatever AutoRemove says.
		c.hold(true)
		defer c.hold(false)
		if err := s.stop(ctx, c, o); err != nil {
			return fmt.Errorf("cannot restart container %s: %w", ref, err)
		}
		s.tell(c, events.ActionStop)
	}
	unlock, err := c.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if c.isRemoving() {
		return conflict("container is marked for removal and cannot be started")
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), startLimit)
	defer cancel()
	if !c.record().State.alive() { // somebody else has started it: as good
		if err := s.run(ctx, c); err != nil {
			return fmt.Errorf("cannot restart container %s: %w", ref, err)
		}
	}
	s.tell(c, events.ActionRestart)
	return nil
}

// hold keeps AutoRemove from removing a container that is about to be started again.
func (c *ctr) hold(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held = on
}

// stop sends the stop signal, and SIGKILL after the time, and waits for the end.
func (s *Service) stop(ctx context.Context, c *ctr, o StopOptions) error {
	r := c.record()
	sig, err := stopSignal(r, o.Signal)
	if err != nil {
		return err
	}
	timeout := stopTimeout
	for _, seconds := range []*int{r.Config.StopTimeout, o.Timeout} {
		if seconds != nil {
			timeout = time.Duration(*seconds) * time.Second
		}
	}
	ended := c.note().done
	if err := s.signal(ctx, c, sig, true); err != nil {
		return err
	}
	if timeout < 0 {
		return c.wait(ctx, ended, 0)
	}
	err = c.wait(ctx, ended, max(timeout, time.Millisecond))
	if err == nil {
		return nil
	}
	// Also when the client has gone: what was begun is carried through, as with a client that stays.
	ctx = context.WithoutCancel(ctx)
	if !errors.Is(err, errTooLong) && !errors.Is(err, context.Canceled) {
		return err
	}
	if err := s.signal(ctx, c, unix.SIGKILL, true); err != nil {
		return err
	}
	return c.wait(ctx, ended, killTimeout)
}

func stopSignal(r *record, asked string) (unix.Signal, error) {
	text := first(asked, r.Config.StopSignal)
	if text == "" {
		return unix.SIGTERM, nil
	}
	return parseSignal(text)
}

// parseSignal reads a number, or a name with or without SIG.
func parseSignal(text string) (unix.Signal, error) {
	sig, err := signal.ParseSignal(text)
	if err != nil {
		return 0, invalid("Invalid signal: %s", text)
	}
	if n := int(syscall.Signal(sig)); n < 1 || n > 64 {
		return 0, invalid("Invalid signal: %s", text)
	}
	return sig, nil
}

// errTooLong: the container did not end in the time given.
var errTooLong = errors.New("container did not exit within its time")

// wait waits for the end of a run, or for the container to be removed; limit 0 waits as long as ctx does.
func (c *ctr) wait(ctx context.Context, ended <-chan struct{}, limit time.Duration) error {
	var late <-chan time.Time
	if limit > 0 {
		timer := time.NewTimer(limit)
		defer timer.Stop()
		late = timer.C
	}
	for {
		r, changed := c.watch()
		if !r.State.alive() {
			return nil
		}
		select {
		case <-ended: // a restart that was on its way, or the end: the record tells
			ended = nil
		case <-changed:
		case <-c.gone:
			return nil
		case <-late:
			return errTooLong
		case <-ctx.Done():
			return ctx.Err() //nolint:wrapcheck // the caller's own
		}
	}
}

// kill is a signal on its way.
type kill struct{ sig unix.Signal }

// event is what tells of it.
func (k *kill) event() (action events.Action, attributes []string) {
	return events.ActionKill, []string{"signal", strconv.Itoa(int(k.sig))}
}

// sending notes a signal before it is sent: when the run ends of it, "kill" is told with "die", and before it.
func (c *ctr) sending(sig unix.Signal) *kill {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := &kill{sig}
	c.sent = append(c.sent, k)
	return k
}

// arrived tells of a signal that was sent, unless the end of the run has told of it.
func (s *Service) arrived(c *ctr, k *kill, failed error) {
	c.telling.Lock()
	defer c.telling.Unlock()
	c.mu.Lock()
	i := slices.Index(c.sent, k)
	if i >= 0 {
		c.sent = slices.Delete(c.sent, i, i+1)
	}
	c.mu.Unlock()
	if i >= 0 && failed == nil {
		action, attributes := k.event()
		s.tell(c, action, attributes...)
	}
}

// takeSent takes all of them.
func (c *ctr) takeSent() []*kill {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.sent
	c.sent = nil
	return all
}

// signal sends a signal and tells of it. manual: the container is not to come back by its restart policy. A process
// that is gone already is no error.
func (s *Service) signal(ctx context.Context, c *ctr, sig unix.Signal, manual bool) error {
	process := c.proc()
	if process == nil {
		return nil
	}
	if manual && !c.record().State.ByHand && c.record().policy().Name != container.RestartPolicyDisabled {
		if err := s.change(c, func(_ *metadata.Tx, r *record) ([]events.Message, error) {
			r.State.ByHand = true
			return nil, nil
		}); err != nil {
			return err
		}
	}
	on := c.sending(sig)
	err := process.Signal(ctx, sig, manual)
	s.arrived(c, on, err)
	if errors.Is(err, runtime.ErrNotRunning) || errors.Is(err, errs.ErrNotFound) || errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("signal %d: %w", sig, err)
	}
	if c.record().State.Paused && (manual || sig == unix.SIGKILL) { // frozen processes take no signal
		return s.resume(ctx, c)
	}
	return nil
}

// Kill sends a signal; "" is SIGKILL, for whose effect it waits. ran is false when the container does not run, which is
// errs.ErrConflict to clients since 1.20.
func (s *Service) Kill(ctx context.Context, ref, name string) (ran bool, err error) {
	sig := unix.SIGKILL
	if name != "" {
		if sig, err = parseSignal(name); err != nil {
			return false, err
		}
	}
	c, err := s.index.find(ref)
	if err != nil {
		return false, err
	}
	r := c.record()
	if !r.State.alive() {
		return false, conflict("cannot kill container: %s: Container %s is not running", ref, c.id)
	}
	manual := true
	if own := r.Config.StopSignal; own != "" && sig != unix.SIGKILL {
		want, err := parseSignal(own)
		manual = err == nil && want == sig
	}
	ended := c.note().done
	if err := s.signal(ctx, c, sig, manual); err != nil {
		return true, fmt.Errorf("cannot kill container: %s: %w", ref, err)
	}
	if sig != unix.SIGKILL {
		return true, nil
	}
	if err := c.wait(context.WithoutCancel(ctx), ended, killTimeout); err != nil {
		return true, fmt.Errorf("cannot kill container: %s: %w", ref, err)
	}
	return true, nil
}

// Pause freezes the processes of a container.
func (s *Service) Pause(ctx context.Context, ref string) error {
	c, unlock, err := s.locked(ctx, ref)
	if err != nil {
		return err
	}
	defer unlock()
	st := c.record().State
	process := c.proc()
	switch {
	case st.Restarting:
		return conflict("Container %s is restarting, wait until the container is running", c.id)
	case !st.Running || process == nil:
		return conflict("Container %s is not running", c.id)
	case st.Paused:
		return conflict("Container %s is already paused", c.id)
	}
	if err := process.Pause(ctx); err != nil {
		return fmt.Errorf("cannot pause container %s: %w", ref, err)
	}
	s.unwatchHealth(c)
	return s.change(c, func(_ *metadata.Tx, r *record) ([]events.Message, error) {
		if !r.State.Running { // it has ended meanwhile
			return nil, nil
		}
		r.State.Paused, r.State.Health = true, health.Suspended(r.State.Health)
		return []events.Message{r.happened(events.ActionPause)}, nil
	})
}

// Unpause undoes Pause; errs.ErrInternal when the container is not paused.
func (s *Service) Unpause(ctx context.Context, ref string) error {
	c, unlock, err := s.locked(ctx, ref)
	if err != nil {
		return err
	}
	defer unlock()
	if !c.record().State.Paused {
		return errs.Errorf(errs.ErrInternal, "Container %s is not paused", c.id) // 500 in engines
	}
	if err := s.resume(ctx, c); err != nil {
		return fmt.Errorf("cannot unpause container %s: %w", ref, err)
	}
	return nil
}

func (s *Service) resume(ctx context.Context, c *ctr) error {
	process := c.proc()
	if process == nil {
		return nil
	}
	if err := process.Resume(ctx); err != nil && !errors.Is(err, runtime.ErrNotRunning) && !errors.Is(err, fs.ErrNotExist) { // it has ended
		return fmt.Errorf("unpause: %w", err)
	}
	err := s.change(c, func(_ *metadata.Tx, r *record) ([]events.Message, error) {
		if !r.State.Paused {
			return nil, nil
		}
		r.State.Paused = false
		return []events.Message{r.happened(events.ActionUnPause)}, nil
	})
	if err == nil {
		s.watchHealth(c)
	}
	return err
}

// locked finds a container and takes its operation lock.
func (s *Service) locked(ctx context.Context, ref string) (*ctr, func(), error) {
	c, err := s.index.find(ref)
	if err != nil {
		return nil, nil, err
	}
	unlock, err := c.lock(ctx)
	if err != nil {
		return nil, nil, err
	}
	if c.isGone() {
		unlock()
		return nil, nil, notFound(ref)
	}
	return c, unlock, nil
}

func (c *ctr) isGone() bool {
	select {
	case <-c.gone:
		return true
	default:
		return false
	}
}

// Rename gives a container another name. Links follow by themselves: they hold ids.
func (s *Service) Rename(ctx context.Context, ref, name string) error {
	if name == "" {
		return invalid("Neither old nor new names may be empty")
	}
	bare, err := cleanName(name, false)
	if err != nil {
		return err
	}
	c, unlock, err := s.locked(ctx, ref)
	if err != nil {
		return err
	}
	defer unlock()
	old := c.record().Name
	if old == bare {
		return invalid("Renaming a container with the same name as its current name")
	}
	if err := s.reserve(bare, c.id); err != nil {
		return err
	}
	if err := s.change(c, func(_ *metadata.Tx, r *record) ([]events.Message, error) {
		r.Name = bare
		return []events.Message{r.happened(events.ActionRename, "oldName", "/"+old)}, nil
	}); err != nil {
		s.index.release(bare, c.id)
		return err
	}
	s.index.release(old, c.id)
	s.rename(ctx, c)
	return nil
}
