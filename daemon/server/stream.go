package server

import (
	"bytes"
	"fmt"
	"net/http"
	"sync"

	"github.com/moby/moby/api/types/jsonstream"
)

// MessageStream is an answer of JSON objects one after the other, each sent as soon as it is known. Its methods may be
// called from several goroutines.
type MessageStream struct {
	// End is written behind each object; "\r\n" unless the handler sets it before the first one.
	End string

	mu    sync.Mutex
	r     *Request
	w     http.ResponseWriter
	begun bool
}

// Stream returns the stream of a request. Nothing is sent before Begin or the first Send, so until then an error of
// the handler still becomes a status. Afterwards it becomes the last object, {"errorDetail":{"message":…},"error":…}.
func Stream(w http.ResponseWriter, r *Request) *MessageStream {
	r.stream = &MessageStream{End: "\r\n", r: r, w: w}
	return r.stream
}

// Begin sends the header at once, status 200: for streams whose first object may take its time.
func (s *MessageStream) Begin() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begin()
	return s.flush()
}

// Send sends one object in the form of the client's version; one that version does not know is passed over. An error
// means that the client is gone, and the handler should return.
func (s *MessageStream) Send(v any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	object, err := s.r.lower(v)
	if err != nil {
		return err
	}
	s.begin()
	object = bytes.TrimSuffix(object, []byte("\n"))
	if len(object) == 0 {
		return nil
	}
	return s.write(object)
}

// fail sends the error of a handler as the last object.
func (s *MessageStream) fail(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := struct {
		Detail *jsonstream.Error `json:"errorDetail,omitempty"`
		Error  string            `json:"error"`
	}{&jsonstream.Error{Message: text(err)}, text(err)}
	if s.r.Trait("error-without-detail") {
		last.Detail = nil
	}
	object, err := plain(last)
	if err != nil {
		return err
	}
	return s.write(bytes.TrimSuffix(object, []byte("\n")))
}

func (s *MessageStream) begin() {
	if s.begun {
		return
	}
	s.begun = true
	if h := s.w.Header(); h.Get("Content-Type") == "" {
		h.Set("Content-Type", "application/json")
	}
	s.w.WriteHeader(http.StatusOK)
}

func (s *MessageStream) write(object []byte) error {
	if _, err := s.w.Write(append(object, s.End...)); err != nil {
		return fmt.Errorf("stream: %w", err)
	}
	return s.flush()
}

func (s *MessageStream) flush() error {
	if err := http.NewResponseController(s.w).Flush(); err != nil {
		return fmt.Errorf("stream: %w", err)
	}
	return nil
}
