package view

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Terminal is where a command reads and writes, and what can be done there. Tests give buffers.
type Terminal struct {
	// Out receives what the command is asked for, Err diagnostics and notes.
	Out, Err io.Writer
	// In is where answers come from.
	In io.Reader
	// Interactive: somebody can be asked; In and Err are terminals.
	Interactive bool
	// Live: Out is a terminal whose lines can be drawn anew.
	Live bool
	// Color: Out and Err understand colours, and they are wanted.
	Color bool
	// Size returns columns and rows of Out; nil, or a zero, when they are not known.
	Size func() (columns, rows int)
	// Secret reads an answer without showing it; nil reads it like any other.
	Secret func() (string, error)

	answers *bufio.Reader
}

// ErrNoAnswer is returned by [Terminal.Ask] when the input ends before a line.
var ErrNoAnswer = errors.New("the input ended before an answer")

func (t *Terminal) size() (columns, rows int) {
	if t.Size == nil {
		return 0, 0
	}
	return t.Size()
}

func (t *Terminal) paint() paint { return paint(t.Color) }

// Ask prints a question to Err and returns the line that is answered, without spaces around it. A secret answer is
// not shown and comes back as typed.
func (t *Terminal) Ask(question string, secret bool) (string, error) {
	fmt.Fprint(t.Err, question)
	if secret && t.Secret != nil {
		answer, err := t.Secret()
		fmt.Fprintln(t.Err)
		if err != nil {
			return "", fmt.Errorf("answer: %w", err)
		}
		return answer, nil
	}
	if t.answers == nil {
		t.answers = bufio.NewReader(t.In)
	}
	line, err := t.answers.ReadString('\n')
	if err != nil && (line == "" || !errors.Is(err, io.EOF)) {
		fmt.Fprintln(t.Err)
		if errors.Is(err, io.EOF) {
			return "", ErrNoAnswer
		}
		return "", fmt.Errorf("answer: %w", err)
	}
	return strings.TrimSpace(line), nil
}
