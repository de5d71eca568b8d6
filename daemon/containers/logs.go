//go:build linux

package containers

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/logs"
)

// LogOptions are the parameters of "Get container logs", as text.
type LogOptions = struct {
	Stdout, Stderr, Follow, Timestamps, Details bool
	// Since and Until are seconds since 1970, RFC 3339, or a duration before now; "" and "0" are no bound.
	Since, Until string
	// Tail is a number or "all"; whatever is no number is all.
	Tail string
}

// log is a log that can be read.
type log struct {
	path    string
	raw     bool
	options logs.Options
	c       *ctr
}

// ErrNoLogs is in the chain of errors about a log that is nowhere to be read.
var ErrNoLogs = errs.Errorf(errNotReadable, "configured logging driver does not support reading")

// Logs finds the log of a container and checks the parameters. tty: the output is raw, otherwise in frames. write writes
// the log, and goes on with what comes when it is followed, until the container ends or ctx does.
func (s *Service) Logs(ref string, o LogOptions) (tty bool, write func(ctx context.Context, w io.Writer) error, err error) {
	if !o.Stdout && !o.Stderr {
		return false, nil, invalid("Bad parameters: you must choose at least one stream")
	}
	c, err := s.index.find(ref)
	if err != nil {
		return false, nil, err
	}
	r := c.record()
	if !readable(r.Host.LogConfig.Type) {
		return false, nil, ErrNoLogs
	}
	l := &log{raw: r.Config.Tty, path: s.logPath(c.id), c: c, options: logs.Options{
		Stdout: o.Stdout, Stderr: o.Stderr, Timestamps: o.Timestamps, Details: o.Details, Follow: o.Follow, Tail: -1, Watcher: s.watcher,
	}}
	if n, err := strconv.Atoi(o.Tail); err == nil && n >= 0 {
		l.options.Tail = n
	}
	now := time.Now()
	for _, bound := range []struct {
		name, text string
		to         *time.Time
	}{{"since", o.Since, &l.options.Since}, {"until", o.Until, &l.options.Until}} {
		if bound.text == "" || bound.text == "0" {
			continue
		}
		if *bound.to, err = parseTime(bound.text, now); err != nil {
			return false, nil, invalid("invalid value for %q: %v", bound.name, err)
		}
	}
	return l.raw, l.write, nil
}

func (l *log) write(ctx context.Context, w io.Writer) error {
	o := l.options
	if o.Follow {
		ended := l.c.note().done // before the state: an end in between closes it
		st := l.c.record().State
		switch {
		case !st.alive() && !l.c.isStarting():
			o.Follow = false
		default:
			closed, stop := l.c.endOfRuns(ctx, ended)
			defer stop()
			o.Ended = closed
		}
	}
	if err := logs.Copy(ctx, l.path, o, w, l.raw); err != nil {
		return fmt.Errorf("logs of container %s: %w", short(l.c.id), err)
	}
	return nil
}

// endOfRuns returns a channel that is closed when the container has stopped for good: not at an end that its restart
// policy follows up.
func (c *ctr) endOfRuns(ctx context.Context, ended <-chan struct{}) (<-chan struct{}, func()) {
	out := make(chan struct{})
	ctx, stop := context.WithCancel(ctx)
	go func() {
		defer close(out)
		_ = c.wait(ctx, ended, 0) // the end of ctx ends the reader as well
	}()
	return out, stop
}
