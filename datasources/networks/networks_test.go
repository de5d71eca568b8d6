package networks

import (
	"context"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/network"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/internal/flatten"
)

var _ API = (*client.Client)(nil)

// fake is an engine that has these.
type fake []network.Summary

func (f fake) NetworkList(context.Context, moby.NetworkListOptions) (moby.NetworkListResult, error) {
	return moby.NetworkListResult{Items: f}, nil
}

func TestRead(t *testing.T) {
	t.Parallel()
	f := fake{
		{Network: network.Network{ID: "2", Name: "web", Driver: "bridge", Scope: "local", EnableIPv6: true, Internal: true, Options: map[string]string{"o": "1"},
			IPAM: network.IPAM{Config: []network.IPAMConfig{{Subnet: netip.MustParsePrefix("10.1.0.0/16")}, {}, {Subnet: netip.MustParsePrefix("fd00::/64")}}}}},
		{Network: network.Network{ID: "1", Name: "front", Attachable: true, Labels: map[string]string{"a": "b"}}},
	}
	got, err := DataSource{}.Read(t.Context(), f, Model{})
	if err != nil {
		t.Fatal(err)
	}
	want := object.List([]map[string]attr.Value{
		{
			"id": types.StringValue("1"), "name": types.StringValue("front"), "driver": types.StringNull(), "scope": types.StringNull(), "internal": types.BoolValue(false),
			"attachable": types.BoolValue(true), "ipv6": types.BoolValue(false), "subnets": flatten.Texts([]string{}), "options": flatten.TextMap(nil),
			"labels": flatten.TextMap(map[string]string{"a": "b"}),
		}, {
			"id": types.StringValue("2"), "name": types.StringValue("web"), "driver": types.StringValue("bridge"), "scope": types.StringValue("local"),
			"internal": types.BoolValue(true), "attachable": types.BoolValue(false), "ipv6": types.BoolValue(true), "subnets": flatten.Texts([]string{"10.1.0.0/16", "fd00::/64"}),
			"options": flatten.TextMap(map[string]string{"o": "1"}), "labels": flatten.TextMap(nil),
		},
	})
	if diff := cmp.Diff(want, got.Networks); diff != "" || got.ID.ValueString() != "networks" {
		t.Errorf("%s (-want +got):\n%s", got.ID, diff)
	}
}
