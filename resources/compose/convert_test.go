package compose

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/internal/composefile"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestConvert: every key of a service, network and volume arrives in the calls an engine gets.
func TestConvert(t *testing.T) {
	t.Parallel()
	p, err := composefile.Load(t.Context(), composefile.Source{Paths: []string{"testdata/full/compose.yaml"}})
	if err != nil {
		t.Fatal(err)
	}
	if refused := composefile.Refused(p); len(refused) > 0 {
		t.Fatalf("refused: %v", refused)
	}
	calls := map[string]any{}
	for name, several := range map[string]bool{"one endpoint": false, "several endpoints": true} {
		r := replica{
			p: p, s: p.Services["web"], number: 1, several: several,
			shared:    map[string]string{"base": "ID-OF-BASE"},
			inherited: map[string]string{"/anonymous": strings.Repeat("a", 64), "/image": strings.Repeat("b", 64)},
		}
		options, rest, err := r.options()
		if err != nil {
			t.Fatal(err)
		}
		after := map[string]any{}
		for _, l := range rest {
			after[l.network] = l.endpoint
		}
		if !several {
			calls["container"] = options
		}
		calls[name] = map[string]any{"NetworkingConfig": options.NetworkingConfig, "Connect": after}
	}
	for key, n := range p.Networks {
		if calls["network "+key], err = networkOptions(p, key, n); err != nil {
			t.Fatal(err)
		}
	}
	if calls["volume data"], err = volumeOptions(p, "data", p.Volumes["data"]); err != nil {
		t.Fatal(err)
	}
	raw, err := json.MarshalIndent(calls, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	here, err := filepath.Abs("testdata/full")
	if err != nil {
		t.Fatal(err)
	}
	got := strings.ReplaceAll(string(raw), here, "/DIR") + "\n"
	// The hashes cover paths of this machine; composefile tests them.
	hashes := regexp.MustCompile(`"[0-9a-f]{64}",\n(\s*"com\.docker\.compose\.(container|network|volume|depends|project))`)
	got = hashes.ReplaceAllString(got, "\"HASH\",\n$1")
	golden := "testdata/full/calls.json"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// TestState: what services say of themselves is read back.
func TestState(t *testing.T) {
	t.Parallel()
	for _, want := range []state{
		{mark: "a", count: 1},
		{mark: "a+b", count: 3},
		{mark: "a", count: 2, trouble: "p-web-1 is exited"},
		{mark: "a", count: 0},
	} {
		if diff := cmp.Diff(want, parseState(want.String()), cmp.AllowUnexported(state{})); diff != "" {
			t.Errorf("%q (-want +got):\n%s", want, diff)
		}
	}
}

// TestExplain: a plan names each service that differs and says why.
func TestExplain(t *testing.T) {
	t.Parallel()
	before := mapping(map[string]string{"same": "a", "edited": "a", "stopped": "a (p-stopped-1 is exited)", "scaled": "a x2", "old": "a"})
	after := mapping(map[string]string{"same": "a", "edited": "b", "stopped": "a", "scaled": "a x3", "new": "a"})
	want := "service edited: its definition changed; service new: is not there; service scaled: 2 of 3 containers; " +
		"service stopped: p-stopped-1 is exited; service old: is declared no longer"
	if diff := cmp.Diff(want, explainServices(before, after)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	name := "it is another project: containers and networks of \"a\" go, its named volumes stay with their data, and \"b\" begins with volumes of its own"
	if diff := cmp.Diff(name, explainName(types.StringValue("a"), types.StringValue("b"))); diff != "" {
		t.Errorf("name (-want +got):\n%s", diff)
	}
	if got := explainName(types.StringValue("a"), types.StringUnknown()); got != "" {
		t.Errorf("a name that is not known: %s", got)
	}
}
