package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/http"
	"os"
	"reflect"
	"strings"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/api/version"
)

// NotModified, returned by a handler, answers 304: the object is in the wanted state already.
var NotModified = Status(http.StatusNotModified, errors.New("not modified"))

// ErrNoSwarm is the answer of calls that only a node of a swarm has: a lone engine's. Clients look for its beginning.
var ErrNoSwarm = errs.Errorf(errs.ErrUnavailable, "This node is not a swarm manager. cleatd has no swarm mode")

// errNotFound is the answer for a path that is no route, or not with this method.
var errNotFound = fmt.Errorf("page not found: %w", errs.ErrNotFound)

// statusError carries a code outside the six classes.
type statusError struct {
	code int
	err  error
}

func (e *statusError) Error() string { return e.err.Error() }
func (e *statusError) Unwrap() error { return e.err }

// Status gives err a status code where its class has not the one the contract demands, such as 406 or 500 for what is
// the client's fault. It goes before the class and is found when wrapped.
func Status(code int, err error) error {
	if err == nil {
		return nil
	}
	return &statusError{code: code, err: err}
}

// statusOf returns the status code for an error of a handler.
func statusOf(err error) int {
	var own *statusError
	if errors.As(err, &own) {
		return own.code
	}
	if errs.Forbidden(err) {
		return http.StatusForbidden
	}
	return errs.Status(err)
}

// text is the message of an error without the name of its class at the end: the status says it, and engines do not.
func text(err error) string {
	message := err.Error()
	if class := errs.Class(err); class != nil {
		if short := strings.TrimSuffix(message, ": "+class.Error()); short != "" {
			return short
		}
	}
	return message
}

// writeError answers with an error in the form of the version, text or JSON.
func writeError(w http.ResponseWriter, v version.Version, err error) {
	code := statusOf(err)
	if code == http.StatusNotModified || code == http.StatusNoContent {
		w.WriteHeader(code)
		return
	}
	h := w.Header()
	h.Del("Content-Length")
	if textErrors(v) {
		http.Error(w, text(err), code)
		return
	}
	h.Set("Content-Type", "application/json")
	w.WriteHeader(code)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(map[string]string{"message": text(err)}) // the client has gone; the caller notices too
}

// gone reports whether an error only says that the client is not there any more.
func gone(ctx context.Context, err error) bool {
	return ctx.Err() != nil && errors.Is(err, context.Canceled)
}

func isTimeout(err error) bool {
	var network net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &network) && network.Timeout()
}

// checkJSONType applies the rule of the document: a body is application/json.
func checkJSONType(header string) error {
	kind, _, err := mime.ParseMediaType(header)
	if err != nil && header != "" {
		return fmt.Errorf("malformed Content-Type header (%s): %w", header, errs.ErrInvalid)
	}
	if kind != "application/json" {
		return fmt.Errorf("unsupported Content-Type header (%s): must be 'application/json': %w", header, errs.ErrInvalid)
	}
	return nil
}

// explain says what is wrong with JSON in the client's terms, not in those of our types.
func explain(err error) string {
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return err.Error()
	}
	what := fmt.Sprintf("got %s, want %s", wrong.Value, wanted(wrong.Type))
	if number, ok := strings.CutPrefix(wrong.Value, "number "); ok && wanted(wrong.Type) == "number" {
		what = "the number " + number + " is out of range"
	}
	if wrong.Field != "" {
		what = "field " + wrong.Field + ": " + what
	}
	return what
}

// wanted is what JSON calls a type.
func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		return "object"
	case reflect.Slice, reflect.Array:
		return "array"
	case reflect.Pointer:
		return wanted(t.Elem())
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "string"
	default:
		return "number"
	}
}
