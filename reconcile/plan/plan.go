package plan

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/zclconf/go-cty/cty"

	"github.com/cleat-dev/cleat/reconcile/config"
	"github.com/cleat-dev/cleat/reconcile/graph"
	"github.com/cleat-dev/cleat/reconcile/ownership"
	"github.com/cleat-dev/cleat/resources/contract"
)

// Action is what a step does. Its text is part of the JSON output and of saved plans.
type Action string

const (
	// NoOp: the object is as declared.
	NoOp Action = "no-op"
	// Create: there is no object.
	Create Action = "create"
	// Update: the living object is changed.
	Update Action = "update"
	// Replace: a new object is made and the old one removed.
	Replace Action = "replace"
	// Delete: the object is removed.
	Delete Action = "delete"
	// Forget: the object stays, cleat no longer owns it.
	Forget Action = "forget"
	// Read: a data source is read during apply, because what it asks is not known yet.
	Read Action = "read"
)

// Step is what is to happen to one object.
type Step struct {
	Address  graph.Instance
	Provider config.ProviderKey
	Action   Action
	// Node is the schema of the objects below.
	Node *contract.Node
	// Before is the object as observed, null when there is none. After is the object as planned, null when it is
	// removed; unknown attributes are known after apply.
	Before, After types.Object
	// Config is the declaration with its defaults; null for an object that is declared no longer.
	Config types.Object
	// Changes are the attributes an update or a replacement changes, each with its cause.
	Changes contract.Changes
	// Sensitive are the top-level attributes and blocks configuration made sensitive, beside those of the schema.
	Sensitive map[string]bool
	// Reason says in a few words why the step is there where the changes do not: "does not exist", "no longer
	// declared", "replacement was asked for (-replace)", "docker_image.base changes (replace_triggered_by)".
	Reason string
	// PreviousAddress is where a moved object was, else zero.
	PreviousAddress graph.Instance
	// Adopting is the id or name of an object that exists and becomes ours by an import block.
	Adopting string
	// CreateBeforeDestroy: of a replacement, the new object is made before the old one goes.
	CreateBeforeDestroy bool
	// Declared is where the block is; nil for an object that is declared no longer.
	Declared *hcl.Range
	// Needs are the blocks the object is made from, for the order of removal and for the record.
	Needs []graph.Resource
	// Deposed is the id of an object an interrupted replacement left behind at this address; empty for the object
	// itself.
	Deposed string
	// Existed: what is declared was there before and is not ours (an image pulled by somebody else). It is used, and
	// not removed with the declaration.
	Existed bool
	// Host names the engine where there is more than one provider configuration: its alias; else empty.
	Host string

	// ID and Record are what the inventory has of the object the step is about.
	ID     string
	Record ownership.Record

	// asked: the replacement is wanted whatever the attributes say.
	asked bool
}

// Moved reports whether the object has another address than it was recorded with.
func (s *Step) Moved() bool {
	return s.PreviousAddress != graph.Instance{} && s.PreviousAddress != s.Address
}

// Changing reports whether the step does anything to an object or to the record of it.
func (s *Step) Changing() bool {
	return s.Action != NoOp && s.Action != Read || s.Moved() || s.Adopting != ""
}

// Output is what happens to one output of the root module.
type Output struct {
	Name string
	// Before and After are without marks; Before is cty.NilVal when the output was not recorded (sensitive ones are
	// not), After is cty.NilVal when it is declared no longer.
	Before, After cty.Value
	Sensitive     bool
}

// Changed reports whether the output gets another value, or may. Sensitive outputs are not recorded, so of them
// nothing can be said.
func (o Output) Changed() bool {
	if o.Sensitive && o.Before == cty.NilVal {
		return false
	}
	if o.Before == cty.NilVal || o.After == cty.NilVal {
		return o.Before != o.After
	}
	return !o.After.IsWhollyKnown() || !o.Before.RawEquals(o.After)
}

// Plan is what an apply would do, in order of address. The same input gives the same plan.
type Plan struct {
	Project string
	Steps   []*Step
	Outputs []Output
	// RefreshOnly: nothing is changed, the plan only reports drift.
	RefreshOnly bool
	// Destroy: everything owned is removed.
	Destroy bool

	// values are what the evaluator was told of every declared object and data source.
	values map[graph.Instance]types.Object
	// mentioned are the blocks of values.
	mentioned map[graph.Resource]bool
}

// Value is what the plan knows a declared object or data source to be.
func (p *Plan) Value(address graph.Instance) (types.Object, bool) {
	v, ok := p.values[address]
	return v, ok
}

// Changes reports whether an apply would do anything at all, outputs included.
func (p *Plan) Changes() bool {
	for _, s := range p.Steps {
		if s.Changing() {
			return true
		}
	}
	for _, o := range p.Outputs {
		if o.Changed() {
			return true
		}
	}
	return false
}

// Summary counts the steps of a plan.
type Summary struct {
	Add     int `json:"add"`
	Change  int `json:"change"`
	Replace int `json:"replace"`
	Destroy int `json:"destroy"`
	Adopt   int `json:"adopt"`
	Forget  int `json:"forget"`
}

// Summary counts what the plan does. A replacement counts once, as such.
func (p *Plan) Summary() Summary {
	var sum Summary
	for _, s := range p.Steps {
		if s.Adopting != "" {
			sum.Adopt++
		}
		switch s.Action {
		case Create:
			sum.Add++
		case Update:
			sum.Change++
		case Replace:
			sum.Replace++
		case Delete:
			sum.Destroy++
		case Forget:
			sum.Forget++
		}
	}
	return sum
}

// Step returns the step of an address: of several, that of what is declared, else the first.
func (p *Plan) Step(address graph.Instance) (*Step, bool) {
	var found *Step
	for _, s := range p.Steps {
		if s.Address == address && s.Deposed == "" && (found == nil || found.Declared == nil) {
			found = s
		}
	}
	return found, found != nil
}

// String is the plan in one line per step that does something, with the attributes and causes: what tests compare.
func (p *Plan) String() string {
	var b strings.Builder
	for _, s := range p.Steps {
		if !s.Changing() && s.Action != Read {
			continue
		}
		fmt.Fprintf(&b, "%s %s", s.Address, s.Action)
		if s.Adopting != "" {
			fmt.Fprintf(&b, " adopting %s", s.Adopting)
		}
		if s.Moved() {
			fmt.Fprintf(&b, " moved from %s", s.PreviousAddress)
		}
		for _, c := range s.Changes {
			mark := ""
			if c.Effect == contract.Replace {
				mark = "!"
			}
			fmt.Fprintf(&b, " %s%s(%s)", c.Path, mark, c.Cause)
		}
		if s.Reason != "" {
			fmt.Fprintf(&b, ": %s", s.Reason)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// Mentions reports whether the plan has a step or a value for an instance of a block.
func (p *Plan) Mentions(r graph.Resource) bool { return p.mentioned[r] }
