package acctest

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Check is one column of the matrix in design/provider-conformance.md.
type Check string

// What a test can show of a resource type on an engine.
const (
	// Creates: an object was planned and made.
	Creates Check = "create"
	// Settles: a plan found nothing to do.
	Settles Check = "empty-plan"
	// Changes: a plan found an attribute declared otherwise, and what it made of it stayed. It has attributes.
	Changes Check = "changed"
	// Drifts: a plan found an attribute that somebody else changed, under an unchanged declaration. It has attributes;
	// that of an object which is gone is [Gone].
	Drifts Check = "drift"
	// ImportsID and ImportsName: an object was imported by its id, or by the name people know it by.
	ImportsID   Check = "import-id"
	ImportsName Check = "import-name"
	// TakesOver: an object of another provider's state was planned as it is.
	TakesOver Check = "take-over"
	// Refuses: the engine cannot have such objects, and the plan says so.
	Refuses Check = "refused"
)

// Gone stands for all attributes: there is no object any more.
const Gone = "*"

// Shown collects what a test shows of resource types on one engine, and says it in the test's output when the test
// ends. It counts only when the test passed: see test/conformance.
type Shown struct {
	mu    sync.Mutex
	found map[string]map[string]bool
}

// Shows returns what the test collects into.
func (e *Engine) Shows(tb testing.TB) *Shown {
	s := &Shown{found: map[string]map[string]bool{}}
	name := e.Name
	switch {
	case name == "swarm":
		name = "dockerd"
	case e.held:
		name += "-" + e.APIMax
	}
	tb.Cleanup(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, what := range slices.Sorted(maps.Keys(s.found)) {
			tb.Attr("shows", strings.Join(append([]string{name, what}, slices.Sorted(maps.Keys(s.found[what]))...), " "))
		}
	})
	return s
}

// Add notes what is shown of a type ("docker_volume").
func (s *Shown) Add(kind string, check Check, attributes ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	what := kind + " " + string(check)
	if s.found[what] == nil {
		s.found[what] = map[string]bool{}
	}
	for _, a := range attributes {
		s.found[what][a] = true
	}
}

// Change notes what a plan does to an object: before and after are its attributes as JSON has them, nil where there is no
// object, unknown is true in the place of what is not known yet. again says that the declaration is that of the plan before.
func (s *Shown) Change(kind string, before, after, unknown map[string]any, again bool) {
	check := Changes
	if again {
		check = Drifts
	}
	switch attributes := Differing(before, after, unknown); {
	case after == nil: // a removal shows nothing
	case before == nil && again:
		s.Add(kind, Drifts, Gone)
	case before == nil:
		s.Add(kind, Creates)
	case len(attributes) > 0:
		s.Add(kind, check, attributes...)
	}
}

// Import notes that an object was imported by what is given. Some are known by their id as well as by their name.
func (s *Shown) Import(kind, given string, object map[string]any) {
	named := given != object["id"]
	for _, name := range []string{"name", "target_image"} {
		named = named || given == object[name]
	}
	if named {
		s.Add(kind, ImportsName)
	}
	if given == object["id"] {
		s.Add(kind, ImportsID)
	}
}

// Differing are the attributes of which two objects have different values, those of blocks with their path
// ("ports.external"). Items of a block are compared as a whole: their order may be another one.
func Differing(before, after, unknown map[string]any) []string {
	found := map[string]bool{}
	differ("", []any{before}, []any{after}, unknown, found)
	return slices.Sorted(maps.Keys(found))
}

var attributeName = regexp.MustCompile(`^[a-z0-9_]+$`)

// differ compares the values objects have under each of their names.
func differ(path string, before, after []any, unknown any, found map[string]bool) {
	names := map[string]bool{}
	for _, v := range slices.Concat(before, after) {
		m, _ := v.(map[string]any)
		for name := range m {
			names[name] = true
		}
	}
	for name := range names {
		hidden := under(unknown, name)
		if hidden == true {
			continue
		}
		b, a := column(before, name), column(after, name)
		if slices.Equal(spelled(b), spelled(a)) {
			continue
		}
		switch bi, ai := items(b), items(a); {
		case !attributeName.MatchString(name): // a key of a map
			found[strings.TrimSuffix(path, ".")] = true
		case len(bi)+len(ai) > 0:
			differ(path+name+".", bi, ai, hidden, found)
		default:
			found[path+name] = true
		}
	}
}

// under is what is unknown below a name; of a list the first that says something.
func under(unknown any, name string) any {
	switch u := unknown.(type) {
	case map[string]any:
		return u[name]
	case []any:
		for _, item := range u {
			if v := under(item, name); v != nil {
				return v
			}
		}
	}
	return nil
}

// column are the values objects have under a name.
func column(objects []any, name string) []any {
	var out []any
	for _, o := range objects {
		if m, ok := o.(map[string]any); ok {
			out = append(out, m[name])
		}
	}
	return out
}

// spelled are the values that say something, in an order of their own.
func spelled(values []any) []string {
	var out []string
	for _, v := range values {
		text, err := json.Marshal(v)
		if err == nil && !slices.Contains([]string{"null", "false", "0", `""`, "[]", "{}"}, string(text)) {
			out = append(out, string(text))
		}
	}
	slices.Sort(out)
	return out
}

// items are the objects in values: of blocks and of maps.
func items(values []any) []any {
	var out []any
	for _, v := range values {
		switch v := v.(type) {
		case map[string]any:
			out = append(out, v)
		case []any:
			out = append(out, items(v)...)
		}
	}
	return out
}
