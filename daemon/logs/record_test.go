//go:build linux

package logs

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// parts are what the lines of TestHistory are made of.
var parts = struct{ text, stream, attrs, time []string }{
	text:   []string{``, `hello\n`, `a \"quote\"\n`, `torn","stream":"stdout","time":"2026-11-22T07:16:38.123456789Z"}{"log":"x\n`, `"raw`, strings.Repeat("é", 40)},
	stream: []string{`,"stream":"stdout"`, `,"stream":"stderr"`, `,"stream":"stdin"`, ``},
	attrs:  []string{``, `,"attrs":{"a":"b"}`, `,"attrs":{"c":"d","e":"f"}`, `,"attrs":{}`},
	time: []string{
		`,"time":"2026-11-22T07:16:38.123456789Z"}`, `,"time":"2026-11-22T07:16:38.999999999Z"}`, `,"time":"2026-11-22T07:16:39.000000000Z"}`,
		`,"time":"2026-11-22T07:16:38.12345678xZ"}`, `,"time":"2026-11-22T07:16:38.x23456789Z"}`, `,"time":"2026-13-22T07:16:38.123456789Z"}`,
		`,"time":"2026-11-22T07:16:38.123456789+"}`, `,"time":"2026-11-22T07:16:38Z"}`, `,"time":"2026-11-22T07:16:38.123456789Z"`,
	},
}

// lineOf makes one of all lines that can be made.
func lineOf(n uint64) string {
	pick := func(list []string) string {
		one := list[n%uint64(len(list))]
		n /= uint64(len(list))
		return one
	}
	return `{"log":"` + pick(parts.text) + `"` + pick(parts.stream) + pick(parts.attrs) + pick(parts.time)
}

type plain struct {
	Text, Time, Details string
	Stream              byte
	OK                  bool
}

func parsed(p *parser, line string) plain {
	r, ok := p.parse([]byte(line))
	if !ok {
		return plain{}
	}
	text, ok := r.text(nil)
	if !ok { // damage may show only here
		return plain{}
	}
	return plain{string(text), string(r.time), string(r.details), r.stream, ok}
}

// checkHistory: what a parser makes of a line does not depend on the lines before it.
func checkHistory(t *testing.T, lines []string) {
	t.Helper()
	var p parser
	for i, line := range lines {
		if diff := cmp.Diff(parsed(new(parser), line), parsed(&p, line)); diff != "" {
			t.Fatalf("after %q\n%s (-alone +after):\n%s", lines[:i], line, diff)
		}
	}
}

func TestHistory(t *testing.T) {
	t.Parallel()
	n := uint64(len(parts.text) * len(parts.stream) * len(parts.attrs) * len(parts.time))
	var lines []string
	for i := range 40 * n { // an order without order; each line is made many times
		lines = append(lines, lineOf(i*2654435761%n))
	}
	checkHistory(t, lines)
}

func FuzzHistory(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 250})
	f.Fuzz(func(t *testing.T, seed []byte) {
		var lines []string
		for i := 0; i+1 < len(seed); i++ {
			lines = append(lines, lineOf(uint64(seed[i])<<8|uint64(seed[i+1])))
		}
		checkHistory(t, append(lines, string(seed)))
	})
}

func TestSpecial(t *testing.T) {
	t.Parallel()
	for size := range 80 {
		for at := range size {
			for _, c := range []byte{0, 1, 0x1f, '"', '\\'} {
				b := []byte(strings.Repeat("~ \x7f\x80\xff!#[]\x20", 8)[:size])
				b[at] = c
				if got := special(b); got != at {
					t.Fatalf("%q: %d, want %d", b, got, at)
				}
			}
		}
		if b := strings.Repeat("~ \x7f\x80\xff!#[]\x20", 8)[:size]; special([]byte(b)) != size {
			t.Fatalf("%q: %d", b, special([]byte(b)))
		}
	}
}
