package swarm

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// What is not known yet is no error: it may turn out to be null, and Terraform asks again when it is known.
func TestValidateDataWO(t *testing.T) {
	t.Parallel()
	null, open, given := types.StringNull(), types.StringUnknown(), types.StringValue("YQ==")
	for name, c := range map[string]struct {
		wo      types.String
		version types.Int64
		data    types.String
		want    []string
	}{
		"nothing":            {null, types.Int64Null(), null, nil},
		"open data":          {null, types.Int64Null(), given, nil},
		"write-only":         {given, types.Int64Value(1), null, nil},
		"no version":         {given, types.Int64Null(), null, []string{"Data without a version"}},
		"version alone":      {null, types.Int64Value(1), given, []string{"Version without data"}},
		"both":               {given, types.Int64Value(1), given, []string{"Data given twice"}},
		"one not known":      {given, types.Int64Value(1), open, nil},
		"the other not":      {open, types.Int64Value(1), given, nil},
		"version not known":  {given, types.Int64Unknown(), null, nil},
		"nothing known, two": {open, types.Int64Unknown(), open, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, d := range ValidateDataWO(c.wo, c.version, map[string]types.String{"data": c.data}) {
				got = append(got, d.Summary())
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
