package contract

import (
	"context"

	ephschema "github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"
)

// Ephemeral is one ephemeral resource: values that a run of the host needs and that nothing keeps. A host opens it
// whenever it needs the values, when it plans as well as when it applies.
type Ephemeral[M, E any] interface {
	// Name is the ephemeral resource's name without the provider's prefix.
	Name() string
	// Schema gives names, types, validators and docs. It has no defaults.
	Schema(ctx context.Context) ephschema.Schema
	// Open answers: config with its computed attributes filled. It leaves nothing behind, also when ctx ends it.
	Open(ctx context.Context, e E, config M) (M, error)
}

// HostEphemeral returns the ephemeral resource behind an interface without parameters: to open it is to read it.
func HostEphemeral[M, E any](ctx context.Context, p Ephemeral[M, E]) (Data, error) {
	s := p.Schema(ctx)
	node, err := compile(ctx, s.GetAttributes(), s.GetBlocks())
	if err == nil {
		node.Description = s.MarkdownDescription
	}
	return hostQuestion("ephemeral resource", p.Name(), node, err, p.Open)
}
