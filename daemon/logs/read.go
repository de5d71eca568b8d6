//go:build linux

package logs

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/cleat-dev/cleat/api/stream"
)

// Options say which records of a log are wanted, and how they are written.
type Options struct {
	// Stdout and Stderr choose the streams. Neither gives nothing.
	Stdout, Stderr bool
	// Timestamps puts the time, RFC 3339 with 9 digits in UTC, and a space before each line. [Copy] only.
	Timestamps bool
	// Details puts the attributes written with a record, "key=value,key=value", and a space before each line.
	Details bool
	// Follow goes on with what is written later, until Ended, Until, or the end of the context.
	Follow bool
	// Since and Until bound the time of the records, both inclusive. The zero time is no bound.
	Since, Until time.Time
	// Tail is how many records at the end are wanted, of both streams together whichever are chosen, as in dockerd.
	// -1 (any negative) is all of them, 0 none but what is written later.
	Tail int
	// Ended is closed when the container has ended and its log is complete; nil when that is not known. A follower
	// then reads to the end and returns.
	Ended <-chan struct{}
	// Watcher is the daemon's. A call that follows and has none starts one for itself.
	Watcher *Watcher
	// Stats receives what was met, when it is not nil.
	Stats *Stats
}

// Stats is what a call met. It is complete when the call has returned.
type Stats struct {
	// Records is how many were handed on.
	Records int64
	// Damaged is how many lines were no records and left out: torn, corrupt or longer than 1 MiB.
	Damaged int64
}

// Read hands the records of a log to sink, oldest first: the stream ([Stdout] or [Stderr]), the time, and the text
// with its newline, which a record of more than 16 KiB of text lacks until its last part. line is valid during the
// call only. Options.Timestamps is not looked at.
//
// It returns what sink returns, or why the log cannot be read, or the context's error. A log that does not exist has
// no records.
func Read(ctx context.Context, path string, o Options, sink func(stream byte, t time.Time, line []byte) error) error {
	var text []byte
	take := func(r *record) (bool, error) {
		text = text[:0]
		if o.Details {
			text = append(append(text, r.details...), ' ')
		}
		var ok bool
		if text, ok = r.text(text); !ok {
			return false, nil
		}
		return true, sink(r.stream, stamp(r.time), text)
	}
	return run(ctx, path, o, take, func() error { return ctx.Err() })
}

// Flusher is a writer that holds back what is written to it, as an HTTP reply does.
type Flusher interface {
	// Flush sends what is held back.
	Flush()
}

// Copy writes the records of a log to w as the reply of GET /containers/{id}/logs: each in a frame of its own (8
// bytes: stream, 0, 0, 0, length in big endian), or bare when raw is set, as for containers with a terminal.
// It writes in large pieces, and a [Flusher] is flushed whenever a follower has to wait. Errors as in [Read].
func Copy(ctx context.Context, path string, o Options, w io.Writer, raw bool) error {
	var out []byte
	flush := func() error {
		if err := ctx.Err(); err != nil || len(out) == 0 {
			return err
		}
		_, err := w.Write(out)
		out = out[:0]
		return err //nolint:wrapcheck // the writer's own error tells the caller that the client has left
	}
	take := func(r *record) (bool, error) {
		begin := len(out)
		if !raw {
			out = stream.AppendHeader(out, stream.Kind(r.stream), 0)
		}
		if o.Timestamps {
			out = append(append(out, r.time...), ' ')
		}
		if o.Details {
			out = append(append(out, r.details...), ' ')
		}
		var ok bool
		if out, ok = r.text(out); !ok {
			out = out[:begin]
			return false, nil
		}
		if !raw {
			stream.AppendHeader(out[:begin], stream.Kind(r.stream), uint32(len(out)-begin-stream.HeaderSize))
		}
		if len(out) < readSize {
			return true, nil
		}
		return true, flush()
	}
	wait := func() error {
		err := flush()
		if f, ok := w.(Flusher); ok && err == nil {
			f.Flush()
		}
		return err
	}
	return run(ctx, path, o, take, wait)
}

// run reads a log. take is given each wanted record and says whether it was intact; flush is called before waiting
// and at the end.
func run(ctx context.Context, path string, o Options, take func(*record) (bool, error), flush func() error) error {
	stats := o.Stats
	if stats == nil {
		stats = &Stats{}
	}
	var changes *watch
	if o.Follow { // watched first, read then: nothing falls in between
		w := o.Watcher
		if w == nil {
			var err error
			if w, err = NewWatcher(); err != nil {
				return err
			}
			defer w.Close()
		}
		var err error
		if changes, err = w.add(path); err != nil {
			return err
		}
		defer changes.remove()
	}
	c, err := newCursor(path, o.Follow)
	if err != nil {
		return err
	}
	defer func() { stats.Damaged += c.damaged; c.close() }()
	if err := c.begin(o); err != nil {
		return err
	}
	f := &filter{since: bound(o.Since), until: bound(o.Until), stdout: o.Stdout, stderr: o.Stderr, stats: stats, take: take}
	for last := !o.Follow; ; {
		done, err := f.drain(ctx, c)
		if err != nil {
			return err
		}
		if err := flush(); err != nil {
			return err
		}
		if done || last {
			return nil
		}
		if last, err = wait(ctx, changes, o); err != nil {
			return err
		}
	}
}

// begin moves the cursor to the first record that may be wanted.
func (c *cursor) begin(o Options) error {
	if len(c.chain) == 0 {
		return nil
	}
	var start position
	if o.Tail >= 0 {
		var err error
		if start, err = c.chain.tail(o.Tail); err != nil {
			return err
		}
	}
	if since := bound(o.Since); since != nil {
		found, err := c.chain.since(since)
		if err != nil {
			return err
		}
		if start.before(found) {
			start = found
		}
	}
	c.moveTo(start)
	return nil
}

// wait returns when there may be more to read. last says that it is the last time.
func wait(ctx context.Context, changes *watch, o Options) (last bool, err error) {
	var late <-chan time.Time
	if !o.Until.IsZero() {
		timer := time.NewTimer(time.Until(o.Until))
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-changes.change:
		return false, nil
	case <-changes.gone:
		return true, nil
	case <-o.Ended:
		return true, nil
	case <-late:
		return true, nil
	case <-ctx.Done():
		return true, fmt.Errorf("follow log: %w", ctx.Err())
	}
}

// filter takes the wanted records out of the lines.
type filter struct {
	parser         parser
	record         record // in here it costs no memory of its own
	since, until   []byte
	stdout, stderr bool
	stats          *Stats
	take           func(*record) (bool, error)
}

// checkEvery is after how many lines the context is looked at.
const checkEvery = 4096

// drain hands on what can be read now. done means that no later record can be wanted.
func (f *filter) drain(ctx context.Context, c *cursor) (done bool, err error) {
	for n := 1; ; n++ {
		line, err := c.line()
		if line == nil || err != nil {
			return false, err
		}
		if n%checkEvery == 0 && ctx.Err() != nil {
			return false, fmt.Errorf("read log: %w", ctx.Err())
		}
		r := &f.record
		var ok bool
		*r, ok = f.parser.parse(line)
		switch {
		case !ok:
			f.stats.Damaged++
			continue
		case f.until != nil && string(r.time) > string(f.until):
			return true, nil
		case f.since != nil && string(r.time) < string(f.since), r.stream == Stdout && !f.stdout, r.stream == Stderr && !f.stderr:
			continue
		}
		intact, err := f.take(r)
		if err != nil {
			return false, err
		}
		if !intact {
			f.stats.Damaged++
			continue
		}
		f.stats.Records++
	}
}
