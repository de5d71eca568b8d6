package containers

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/cleat-dev/cleat/daemon/server"
)

// closeTime is how long a client may take to hear that a session is over.
const closeTime = time.Second

func (h handlers) attachSocket(w http.ResponseWriter, r *server.Request) error {
	o, err := attachOptions(r)
	if err != nil {
		return err
	}
	if !r.Trait("ws-streams") {
		o.Stdin, o.Stdout, o.Stderr = true, true, true
	}
	if _, err := h.backend.AttachInfo(r.Var("id"), o); err != nil {
		return err
	}
	o.Raw = true // both streams as one: a message has no place to say which it is of
	if !websocket.IsWebSocketUpgrade(r.Request) {
		return badParameter("Upgrade", "want a websocket handshake")
	}
	conn, err := (&websocket.Upgrader{}).Upgrade(w, r.Request, nil)
	if err != nil {
		return nil //nolint:nilerr // Upgrade has answered
	}
	s := &socket{ws: conn, kind: websocket.TextMessage}
	if r.Trait("ws-binary") {
		s.kind = websocket.BinaryMessage
	}
	return h.backend.Attach(r.Context(), r.Var("id"), s, nil, o)
}

// socket makes a websocket the connection of a session.
type socket struct {
	ws   *websocket.Conn
	kind int

	in io.Reader // the rest of a message

	mu    sync.Mutex
	ended bool
}

// Read reads messages one after the other; the client's closing is the end of stdin.
func (s *socket) Read(p []byte) (int, error) {
	for {
		if s.in == nil {
			_, in, err := s.ws.NextReader()
			if websocket.IsCloseError(err, websocket.CloseNormalClosure, websocket.CloseGoingAway, websocket.CloseNoStatusReceived) {
				return 0, io.EOF
			}
			if err != nil {
				return 0, fmt.Errorf("websocket: %w", err)
			}
			s.in = in
		}
		n, err := s.in.Read(p)
		if errors.Is(err, io.EOF) {
			s.in, err = nil, nil
		}
		if n > 0 || err != nil {
			return n, err //nolint:wrapcheck // a reader's own
		}
	}
}

// Write sends p as a message.
func (s *socket) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ws.WriteMessage(s.kind, p); err != nil {
		return 0, fmt.Errorf("websocket: %w", err)
	}
	return len(p), nil
}

// Close says goodbye and closes the connection.
func (s *socket) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return nil
	}
	s.ended = true
	goodbye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	_ = s.ws.WriteControl(websocket.CloseMessage, goodbye, time.Now().Add(closeTime)) // the client may be gone
	if err := s.ws.Close(); err != nil {
		return fmt.Errorf("websocket: %w", err)
	}
	return nil
}

// LocalAddr is the connection's.
func (s *socket) LocalAddr() net.Addr { return s.ws.LocalAddr() }

// RemoteAddr is the connection's.
func (s *socket) RemoteAddr() net.Addr { return s.ws.RemoteAddr() }

// SetDeadline is the connection's.
func (s *socket) SetDeadline(t time.Time) error {
	return errors.Join(s.ws.SetReadDeadline(t), s.ws.SetWriteDeadline(t))
}

// SetReadDeadline is the connection's.
func (s *socket) SetReadDeadline(t time.Time) error {
	return s.ws.SetReadDeadline(t) //nolint:wrapcheck // a connection's own
}

// SetWriteDeadline is the connection's.
func (s *socket) SetWriteDeadline(t time.Time) error {
	return s.ws.SetWriteDeadline(t) //nolint:wrapcheck // a connection's own
}
