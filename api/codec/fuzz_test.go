package codec

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
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
