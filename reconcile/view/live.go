package view

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/cleat-dev/cleat/reconcile/apply"
	"github.com/cleat-dev/cleat/reconcile/graph"
)

// frame is the time between two drawings.
const frame = 100 * time.Millisecond

// spin are the frames of the mark before a running operation.
var spin = [...]string{"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"}

// live draws running operations at the bottom of a terminal, one row each, anew in place; finished ones scroll up
// above them. Only three escape sequences are used: up, to the line's beginning, clear to the end of the screen.
type live struct {
	applying bool
	now      func() time.Time
	size     func() (columns, rows int)
	paint    paint

	mu    sync.Mutex
	w     io.Writer
	rows  []*row
	above []string // lines that finished since the last drawing
	drawn []int    // columns of each row on the screen
	ticks int

	stop chan struct{}
	idle sync.WaitGroup
	once sync.Once
}

// row is one running operation.
type row struct {
	address graph.Instance
	event   apply.Event
	since   time.Time
}

func newLive(o Options, applying bool) *live {
	return &live{
		applying: applying, now: o.now(), size: o.Terminal.size, paint: o.Terminal.paint(), w: o.Terminal.Out,
		stop: make(chan struct{}),
	}
}

// startLive returns a live view that draws until it is settled.
func startLive(o Options, applying bool) *live {
	l := newLive(o, applying)
	l.idle.Go(func() {
		ticker := time.NewTicker(frame)
		defer ticker.Stop()
		for {
			select {
			case <-l.stop:
				return
			case <-ticker.C:
				l.draw()
			}
		}
	})
	return l
}

// Observe takes an event; the next drawing shows it.
func (l *live) Observe(e apply.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := -1
	for i, r := range l.rows {
		if r.address == e.Address {
			at = i
		}
	}
	switch e.Kind {
	case apply.Started, apply.Progress:
		if at < 0 {
			l.rows = append(l.rows, &row{address: e.Address, event: e, since: l.now().Add(-e.Elapsed)})
			return
		}
		l.rows[at].event = e
	default:
		if at >= 0 {
			l.rows = append(l.rows[:at], l.rows[at+1:]...)
		}
		if l.applying {
			l.above = append(l.above, told(l.paint, e))
		}
	}
}

// Settle stops the drawing and leaves what is finished.
func (l *live) Settle() {
	l.once.Do(func() {
		close(l.stop)
		l.idle.Wait()
		l.mu.Lock()
		l.rows = nil
		l.mu.Unlock()
		l.draw()
	})
}

func (l *live) note(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.above = append(l.above, text)
}

// draw writes one frame in a single write, so that nothing flickers.
func (l *live) draw() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.rows) == 0 && len(l.above) == 0 && len(l.drawn) == 0 {
		return
	}
	width, height := l.size()
	if width <= 0 {
		width = 80
	}
	if height <= 0 {
		height = 24
	}
	var b strings.Builder
	if up := onScreen(l.drawn, width); up > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\r\x1b[J", up)
	}
	for _, line := range l.above {
		b.WriteString(line + "\n")
	}
	l.above, l.drawn = nil, l.drawn[:0]
	for i, r := range l.rows {
		text := l.text(r, width-1)
		if i == height-2 && len(l.rows) > height-1 {
			text = cut(fmt.Sprintf("  … and %d more", len(l.rows)-i), width-1)
		}
		b.WriteString(text + "\n")
		l.drawn = append(l.drawn, columns(text))
		if len(l.drawn) == height-1 {
			break
		}
	}
	l.ticks++
	io.WriteString(l.w, b.String()) //nolint:errcheck // a terminal that went away is seen elsewhere
}

// onScreen is how many lines of the terminal the rows drawn take: after it became narrower they are wrapped.
func onScreen(drawn []int, width int) int {
	n := 0
	for _, columns := range drawn {
		n += max(1, (columns+width-1)/width)
	}
	return n
}

// text is a row cut to the terminal's width, with the time at its right.
func (l *live) text(r *row, width int) string {
	mark := spin[l.ticks%len(spin)]
	elapsed := seconds(l.now().Sub(r.since))
	left := fmt.Sprintf("%s %s  %s", mark, subject(r.event), news(r.event))
	space := width - columns(elapsed) - 1
	if space < 10 {
		return cut(left, width)
	}
	left = cut(left, space)
	return left + strings.Repeat(" ", space-columns(left)+1) + elapsed
}
