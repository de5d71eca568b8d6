package acctest

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestDiffering(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ before, after, unknown, want string }{
		"equal":         {`{"a":1,"b":[{"c":"x"}]}`, `{"a":1,"b":[{"c":"x"}]}`, ``, ""},
		"value":         {`{"a":1,"b":"x"}`, `{"a":2,"b":"x"}`, ``, "a"},
		"zero":          {`{"a":null,"b":"","c":false,"d":[]}`, `{"a":0,"b":null}`, ``, ""},
		"list":          {`{"a":["x","y"]}`, `{"a":["y","x"]}`, ``, "a"},
		"map":           {`{"a":{"K":"1","k":"1"}}`, `{"a":{"K":"2","k":"2"}}`, ``, "a a.k"},
		"key":           {`{"a":{"a b":"1"}}`, `{"a":{}}`, ``, "a"},
		"block":         {`{"a":[{"b":1,"c":1}]}`, `{"a":[{"b":1,"c":2}]}`, ``, "a.c"},
		"order":         {`{"a":[{"b":1},{"b":2}]}`, `{"a":[{"b":2},{"b":1}]}`, ``, ""},
		"block added":   {`{"a":[]}`, `{"a":[{"b":1,"c":null}]}`, ``, "a.b"},
		"nested":        {`{"a":[{"b":{"c":[{"d":1,"e":1}]}}]}`, `{"a":[{"b":{"c":[{"d":2,"e":1}]}}]}`, ``, "a.b.c.d"},
		"unknown":       {`{"a":"x","b":"x"}`, `{"b":"y"}`, `{"a":true}`, "b"},
		"unknown block": {`{"a":[{"b":"x","c":"x"}]}`, `{"a":[{"c":"y"}]}`, `{"a":[{"b":true}]}`, "a.c"},
		"gone":          {`{"a":"x"}`, `null`, ``, "a"},
	} {
		object := func(text string) map[string]any {
			var m map[string]any
			if text != "" {
				if err := json.Unmarshal([]byte(text), &m); err != nil {
					t.Fatal(err)
				}
			}
			return m
		}
		if got := strings.Join(Differing(object(c.before), object(c.after), object(c.unknown)), " "); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
