package client

import (
	"net/http"
	"strings"
)

// serial lets the changes of image names go to the engine one at a time. Podman before 5 writes the list of an image's
// names from a copy it read before, so of two changes under way at once to names of one image it loses one, and
// answers both with success. Which names are of one image only the engine knows, so all of them wait for each other.
type serial struct {
	next http.RoundTripper
	base string
	// turn has room for one: who put it in may send.
	turn chan struct{}
}

func newSerial(next http.RoundTripper, base string) *serial {
	return &serial{next: next, base: base, turn: make(chan struct{}, 1)}
}

// RoundTrip ends the turn with the header of the answer: the engine sends it when the change is made.
func (s *serial) RoundTrip(req *http.Request) (*http.Response, error) {
	if _, rest := splitVersion(req.URL.Path, s.base); !changesNames(req.Method, rest) {
		return s.next.RoundTrip(req)
	}
	select {
	case s.turn <- struct{}{}:
	case <-req.Context().Done():
		if req.Body != nil { // a RoundTripper closes it, also on errors
			_ = req.Body.Close()
		}
		return nil, req.Context().Err()
	}
	defer func() { <-s.turn }()
	return s.next.RoundTrip(req)
}

// changesNames reports whether a call only gives or takes names of images. An image's name has slashes. Pulls, builds
// and commits name images as well; they take too long to wait for each other, and what they name is mostly new.
func changesNames(method, rest string) bool {
	if !strings.HasPrefix(rest, "/images/") {
		return false
	}
	return method == http.MethodDelete || method == http.MethodPost && strings.HasSuffix(rest, "/tag")
}
