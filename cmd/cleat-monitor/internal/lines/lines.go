// Package lines cuts the output of a container into the lines of its log. It is linked into cleat-monitor: no memory is
// used but for a line that has not ended yet.
package lines

import "bytes"

// Max is the longest piece of a line, bytes. Longer lines are split, without a line feed at the end of the pieces but the
// last, and never inside a UTF-8 sequence.
const Max = 16 << 10

// A Splitter cuts two streams. The zero value is ready.
type Splitter struct {
	carry [2][]byte
}

// Next returns the next line or piece of a stream (1 or 2), whether a line feed ended it, and what is left of data. Without
// a line (ok false) all of data has been kept for later. The line is valid until the next call.
func (s *Splitter) Next(stream byte, data []byte) (line []byte, newline bool, rest []byte, ok bool) {
	carry := &s.carry[stream-1]
	room := Max - len(*carry)
	window := data[:min(room, len(data))]
	if i := bytes.IndexByte(window, '\n'); i >= 0 {
		line, rest = window[:i], data[i+1:]
		if len(*carry) > 0 {
			line = append(*carry, line...)
			*carry = line[:0]
		}
		return line, true, rest, true
	}
	if len(data) < room {
		*carry = append(*carry, data...)
		return nil, false, nil, false
	}
	if len(*carry) == 0 {
		n := whole(window)
		return window[:n], false, data[n:], true
	}
	line = append(*carry, window...)
	n := whole(line)
	// The cut-off beginning of a sequence is at most 3 bytes, which came with this data or are moved to the front.
	back := len(line) - n
	if back <= len(window) {
		*carry = line[:0]
		return line[:n], false, data[len(window)-back:], true
	}
	*carry = append([]byte(nil), line[n:]...)
	return line[:n], false, data[len(window):], true
}

// End returns what is kept of a stream's unfinished line, nil when there is none.
func (s *Splitter) End(stream byte) []byte {
	line := s.carry[stream-1]
	s.carry[stream-1] = nil
	if len(line) == 0 {
		return nil
	}
	return line
}

// Idle gives memory back that no unfinished line uses.
func (s *Splitter) Idle() {
	for i := range s.carry {
		if len(s.carry[i]) == 0 {
			s.carry[i] = nil
		}
	}
}

// whole is the length of b without an incomplete UTF-8 sequence at its end.
func whole(b []byte) int {
	for back := 1; back <= 3 && back < len(b); back++ {
		c := b[len(b)-back]
		if c&0xC0 == 0x80 {
			continue
		}
		need := 1
		switch {
		case c >= 0xF0 && c < 0xF8:
			need = 4
		case c >= 0xE0:
			need = 3
		case c >= 0xC0:
			need = 2
		}
		if c < 0xF8 && need > back {
			return len(b) - back
		}
		return len(b)
	}
	return len(b)
}
