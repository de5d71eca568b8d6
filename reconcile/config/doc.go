// Package config is the language of cleat: the .tf files Terraform reads, in blocks, variables, functions,
// references and evaluated values. It knows no resource type and makes no engine call; what attributes a resource
// has comes from [Schemas].
//
// The way through it:
//
//	cfg, diags := config.Load(dir, config.Options{Schemas: schemas})   // parse, refuse, resolve references, find cycles
//	diags = append(diags, cfg.Validate()...)                           // everything that can be checked without values
//	vars, diags := cfg.Variables(config.Inputs{…})                     // -var, -var-file, *.tfvars, TF_VAR_x
//	eval := config.NewEvaluator(cfg, config.EvalOptions{Variables: vars, Planning: true, …})
//	diags := eval.CheckVariables()                                     // types, nullable, validation without references
//	report, err := cfg.Graph().Walk(ctx, func(ctx, n config.Node) error {
//		switch n.Kind {
//		case config.ResourceNode, config.DataNode, config.EphemeralNode:
//			instances, diags := eval.Expand(n.Resource())       // count, for_each, also of the modules around it
//			for each instance:
//				block, diags := eval.Eval(instance)         // the declared object, conforming to the schema
//				diags := eval.Preconditions(instance)
//				… plan or apply …
//				eval.Set(instance, value)                   // what others see: planned (with unknowns) or real
//				diags := eval.Postconditions(instance)
//		case config.OutputNode, config.VariableNode, config.CheckNode:
//			diags := eval.Check(n)                              // conditions, and the value of an output
//		}
//	})
//	value, diags := eval.Output(name)
//
// A walk of its own (plan, apply, destroy, validate) has an [Evaluator] of its own; they share the [Config], which
// never changes after Load. Locals, variables, module outputs and provider blocks are no steps of the walk: they are
// evaluated when something asks for them and kept; the graph holds what a node needs through them. An evaluator is
// safe for use by the concurrent visits of one walk. A value must be set before the walk visits what refers to it,
// which the order of the graph ensures. What was never set (a validation, a node out of -target) is unknown.
//
// # Sensitive values
//
// Values inside the evaluator carry marks. What leaves it ([Block], [OutputValue], [ProviderBlock]) is unmarked and
// says beside the value which paths are sensitive. [Evaluator.Set] takes unmarked values and marks again what the
// schema or the configuration made sensitive. Diagnostics never hold evaluation contexts, in which a printer would
// find values.
//
// # Positions
//
// Everything refused is a diagnostic with file, line and column, what was found, what is expected and the next step.
// [Block.Range] gives the position of an attribute path of an evaluated object, through dynamic blocks.
//
// Relative paths follow Terraform: path.root and path.module begin with the directory given to Load, functions such
// as file() read relative to the working directory of the process.
//
// # API
//
//	Load(dir string, opts Options) (*Config, hcl.Diagnostics)            // Config is never nil: Files() serve the printer
//	(*Config).Validate() hcl.Diagnostics
//	(*Config).Files() map[string]*hcl.File
//	(*Config).Graph() *graph.Graph[Node]
//	(*Config).Resources() []*Resource                                    // sorted by address
//	(*Config).Resource(graph.Resource) (*Resource, bool)                 // static facts: Schema, Range, Provider, Lifecycle, Reads …
//	(*Config).Providers() []ProviderKey                                  // used or declared
//	(*Config).Moved() []Moved; Removed() []Removed
//	(*Config).Relocate(graph.Instance) graph.Instance                    // moved blocks applied to an old address
//	(*Config).Variables(Inputs) (map[string]VariableValue, hcl.Diagnostics)
//	(*Config).Outputs() []string
//	(*Config).ProviderNeeds(ProviderKey) []Node                          // what must be done before Provider can be known
//	Unique(hcl.Diagnostics) hcl.Diagnostics                              // several nodes may fail for one reason
//
//	NewEvaluator(*Config, EvalOptions) *Evaluator
//	(*Evaluator).CheckVariables() hcl.Diagnostics
//	(*Evaluator).Expand(graph.Resource) ([]graph.Instance, hcl.Diagnostics)
//	(*Evaluator).Eval(graph.Instance) (*Block, hcl.Diagnostics)
//	(*Evaluator).Set(graph.Instance, cty.Value)
//	(*Evaluator).SetObject(graph.Instance, types.Object) error           // the same, converting only what is referred to
//	(*Evaluator).Preconditions(graph.Instance) hcl.Diagnostics
//	(*Evaluator).Postconditions(graph.Instance) hcl.Diagnostics          // after Set
//	(*Evaluator).Check(Node) hcl.Diagnostics
//	(*Evaluator).Output(name string) (OutputValue, hcl.Diagnostics)
//	(*Evaluator).Provider(ProviderKey) (*ProviderBlock, hcl.Diagnostics)
//	(*Evaluator).Imports() ([]Import, hcl.Diagnostics)
//	(*Block).Range(path string) *hcl.Range; (*ProviderBlock).Range(path string) *hcl.Range
//
//	CtyType(attr.Type) cty.Type; ObjectType(*contract.Node) cty.Type
//	ToCty(attr.Value) (cty.Value, error); FromCty(cty.Value, attr.Type) (attr.Value, error)
package config
