package codec

import (
	"bytes"
	"encoding/json"
	"net/url"
	"os"
	"testing"

	"github.com/cleat-dev/cleat/api/version"
)

// BenchmarkList lowers the list of 100 containers to 1.18, the most that any step costs the daemon.
func BenchmarkList(b *testing.B) {
	raw, err := os.ReadFile("testdata/documented/containers.json")
	if err != nil {
		b.Fatal(err)
	}
	var c documentedCase
	if err := json.Unmarshal(raw, &c); err != nil {
		b.Fatal(err)
	}
	row := bytes.Trim(bytes.TrimSpace(c.Newest), "[]")
	body := append(append([]byte("["), bytes.Repeat(append(bytes.Clone(row), ','), 99)...), append(row, ']')...)
	route, _ := Find("GET", "/containers/json")
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, err := route.Answer(version.Of(1, 18), url.Values{}, body); err != nil {
			b.Fatal(err)
		}
	}
}
