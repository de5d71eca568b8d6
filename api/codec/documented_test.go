package codec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/api/types/image"
	"github.com/moby/moby/api/types/jsonstream"
	"github.com/moby/moby/api/types/registry"
	"github.com/moby/moby/api/types/system"

	"github.com/cleat-dev/cleat/api/version"
)

// documentedCase is one example of remote-api-v1.18.md, and in the folder v1.2 of remote-api-v1.2.md: what the daemon's handler says in the newest form and the keys
// and kinds of values that go out, or what a client says and what the handler is given.
type documentedCase struct {
	// Call is the example's request line.
	Call string `json:"call"`
	// Type is the Go type of the newest form, a key of documentedTypes.
	Type string `json:"type,omitempty"`
	// Like names a case of 1.18 whose Type, Newest and Extra are this one's.
	Like string `json:"like,omitempty"`
	// Newest is the handler's answer. Extra is what the handler adds beyond the Go type (see doc.go, "Hooks").
	Newest json.RawMessage `json:"newest,omitempty"`
	Extra  json.RawMessage `json:"extra,omitempty"`
	// Want describes the answer: "string", "number", "bool", "null", "any", alternatives by "|", objects with exactly
	// these keys ("*" for all others), lists of one description for every element. A key "+k" is sent beyond the
	// document, for a reason that the shape's comment gives, a key "?k" need not be there.
	Want json.RawMessage `json:"want,omitempty"`
	// Answer is the whole answer; Silent when there is none.
	Answer json.RawMessage `json:"answer,omitempty"`
	Silent bool            `json:"silent,omitempty"`
	// Body of the request, and Raised as the handler is given it; Query likewise.
	Body   json.RawMessage `json:"body,omitempty"`
	Raised json.RawMessage `json:"raised,omitempty"`
	Query  *string         `json:"query,omitempty"`
	// Traits that hold.
	Traits []string `json:"traits,omitempty"`
}

// execInspect is what the handler of an exec's inspect answers where the trait exec-inspect-container holds.
type execInspect struct {
	container.ExecInspectResponse
	Container *container.InspectResponse `json:",omitempty"`
}

var documentedTypes = map[string]reflect.Type{
	"containers": reflect.TypeFor[[]container.Summary](), "create": reflect.TypeFor[container.CreateRequest](),
	"created": reflect.TypeFor[container.CreateResponse](), "container": reflect.TypeFor[container.InspectResponse](),
	"top": reflect.TypeFor[container.TopResponse](), "changes": reflect.TypeFor[[]container.FilesystemChange](),
	"stats": reflect.TypeFor[container.StatsResponse](), "hostconfig": reflect.TypeFor[container.HostConfig](),
	"wait": reflect.TypeFor[container.WaitResponse](), "exec": reflect.TypeFor[execInspect](),
	"execcreate": reflect.TypeFor[execCreateRequest](), "execcreated": reflect.TypeFor[container.ExecCreateResponse](),
	"images": reflect.TypeFor[[]image.Summary](), "image": reflect.TypeFor[image.InspectResponse](),
	"history": reflect.TypeFor[[]image.HistoryResponseItem](), "deleted": reflect.TypeFor[[]image.DeleteResponse](),
	"search": reflect.TypeFor[[]registry.SearchResult](), "auth": reflect.TypeFor[registry.AuthConfig](),
	"message": reflect.TypeFor[jsonstream.Message](), "event": reflect.TypeFor[events.Message](),
	"info": reflect.TypeFor[system.Info](), "version": reflect.TypeFor[system.VersionResponse](),
	"config": reflect.TypeFor[container.Config](), "committed": reflect.TypeFor[container.CommitResponse](),
	"authed": reflect.TypeFor[registry.AuthResponse](), "copy": reflect.TypeFor[copyRequest](), "": nil,
}

type execCreateRequest = container.ExecCreateRequest

// copyRequest is the body of a call that the newest version has no more.
type copyRequest struct{ Resource string }

func TestDocumented(t *testing.T) {
	t.Parallel()
	for folder, v := range map[string]version.Version{"testdata/documented": version.Of(1, 18), "testdata/documented/v1.2": version.Of(1, 2)} {
		files, err := filepath.Glob(folder + "/*.json")
		if err != nil || len(files) == 0 {
			t.Fatal("no cases", err)
		}
		for _, file := range files {
			t.Run(v.String()+"/"+strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
				t.Parallel()
				c := readDocumented(t, file)
				if c.Like != "" {
					like := readDocumented(t, "testdata/documented/"+c.Like+".json")
					c.Type, c.Newest, c.Extra = like.Type, like.Newest, like.Extra
				}
				runDocumented(t, file, c, v)
			})
		}
	}
}

func readDocumented(t *testing.T, file string) *documentedCase {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var c documentedCase
	strictly(t, raw, &c)
	return &c
}

