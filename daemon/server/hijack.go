package server

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// Hijack takes the connection from HTTP (remote-api-v1.18, "Hijacking"): it writes the header, "101 UPGRADED" to a
// client that sent Upgrade and "200 OK" otherwise, and returns the connection with the bytes that were read from it
// already and belong to the session. The connection is a *net.UnixConn, *net.TCPConn or *tls.Conn and the handler's to
// close, on every path.
//
// It takes HTTP/1.1. What is left of a body of a known length is not part of the session: dockerode sends its options as
// one. After an error the handler returns it; when even the header
// could not be written the connection is closed.
func Hijack(w http.ResponseWriter, r *Request, contentType string) (net.Conn, []byte, error) {
	header := w.Header().Clone()
	if r.ContentLength > 0 {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return nil, nil, fmt.Errorf("take over connection: %w", err)
		}
	}
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, nil, fmt.Errorf("take over connection: %w", err)
	}
	peeked, err := rw.Peek(rw.Reader.Buffered()) // reads nothing, so the error is that of an earlier read
	buffered := bytes.Clone(peeked)
	if err != nil && len(buffered) < rw.Reader.Buffered() {
		return nil, nil, errors.Join(fmt.Errorf("take over connection: %w", err), conn.Close())
	}
	var head strings.Builder
	if _, upgrade := r.Header["Upgrade"]; upgrade {
		head.WriteString("HTTP/1.1 101 UPGRADED\r\nContent-Type: " + contentType + "\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n")
	} else {
		head.WriteString("HTTP/1.1 200 OK\r\nContent-Type: " + contentType + "\r\n")
		r.out.status = http.StatusOK
	}
	if err := header.WriteSubset(&head, map[string]bool{"Content-Type": true}); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("take over connection: %w", err), conn.Close())
	}
	head.WriteString("\r\n")
	if _, err := conn.Write([]byte(head.String())); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("take over connection: %w", err), conn.Close())
	}
	return conn, buffered, nil
}
