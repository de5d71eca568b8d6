package builds

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/cleat-dev/cleat/api/stream"
	"github.com/cleat-dev/cleat/daemon/server"
)

// sink is where the messages of a build go.
type sink interface {
	send(m stream.Message) error
	// fail ends a stream that has begun; an error it returns is the server's to tell.
	fail(err error) error
}

// answer is the stream of a build.
type answer struct {
	sink         sink
	quiet, noAux bool
	held         []stream.Message // until it is known whether they are wanted
	begun        bool
}

func (a *answer) send(m stream.Message) error {
	if a.noAux && len(m.Aux) > 0 {
		return nil
	}
	if a.quiet {
		a.held = append(a.held, m)
		return nil
	}
	a.begun = true
	return a.sink.send(m)
}

// fail sends what was held back. Before the first message an error has a status.
func (a *answer) fail(err error) error {
	for _, m := range a.held {
		if err := a.sink.send(m); err != nil {
			return err
		}
		a.begun = true
	}
	if !a.begun {
		return err
	}
	return a.sink.fail(err)
}

// messages are a stream of JSON.
type messages struct{ *server.MessageStream }

func (s messages) send(m stream.Message) error { return s.Send(m) } //nolint:wrapcheck // the client is gone

// fail tells the code of a command that failed; other errors are the server's to send.
func (s messages) fail(err error) error {
	var command interface{ ExitCode() int }
	if !errors.As(err, &command) {
		return err
	}
	return s.send(stream.Failure(&stream.Error{Code: command.ExitCode(), Message: err.Error()}))
}

// textStream is the output alone, as clients before 1.8 show it to people (remote-api-v1.2, "Build an image").
type textStream struct {
	w     http.ResponseWriter
	begun bool
}

// colour are the marks around what a command writes to stderr.
var colour = strings.NewReplacer("\x1b[91m", "", "\x1b[0m", "")

func (s *textStream) send(m stream.Message) error {
	switch {
	case m.Stream != "":
		return s.write(colour.Replace(m.Stream))
	case m.Status == "" || m.Progress != "": // how far a download is
		return nil
	case m.ID != "":
		return s.write(m.ID + ": " + m.Status + "\n")
	default:
		return s.write(m.Status + "\n")
	}
}

func (s *textStream) fail(err error) error { return s.write("Error build: " + err.Error() + "\n") }

func (s *textStream) write(text string) error {
	if !s.begun {
		s.begun = true
		s.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		s.w.WriteHeader(http.StatusOK)
	}
	if _, err := io.WriteString(s.w, text); err != nil {
		return fmt.Errorf("build: %w", err)
	}
	if err := http.NewResponseController(s.w).Flush(); err != nil {
		return fmt.Errorf("build: %w", err)
	}
	return nil
}

// short is an id as people see it: 12 digits.
func short(id string) string {
	id = strings.TrimPrefix(id, "sha256:")
	return id[:min(12, len(id))]
}
