package containerexec

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/cleat-dev/cleat/api/errs"
)

// errorLines is how much of the output an error shows.
const errorLines = 20

// Ended is the error of a command that ended otherwise than it should.
type Ended struct {
	Code int
	// Expected are the codes of a success, in order.
	Expected []int64
}

func (e *Ended) Error() string {
	words := make([]string, len(e.Expected))
	for i, c := range e.Expected {
		words[i] = strconv.FormatInt(c, 10)
	}
	return fmt.Sprintf("ended with exit code %d, expected %s", e.Code, strings.Join(words, " or "))
}

func (*Ended) Unwrap() error { return errs.ErrInternal }

// Judge is nil when the exit code is one of expected, which is 0 alone when it is empty, and else an [Ended].
func (r Result) Judge(expected []int64) error {
	if len(expected) == 0 {
		expected = []int64{0}
	}
	if slices.Contains(expected, int64(r.ExitCode)) {
		return nil
	}
	return &Ended{Code: r.ExitCode, Expected: slices.Sorted(slices.Values(expected))}
}

// Explain adds the last lines of the output to the error of a command that was started, unless they are a secret.
func (r Result) Explain(err error, secret bool) error {
	if secret {
		return fmt.Errorf("%w (its output is sensitive)", err)
	}
	if r.ID == "" {
		return err
	}
	text := strings.TrimRight(r.Stdout, "\r\n")
	if r.Stderr != "" {
		text = strings.TrimLeft(text+"\n"+strings.TrimRight(r.Stderr, "\r\n"), "\n")
	}
	if text == "" {
		return fmt.Errorf("%w; it has written nothing", err)
	}
	last := strings.Split(text, "\n")
	return fmt.Errorf("%w; its last output:\n%s", err, strings.Join(last[max(0, len(last)-errorLines):], "\n"))
}
