package schema

import (
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// fields counts which of the documented fields answers had, and which they had beyond.
type fields struct {
	documented, seen, beyond map[string]bool
}

func newFields() *fields {
	return &fields{documented: map[string]bool{}, seen: map[string]bool{}, beyond: map[string]bool{}}
}

// see notes the fields of answers to a GET.
func (f *fields) see(d *document, path string, values []any) {
	schema, err := d.answer("GET", path, 200)
	if err != nil || schema == nil {
		return
	}
	f.describe(path, schema, nil)
	for _, value := range values {
		f.walk(path, schema, value)
	}
}

// describe notes what a schema has. parents ends recursion.
func (f *fields) describe(at string, schema *openapi3.Schema, parents []*openapi3.Schema) {
	if slices.Contains(parents, schema) {
		return
	}
	parents = append(parents, schema)
	for _, part := range schema.AllOf {
		f.describe(at, part.Value, parents)
	}
	for name, property := range schema.Properties {
		f.documented[at+"."+name] = true
		f.describe(at+"."+name, property.Value, parents)
	}
	if schema.Items != nil {
		f.describe(at+"[]", schema.Items.Value, parents)
	}
	if extra := schema.AdditionalProperties.Schema; extra != nil {
		f.describe(at+".*", extra.Value, parents)
	}
}

func (f *fields) walk(at string, schema *openapi3.Schema, value any) {
	switch value := value.(type) {
	case []any:
		for _, item := range value {
			if schema.Items != nil {
				f.walk(at+"[]", schema.Items.Value, item)
			}
		}
	case object:
		for name, inner := range value {
			property, free := find(schema, name)
			switch {
			case property != nil:
				f.seen[at+"."+name] = true
				f.walk(at+"."+name, property, inner)
			case free != nil:
				f.walk(at+".*", free, inner)
			case !open(schema):
				f.beyond[at+"."+name] = true
			}
		}
	}
}

// find returns the schema of a property, or of those without a name of their own.
func find(schema *openapi3.Schema, name string) (property, free *openapi3.Schema) {
	if p := schema.Properties[name]; p != nil {
		return p.Value, nil
	}
	if extra := schema.AdditionalProperties.Schema; extra != nil {
		free = extra.Value
	}
	for _, part := range schema.AllOf {
		p, extra := find(part.Value, name)
		if p != nil {
			return p, nil
		}
		if extra != nil {
			free = extra
		}
	}
	return nil, free
}

// open reports whether a schema says nothing of what is in an object.
func open(schema *openapi3.Schema) bool {
	if len(schema.Properties) > 0 || schema.AdditionalProperties.Schema != nil {
		return false
	}
	return !slices.ContainsFunc(schema.AllOf, func(part *openapi3.SchemaRef) bool { return !open(part.Value) })
}

// test: each documented field was seen, and none beyond, or there is a reason.
func (f *fields) test(t *testing.T) {
	used := map[string]bool{}
	excuse := func(reasons map[string]string, field string) bool {
		for known := range reasons {
			if covers(known, field) {
				used[known] = true
				return true
			}
		}
		return false
	}
	for field := range f.documented {
		if !f.seen[field] && !f.parentMissing(field) && !excuse(neverSeen, field) {
			t.Errorf("%s is documented, no answer has it", field)
		}
	}
	for field := range f.beyond {
		if !excuse(beyond, field) {
			t.Errorf("%s is in an answer, the document does not have it", field)
		}
	}
	for _, reasons := range []map[string]string{neverSeen, beyond} {
		for field := range reasons {
			if !used[field] {
				t.Errorf("%s has a reason nobody needs", field)
			}
		}
	}
}

// covers reports whether a field of a list of reasons stands for another.
func covers(known, field string) bool {
	if anywhere, ok := strings.CutPrefix(known, "*"); ok {
		return strings.Contains(field+".", anywhere+".") || strings.Contains(field, anywhere+"[]")
	}
	rest, ok := strings.CutPrefix(field, known)
	return ok && (rest == "" || rest[0] == '.' || strings.HasPrefix(rest, "[]"))
}

// parentMissing reports whether a field cannot be there because what it is in is not: that one is reported.
func (f *fields) parentMissing(field string) bool {
	for at := strings.LastIndexAny(field, ".["); at > 0; at = strings.LastIndexAny(field[:at], ".[") {
		if parent := strings.TrimSuffix(field[:at], ".*"); f.documented[parent] && !f.seen[parent] {
			return true
		}
	}
	return false
}
