package provider

import (
	"context"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/moby/moby/api/types/image"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/resources/container"
	"github.com/cleat-dev/cleat/resources/contract"
)

// oneImage is an engine that knows what a plan of a container asks for and nothing else.
type oneImage struct{ container.API }

func (oneImage) ImageInspect(context.Context, string, ...moby.ImageInspectOption) (moby.ImageInspectResult, error) {
	return moby.ImageInspectResult{InspectResponse: image.InspectResponse{ID: "sha256:1"}}, nil
}

// BenchmarkPlanContainer is one PlanResourceChange of the widest type, as Terraform sends it: what the framework and
// the shell cost together.
func BenchmarkPlanContainer(b *testing.B) {
	t, err := contract.Host(b.Context(), container.Type{})
	if err != nil {
		b.Fatal(err)
	}
	p, err := newProvider(b.Context(), "bench", []contract.Resource{t}, nil, func(client.Config) func(context.Context) (any, error) {
		return func(context.Context) (any, error) { return oneImage{}, nil }
	})
	if err != nil {
		b.Fatal(err)
	}
	server, err := NewServer(b.Context(), p)
	if err != nil {
		b.Fatal(err)
	}
	provider := wire(b, p.node, nil)
	if resp, err := server.ConfigureProvider(b.Context(), &tfprotov6.ConfigureProviderRequest{Config: provider}); err != nil || len(resp.Diagnostics) > 0 {
		b.Fatal(err, texts(resp.Diagnostics))
	}
	config := wire(b, t.Node(), map[string]tftypes.Value{"name": str("a"), "image": str("busybox")})
	null, err := tfprotov6.NewDynamicValue(t.Node().Type().TerraformType(b.Context()), tftypes.NewValue(t.Node().Type().TerraformType(b.Context()), nil))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		resp, err := server.PlanResourceChange(b.Context(), &tfprotov6.PlanResourceChangeRequest{
			TypeName: "docker_container", Config: config, ProposedNewState: config, PriorState: &null,
		})
		if err != nil || len(resp.Diagnostics) > 0 {
			b.Fatal(err, texts(resp.Diagnostics))
		}
	}
}

// wire is the protocol's form of an object; what is not given is null, or a block without items.
func wire(tb testing.TB, n *contract.Node, given map[string]tftypes.Value) *tfprotov6.DynamicValue {
	tb.Helper()
	return dynamic(tb, value(tb, n, given))
}
