package containerexec

import (
	"bytes"
	"strings"
)

// lineLimit is where a line that does not end is told as it is: what reads the output must not grow with it.
const lineLimit = 4 << 10

// lines cuts a stream into lines and tells each. Terminals end lines with a carriage return too.
type lines struct {
	tell func(line string)
	rest []byte
}

func (l *lines) Write(p []byte) (int, error) {
	if l.tell == nil {
		return len(p), nil
	}
	l.rest = append(l.rest, p...)
	for {
		line, rest, ended := bytes.Cut(l.rest, []byte("\n"))
		if !ended && len(line) < lineLimit {
			return len(p), nil
		}
		if len(line) > lineLimit {
			line, rest = l.rest[:lineLimit], l.rest[lineLimit:]
		}
		l.say(line)
		l.rest = rest
	}
}

// end tells what came after the last end of a line.
func (l *lines) end() {
	if len(l.rest) > 0 {
		l.say(l.rest)
		l.rest = nil
	}
}

func (l *lines) say(line []byte) {
	l.tell(strings.ToValidUTF8(strings.TrimRight(string(line), "\r"), "\uFFFD"))
}
