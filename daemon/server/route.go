package server

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/cleat-dev/cleat/api/codec"
	"github.com/cleat-dev/cleat/api/version"
)

// Handler answers a request. See the package comment for what its error becomes.
type Handler func(w http.ResponseWriter, r *Request) error

// Route is one call of the API.
type Route struct {
	// Method is the only one the route takes; HEAD is not implied by GET.
	Method string
	// Path below the version. {x} stands for one segment, {x...} for one or more, at most one of the latter in a
	// path. Literal segments go before {x}, those before {x...}.
	Path string
	// Handle answers.
	Handle Handler
	// Since is the first version with the call, Until the first without; zero: no bound. Outside, the call is 404.
	Since, Until version.Version
	// Endless marks calls that last as long as the client likes (attach, events, following logs, wait): their context
	// ends at once when the daemon is told to stop, while other calls may finish.
	Endless bool
	// Doc is the heading of the call in remote-api-v1.18.md; empty when that document does not have it.
	Doc string
}

// bound is a route with what is found out once.
type bound struct {
	Route
	names []string     // of variables, in the order of the path
	codec *codec.Route // nil when the call is the same in all versions
}

// node is one place in the tree of paths.
type node struct {
	literal map[string]*node
	one     *node               // {x}
	rest    []tail              // {x...} and what is behind it, longest first
	routes  map[string][]*bound // by method
}

// tail is the fixed end of a path behind {x...}.
type tail struct {
	segments []string
	routes   map[string][]*bound
}

// add puts a route into the tree.
func (n *node) add(route Route) error {
	if route.Handle == nil || route.Method == "" || !strings.HasPrefix(route.Path, "/") {
		return fmt.Errorf("route %s %q: it needs a method, a path from / and a handler", route.Method, route.Path)
	}
	b := &bound{Route: route}
	b.codec, _ = codec.Find(route.Method, route.Path) // a pattern matches itself
	segments := strings.Split(route.Path[1:], "/")
	at := n
	for i, segment := range segments {
		name, variable := strings.CutPrefix(segment, "{")
		name, closed := strings.CutSuffix(name, "}")
		if variable != closed || segment == "" {
			return fmt.Errorf("route %s %q: segment %q", route.Method, route.Path, segment)
		}
		if !variable {
			at = at.child(segment)
			continue
		}
		name, rest := strings.CutSuffix(name, "...")
		b.names = append(b.names, name)
		if rest {
			return at.addTail(segments[i+1:], b)
		}
		if at.one == nil {
			at.one = &node{}
		}
		at = at.one
	}
	return put(&at.routes, b)
}

func (n *node) child(segment string) *node {
	if n.literal == nil {
		n.literal = map[string]*node{}
	}
	if n.literal[segment] == nil {
		n.literal[segment] = &node{}
	}
	return n.literal[segment]
}

func (n *node) addTail(segments []string, b *bound) error {
	for _, segment := range segments {
		if strings.Contains(segment, "{") {
			return fmt.Errorf("route %s %q: no variable may follow {x...}", b.Method, b.Path)
		}
	}
	at := len(n.rest)
	for i, t := range n.rest {
		if strings.Join(t.segments, "/") == strings.Join(segments, "/") {
			return put(&n.rest[i].routes, b)
		}
		if len(t.segments) < len(segments) {
			at = min(at, i)
		}
	}
	t := tail{segments: segments}
	n.rest = append(n.rest[:at:at], append([]tail{t}, n.rest[at:]...)...)
	return put(&n.rest[at].routes, b)
}

// put refuses a second route for the same call and version.
func put(routes *map[string][]*bound, b *bound) error {
	if *routes == nil {
		*routes = map[string][]*bound{}
	}
	for _, other := range (*routes)[b.Method] {
		apart := !b.Until.IsZero() && !other.Since.Before(b.Until) || !other.Until.IsZero() && !b.Since.Before(other.Until)
		if !apart {
			return fmt.Errorf("route %s %q is there twice for the same version", b.Method, b.Path)
		}
	}
	(*routes)[b.Method] = append((*routes)[b.Method], b)
	return nil
}

// find returns the route for a call, nil when there is none, and the values of its variables. A zero version finds a
// route of any version.
func (n *node) find(method string, segments []string, v version.Version, values []string) (*bound, []string) {
	if len(segments) == 0 {
		return pick(n.routes, method, v), values
	}
	first := segments[0]
	if next := n.literal[first]; next != nil {
		if b, got := next.find(method, segments[1:], v, values); b != nil {
			return b, got
		}
	}
	if n.one != nil && first != "" {
		if b, got := n.one.find(method, segments[1:], v, append(values, first)); b != nil {
			return b, got
		}
	}
	for _, t := range n.rest {
		end := len(segments) - len(t.segments)
		if end < 1 || !equal(segments[end:], t.segments) {
			continue
		}
		if b := pick(t.routes, method, v); b != nil && !hasEmpty(segments[:end]) {
			return b, append(values, strings.Join(segments[:end], "/"))
		}
	}
	return nil, nil
}

func pick(routes map[string][]*bound, method string, v version.Version) *bound {
	for _, b := range routes[method] {
		if v.IsZero() || !v.Before(b.Since) && (b.Until.IsZero() || v.Before(b.Until)) {
			return b
		}
	}
	return nil
}

func equal(a, b []string) bool {
	for i := range b {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func hasEmpty(segments []string) bool {
	for _, s := range segments {
		if s == "" {
			return true
		}
	}
	return false
}

// split returns the segments of a path, decoded one by one: %2F in a name is not a separator.
func split(u *url.URL) []string {
	if u.RawPath == "" {
		return strings.Split(strings.TrimPrefix(u.Path, "/"), "/")
	}
	segments := strings.Split(strings.TrimPrefix(u.RawPath, "/"), "/")
	for i, s := range segments {
		if plain, err := url.PathUnescape(s); err == nil { // RawPath was parsed already
			segments[i] = plain
		}
	}
	return segments
}
