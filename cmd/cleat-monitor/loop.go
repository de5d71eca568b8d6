//go:build linux

package main

import (
	"syscall"
	"time"
)

const (
	readable  = syscall.EPOLLIN
	writable  = syscall.EPOLLOUT
	hangup    = syscall.EPOLLHUP | syscall.EPOLLERR
	batchSize = 64
)

// A loop waits for descriptors and timers and calls what was registered for them, one after the other.
type loop struct {
	ep      int
	sources []source // by descriptor
	timers  []*timer
	base    time.Time
	events  [batchSize]syscall.EpollEvent
	inner   [batchSize]syscall.EpollEvent
}

// A source is a registered descriptor. The generation tells its events from those of an earlier descriptor of the same
// number, which may still be in the batch at hand.
type source struct {
	on         func(events uint32)
	ep         int
	generation int32
}

// A timer is a call that is due.
type timer struct {
	at   int64 // nanoseconds since the loop's base
	call func()
}

func newLoop() (*loop, error) {
	ep, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	return &loop{ep: ep, base: time.Now()}, err
}

// add registers a descriptor with the loop's own set.
func (l *loop) add(fd int, events uint32, on func(uint32)) { l.addTo(l.ep, fd, events, on) }

// addTo registers a descriptor with a set, the loop's or one nested in it.
func (l *loop) addTo(ep, fd int, events uint32, on func(uint32)) {
	for fd >= len(l.sources) {
		l.sources = append(l.sources, source{})
	}
	s := &l.sources[fd]
	s.on, s.ep = on, ep
	s.generation++
	event := syscall.EpollEvent{Events: events, Fd: int32(fd), Pad: s.generation}
	if err := syscall.EpollCtl(ep, syscall.EPOLL_CTL_ADD, fd, &event); err != nil {
		s.on = nil
		if err == syscall.EPERM { // a file: always ready
			l.after(0, func() { on(events) })
			return
		}
		complain("epoll add", err)
	}
}

// has reports whether a descriptor is registered.
func (l *loop) has(fd int) bool { return fd >= 0 && fd < len(l.sources) && l.sources[fd].on != nil }

// change sets what is waited for.
func (l *loop) change(fd int, events uint32) {
	if l.has(fd) {
		event := syscall.EpollEvent{Events: events, Fd: int32(fd), Pad: l.sources[fd].generation}
		_ = syscall.EpollCtl(l.sources[fd].ep, syscall.EPOLL_CTL_MOD, fd, &event)
	}
}

// remove forgets a descriptor without closing it.
func (l *loop) remove(fd int) {
	if l.has(fd) {
		_ = syscall.EpollCtl(l.sources[fd].ep, syscall.EPOLL_CTL_DEL, fd, &syscall.EpollEvent{})
		l.sources[fd].on = nil
		l.sources[fd].generation++
	}
}

// close forgets a descriptor and closes it.
func (l *loop) close(fd int) {
	l.remove(fd)
	closeFd(fd)
}

func (l *loop) time() int64 { return int64(time.Since(l.base)) }

// after calls once, when so many milliseconds have passed.
func (l *loop) after(milliseconds int64, call func()) *timer {
	t := &timer{at: l.time() + milliseconds*1e6, call: call}
	l.timers = append(l.timers, t)
	return t
}

// cancel forgets a timer; nil and timers that have been called are fine.
func (l *loop) cancel(t *timer) {
	if t != nil {
		t.call = nil
		t.at = 0
	}
}

// serve never returns; the program ends by exit.
func (l *loop) serve() {
	for {
		n, err := syscall.EpollWait(l.ep, l.events[:], l.timeout())
		if err != nil && err != syscall.EINTR {
			complain("epoll_wait", err)
			syscall.Exit(3)
		}
		for i := range max(n, 0) {
			l.dispatch(&l.events[i])
		}
		l.due()
	}
}

func (l *loop) dispatch(event *syscall.EpollEvent) {
	s := &l.sources[event.Fd]
	if s.on != nil && s.generation == event.Pad {
		s.on(event.Events)
	}
}

// nested serves what is ready in a set within the loop's.
func (l *loop) nested(ep int) {
	n, err := syscall.EpollWait(ep, l.inner[:], 0)
	if err != nil {
		return
	}
	for i := range n {
		l.dispatch(&l.inner[i])
	}
}

// timeout is how long to wait at most, in milliseconds; -1 without timers, which is how an idle monitor sleeps.
func (l *loop) timeout() int {
	if len(l.timers) == 0 {
		return -1
	}
	next := l.timers[0].at
	for _, t := range l.timers[1:] {
		next = min(next, t.at)
	}
	left := next - l.time()
	if left <= 0 {
		return 0
	}
	return int((left + 999_999) / 1_000_000)
}

// due calls the timers whose time has come.
func (l *loop) due() {
	if len(l.timers) == 0 {
		return
	}
	at := l.time()
	var calls []func()
	kept := l.timers[:0]
	for _, t := range l.timers {
		switch {
		case t.call == nil:
		case t.at <= at:
			calls = append(calls, t.call)
			t.call = nil
		default:
			kept = append(kept, t)
		}
	}
	clear(l.timers[len(kept):])
	l.timers = kept
	for _, call := range calls {
		call()
	}
}
