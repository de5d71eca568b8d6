package network

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	mobynetwork "github.com/moby/moby/api/types/network"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/internal/flatten"
	"github.com/cleat-dev/cleat/resources/contract"
)

var _ API = (*client.Client)(nil)

type fake map[string]mobynetwork.Inspect

func (f fake) NetworkInspect(_ context.Context, name string, _ moby.NetworkInspectOptions) (moby.NetworkInspectResult, error) {
	if n, ok := f[name]; ok {
		return moby.NetworkInspectResult{Network: n}, nil
	}
	return moby.NetworkInspectResult{}, errs.ErrNotFound
}

func load(t *testing.T, file string, into any) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	str, null := types.StringValue, types.StringNull()
	endpoint := func(id, name string, endpoint, mac, ip attr.Value) map[string]attr.Value {
		return map[string]attr.Value{"container_id": str(id), "name": str(name), "endpoint_id": endpoint, "mac_address": mac, "ipv4_address": ip, "ipv6_address": null}
	}
	subnet := func(subnet string, gateway, ipRange attr.Value, aux map[string]string) types.Set {
		return rangeObject.Set([]map[string]attr.Value{{"subnet": str(subnet), "gateway": gateway, "ip_range": ipRange, "aux_address": flatten.TextMap(aux)}})
	}
	no := types.BoolValue(false)
	tests := map[string]Model{
		"dockerd20.json": {
			ID: str("95a588612cdbf9fe50dec91aabd8e3322c4730dc588a6be502511fabbb0448f6"), Created: str("2026-11-22T04:05:19.835457713Z"), Internal: no,
			IPAMConfig: subnet("10.203.6.0/24", null, null, nil), Labels: flatten.TextMap(nil), Options: flatten.TextMap(nil),
			Containers: endpointObject.List([]map[string]attr.Value{endpoint("11b8ca33dfefbbdbd23f19c2a5e7befeb1868e8a76c5710e2580fdaef9a0f1d6", "c3",
				str("a91ead88bcd2504d7714bf720b559c8fa12aca721e49bc570ae96bd0a092fd2a"), str("02:42:0a:cb:06:4d"), str("10.203.6.77/24"))}),
		},
		"dockerd20-declared.json": {
			ID: str("d0433e09505a9de795cceb90a997094e720b1274adead3e1580a5b6d8af776ed"), Created: str("2026-11-22T04:05:19.791854872Z"), Internal: types.BoolValue(true),
			IPAMConfig: subnet("10.203.1.0/24", str("10.203.1.254"), str("10.203.1.128/25"), map[string]string{"a": "10.203.1.5"}),
			Labels:     flatten.TextMap(map[string]string{"x": "y"}), Options: flatten.TextMap(map[string]string{"com.docker.network.bridge.name": "br-h4d"}),
			Containers: endpointObject.List(nil),
		},
		"podman4.json": {
			ID: str("f92be99c754e4d877338e454208296d5f1e7b50e3e2ec3bbe8cc7dbd8d0596c0"), Created: str("2026-11-22T04:09:34.767579139Z"), Internal: no,
			IPAMConfig: subnet("10.204.1.0/24", str("10.204.1.254"), null, nil), Labels: flatten.TextMap(map[string]string{"x": "y"}), Options: flatten.TextMap(nil),
			Containers: endpointObject.List([]map[string]attr.Value{
				endpoint("3458c9dd86d4f6905dde84f95d2713bf881ab3e5e0051ff18893b853ad060655", "c1", null, null, null),
				endpoint("1037f60542ef1a76927a7c98cefcb1663bbe8da484dc319919902cc836b1f4ad", "c2", null, null, null),
				endpoint("ed879e490d91feee50616a6cb54b4dda6f57ea37b91375669c21c671e2dab0db", "c3", null, str("12:25:2c:e1:6c:4a"), str("10.204.1.131/24")),
			}),
		},
	}
	for file, want := range tests {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			var n mobynetwork.Inspect
			load(t, file, &n)
			got, err := DataSource{}.Read(t.Context(), fake{"front": n}, Model{Name: str("front")})
			if err != nil {
				t.Fatal(err)
			}
			want.Name, want.Driver, want.Scope, want.IPAMDriver = str("front"), str("bridge"), str("local"), str("default")
			want.Attachable, want.Ingress, want.IPv6 = no, no, no
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("model (-want +got):\n%s", diff)
			}
		})
	}
	_, err := DataSource{}.Read(t.Context(), fake{}, Model{Name: str("none")})
	if path, _ := contract.PathOf(err); path != "name" || !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("missing network: %v", err)
	}
}
