package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi2conv"
	"github.com/getkin/kin-openapi/openapi3"
	"github.com/oasdiff/yaml"
)

// document is what the API of one version is.
type document struct {
	minor int
	*openapi3.T
	// produces are the media types of each operation, "GET /path", for those with a list.
	produces map[string][]string
}

// documents reads each document once.
var documents = func() map[int]func() (*document, error) {
	all := map[int]func() (*document, error){}
	for minor := oldest; minor <= newest; minor++ {
		all[minor] = sync.OnceValues(func() (*document, error) { return readDocument(minor) })
	}
	return all
}()

// documentDir is where the module with the documents lies.
var documentDir = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/moby/moby/api").Output()
	if err != nil {
		return "", fmt.Errorf("the module with the documents: %w", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "docs"), nil
})

func documentOf(t *testing.T, minor int) *document {
	t.Helper()
	d, err := documents[minor]()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func readDocument(minor int) (*document, error) {
	dir, err := documentDir()
	if err != nil {
		return nil, err
	}
	name := filepath.Join(dir, fmt.Sprintf("v1.%d.yaml", minor))
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	if raw, err = yaml.YAMLToJSON(raw); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var two openapi2.T
	if err := json.Unmarshal(raw, &two); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	three, err := openapi2conv.ToV3(&two)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	d := &document{minor: minor, T: three, produces: map[string][]string{}}
	for path, item := range two.Paths {
		for method, operation := range item.Operations() {
			if len(operation.Produces) > 0 {
				d.produces[method+" "+path] = operation.Produces
			}
		}
	}
	d.loosen()
	return d, nil
}

// loosen lets arrays and objects be null.
func (d *document) loosen() {
	seen := map[*openapi3.Schema]bool{}
	var walk func(ref *openapi3.SchemaRef)
	walk = func(ref *openapi3.SchemaRef) {
		if ref == nil || ref.Value == nil || seen[ref.Value] {
			return
		}
		s := ref.Value
		seen[s] = true
		if s.Type.Includes("object") || s.Type.Includes("array") || len(s.AllOf) > 0 || len(s.Properties) > 0 {
			s.Nullable = true
		}
		walk(s.Items)
		walk(s.AdditionalProperties.Schema)
		for _, property := range s.Properties {
			walk(property)
		}
		for _, part := range s.AllOf {
			walk(part)
		}
	}
	for _, schema := range d.Components.Schemas {
		walk(schema)
	}
	for _, item := range d.Paths.Map() {
		for _, operation := range item.Operations() {
			for _, response := range operation.Responses.Map() {
				for _, content := range response.Value.Content {
					walk(content.Schema)
				}
			}
			if body := operation.RequestBody; body != nil {
				for _, content := range body.Value.Content {
					walk(content.Schema)
				}
			}
		}
	}
}

// operation is a call of the document, nil when it has none.
func (d *document) operation(method, path string) *openapi3.Operation {
	item := d.Paths.Value(path)
	if item == nil {
		return nil
	}
	return item.GetOperation(method)
}

// answer is the schema of a call's answer with that status, nil for one without; an error when the document does not
// have the status.
func (d *document) answer(method, path string, status int) (*openapi3.Schema, error) {
	operation := d.operation(method, path)
	if operation == nil {
		return nil, errors.New("the document has no such call")
	}
	response := operation.Responses.Status(status)
	if response == nil {
		return nil, fmt.Errorf("status %d is not documented", status)
	}
	for _, content := range response.Value.Content {
		if content.Schema != nil { // the same for all media types
			return content.Schema.Value, nil
		}
	}
	return nil, nil
}

// request is the schema of a call's JSON body.
func (d *document) request(method, path string) *openapi3.Schema {
	operation := d.operation(method, path)
	if operation == nil || operation.RequestBody == nil {
		return nil
	}
	for _, content := range operation.RequestBody.Value.Content {
		if content.Schema != nil {
			return content.Schema.Value
		}
	}
	return nil
}

// valid checks a decoded value. What kin-openapi says of each error is long: it is cut to path and reason.
func valid(schema *openapi3.Schema, value any) []string {
	err := schema.VisitJSON(value, openapi3.VisitAsResponse(), openapi3.MultiErrors())
	if err == nil {
		return nil
	}
	var found []string
	var collect func(err error)
	collect = func(err error) {
		switch err := err.(type) { //nolint:errorlint // MultiError answers errors.As with its first error alone
		case openapi3.MultiError:
			for _, err := range err {
				collect(err)
			}
		case *openapi3.SchemaError:
			if err.Origin != nil {
				collect(err.Origin)
				return
			}
			found = append(found, fmt.Sprintf("/%s: %s: %v", strings.Join(err.JSONPointer(), "/"), err.Reason, err.Value))
		default: // what the parts of allOf say
			if inner := errors.Unwrap(err); inner != nil {
				collect(inner)
				return
			}
			found = append(found, err.Error())
		}
	}
	collect(err)
	slices.Sort(found)
	return slices.Compact(found)
}
