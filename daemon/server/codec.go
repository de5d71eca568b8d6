package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"

	"github.com/cleat-dev/cleat/api/codec"
	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/api/version"
)

// What follows is all the server knows of package codec: the query is lifted before the handler runs, the body when it
// is decoded, and what is answered is lowered object by object.

// raiseQuery returns the query in the newest form, as a copy.
func raiseQuery(r *Request) (url.Values, error) {
	query := make(url.Values, len(r.sent))
	for key, values := range r.sent {
		query[key] = append([]string(nil), values...)
	}
	if _, err := r.route.codec.Raise(r.Version, query, nil); err != nil {
		return nil, fmt.Errorf("%w: %w", err, errs.ErrInvalid)
	}
	return query, nil
}

// textErrors reports whether an error is its text in that version, and not JSON.
func textErrors(v version.Version) bool {
	var every *codec.Route // the trait holds for calls without differences too
	return slices.Contains(every.Traits(v), "text-errors")
}

// raise lifts a JSON body.
func (r *Request) raise(body []byte) ([]byte, error) {
	return r.route.codec.Raise(r.Version, url.Values{}, body) //nolint:wrapcheck // Decode says what it is about
}

// lower writes v as JSON in the form of the client's version, ended by a newline. An object of a stream the version
// does not know is empty.
func (r *Request) lower(v any) ([]byte, error) {
	newest, err := plain(v)
	if err != nil || !r.route.codec.Lowers(r.Version) {
		return newest, err
	}
	lowered, err := r.route.codec.Answer(r.Version, r.sent, newest)
	if err != nil {
		return nil, fmt.Errorf("answer for version %s: %w", r.Version, err)
	}
	return lowered, nil
}

// plain writes v as JSON as it is, ended by a newline; < and & are not escaped, as engines do not.
func plain(v any) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("encode answer: %w", err)
	}
	return out.Bytes(), nil
}

// filters reads the parameter of that name in both of its forms.
func filters(q url.Values) (map[string][]string, error) {
	raw := q.Get("filters")
	if raw == "" || raw == "null" {
		return map[string][]string{}, nil
	}
	found := codec.Filters(q)
	if found == nil {
		return nil, fmt.Errorf(`invalid filter %q: want {"term":["value"]}: %w`, raw, errs.ErrInvalid)
	}
	return found, nil
}
