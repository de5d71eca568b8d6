package filter_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/datasources/filter"
	"github.com/cleat-dev/cleat/resources/contract"
)

func by(name string, values ...string) filter.Filter {
	var set []attr.Value
	for _, v := range values {
		set = append(set, types.StringValue(v))
	}
	return filter.Filter{Name: types.StringValue(name), Values: types.SetValueMust(types.StringType, set)}
}

func TestOf(t *testing.T) {
	t.Parallel()
	got := filter.Of(contract.BlocksOf(by("label", "a=b", "c"), by("driver", "local"), by("label", "d")))
	if diff := cmp.Diff(moby.Filters{}.Add("label", "a=b", "c", "d").Add("driver", "local"), got); diff != "" {
		t.Errorf("filters (-want +got):\n%s", diff)
	}
	if none := filter.Of(filter.Blocks{}); none != nil {
		t.Errorf("of nothing: %v", none)
	}
}

// What an engine finds wrong with filters belongs to them, everything else to the data source.
func TestFailed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		blocks filter.Blocks
		err    error
		path   string
	}{
		"a bad filter":    {contract.BlocksOf(by("colour", "red")), errs.ErrInvalid, "filter"},
		"no engine":       {contract.BlocksOf(by("colour", "red")), errs.ErrUnavailable, ""},
		"without filters": {filter.Blocks{}, errs.ErrInvalid, ""},
	} {
		err := filter.Failed("volumes", test.blocks, test.err)
		if at, _ := contract.PathOf(err); at != test.path || !errors.Is(err, test.err) {
			t.Errorf("%s: %v at %q, want it at %q", name, err, at, test.path)
		}
	}
}
