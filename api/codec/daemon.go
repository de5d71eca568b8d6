package codec

import (
	"fmt"
	"net/url"
	"slices"

	"github.com/cleat-dev/cleat/api/version"
)

// Trait is a behaviour of a call, not of a body, that differs between versions. The daemon's handlers ask for it by
// name instead of comparing versions; doc.go lists all of them with their sources.
type Trait struct {
	// Name by which a handler asks.
	Name string
	// Since is the first version that has the trait, Until the first that has not; zero: no bound.
	Since, Until version.Version
	// What is done where the trait holds.
	What string
}

// Holds reports whether a request of version v has the trait.
func (t Trait) Holds(v version.Version) bool {
	return !v.Before(t.Since) && (t.Until.IsZero() || v.Before(t.Until))
}

// Traits returns the names of the traits that hold for a call of version v, in the order of the tables. A nil Route,
// which is a call without differences, has those that hold for every call.
func (r *Route) Traits(v version.Version) []string {
	traits := commonTraits
	if r != nil {
		traits = slices.Concat(commonTraits, r.Special)
	}
	var names []string
	for _, trait := range traits {
		if trait.Holds(v) {
			names = append(names, trait.Name)
		}
	}
	return names
}

// Raise lifts what a client of version from asked: q in place, body as the result. A body that is empty, or of a call
// whose body is no JSON, comes back as it is; one that cannot be read is errs.ErrInvalid's business, the error says
// why. A nil Route raises nothing but the filters' form, which the daemon accepts in both (remote-api-v1.18, "filters").
func (r *Route) Raise(from version.Version, q url.Values, body []byte) ([]byte, error) {
	if r == nil {
		return body, nil
	}
	for _, step := range r.Query {
		if step.Up != nil && from.Before(step.Since) {
			step.Up(q)
		}
	}
	if !r.Request.Changes(from) {
		return body, nil
	}
	raised, err := r.Request.Up(body, from)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", r.Method, r.Pattern, err)
	}
	return raised, nil
}

// Answer lowers an answer, or one object of a stream, for a client of version to that sent the query q: by
// Response.Down and by what the query itself decides, such as digests=1. q is the query as the client sent it. An
// object of a stream that the version does not know comes back empty and is not sent.
func (r *Route) Answer(to version.Version, q url.Values, body []byte) ([]byte, error) {
	if !r.Lowers(to) {
		return body, nil
	}
	lowered, err := r.Response.convert(body, func(value any) any {
		value = r.Response.down(value, to)
		for _, step := range r.Asked {
			if to.Before(step.Until) {
				each(r.Response.Kind, value, func(o Object) { step.Down(o, q) })
			}
		}
		return value
	})
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", r.Method, r.Pattern, err)
	}
	return lowered, nil
}

// Lowers reports whether Answer does anything for version to, so that a large answer need not be decoded in vain.
func (r *Route) Lowers(to version.Version) bool {
	return r != nil && r.Response.Changes(to)
}

// AskedStep is a part of an answer that older versions have only when the query asks for it.
type AskedStep struct {
	// Until is the first version with the newer form.
	Until version.Version
	// What the difference is, in a few words.
	What string
	// Down is given the answer's object and the query as sent.
	Down func(o Object, q url.Values)
}
