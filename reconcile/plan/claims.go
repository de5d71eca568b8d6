package plan

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/reconcile/graph"
	"github.com/cleat-dev/cleat/reconcile/observe"
	"github.com/cleat-dev/cleat/resources/contract"
)

// claim is a claim of a planned object.
type claim struct {
	contract.Claim
	step *Step
}

// claims refuses a plan in which two objects want the same name or port of a host, or one that a foreign object has.
func (b *builder) claims() {
	byHost := map[*observe.Inventory][]claim{}
	// They were added as the walk came to them; of two that clash always the same one is told.
	steps := slices.SortedFunc(slices.Values(b.steps), func(x, y *Step) int { return x.Address.Compare(y.Address) })
	for _, s := range steps {
		resource, ok := b.Types.Resources[s.Address.Type]
		if !ok || s.Action == Read || s.After.IsNull() || s.Deposed != "" { // a data source may have the name of a type
			continue
		}
		wanted, err := resource.Claims(s.After)
		if err != nil {
			b.report(problem(s.Address, nil, err))
			continue
		}
		wanted = b.vacated(s, resource, wanted)
		inventory := b.Hosts[s.Provider].Inventory
		for _, c := range wanted {
			byHost[inventory] = append(byHost[inventory], claim{c, s})
		}
	}
	for inventory, wanted := range byHost {
		rest := b.among(wanted)
		b.against(inventory, rest)
		b.within(rest)
	}
}

// uniqueNames are the kinds of names of which an engine, or its swarm, takes each only once.
var uniqueNames = []contract.ClaimKind{
	contract.ClaimVolumeName, contract.ClaimNetworkName, contract.ClaimSecretName, contract.ClaimConfigName, contract.ClaimServiceName,
}

// vacated refuses a name of which there can be one when a new object would need it while the one it replaces still
// has it, and returns the other claims. The name of an image just moves.
func (b *builder) vacated(s *Step, resource contract.Resource, wanted []contract.Claim) []contract.Claim {
	if s.Action != Replace || !s.CreateBeforeDestroy || resource.StepsAside() || resource.Prepares() {
		return wanted
	}
	held, err := resource.Claims(s.Before)
	if err != nil {
		b.report(problem(s.Address, nil, err))
		return wanted
	}
	return slices.DeleteFunc(wanted, func(c contract.Claim) bool {
		if !slices.Contains(uniqueNames, c.Kind) || !slices.ContainsFunc(held, c.Conflicts) {
			return false
		}
		b.refuse(claim{c, s}, fmt.Sprintf("%s %q is to be given to the new object while the one it replaces still has it. Choose another, or remove create_before_destroy.", c.Kind, c.Value))
		return true
	})
}

// within refuses addresses outside of the ranges their network declares.
func (b *builder) within(wanted []claim) {
	ranges := map[string][]netip.Prefix{}
	for _, c := range wanted {
		prefix, err := netip.ParsePrefix(c.IP)
		if c.Kind != contract.ClaimSubnet || err != nil {
			continue
		}
		ranges[c.Value] = append(ranges[c.Value], prefix)
		if id, ok := c.step.After.Attributes()["id"].(types.String); ok && id.ValueString() != "" {
			ranges[id.ValueString()] = append(ranges[id.ValueString()], prefix)
		}
	}
	for _, c := range wanted {
		address, err := netip.ParseAddr(c.IP)
		if declared := ranges[c.Value]; c.Kind == contract.ClaimAddress && err == nil && len(declared) > 0 &&
			!slices.ContainsFunc(declared, func(p netip.Prefix) bool { return p.Contains(address) }) {
			b.refuse(c, fmt.Sprintf("%s is not in a subnet of network %q, which declares %s. Choose an address from there.", address, c.Value, list(declared)))
		}
	}
}

func list(prefixes []netip.Prefix) string {
	texts := make([]string, len(prefixes))
	for i, p := range prefixes {
		texts[i] = p.String()
	}
	return strings.Join(texts, ", ")
}

// what names the thing claimed.
func (c claim) what() string {
	if c.Kind == contract.ClaimAddress {
		return fmt.Sprintf("address %s on network %q", c.IP, c.Value)
	}
	return fmt.Sprintf("%s %q", c.Kind, c.Value)
}

