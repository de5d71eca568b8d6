//go:build linux

package main

// Every wake of a Go process costs many times what the same costs in C: it wakes the runtime's other threads as well. A
// container that writes many small lines would spend most of its monitor's time on that. So while reads are small and
// many, and nobody is attached, the output is looked at every muteTime only; the pipe holds it meanwhile.
const (
	muteTime  = 30 // milliseconds
	smallRead = 4 << 10
	manyReads = 30 // in a second
	quietTime = 1000
)

type linger struct {
	second int64
	reads  int
	muted  bool
}

// lingering counts a read and mutes the output when they are many.
func (m *monitor) lingering(s *stdio, n int) {
	if n > smallRead || len(s.clients) > 0 || m.state != running {
		return
	}
	if second := m.time() / 1e9; second != m.linger.second {
		m.linger.second, m.linger.reads = second, m.linger.reads/2
	}
	if m.linger.reads++; m.linger.reads <= manyReads || m.linger.muted {
		return
	}
	m.linger.muted = true
	m.change(m.quiet, 0)
	m.after(muteTime, m.unmute)
}

func (m *monitor) unmute() {
	if m.linger.muted {
		m.linger.muted = false
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
