package plan

import (
	"fmt"

	"github.com/cleat-dev/cleat/resources/contract"
)

// weight orders actions by what they do to an object.
var weight = map[Action]int{NoOp: 0, Read: 0, Forget: 1, Update: 2, Create: 3, Delete: 4, Replace: 5}

// Within reports whether doing now is no more than what was planned: the same action with no attribute more, or a
// smaller one. The error says what is more.
func Within(planned, now *Step) error {
	if now.Action == NoOp || now.Action == Read {
		return nil
	}
	if planned == nil {
		return fmt.Errorf("%s: %s was not planned; plan again", now.Address, now.Action)
	}
	if weight[now.Action] > weight[planned.Action] || now.Action == Create && planned.Action != Create && planned.Action != Replace {
		return fmt.Errorf("%s: %s was planned and %s would be needed now (%s); plan again", now.Address, planned.Action, now.Action, now.why())
	}
	if planned.Action == Create || planned.Action == Replace {
		return nil
	}
	for _, c := range now.Changes {
		if !planned.Changes.Has(c.Path) {
			return fmt.Errorf("%s: a change of %s was not planned; plan again", now.Address, c.Path)
		}
		if c.Effect == contract.Replace && planned.Action != Replace {
			return fmt.Errorf("%s: %s forces a replacement that was not planned; plan again", now.Address, c.Path)
		}
	}
	return nil
}

// onlyDrift leaves of a plan what was changed behind our back, as a report.
func (p *Plan) onlyDrift() {
	var drifted []*Step
	for _, s := range p.Steps {
		var changes contract.Changes
		for _, c := range s.Changes {
			if c.Cause == contract.Drift || c.Cause == contract.Image {
				changes = append(changes, c)
			}
		}
		if s.Changes = changes; len(changes) > 0 && (s.Action == Update || s.Action == Replace) {
			drifted = append(drifted, s)
		}
	}
	p.Steps, p.Outputs = drifted, nil
}

// Named is a change of which only the attribute is known.
func Named(path string) contract.Change { return contract.Change{Path: path} }
