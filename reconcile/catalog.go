package reconcile

import (
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/zclconf/go-cty/cty"

	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/reconcile/config"
	"github.com/cleat-dev/cleat/reconcile/plan"
	"github.com/cleat-dev/cleat/resources/contract"
)

// Catalog are the types there are, and what a provider block means. It is the [config.Schemas] of a configuration.
type Catalog struct {
	Resources    []contract.Resource
	DataSources  []contract.Data
	Ephemerals   []contract.Data
	ProviderNode *contract.Node
	// Connection is the client configuration a provider block stands for.
	Connection func(block types.Object) (client.Config, error)
}

// prefix begins the names of all types.
const prefix = "docker_"

// Resource is the schema of a resource type.
func (c Catalog) Resource(typ string) (*contract.Node, bool) {
	r, ok := c.resource(typ)
	if !ok {
		return nil, false
	}
	return r.Node(), true
}

// IdentifiedBy is the attribute that is the identity of the objects of a resource type.
func (c Catalog) IdentifiedBy(typ string) string {
	r, ok := c.resource(typ)
	if !ok {
		return "id"
	}
	return r.IdentifiedBy()
}

func (c Catalog) resource(typ string) (contract.Resource, bool) {
	i := slices.IndexFunc(c.Resources, func(r contract.Resource) bool { return prefix+r.Name() == typ })
	if i < 0 {
		return nil, false
	}
	return c.Resources[i], true
}

// DataSource is the schema of a data source.
func (c Catalog) DataSource(typ string) (*contract.Node, bool) { return node(c.DataSources, typ) }

// Ephemeral is the schema of an ephemeral resource.
func (c Catalog) Ephemeral(typ string) (*contract.Node, bool) { return node(c.Ephemerals, typ) }

func node(all []contract.Data, typ string) (*contract.Node, bool) {
	i := slices.IndexFunc(all, func(d contract.Data) bool { return prefix+d.Name() == typ })
	if i < 0 {
		return nil, false
	}
	return all[i].Node(), true
}

// Provider is the schema of a provider block.
func (c Catalog) Provider() *contract.Node { return c.ProviderNode }

// ResourceTypes are the names of all resource types.
func (c Catalog) ResourceTypes() []string { return names(c.Resources) }

// DataSourceTypes are the names of all data sources.
func (c Catalog) DataSourceTypes() []string { return names(c.DataSources) }

// EphemeralTypes are the names of all ephemeral resources.
func (c Catalog) EphemeralTypes() []string { return names(c.Ephemerals) }

func names[T interface{ Name() string }](all []T) []string {
	names := make([]string, len(all))
	for i, one := range all {
		names[i] = prefix + one.Name()
	}
	return names
}

// ClientConfig is how an evaluated provider block says to reach its engine.
func (c Catalog) ClientConfig(block cty.Value) (client.Config, error) {
	v, err := config.FromCty(block, c.ProviderNode.Type())
	if err != nil {
		return client.Config{}, err
	}
	object, _ := v.(types.Object)
	return c.Connection(object)
}

func (c Catalog) types() plan.Types {
	t := plan.Types{Resources: map[string]contract.Resource{}, Data: map[string]contract.Data{}, Ephemerals: map[string]contract.Data{}}
	for _, r := range c.Resources {
		t.Resources[prefix+r.Name()] = r
	}
	for _, d := range c.DataSources {
		t.Data[prefix+d.Name()] = d
	}
	for _, p := range c.Ephemerals {
		t.Ephemerals[prefix+p.Name()] = p
	}
	return t
}
