package codec

import (
	"bytes"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/cleat-dev/cleat/api/version"
)

// FuzzShapes: whatever comes, a conversion does not panic, answers JSON, and doing it twice is doing it once.
func FuzzShapes(f *testing.F) {
	for i, body := range seeds(f) {
		f.Add(body, uint8(2+i%43))
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

// seeds are the bodies of the golden files, of the documents' examples and of the ladder.
func seeds(f *testing.F) [][]byte {
	f.Helper()
	var all [][]byte
	for _, pattern := range []string{"testdata/*.json", "testdata/documented/*.json", "testdata/documented/v1.2/*.json"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatal(pattern, err)
		}
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			var bodies struct{ In, Out, Newest, Extra, Body, Raised, Answer json.RawMessage }
			if err := json.Unmarshal(raw, &bodies); err != nil {
				f.Fatal(file, err)
			}
			for _, body := range []json.RawMessage{bodies.In, bodies.Out, bodies.Newest, bodies.Extra, bodies.Body, bodies.Raised, bodies.Answer} {
				if len(body) > 0 {
					all = append(all, body)
				}
			}
		}
	}
	files, err := filepath.Glob("testdata/ladder/*.txtar")
	if err != nil || len(files) == 0 {
		f.Fatal("no ladder", err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		all = append(all, archive.Files[0].Data)
	}
	return all
}

// FuzzAnswer: whatever a handler answers, at whatever version and query, what goes out is JSON; lowering it again changes
// nothing.
func FuzzAnswer(f *testing.F) {
	for i, body := range seeds(f) {
		route := &Routes[i%len(Routes)]
		f.Add(uint8(i), "size=1&digests=1&all="+route.Method, body, uint8(2+i%43))
	}
	f.Fuzz(func(t *testing.T, n uint8, query string, body []byte, minor uint8) {
		route := &Routes[int(n)%len(Routes)]
		q, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		v := version.Of(1, int(minor))
		once, err := route.Answer(v, q, body)
		if err != nil || !route.Lowers(v) || len(bytes.TrimSpace(once)) == 0 {
			return
		}
		d := json.NewDecoder(bytes.NewReader(once))
		d.UseNumber() // what JSON calls a number need not be one Go can hold
		for d.More() {
			var value any
			if err := d.Decode(&value); err != nil {
				t.Fatalf("%s %s: not JSON: %q", route.Method, route.Pattern, once)
			}
		}
		twice, err := route.Answer(v, q, once)
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%s %s at %s is not stable, %v:\n%s%s", route.Method, route.Pattern, v, err, once, twice)
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
	f.Add("POST", "/images/create", "fromImage=a/b&registry=http://c:5000/v1/", []byte(""), uint8(2))
	f.Add("POST", "/commit", "m=a&run={}", []byte(`{"PortSpecs":["22",53,null,"1:2:3:4/x/y",":"]}`), uint8(2))
	f.Add("POST", "/containers/create", "", []byte(`{"PortSpecs":["8080:80"],"VolumesFrom":"a,b:ro","Dns":[1],"Privileged":1,"ExposedPorts":7}`), uint8(2))
	for i, body := range seeds(f) {
		route := Routes[i%len(Routes)]
		f.Add(route.Method, route.Pattern, "", body, uint8(2+i%43))
	}
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
