package secret

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/types"
	mobyswarm "github.com/moby/moby/api/types/swarm"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/resources/contract"
	"github.com/cleat-dev/cleat/resources/swarm"
)

// fake is a swarm with one secret, which alone knows what it holds.
type fake struct {
	API
	spec mobyswarm.SecretSpec
}

func (f *fake) SecretCreate(_ context.Context, o moby.SecretCreateOptions) (moby.SecretCreateResult, error) {
	f.spec = o.Spec
	return moby.SecretCreateResult{ID: "1"}, nil
}

func (f *fake) SecretInspect(context.Context, string, moby.SecretInspectOptions) (moby.SecretInspectResult, error) {
	spec := f.spec
	spec.Data = nil
	return moby.SecretInspectResult{Secret: mobyswarm.Secret{ID: "1", Spec: spec}}, nil
}

// What is write-only reaches the swarm; a read that knows nothing but the id says so, and nothing more.
func TestWriteOnlyData(t *testing.T) {
	t.Parallel()
	labels := contract.BlocksOf(swarm.Label{Label: types.StringValue("a"), Value: types.StringValue("b")})
	for name, c := range map[string]struct {
		data, dataWO types.String
		version      types.Int64
		labels       map[string]string
		imported     types.String
	}{
		"write-only": {types.StringNull(), types.StringValue("aHVudGVy"), types.Int64Value(7), map[string]string{"a": "b", swarm.VersionLabel: "7"}, types.StringNull()},
		"open":       {types.StringValue("aHVudGVy"), types.StringNull(), types.Int64Null(), map[string]string{"a": "b"}, types.StringValue("")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &fake{}
			_, err := Type{}.Create(t.Context(), f, Model{Name: types.StringValue("s"), Data: c.data, DataWO: c.dataWO, DataWOVersion: c.version, Labels: labels})
			if err != nil {
				t.Fatal(err)
			}
			want := mobyswarm.SecretSpec{Annotations: mobyswarm.Annotations{Name: "s", Labels: c.labels}, Data: []byte("hunter")}
			if diff := cmp.Diff(want, f.spec); diff != "" {
				t.Errorf("made (-want +got):\n%s", diff)
			}
			got, err := Type{}.Import(t.Context(), f, "1")
			if err != nil {
				t.Fatal(err)
			}
			wanted := Model{ID: types.StringValue("1"), Name: types.StringValue("s"), Data: c.imported, DataWO: types.StringNull(), DataWOVersion: c.version, Labels: labels}
			if diff := cmp.Diff(wanted, got); diff != "" {
				t.Errorf("imported (-want +got):\n%s", diff)
			}
		})
	}
}
