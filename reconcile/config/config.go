package config

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/cleat-dev/cleat/reconcile/graph"
	"github.com/cleat-dev/cleat/resources/contract"
)

// Options of [Load].
type Options struct {
	Schemas Schemas
	// LanguageVersion is what required_version is checked against; [LanguageVersion] when empty.
	LanguageVersion string
	// AllowEmpty: the root module need not have any files.
	AllowEmpty bool
}

// LanguageVersion is the version of the Terraform language this package implements.
const LanguageVersion = "1.11.4"

// Resource is what is known of a resource or data block without evaluating it.
type Resource struct {
	Address  graph.Resource
	Schema   *contract.Node
	Provider ProviderKey
	// Range is the block's header.
	Range     hcl.Range
	Lifecycle Lifecycle
	// DependsOn are the blocks depends_on names, also those of the module calls around it.
	DependsOn []graph.Resource
	// RefersTo are, of a data block, the resources it refers to itself, not by way of a local value or a module.
	RefersTo []graph.Resource
	// Repeated reports count or for_each on the block itself: its instances have keys.
	Repeated bool
	// Reads are the attributes of this resource that something in the configuration refers to (postconditions of its
	// own too), sorted; ReadsAll that something takes the object as a whole. They tell whether computed values are needed right after a
	// create.
	Reads    []string
	ReadsAll bool

	decl *declaration
}

// Moved is one moved block with full addresses.
type Moved struct {
	From, To graph.Target
	Range    hcl.Range

	base int // leading module steps that stand for every instance of the module the block is in
}

// Removed is one removed block: what left the configuration, and whether its objects are destroyed or only forgotten.
type Removed struct {
	From    graph.Target
	Destroy bool
	Range   hcl.Range
}

// Import is one import block, or one instance of it, evaluated.
type Import struct {
	To    graph.Instance
	ID    string
	Range hcl.Range
}

// Inputs are where values of root variables come from, in Terraform's order of precedence: environment,
// terraform.tfvars, terraform.tfvars.json, *.auto.tfvars(.json) by name, then Args in their order.
type Inputs struct {
	// Env is the environment as os.Environ gives it; only TF_VAR_x counts.
	Env []string
	// Args are the -var and -var-file arguments in the order given.
	Args []InputArg
	// Values are given last and win; for values asked on a terminal. They are read as -var is.
	Values map[string]string
}

// InputArg is one -var name=value (File empty) or one -var-file path (Value empty).
type InputArg struct {
	Name, Value string
	File        string
}

// VariableValue is the value given to one root variable, converted to its type.
type VariableValue struct {
	Value cty.Value
	// Source says where it came from, for messages: "-var", "TF_VAR_x", a file name, or "default".
	Source string
}

// MissingVariable is the Extra of the diagnostic that a required variable has no value; a terminal may ask for it.
type MissingVariable struct {
	Name        string
	Description string
	Sensitive   bool
}
