package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/cleat-dev/cleat/api/codec"
	"github.com/cleat-dev/cleat/api/version"
)

// newest is the version from which on nothing is converted.
var newest = version.Of(1, 44)

// convert speaks an older version of the API than moby's client does, by the steps of api/codec.
type convert struct {
	next http.RoundTripper
	base string
	// spoken is the engine's version.
	spoken version.Version
}

func (c *convert) RoundTrip(req *http.Request) (*http.Response, error) {
	given, rest := splitVersion(req.URL.Path, c.base)
	if given == "" {
		return c.next.RoundTrip(req)
	}
	route, values := codec.Find(req.Method, rest)
	query := req.URL.Query()
	body, err := c.readBody(req, route)
	if err != nil {
		return nil, err
	}
	out := req.WithContext(req.Context())
	if route != nil {
		if err := route.Check(c.spoken, query, body); err != nil {
			closeBody(req)
			return refusal(req, err), nil
		}
		if rest, body, err = route.Lower(c.spoken, rest, values, query, body); err != nil {
			closeBody(req)
			return nil, err
		}
	}
	keep := c.lowerEvents(rest, query)
	codec.LowerQuery(query, c.spoken)
	out.URL = c.url(req.URL, rest, query)
	if body != nil {
		setBody(out, body)
	}
	if id, ok := waitFor(req.Method, rest); ok && c.spoken.Before(version.Of(1, 30)) {
		return c.wait(out, id, query.Get("condition"))
	}
	resp, err := c.next.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	resp.Request = req
	if err := c.lift(resp, route, values, keep); err != nil {
		return nil, errors.Join(err, resp.Body.Close())
	}
	return resp, nil
}

func (c *convert) url(given *url.URL, rest string, query url.Values) *url.URL {
	u := *given
	u.Path, u.RawPath, u.RawQuery = c.base+"/v"+c.spoken.String()+rest, "", query.Encode()
	return &u
}

// get asks the engine something more on behalf of req.
func (c *convert) get(req *http.Request, rest string, query url.Values) (*http.Response, error) {
	more := &http.Request{Method: http.MethodGet, URL: c.url(req.URL, rest, query), Header: http.Header{}}
	more.Header.Set("User-Agent", req.Header.Get("User-Agent"))
	return c.next.RoundTrip(more.WithContext(req.Context()))
}

// readBody returns the JSON of a request that may have to be changed or refused, else nil.
func (c *convert) readBody(req *http.Request, route *codec.Route) ([]byte, error) {
	if route == nil || req.Body == nil || req.Body == http.NoBody {
		return nil, nil
	}
	if len(route.Fields) == 0 && !route.Request.Changes(c.spoken) {
		return nil, nil
	}
	body, err := io.ReadAll(req.Body)
	return body, errors.Join(err, req.Body.Close())
}

func setBody(req *http.Request, body []byte) {
	req.Body = io.NopCloser(bytes.NewReader(body))
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	req.ContentLength = int64(len(body))
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}

// lowerEvents takes the filter "type" off, which engines before 1.22 do not know, and returns it as a function.
func (c *convert) lowerEvents(rest string, query url.Values) func(codec.Object) bool {
	if rest != "/events" || !c.spoken.Before(version.Of(1, 22)) {
		return nil
	}
	filters := codec.Filters(query)
	types, ok := filters["type"]
	if !ok {
		return nil
	}
	delete(filters, "type")
	codec.SetFilters(query, filters, c.spoken)
	return func(event codec.Object) bool {
		for _, wanted := range types {
			if event["Type"] == wanted {
				return true
			}
		}
		return false
	}
}

// lift brings an answer to the form of the version the library asked in.
func (c *convert) lift(resp *http.Response, route *codec.Route, values map[string]string, keep func(codec.Object) bool) error {
	if resp.StatusCode >= http.StatusBadRequest {
		return c.liftError(resp)
	}
	if route == nil || resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusCreated {
		return nil
	}
	shape := route.Response
	switch {
	case !shape.Changes(c.spoken) || resp.Request.Method == http.MethodHead:
		return nil
	case shape.Kind == codec.Stream:
		resp.Body = &liftedStream{ReadCloser: resp.Body, from: shape.UpStream(resp.Body, c.spoken, keep)}
		resp.ContentLength = -1
		resp.Header.Del("Content-Length")
		return nil
	}
	body, err := readAll(resp)
	if err != nil {
		return err
	}
	if body, err = shape.UpTo(body, c.spoken, newest); err != nil {
		return err
	}
	if shape == codec.ImageInspect && c.spoken.Before(version.Of(1, 21)) {
		if body, err = c.addTags(resp.Request, body); err != nil {
			return err
		}
	}
	replaceBody(resp, body)
	return nil
}

// liftError: before 1.24 errors were plain text.
func (c *convert) liftError(resp *http.Response) error {
	if !c.spoken.Before(version.Of(1, 24)) || strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		return nil
	}
	text, err := readAll(resp)
	if err != nil {
		return err
	}
	replaceBody(resp, message(strings.TrimSpace(string(text))))
	resp.Header.Set("Content-Type", "application/json")
	return nil
}

// addTags fills RepoTags and RepoDigests, which only the list has below 1.21.
func (c *convert) addTags(req *http.Request, body []byte) ([]byte, error) {
	var image map[string]json.RawMessage
	if err := json.Unmarshal(body, &image); err != nil || image["RepoTags"] != nil {
		return body, nil // newer engines have them at every version
	}
	resp, err := c.get(req, "/images/json", url.Values{"all": {"1"}, "digests": {"1"}})
	if err != nil {
		return nil, err
	}
	raw, err := readAll(resp)
	if err != nil || resp.StatusCode != http.StatusOK {
		return body, err
	}
	if raw, err = codec.ImageList.UpTo(raw, c.spoken, newest); err != nil {
		return nil, err
	}
	var rows []map[string]json.RawMessage
	if err := json.Unmarshal(raw, &rows); err != nil {
		return nil, err
	}
	for _, row := range rows {
		if bytes.Equal(row["Id"], image["Id"]) {
			image["RepoTags"], image["RepoDigests"] = orEmpty(row["RepoTags"]), orEmpty(row["RepoDigests"])
		}
	}
	return json.Marshal(image)
}

func orEmpty(list json.RawMessage) json.RawMessage {
	if len(list) == 0 {
		return json.RawMessage("[]")
	}
	return list
}

func readAll(resp *http.Response) ([]byte, error) {
	body, err := io.ReadAll(resp.Body)
	return body, errors.Join(err, resp.Body.Close())
}

func replaceBody(resp *http.Response, body []byte) {
	resp.Body = io.NopCloser(bytes.NewReader(body))
	resp.ContentLength = int64(len(body))
	resp.Header.Del("Content-Length")
	resp.TransferEncoding = nil
}

func message(text string) []byte {
	body, err := json.Marshal(map[string]string{"message": text})
	if err != nil { // a map of strings always marshals
		return []byte(`{"message":""}`)
	}
	return body
}

// refusal is an answer no engine gave: 400, which moby's client makes errs.ErrInvalid.
func refusal(req *http.Request, err error) *http.Response {
	resp := &http.Response{
		Status: "400 Bad Request", StatusCode: http.StatusBadRequest, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, Request: req,
	}
	replaceBody(resp, message(err.Error()))
	return resp
}

// liftedStream hands on converted values as they come.
type liftedStream struct {
	io.ReadCloser
	from *codec.Decoder
	rest []byte
}

func (s *liftedStream) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		line, err := s.from.Next()
		if err != nil {
			return 0, err
		}
		s.rest = line
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}
