package codec

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A client that asks in one version must not be answered in a later one: its library reads the disk usage by version.
func TestUpTo(t *testing.T) {
	t.Parallel()
	const old = `{"LayersSize":12,"Images":[{"Id":"sha256:1","VirtualSize":12}]}`
	for to, want := range map[int]string{
		41: old,
		44: `{"Images":[{"Id":"sha256:1"}],"LayersSize":12}`,
		52: `{"ImageUsage":{"Items":[{"Id":"sha256:1"}],"TotalCount":1,"TotalSize":12}}`,
	} {
		got, err := DiskUsage.UpTo([]byte(old), v1(41), v1(to))
		if err != nil {
			t.Fatal(err)
		}
		var wanted, is any
		if err := errors.Join(json.Unmarshal([]byte(want), &wanted), json.Unmarshal(got, &is)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(wanted, is); diff != "" {
			t.Errorf("to 1.%d (-want +got):\n%s", to, diff)
		}
	}
}