func runDocumented(t *testing.T, file string, c *documentedCase, v version.Version) {
	t.Helper()
	method, target, _ := strings.Cut(c.Call, " ")
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	route, _ := Find(method, u.Path)
	asked := u.Query()
	if diff := cmp.Diff(append([]string{"text-errors"}, c.Traits...), route.Traits(v)); diff != "" {
		t.Errorf("traits (-want +got):\n%s", diff)
	}
	query := u.Query()
	raised, err := route.Raise(v, query, c.Body)
	if err != nil {
		t.Fatal(err)
	}
	want := asked.Encode()
	if c.Query != nil {
		want = *c.Query
	}
	if got := query.Encode(); got != want {
		t.Errorf("query %q, want %q", got, want)
	}
	if len(c.Raised) > 0 {
		if diff := cmp.Diff(indent(t, c.Raised), indent(t, raised)); diff != "" {
			t.Errorf("raised (-want +got):\n%s", diff)
		}
		if err := json.Unmarshal(raised, reflect.New(documentedTypes[c.Type]).Interface()); err != nil {
			t.Errorf("the handler cannot read it: %v", err)
		}
	}
	if len(c.Newest) > 0 {
		answer, err := route.Answer(v, asked, newestForm(t, c))
		if err != nil {
			t.Fatal(err)
		}
		if c.Silent != (len(answer) == 0) {
			t.Errorf("answer %q", answer)
		}
		if len(c.Want) > 0 {
			checkAnswer(t, route, v, asked, answer, c.Want)
		}
		checkWhole(t, file, c, answer)
	}
}

// checkWhole compares an answer with what the case has, and writes it there with -update.
func checkWhole(t *testing.T, file string, c *documentedCase, answer []byte) {
	t.Helper()
	if len(c.Answer) == 0 {
		return
	}
	if !*update {
		if diff := cmp.Diff(indent(t, c.Answer), indent(t, answer)); diff != "" {
			t.Errorf("answer (-want +got):\n%s", diff)
		}
		return
	}
	c.Answer = answer
	if c.Like != "" {
		c.Type, c.Newest, c.Extra = "", nil, nil
	}
	out, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(out, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

// newestForm is what the handler writes: the Go type's own JSON, so that no case rests on a form no handler sends.
func newestForm(t *testing.T, c *documentedCase) []byte {
	t.Helper()
	typed, ok := documentedTypes[c.Type]
	if !ok || typed == nil {
		t.Fatalf("no type %q", c.Type)
	}
	value := reflect.New(typed)
	strictly(t, c.Newest, value.Interface())
	out, err := json.Marshal(value.Interface())
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Extra) == 0 {
		return out
	}
	whole, err := decode(out)
	if err != nil {
		t.Fatal(err)
	}
	extra, err := decode(c.Extra)
	if err != nil {
		t.Fatal(err)
	}
	merge(whole.(Object), extra.(Object))
	if out, err = encode(whole); err != nil {
		t.Fatal(err)
	}
	return out
}

func merge(into, from Object) {
	for key, value := range from {
		inner, ok := value.(Object)
		if target := object(into, key); ok && target != nil {
			merge(target, inner)
			continue
		}
		into[key] = value
	}
}

func checkAnswer(t *testing.T, route *Route, v version.Version, asked url.Values, answer []byte, want json.RawMessage) {
	t.Helper()
	var description any
	strictly(t, want, &description)
	value, err := decode(answer)
	if err != nil {
		t.Fatalf("%v: %s", err, answer)
	}
	for _, problem := range describe("", description, value) {
		t.Error(problem)
	}
	if t.Failed() {
		t.Logf("answer: %s", indent(t, answer))
	}
	again, err := route.Answer(v, asked, answer)
	if err != nil || route.Lowers(v) && !bytes.Equal(again, answer) {
		t.Errorf("lowered twice, %v:\n%s%s", err, answer, again)
	}
}

// describe compares a value with its description and says what is different.
func describe(path string, want, got any) []string {
	switch want := want.(type) {
	case string:
		if kinds := strings.Split(want, "|"); !slices.Contains(kinds, kindOf(got)) && want != "any" {
			return []string{fmt.Sprintf("%s is %s, documented is %s", path, kindOf(got), want)}
		}
		return nil
	case []any:
		list, ok := got.([]any)
		if !ok {
			return []string{fmt.Sprintf("%s is %s, documented is a list", path, kindOf(got))}
		}
		var problems []string
		for i, item := range list {
			problems = append(problems, describe(fmt.Sprintf("%s[%d]", path, i), want[0], item)...)
		}
		return problems
	case map[string]any:
		return describeObject(path, want, got)
	default:
		return []string{fmt.Sprintf("%s: bad description %v", path, want)}
	}
}

func describeObject(path string, want Object, got any) []string {
	o, ok := got.(Object)
	if !ok {
		return []string{fmt.Sprintf("%s is %s, documented is an object", path, kindOf(got))}
	}
	var problems []string
	for key, inner := range want {
		name := strings.TrimLeft(key, "+?")
		if value, ok := o[name]; ok {
			problems = append(problems, describe(path+"."+name, inner, value)...)
		} else if key != "*" && key[0] != '?' {
			problems = append(problems, path+"."+name+" is missing")
		}
	}
	for key, value := range o {
		_, documented := want[key]
		_, extra := want["+"+key]
		_, optional := want["?"+key]
		extra = extra || optional
		if other, ok := want["*"]; ok && !documented && !extra {
			problems = append(problems, describe(path+"."+key, other, value)...)
		} else if !documented && !extra {
			problems = append(problems, path+"."+key+" is not documented")
		}
	}
	return problems
}

func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "string"
	case bool:
		return "bool"
	case json.Number:
		return "number"
	case []any:
		return "list"
	default:
		return "object"
	}
}

func strictly(t *testing.T, raw []byte, into any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		t.Fatalf("%v in %s", err, raw)
	}
}