// among finds two declared objects that want the same, and returns the other claims.
func (b *builder) among(wanted []claim) []claim {
	var rest []claim
	type key struct {
		kind  contract.ClaimKind
		value string
	}
	first := map[key][]claim{}
	for _, c := range wanted {
		k := key{c.Kind, c.Value}
		if c.Kind == contract.ClaimSubnet { // two networks of one name clash by their name
			rest = append(rest, c)
			continue
		}
		clash := slices.IndexFunc(first[k], func(other claim) bool { return c.Conflicts(other.Claim) && other.step.Address != c.step.Address })
		if clash >= 0 {
			next := "Give one of them another."
			if c.Kind == contract.ClaimConnection {
				next = "Declare it in one place."
			}
			b.refuse(c, fmt.Sprintf("%s is also taken by %s. %s", c.what(), first[k][clash].step.Address, next))
		} else {
			rest = append(rest, c)
		}
		first[k] = append(first[k], c)
	}
	return rest
}

// against finds foreign objects that have what a step is about to take.
func (b *builder) against(inventory *observe.Inventory, wanted []claim) {
	taken, leaving, late := map[string][]observe.Taken{}, b.leaving(), b.leavingLate()
	for _, t := range inventory.Taken {
		taken[t.Value] = append(taken[t.Value], t)
	}
	for _, c := range wanted {
		if c.step.Action != Create && c.step.Action != Replace && !c.step.Changes.Has(c.root()) {
			continue
		}
		for _, t := range taken[c.Value] {
			if !c.Conflicts(t.Claim) || t.By == c.step.Address || c.step.adopts(t) {
				continue
			}
			if user, waits := late[t.By]; waits && c.step.Action == Create && t.By.Type == c.step.Address.Type {
				b.refuse(c, fmt.Sprintf("%s is taken by %s, which is declared no longer but goes last, because %s was made from it. If it is the same object, say so: moved { from = %s, to = %s }. Else choose another, or remove one before.",
					c.what(), t.By, user, t.By, c.step.Address))
				break
			}
			if leaving[t.By] {
				continue
			}
			text := fmt.Sprintf("%s %q is taken by %s, which is not managed here.", c.Kind, c.Value, t.Owner)
			if t.By != (graph.Instance{}) {
				text = fmt.Sprintf("%s %q is taken by %s, which is %s and keeps it.", c.Kind, c.Value, t.Owner, t.By)
			} else if c.Kind == contract.ClaimHostPort {
				text += " Choose another, or stop what has it."
			} else {
				text += fmt.Sprintf(" Choose another, remove it, or take it over: cleat adopt '%s' %s", c.step.Address, c.Value)
			}
			b.refuse(c, text)
			break
		}
	}
}

// adopts reports whether a thing is taken by the object an import block makes ours.
func (s *Step) adopts(t observe.Taken) bool {
	return s.Adopting != "" && t.Type == s.Address.Type && types.StringValue(t.ID).Equal(s.Before.Attributes()["id"])
}

// root is the attribute that makes a claim.
func (c claim) root() string {
	for i, r := range c.Path {
		if r == '.' || r == '[' {
			return c.Path[:i]
		}
	}
	return c.Path
}

// leaving are the objects of ours that give up what they have in this plan.
func (b *builder) leaving() map[graph.Instance]bool {
	leaving := map[graph.Instance]bool{}
	for _, s := range b.steps {
		if s.Action == Delete || s.Action == Replace || s.Action == Update {
			leaving[s.Address] = true
		}
	}
	return leaving
}

// leavingLate are those of them that are removed only when all that is new is made, each with an object that stays and was
// made from it.
func (b *builder) leavingLate() map[graph.Instance]graph.Instance {
	users := map[graph.Resource]graph.Instance{}
	for _, s := range b.steps {
		if s.Action == Delete || s.Action == Forget {
			continue
		}
		for _, text := range s.Record.Needs {
			need, err := graph.ParseResource(text)
			if first, known := users[need]; err == nil && (!known || s.Address.Compare(first) < 0) {
				users[need] = s.Address
			}
		}
	}
	late := map[graph.Instance]graph.Instance{}
	for _, s := range b.steps {
		if user, used := users[s.Address.Resource()]; used && s.Action == Delete && s.Deposed == "" {
			late[s.Address] = user
		}
	}
	return late
}

func (b *builder) refuse(c claim, detail string) {
	d := &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Conflict: " + c.step.Address.String(), Detail: c.Path + ": " + detail, Subject: c.step.Declared}
	if block, diags := b.Evaluator.Eval(c.step.Address); !diags.HasErrors() {
		d.Subject = block.Range(c.Path)
	}
	b.report(hcl.Diagnostics{d})
}
