package codec

import (
	"bytes"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cleat-dev/cleat/api/version"
)

// FuzzShapes: whatever comes, a conversion does not panic, answers JSON, and doing it twice is doing it once.
func FuzzShapes(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for i, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		var g golden
		if err := json.Unmarshal(raw, &g); err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(g.In), uint8(18+i%26))
		f.Add([]byte(g.Out), uint8(18+i%26))
	}
	f.Add([]byte(`{"MacAddress":"x","NetworkingConfig":7,"HostConfig":3,"Volumes":[],"Mounts":4}`), uint8(2))
	f.Fuzz(func(t *testing.T, body []byte, minor uint8) {
		v := version.Of(1, int(minor))
		for name, shape := range shapes {
			for direction, convert := range map[string]func([]byte, version.Version) ([]byte, error){"up": shape.Up, "down": shape.Down} {
				once, err := convert(body, v)
				if err != nil {
					continue
				}
				if len(bytes.TrimSpace(once)) == 0 {
					continue
				}
				if shape.Kind != Stream && !json.Valid(once) {
					t.Fatalf("%s %s: not JSON: %q", name, direction, once)
				}
				twice, err := convert(once, v)
				if err != nil {
					t.Fatalf("%s %s: its own output is refused: %v", name, direction, err)
				}
				if !bytes.Equal(once, twice) {
					t.Fatalf("%s %s at %v is not stable:\n%s%s", name, direction, v, once, twice)
				}
			}
		}
	})
}

// FuzzRaise: whatever a client sends at whatever version is refused or becomes JSON; raising twice is raising once, and
// so is the query.
func FuzzRaise(f *testing.F) {
	f.Add("POST", "/containers/create", "name=a&platform=x", []byte(`{"Cmd":"a","Memory":1,"MacAddress":"m"}`), uint8(18))
	f.Add("GET", "/containers/json", "since=a&before=b&filters={}", []byte(""), uint8(18))
	f.Add("GET", "/images/json", "filter=a&filters=[", []byte("null"), uint8(20))
	f.Add("POST", "/containers/a/start", "", []byte(`{"Ulimits":[{},1,null],"CpuShares":1e99}`), uint8(2))
	f.Add("POST", "/volumes/prune", `filters={"all":["false"]}`, []byte(""), uint8(41))
	f.Fuzz(func(t *testing.T, method, path, query string, body []byte, minor uint8) {
		v := version.Of(1, int(minor))
		route, _ := Find(method, path)
		route.Traits(v)
		q, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		once, err := route.Raise(v, q, body)
		if err != nil {
			return
		}
		raised := q.Encode()
		twice, err := route.Raise(v, q, once)
		if err != nil {
			t.Fatalf("its own output is refused: %v", err)
		}
		if !bytes.Equal(once, twice) || q.Encode() != raised {
			t.Fatalf("not stable: %s%s, query %s then %s", once, twice, raised, q.Encode())
		}
	})
}

// Every answer is stable at every version, lowered and lifted.
func TestStable(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		shape := shapes[strings.SplitN(filepath.Base(file), ".", 2)[0]]
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var g golden
		if err := json.Unmarshal(raw, &g); err != nil {
			t.Fatal(err)
		}
		for minor := 2; minor <= 44; minor++ {
			v := version.Of(1, minor)
			for _, convert := range []func([]byte, version.Version) ([]byte, error){shape.Down, shape.Up} {
				once, err := convert(g.In, v)
				if err != nil {
					t.Fatalf("%s at %v: %v", file, v, err)
				}
				twice, err := convert(once, v)
				if err != nil || !bytes.Equal(once, twice) {
					t.Errorf("%s at %v, %v:\n%s%s", file, v, err, once, twice)
				}
			}
		}
	}
}
