package stream

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/docker/go-units"
)

// Message is one object of a progress stream as all versions up to 1.47 know it: the structures, and beside them the
// texts for people ("progress", "error") that the document of 1.18 shows.
type Message struct {
	// Stream is output of a build, as it comes.
	Stream string `json:"stream,omitempty"`
	// Status is what happens.
	Status string `json:"status,omitempty"`
	// Detail is how far it is, in numbers.
	Detail *Progress `json:"progressDetail,omitempty"`
	// Progress is how far it is, as text; see [Progress.String].
	Progress string `json:"progress,omitempty"`
	// ID of what it happens to, a layer mostly.
	ID string `json:"id,omitempty"`
	// ErrorDetail and Error end the work: it failed after the header was sent.
	ErrorDetail *Error `json:"errorDetail,omitempty"`
	Error       string `json:"error,omitempty"`
	// Aux is a result, such as {"ID":"sha256:…"} of a build.
	Aux json.RawMessage `json:"aux,omitempty"`
}

// Error is why the work failed.
type Error struct {
	// Code is an exit code or an HTTP status, 0 when there is none.
	Code int `json:"code,omitempty"`
	// Message says it in words.
	Message string `json:"message"`
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Progress is how much of the work is done, in bytes.
type Progress struct {
	// Current is what is done, Total what is to do; 0 when that is not known.
	Current int64 `json:"current,omitempty"`
	Total   int64 `json:"total,omitempty"`
}

// barWidth is the number of characters between the brackets.
const barWidth = 50

// String is the progress as engines write it into "progress": "[====>      ]  1.2kB/5kB"; "" when nothing is known.
func (p Progress) String() string {
	if p.Current <= 0 && p.Total <= 0 {
		return ""
	}
	done := units.HumanSize(float64(p.Current))
	if p.Total <= 0 {
		return fmt.Sprintf("%8s", done)
	}
	filled := min(barWidth, int(float64(p.Current)/float64(p.Total)*100)*barWidth/100)
	bar := "[" + strings.Repeat("=", filled) + ">" + strings.Repeat(" ", barWidth-filled) + "] "
	if p.Current > p.Total {
		return fmt.Sprintf("%s%8s", bar, done)
	}
	return fmt.Sprintf("%s%8s/%s", bar, done, units.HumanSize(float64(p.Total)))
}

// Step returns a message about the part id of the work, with the progress in both forms.
func Step(id, status string, p Progress) Message {
	return Message{ID: id, Status: status, Detail: &p, Progress: p.String()}
}

// Failure returns the message that ends failed work.
func Failure(err error) Message {
	var detail *Error
	if !errors.As(err, &detail) {
		detail = &Error{Message: err.Error()}
	}
	return Message{ErrorDetail: detail, Error: err.Error()}
}

// Encoder writes messages.
type Encoder struct {
	to    io.Writer
	flush func()
}

// NewEncoder returns an encoder that writes to w and calls flush, if it is not nil, after each message.
func NewEncoder(w io.Writer, flush func()) *Encoder { return &Encoder{to: w, flush: flush} }

// Send writes one message, "\r\n" behind it, in one Write.
func (e *Encoder) Send(m Message) error {
	line, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("message: %w", err)
	}
	if _, err := e.to.Write(append(line, '\r', '\n')); err != nil {
		return fmt.Errorf("message: %w", err)
	}
	if e.flush != nil {
		e.flush()
	}
	return nil
}

// MaxMessage is how much of a stream [Messages] reads for one message, in bytes.
const MaxMessage = 16 << 20

// Messages reads messages until the end of r. A message that reports a failure is the last one and comes with its
// error, an *[Error] in its chain. A stream that is no JSON, has a value larger than MaxMessage or was cut ends with an
// error and an empty message.
func Messages(r io.Reader) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		limit := &io.LimitedReader{R: r}
		decoder := json.NewDecoder(limit)
		for {
			limit.N = MaxMessage
			var m Message
			switch err := decoder.Decode(&m); {
			case err != nil && limit.N <= 0:
				yield(Message{}, fmt.Errorf("message of more than %d bytes", MaxMessage))
				return
			case errors.Is(err, io.EOF):
				return
			case err != nil:
				yield(Message{}, fmt.Errorf("message: %w", err))
				return
			}
			if err := m.failure(); err != nil {
				yield(m, err)
				return
			}
			if !yield(m, nil) {
				return
			}
		}
	}
}

// failure is the error a message reports, nil for all others.
func (m *Message) failure() error {
	switch {
	case m.ErrorDetail != nil && m.ErrorDetail.Message == "":
		return &Error{Code: m.ErrorDetail.Code, Message: m.Error}
	case m.ErrorDetail != nil:
		return m.ErrorDetail
	case m.Error != "":
		return &Error{Message: m.Error}
	default:
		return nil
	}
}
