package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/cleat-dev/cleat/api/errs"
)

// message is one message of the stream an engine answers a pull or build with.
type message struct {
	Stream   string `json:"stream"`
	Status   string `json:"status"`
	ID       string `json:"id"`
	Progress struct {
		Current int64 `json:"current"`
		Total   int64 `json:"total"`
	} `json:"progressDetail"`
	// Error is the message of a failure; engines before 1.8 and podman's older ones send nothing else.
	Error       string `json:"error"`
	ErrorDetail *struct {
		Message string `json:"message"`
	} `json:"errorDetail"`
	Aux json.RawMessage `json:"aux"`
}

// failure is an error an engine sent after it had answered 200, or inside a 500: its words, and the class they tell.
type failure struct {
	message string
	class   error
}

func (f *failure) Error() string { return f.message }

func (f *failure) Unwrap() error { return f.class }

// follow reads a stream to its end, calling each for every message. A message that reports a failure ends it with
// *failure. A stream that breaks off is errs.ErrUnavailable: the engine went away.
func follow(r io.Reader, each func(message)) error {
	decoder := json.NewDecoder(r)
	for {
		var m message
		err := decoder.Decode(&m)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, io.ErrUnexpectedEOF):
			return fmt.Errorf("the engine stopped in the middle of its answer: %w", errs.ErrUnavailable)
		case err != nil:
			var syntax *json.SyntaxError
			var kind *json.UnmarshalTypeError
			if errors.As(err, &syntax) || errors.As(err, &kind) {
				return fmt.Errorf("the engine's answer is not a stream of messages: %w: %w", err, errs.ErrInternal)
			}
			return err
		}
		if m.ErrorDetail != nil && m.ErrorDetail.Message != "" {
			m.Error = m.ErrorDetail.Message
		}
		if m.Error != "" {
			return &failure{message: strings.TrimSpace(m.Error), class: classOf(m.Error)}
		}
		each(m)
	}
}

// phrases tell the class of a failure engines and registries have only words for. The first that fits counts.
var phrases = []struct {
	class error
	words []string
}{
	// A step's own failure comes first: it quotes the step, whose words mean nothing here.
	{errs.ErrInvalid, []string{"returned a non-zero code", "exit status", "dockerfile parse error", "unknown instruction", "invalid reference format"}},
	{errs.ErrUnavailable, []string{
		"no space left on device", "disk quota exceeded", "connection refused", "connection reset", "no such host", "i/o timeout", "tls handshake timeout",
		"network is unreachable", "no route to host", "deadline exceeded", "client.timeout", "server misbehaving", "temporary failure",
		"toomanyrequests", "too many requests", "service unavailable", "bad gateway", "gateway timeout", "unexpected eof", ": eof",
	}},
	{errs.ErrNotFound, []string{
		"manifest unknown", "name unknown", "repository does not exist", "no matching manifest", "no such image", "image not known",
		"blob unknown", "repository name not known", "no image found in",
	}},
	{errs.ErrUnauthorized, []string{
		"unauthorized", "authentication required", "no basic auth credentials", "incorrect username or password", "access denied", "resource is denied", "403 forbidden",
		"invalid username/password", "unable to retrieve auth token",
	}},
}

// classOf returns the class of an engine's words, errs.ErrInternal when they tell none.
func classOf(text string) error {
	text = strings.ToLower(text)
	for _, p := range phrases {
		for _, words := range p.words {
			if strings.Contains(text, words) {
				return p.class
			}
		}
	}
	return errs.ErrInternal
}

// classified gives an error that an engine sent as 500 the class its words tell. An error of the connection loses
// the URL of the call: build arguments are part of it, and some hold secrets.
func classified(err error) error {
	var call *url.Error
	if errors.As(err, &call) {
		err = call.Err
		if errs.Class(err) == errs.ErrInternal && !errors.Is(err, context.Canceled) { // EOF and the like: the engine hung up
			return &failure{message: err.Error(), class: errs.ErrUnavailable}
		}
	}
	if err == nil || errs.Class(err) != errs.ErrInternal || errors.Is(err, context.Canceled) {
		return err
	}
	if class := classOf(err.Error()); class != errs.ErrInternal {
		return &failure{message: err.Error(), class: class}
	}
	return err
}
