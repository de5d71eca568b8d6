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
	ProviderNode *contract.Node
	// Connection is the client configuration a provider block stands for.
	Connection func(block types.Object) (client.Config, error)
}

// prefix begins the names of all types.
const prefix = "docker_"

// Resource is the schema of a resource type.
func (c Catalog) Resource(typ string) (*contract.Node, bool) {
	i := slices.IndexFunc(c.Resources, func(r contract.Resource) bool { return prefix+r.Name() == typ })
	if i < 0 {
		return nil, false
	}
	return c.Resources[i].Node(), true
}

// DataSource is the schema of a data source.
func (c Catalog) DataSource(typ string) (*contract.Node, bool) {
	i := slices.IndexFunc(c.DataSources, func(d contract.Data) bool { return prefix+d.Name() == typ })
	if i < 0 {
		return nil, false
	}
	return c.DataSources[i].Node(), true
}

// Provider is the schema of a provider block.
func (c Catalog) Provider() *contract.Node { return c.ProviderNode }

// ResourceTypes are the names of all resource types.
func (c Catalog) ResourceTypes() []string {
	names := make([]string, len(c.Resources))
	for i, r := range c.Resources {
		names[i] = prefix + r.Name()
	}
	return names
}

// DataSourceTypes are the names of all data sources.
func (c Catalog) DataSourceTypes() []string {
	names := make([]string, len(c.DataSources))
	for i, d := range c.DataSources {
		names[i] = prefix + d.Name()
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
	t := plan.Types{Resources: map[string]contract.Resource{}, Data: map[string]contract.Data{}}
	for _, r := range c.Resources {
		t.Resources[prefix+r.Name()] = r
	}
	for _, d := range c.DataSources {
		t.Data[prefix+d.Name()] = d
	}
	return t
}
