package codec

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/cleat-dev/cleat/api/version"
)

// Object is a decoded JSON object. Numbers are json.Number.
type Object = map[string]any

// Step is one difference between two versions.
type Step struct {
	// Since is the first version with the newer form.
	Since version.Version
	// What the difference is, in a few words.
	What string
	// Up turns the older form into the newer one, Down the newer into the older; nil where there is nothing to do.
	Up, Down func(Object)
	// UpAll and DownAll are given the whole body, for forms that differ in more than the keys of its objects: UpAll
	// before Up, DownAll after Down. A Stream has none.
	UpAll, DownAll func(any) any
}

// Kind is how the objects of a body are arranged.
type Kind int

const (
	// One object.
	One Kind = iota
	// List is an array of objects.
	List
	// Stream is objects one after the other, sent as they happen.
	Stream
)

// Shape is a body in all its versions.
type Shape struct {
	// Name for messages and tests.
	Name string
	Kind Kind
	// Steps, in the order of lifting: the oldest first, and before all others what takes away a part that others read
	// when they lower.
	Steps []Step
	// Older reports whether an object has a form that no step can lower once more; nil when all steps can. A body with
	// such an object is not lowered.
	Older func(Object) bool
}

// Changes reports whether a body of version v differs from the newest one at all.
func (s *Shape) Changes(v version.Version) bool {
	if s == nil {
		return false
	}
	for _, step := range s.Steps {
		if v.Before(step.Since) {
			return true
		}
	}
	return false
}

// Up returns body, which has the form of version from, in the newest form.
func (s *Shape) Up(body []byte, from version.Version) ([]byte, error) {
	return s.convert(body, func(value any) any { return s.up(value, from, newest) })
}

// UpTo returns body, which has the form of version from, in that of the later version to.
func (s *Shape) UpTo(body []byte, from, to version.Version) ([]byte, error) {
	return s.convert(body, func(value any) any { return s.up(value, from, to) })
}

// Down returns body, which has the newest form, in the form of version to.
func (s *Shape) Down(body []byte, to version.Version) ([]byte, error) {
	return s.convert(body, func(value any) any { return s.down(value, to) })
}

// newest is after every step.
var newest = version.Of(1, math.MaxInt32)

func (s *Shape) up(value any, from, to version.Version) any {
	for _, step := range s.Steps {
		if !from.Before(step.Since) || to.Before(step.Since) {
			continue
		}
		if step.UpAll != nil {
			value = step.UpAll(value)
		}
		if step.Up != nil {
			each(s.Kind, value, step.Up)
		}
	}
	return value
}

func (s *Shape) down(value any, to version.Version) any {
	if s.isOlder(value) {
		return value
	}
	for _, step := range slices.Backward(s.Steps) {
		if !to.Before(step.Since) {
			continue
		}
		if step.Down != nil {
			each(s.Kind, value, step.Down)
		}
		if step.DownAll != nil {
			value = step.DownAll(value)
		}
	}
	return value
}

func (s *Shape) isOlder(value any) bool {
	if s.Older == nil {
		return false
	}
	older := func(value any) bool { o, ok := value.(Object); return ok && s.Older(o) }
	if list, ok := value.([]any); ok {
		return slices.ContainsFunc(list, older)
	}
	return older(value)
}

// convert applies fn to a body, to each value of a stream. A body without objects (null, an error's text in quotes)
// stays.
func (s *Shape) convert(body []byte, fn func(any) any) ([]byte, error) {
	if s == nil || len(bytes.TrimSpace(body)) == 0 {
		return body, nil
	}
	if s.Kind == Stream {
		return s.convertAll(body, func(o Object) { fn(o) })
	}
	value, err := decode(body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	return encode(fn(value))
}

func (s *Shape) convertAll(body []byte, fn func(Object)) ([]byte, error) {
	var out bytes.Buffer
	d := NewDecoder(bytes.NewReader(body), fn)
	for {
		line, err := d.Next()
		if errors.Is(err, io.EOF) {
			return out.Bytes(), nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
		out.Write(line)
	}
}

func each(kind Kind, value any, fn func(Object)) {
	switch value := value.(type) {
	case Object:
		if kind != List {
			fn(value)
		}
	case []any:
		if kind != List {
			return
		}
		for _, item := range value {
			if o, ok := item.(Object); ok {
				fn(o)
			}
		}
	}
}

// Decoder converts a stream of JSON values, each as soon as it has come.
type Decoder struct {
	json *json.Decoder
	fn   func(Object)
}

// NewDecoder reads values from r and applies fn to those that are objects.
func NewDecoder(r io.Reader, fn func(Object)) *Decoder {
	d := json.NewDecoder(r)
	d.UseNumber()
	return &Decoder{json: d, fn: fn}
}

// UpStream returns a decoder which lifts a stream of version from, and drops the objects keep refuses. keep may be nil.
func (s *Shape) UpStream(r io.Reader, from version.Version, keep func(Object) bool) *Decoder {
	return NewDecoder(r, func(o Object) {
		s.up(o, from, newest)
		if keep != nil && !keep(o) {
			clear(o)
		}
	})
}

// Next returns the next value with a newline behind it; io.EOF at the end. Objects left empty are passed over.
func (d *Decoder) Next() ([]byte, error) {
	for {
		var value any
		if err := d.json.Decode(&value); err != nil {
			return nil, err //nolint:wrapcheck // io.EOF must stay itself
		}
		if o, ok := value.(Object); ok {
			if d.fn(o); len(o) == 0 {
				continue
			}
		}
		return encode(value)
	}
}

func decode(body []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		return nil, fmt.Errorf("not JSON: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("not JSON: more than one value")
	}
	return value, nil
}

func encode(value any) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return out.Bytes(), nil
}
