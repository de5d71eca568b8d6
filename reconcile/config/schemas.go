package config

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/cleat-dev/cleat/reconcile/graph"
	"github.com/cleat-dev/cleat/resources/contract"
)

// Schemas gives the schema of everything a configuration may declare. All methods are safe for concurrent use.
type Schemas interface {
	// Resource is the schema of a resource type by its full name ("docker_container").
	Resource(typ string) (*contract.Node, bool)
	// IdentifiedBy is the attribute that is the identity of the objects of a resource type.
	IdentifiedBy(typ string) string
	// DataSource is the schema of a data source by its full name.
	DataSource(typ string) (*contract.Node, bool)
	// Ephemeral is the schema of an ephemeral resource by its full name.
	Ephemeral(typ string) (*contract.Node, bool)
	// Provider is the schema of a provider "docker" block.
	Provider() *contract.Node
	// ResourceTypes, DataSourceTypes and EphemeralTypes are all names, for suggestions.
	ResourceTypes() []string
	DataSourceTypes() []string
	EphemeralTypes() []string
}

// ProviderKey names one provider configuration: the engine a resource lives on. It is comparable; the zero value is
// the default configuration of the root module, which exists without a block too.
type ProviderKey struct {
	Module graph.Module
	Alias  string
}

// String is "docker", "docker.alias" or "module.a.docker.alias".
func (k ProviderKey) String() string {
	s := "docker"
	if k.Alias != "" {
		s += "." + k.Alias
	}
	if k.Module.IsRoot() {
		return s
	}
	return k.Module.String() + "." + s
}

// Block is the evaluated declaration of one instance.
type Block struct {
	Address graph.Instance
	Schema  *contract.Node
	// Value conforms to ObjectType(Schema), without marks. What is not declared is null (attributes, single blocks)
	// or empty (list and set blocks); computed attributes are null. Defaults are not applied. Unknown where it
	// depends on what is not known yet.
	Value cty.Value
	// Sensitive are the paths of Value that configuration made sensitive (a sensitive variable, sensitive()).
	// Attributes the schema marks sensitive are not repeated here. Paths into sets end at the set.
	Sensitive []cty.Path
	Provider  ProviderKey
	Lifecycle Lifecycle
	// Triggers are what replace_triggered_by names.
	Triggers []Trigger

	ranges *blockRanges
}

// Lifecycle is a lifecycle block. Conditions are evaluated by [Evaluator.Preconditions] and
// [Evaluator.Postconditions].
type Lifecycle struct {
	CreateBeforeDestroy bool
	PreventDestroy      bool
	// IgnoreAll is ignore_changes = all; IgnoreChanges are paths otherwise (env, labels["x"], ports[0].external).
	IgnoreAll     bool
	IgnoreChanges []cty.Path
}

// Trigger is one entry of replace_triggered_by: the instance is replaced when what it names changes.
type Trigger struct {
	// Module, Resource and Key name an instance; with NoKey and a resource that has count or for_each, all of
	// them.
	Target graph.Target
	// Path is the attribute that has to change; empty when any change counts.
	Path  cty.Path
	Range hcl.Range
}

// ProviderBlock is the evaluated configuration of one provider key.
type ProviderBlock struct {
	Key ProviderKey
	// Value conforms to ObjectType(Schemas.Provider()), without marks; all null without a block.
	Value     cty.Value
	Sensitive []cty.Path
	// Declared is where the block is; nil when there is none.
	Declared *hcl.Range

	ranges *blockRanges
}

// OutputValue is the value of an output of the root module, without marks.
type OutputValue struct {
	Name        string
	Value       cty.Value
	Sensitive   bool
	Description string
}
