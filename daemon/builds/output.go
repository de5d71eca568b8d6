//go:build linux

package builds

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/cleat-dev/cleat/api/stream"
)

// output sends messages in the forms clients know. A client that is gone cancels the build.
type output struct {
	mu     sync.Mutex
	send   func(stream.Message) error
	cancel func()
}

func (o *output) message(m stream.Message) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.send(m); err != nil {
		o.cancel()
	}
}

// text sends {"stream": …}.
func (o *output) text(format string, args ...any) {
	o.message(stream.Message{Stream: fmt.Sprintf(format, args...)})
}

// step announces a step, in two messages as clients are used to.
func (o *output) step(n, of int, code any) {
	o.text("Step %d/%d : %s", n, of, code)
	o.text("\n")
}

// image tells the id of the step's image, nothing for scratch.
func (o *output) image(id string) { o.text(" ---> %s\n", short(id)) }

// aux tells the id of a stage's image to programs.
func (o *output) aux(id string) {
	raw, err := json.Marshal(map[string]string{"ID": id})
	if err != nil { // a string is always JSON
		return
	}
	o.message(stream.Message{Aux: raw})
}

// short is an id as people see it: 12 digits.
func short(id string) string {
	id = strings.TrimPrefix(id, "sha256:")
	return id[:min(12, len(id))]
}

// writer is the output of a command as messages. A character that two writes share is sent whole.
type writer struct {
	out           *output
	before, after string
	rest          []byte
}

// stdout and stderr are the writers of a command; the latter's text is red, as the classic builder has it.
func (o *output) stdout() *writer { return &writer{out: o} }
func (o *output) stderr() *writer { return &writer{out: o, before: "\x1b[91m", after: "\x1b[0m"} }

func (w *writer) Write(p []byte) (int, error) {
	text := append(w.rest, p...)
	cut := whole(text)
	if cut > 0 {
		w.out.text("%s%s%s", w.before, text[:cut], w.after)
	}
	w.rest = append([]byte(nil), text[cut:]...)
	return len(p), nil
}

// flush sends what is no whole character after all.
func (w *writer) flush() {
	if len(w.rest) > 0 {
		w.out.text("%s%s%s", w.before, w.rest, w.after)
		w.rest = nil
	}
}

// whole is the length of p without a character at its end that is not complete.
func whole(p []byte) int {
	for i := 1; i < utf8.UTFMax && i <= len(p); i++ {
		if c := p[len(p)-i]; utf8.RuneStart(c) {
			if !utf8.FullRune(p[len(p)-i:]) {
				return len(p) - i
			}
			break
		}
	}
	return len(p)
}

// progress is a download's: what came of how much, told at most once for every percent.
type progress struct {
	out           *output
	id, action    string
	current, last int64
	total         int64
}

func (p *progress) Write(b []byte) (int, error) {
	p.current += int64(len(b))
	if p.current-p.last >= max(p.total/100, 512<<10) {
		p.tell()
	}
	return len(b), nil
}

func (p *progress) tell() {
	p.last = p.current
	detail := &stream.Progress{Current: p.current, Total: max(p.total, 0)}
	p.out.message(stream.Message{Status: p.action, ID: p.id, Detail: detail, Progress: detail.String()})
}
