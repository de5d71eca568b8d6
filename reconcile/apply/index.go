package apply

import (
	"slices"

	"github.com/cleat-dev/cleat/reconcile/graph"
	"github.com/cleat-dev/cleat/reconcile/plan"
)

// index finds the steps of a plan by what they are about, so that no step has to look at all others.
type index struct {
	// at are the steps of an address: an object and what an interrupted replacement left of it.
	at map[graph.Instance][]*plan.Step
	// of are the steps of a block.
	of map[graph.Resource][]*plan.Step
	// from are the blocks a step's objects were made from, by its record and by its declaration.
	from map[*plan.Step][]graph.Resource
	// users are the steps whose objects are or will be made from a block; made those whose record says so.
	users, made map[graph.Resource][]*plan.Step
}

func newIndex(p *plan.Plan) index {
	x := index{
		at: map[graph.Instance][]*plan.Step{}, of: map[graph.Resource][]*plan.Step{}, from: map[*plan.Step][]graph.Resource{},
		users: map[graph.Resource][]*plan.Step{}, made: map[graph.Resource][]*plan.Step{},
	}
	parsed := map[string]graph.Resource{} // the same few blocks are named by every record
	for _, s := range p.Steps {
		block := s.Address.Resource()
		x.at[s.Address] = append(x.at[s.Address], s)
		x.of[block] = append(x.of[block], s)
		from := slices.Clone(s.Needs)
		for _, text := range s.Record.Needs {
			need, ok := parsed[text]
			if !ok {
				var err error
				if need, err = graph.ParseResource(text); err != nil {
					continue
				}
				parsed[text] = need
			}
			x.made[need] = append(x.made[need], s)
			if !slices.Contains(from, need) {
				from = append(from, need)
			}
		}
		for _, need := range from {
			x.users[need] = append(x.users[need], s)
		}
		x.from[s] = from
	}
	return x
}
