package codec

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// object returns o[key] when it is an object; nil, which reads as empty, otherwise.
func object(o Object, key string) Object {
	inner, _ := o[key].(Object)
	return inner
}

// ensure returns o[key] as an object, making it when it is absent or null. It is nil for a value of another kind.
func ensure(o Object, key string) Object {
	if o == nil {
		return nil
	}
	if o[key] == nil {
		o[key] = Object{}
	}
	return object(o, key)
}

func text(o Object, key string) string {
	s, _ := o[key].(string)
	return s
}

func isTrue(o Object, key string) bool {
	b, _ := o[key].(bool)
	return b
}

// isSet reports whether a value says anything: not null, zero, false, "" or empty.
func isSet(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		return v != ""
	case json.Number:
		n, err := v.Float64()
		return err != nil || n != 0
	case []any:
		return len(v) > 0
	case Object:
		return len(v) > 0
	default:
		return true
	}
}

// move puts from[key] to to[name] unless that is set already; from loses the key in any case.
func move(from Object, key string, to Object, name string) {
	if from == nil || to == nil {
		return
	}
	v, ok := from[key]
	if !ok {
		return
	}
	delete(from, key)
	if isSet(v) && !isSet(to[name]) {
		to[name] = v
	}
}

var (
	bareID   = regexp.MustCompile(`^[0-9a-f]{64}$`)
	digestID = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
)

// addDigest gives an image id its algorithm, which engines before 1.22 leave out.
func addDigest(keys ...string) func(Object) {
	return func(o Object) {
		for _, key := range keys {
			if id := text(o, key); bareID.MatchString(id) {
				o[key] = "sha256:" + id
			}
		}
	}
}

// dropDigest is the reverse of addDigest.
func dropDigest(keys ...string) func(Object) {
	return func(o Object) {
		for _, key := range keys {
			if id := text(o, key); digestID.MatchString(id) {
				o[key] = BareID(id)
			}
		}
	}
}

// BareID is an image's id as engines before 1.22 know it; anything but an id stays.
func BareID(ref string) string {
	if digestID.MatchString(ref) {
		return strings.TrimPrefix(ref, "sha256:")
	}
	return ref
}

func hasKey(key string) func(Object) bool {
	return func(o Object) bool { _, ok := o[key]; return ok }
}

// shortID is how many digits of an id engines before 1.7 show.
const shortID = 12

// shorten cuts ids to those digits; what is no id stays.
func shorten(keys ...string) func(Object) {
	return func(o Object) {
		for _, key := range keys {
			if id := text(o, key); bareID.MatchString(id) {
				o[key] = id[:shortID]
			}
		}
	}
}

func remove(keys ...string) func(Object) {
	return func(o Object) {
		for _, key := range keys {
			delete(o, key)
		}
	}
}

// only drops every key but the given ones.
func only(o Object, keys ...string) {
	for key := range o {
		if !slices.Contains(keys, key) {
			delete(o, key)
		}
	}
}

// renameIn gives keys of an inner object other names, old to new; a name that is taken stays.
func renameIn(inner string, names map[string]string) func(Object) {
	return func(o Object) { rename(object(o, inner), names) }
}

func rename(o Object, names map[string]string) {
	for old, name := range names {
		if value, ok := o[old]; ok && o[name] == nil {
			o[name] = value
			delete(o, old)
		}
	}
}

func reverse(names map[string]string) map[string]string {
	out := make(map[string]string, len(names))
	for from, to := range names {
		out[to] = from
	}
	return out
}

// documented reduces the answer to the keys a version's document has.
func documented(keys ...string) func(Object) {
	return func(o Object) { only(o, keys...) }
}

// defaults sets what is absent or null. Lists and objects given are empty ones; every answer gets its own.
func defaults(values Object) func(Object) {
	return func(o Object) {
		if o == nil {
			return
		}
		for key, value := range values {
			if o[key] != nil {
				continue
			}
			switch value.(type) {
			case []any:
				o[key] = []any{}
			case Object:
				o[key] = Object{}
			default:
				o[key] = value
			}
		}
	}
}

// number is a JSON number.
func number(n string) json.Number { return json.Number(n) }

// integer reads a JSON number; 0 for anything else.
func integer(v any) int64 {
	n, _ := v.(json.Number)
	i, err := n.Int64()
	if err != nil {
		return 0
	}
	return i
}

func integerNumber(n int64) json.Number { return json.Number(strconv.FormatInt(n, 10)) }
