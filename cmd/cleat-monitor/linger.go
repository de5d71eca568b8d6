//go:build linux

package main

import "syscall"

// Every wake of a Go process costs many times what the same costs in C: it wakes the runtime's other threads as well. A
// container that writes many small lines would spend most of its monitor's time on that. So while reads are small and
// many, and nobody is attached, the output is looked at only now and then; the pipe holds it meanwhile. A container must
// not wait for that: what it fills the pipe in is too long, and one that writes much is not kept waiting at all.
const (
	muteTime  = 30 // milliseconds, at most
	manyReads = 30 // in a second
	quietTime = 1000
	slowRate  = 256 << 10 // bytes in a second; a pipe takes them for 250 ms

	bigPipe     = 1 << 20
	setPipeSize = 1031 // F_SETPIPE_SZ
)

// A room is how a read of one descriptor's output is judged.
type room struct {
	small int // few bytes
	much  int // what was held was nearly too much
	full  int // the container may have had to wait
}

// room of a pipe, which holds 64 KiB, or of a terminal, of which a read gives 4095 bytes at most.
func (s *stdio) room() room {
	switch {
	case s.tty:
		return room{small: 1 << 10, much: 2 << 10, full: 4000}
	case s.m.linger.wide:
		return room{small: 64 << 10, much: 128 << 10, full: ioSize}
	}
	return room{small: 4 << 10, much: 32 << 10, full: 60 << 10}
}

type linger struct {
	second int64
	reads  int
	bytes  int   // in this second
	pause  int64 // milliseconds the output is muted for; 0 while the container writes much
	muted  bool
	full   int  // reads in this second the container may have had to wait for; see widen
	woke   bool // the next read shows what has come while it was muted
	wide   bool // the pipes have been made to hold bigPipe
}

// widen makes the pipes of a container that writes much hold more, so that it need not wait for each read. The kernel
// refuses it when the user has too much of that already.
func (s *stdio) widen() bool {
	if s.tty {
		return false
	}
	for _, o := range []*outlet{&s.out, &s.err} {
		if o.fd < 0 {
			continue
		}
		if _, _, e := syscall.Syscall(syscall.SYS_FCNTL, uintptr(o.fd), setPipeSize, bigPipe); e != 0 {
			return false
		}
	}
	return true
}

// lingering counts a read and mutes the output when they are many.
func (m *monitor) lingering(s *stdio, n int) {
	l, room := &m.linger, s.room()
	if second := m.time() / 1e9; second != l.second {
		if l.bytes < slowRate {
			l.pause = muteTime
		}
		l.second, l.reads, l.bytes, l.full = second, l.reads/2, 0, 0
	}
	l.bytes += n
	switch {
	case l.woke && n >= room.full:
		if l.pause = 0; l.wide || s.widen() {
			l.wide, l.pause = true, 1
		}
	case l.woke && n >= room.much:
		l.pause /= 2
	case n >= room.full && !l.wide:
		if l.full++; l.full == manyReads {
			l.wide = s.widen()
		}
	}
	if l.wide {
		l.pause = max(l.pause, 1)
	}
	l.woke = false
	if n > room.small || len(s.clients) > 0 || m.state != running {
		return
	}
	if l.reads++; l.reads <= manyReads || l.muted || l.pause == 0 {
		return
	}
	l.muted = true
	m.change(m.quiet, 0)
	m.after(l.pause, m.unmute)
}

func (m *monitor) unmute() {
	if m.linger.muted {
		m.linger.muted, m.linger.woke = false, true
		m.change(m.quiet, readable)
	}
}

// flood remembers that buffers have grown, and gives them back when it has been quiet for a while.
func (m *monitor) flood() {
	if m.flooded {
		return
	}
	m.flooded = true
	m.after(quietTime, func() {
		m.flooded = false
		release(m.buf)
		release(m.input)
		m.log.idle()
	})
}
