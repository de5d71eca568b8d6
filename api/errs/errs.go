// Package errs names the six classes every error of cleat belongs to, for the client that receives them from an
// engine and for the daemon that sends them.
//
// The classes are containerd's sentinels, which the Docker client library gives its errors too, so errors.Is works
// on them without any conversion. [Class] folds the rest of containerd's sentinels, and connection failures, into
// the six.
package errs

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"

	cerrdefs "github.com/containerd/errdefs"
	moby "github.com/moby/moby/client"
)

// The six classes.
var (
	// ErrNotFound: the object does not exist (404).
	ErrNotFound = cerrdefs.ErrNotFound
	// ErrConflict: the object's state, or another object, forbids the request (409).
	ErrConflict = cerrdefs.ErrConflict
	// ErrInvalid: the request itself is wrong; sending it again is useless (400).
	ErrInvalid = cerrdefs.ErrInvalidArgument
	// ErrUnauthorized: credentials are missing or refused (401).
	ErrUnauthorized = cerrdefs.ErrUnauthenticated
	// ErrUnavailable: engine or registry cannot be reached or is not ready; later it may work (503).
	ErrUnavailable = cerrdefs.ErrUnavailable
	// ErrInternal: everything else; the fault is on the other side (500).
	ErrInternal = cerrdefs.ErrInternal
)

// classed is an error whose text is its own alone.
type classed struct {
	text  string
	class error
}

func (e *classed) Error() string { return e.text }
func (e *classed) Unwrap() error { return e.class }

// Errorf returns an error of a class whose text is exactly the formatted one: clients of engines match on some texts,
// and the words of a class at their end would be in the way. Operands are formatted, never wrapped.
func Errorf(class error, format string, args ...any) error {
	return &classed{fmt.Sprintf(format, args...), class}
}

// folded maps other sentinels to their class, in the order they are tried.
var folded = []struct{ from, to error }{
	{cerrdefs.ErrAlreadyExists, ErrConflict},
	{cerrdefs.ErrFailedPrecondition, ErrConflict},
	{cerrdefs.ErrAborted, ErrConflict},
	{cerrdefs.ErrOutOfRange, ErrInvalid},
	{cerrdefs.ErrNotImplemented, ErrInvalid},
	{cerrdefs.ErrPermissionDenied, ErrUnauthorized},
	{cerrdefs.ErrResourceExhausted, ErrUnavailable},
}

// Class returns the class of err, one of the six; nil for nil. An error of no known class is ErrInternal, a network
// error or a deadline is ErrUnavailable.
func Class(err error) error {
	if err == nil {
		return nil
	}
	for _, class := range []error{ErrNotFound, ErrConflict, ErrInvalid, ErrUnauthorized, ErrUnavailable, ErrInternal} {
		if errors.Is(err, class) {
			return class
		}
	}
	for _, f := range folded {
		if errors.Is(err, f.from) {
			return f.to
		}
	}
	if moby.IsErrConnectionFailed(err) || ofNetwork(err) || errors.Is(err, context.DeadlineExceeded) {
		return ErrUnavailable
	}
	return ErrInternal
}

// ofNetwork reports whether an error is of the way to somebody. A system call's error has the methods of one whatever it is
// about, a full disk included.
func ofNetwork(err error) bool {
	var network net.Error
	if !errors.As(err, &network) {
		return false
	}
	_, alone := network.(syscall.Errno) //nolint:errorlint // what errors.As has found
	return !alone
}

// Status returns the HTTP status code for err's class; 200 for nil.
func Status(err error) int {
	switch Class(err) {
	case nil:
		return http.StatusOK
	case ErrNotFound:
		return http.StatusNotFound
	case ErrConflict:
		return http.StatusConflict
	case ErrInvalid:
		return http.StatusBadRequest
	case ErrUnauthorized:
		return http.StatusUnauthorized
	case ErrUnavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}
