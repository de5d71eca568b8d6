package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/api/version"
)

// Request is what a handler is given. Context ends when the client leaves, when the daemon stops, and when the handler
// returns. Body is the request's own, for calls that take a tar stream.
type Request struct {
	*http.Request
	// Version is the client's. Handlers do not compare it: they ask Trait.
	Version version.Version

	server *Server
	out    *response
	route  *bound
	values []string
	query  url.Values // in the newest form
	sent   url.Values // as the client wrote it
	stream *MessageStream
}

// Var returns the part of the path that stands for {name} or {name...}, decoded; empty for a name the path has not.
func (r *Request) Var(name string) string {
	if i := slices.Index(r.route.names, name); i >= 0 {
		return r.values[i]
	}
	return ""
}

// Query is the query in the newest form. Handlers may change it; nobody else reads it.
func (r *Request) Query() url.Values { return r.query }

// Bool reads a switch of the query: false when absent or "", "0", "no", "false" or "none" in any case, true otherwise,
// as engines have done since 1.7. Every value is accepted (versions.md, section 1): the error is nil.
func (r *Request) Bool(name string) (bool, error) { return r.BoolOr(name, false) }

// BoolOr is Bool with def for a parameter that is absent or empty.
func (r *Request) BoolOr(name string, def bool) (bool, error) {
	switch strings.ToLower(strings.TrimSpace(r.query.Get(name))) {
	case "":
		return def, nil
	case "0", "no", "false", "none":
		return false, nil
	default:
		return true, nil
	}
}

// Int reads a decimal number of the query, def when it is absent or empty; errs.ErrInvalid when it is none.
func (r *Request) Int(name string, def int) (int, error) {
	value := r.query.Get(name)
	if value == "" {
		return def, nil
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		return 0, fmt.Errorf("bad parameter %s=%q: want a number: %w", name, value, errs.ErrInvalid)
	}
	return n, nil
}

// Filters reads the parameter "filters" in both of its forms, a map of lists and a map of sets, at every version; the
// values of a term are sorted. It is empty, not nil, without filters, and errs.ErrInvalid when they cannot be read.
func (r *Request) Filters() (map[string][]string, error) { return filters(r.query) }

// Trait reports whether a behaviour that package codec lists holds for this call at the client's version.
func (r *Request) Trait(name string) bool {
	return slices.Contains(r.route.codec.Traits(r.Version), name)
}

// Decode reads a JSON body, lifts it to the newest form and stores it in v. An empty body, and null, leave v as it is;
// fields v does not have are passed over.
//
// It is errs.ErrInvalid when the body is not declared application/json, is no JSON, holds more than one value or one
// of the wrong type; status 413 when it is larger than [Config.MaxJSON]; errs.ErrUnavailable when it does not come
// within [Config.BodyTimeout].
func (r *Request) Decode(v any) error {
	body, err := r.readBody()
	if err != nil || len(body) == 0 {
		return err
	}
	if err := checkJSONType(r.Header.Get("Content-Type")); err != nil {
		return err
	}
	return r.decode(body, v)
}

// DecodeUntyped is Decode for a body that need not be declared JSON.
func (r *Request) DecodeUntyped(v any) error {
	body, err := r.readBody()
	if err != nil || len(body) == 0 {
		return err
	}
	return r.decode(body, v)
}

// DecodeQuery is Decode for JSON that comes in a parameter of the query instead of the body. Without it v stays as it is.
func (r *Request) DecodeQuery(name string, v any) error {
	value := strings.TrimSpace(r.query.Get(name))
	if value == "" {
		return nil
	}
	if err := r.decode([]byte(value), v); err != nil {
		return fmt.Errorf("bad parameter %s: %w", name, err)
	}
	return nil
}

func (r *Request) decode(body []byte, v any) error {
	body, err := r.raise(body)
	if err != nil {
		return fmt.Errorf("invalid JSON: %w: %w", err, errs.ErrInvalid)
	}
	d := json.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("invalid JSON: %s: %w", explain(err), errs.ErrInvalid)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("invalid JSON: unexpected content after the value: %w", errs.ErrInvalid)
	}
	return nil
}

// readBody reads all of the body within the bounds, and returns it without white space around.
func (r *Request) readBody() ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	cfg := &r.server.cfg
	// A writer that knows no deadlines is a test's.
	control := http.NewResponseController(r.out)
	_ = control.SetReadDeadline(time.Now().Add(cfg.BodyTimeout))
	body, err := io.ReadAll(io.LimitReader(r.Body, cfg.MaxJSON+1))
	switch {
	case err != nil && isTimeout(err):
		return nil, fmt.Errorf("request body did not come within %s: %w", cfg.BodyTimeout, errs.ErrUnavailable)
	case err != nil:
		return nil, fmt.Errorf("read request body: %w: %w", err, errs.ErrInvalid)
	case int64(len(body)) > cfg.MaxJSON:
		return nil, Status(http.StatusRequestEntityTooLarge, fmt.Errorf("request body is larger than %d bytes", cfg.MaxJSON))
	}
	_ = control.SetReadDeadline(time.Time{})
	return bytes.TrimSpace(body), nil
}
