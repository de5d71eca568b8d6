package plan

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/cleat-dev/cleat/reconcile/config"
	"github.com/cleat-dev/cleat/reconcile/graph"
	"github.com/cleat-dev/cleat/reconcile/observe"
	"github.com/cleat-dev/cleat/resources/contract"
)

// orphans plans what becomes of objects that are ours and declared no longer.
func (b *builder) orphans() {
	for key, host := range b.onceEach() {
		for _, o := range host.Inventory.Objects {
			if s, ok := b.step(o.Address); ok && b.Hosts[s.Provider].Inventory == host.Inventory {
				continue
			}
			if len(b.Targets) > 0 && !slices.ContainsFunc(b.Targets, func(t graph.Target) bool { return t.Matches(o.Address) }) {
				continue
			}
			b.orphan(key, host, o)
		}
	}
}

// onceEach gives every engine once, with the first of its provider configurations.
func (b *builder) onceEach() map[config.ProviderKey]*Host { return OnceEach(b.Hosts) }

// OnceEach leaves one provider configuration for every engine, the first by name.
func OnceEach(hosts map[config.ProviderKey]*Host) map[config.ProviderKey]*Host {
	keys := make([]config.ProviderKey, 0, len(hosts))
	for key := range hosts {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b config.ProviderKey) int {
		if a.String() < b.String() {
			return -1
		}
		return 1
	})
	seen := map[*observe.Inventory]bool{}
	once := map[config.ProviderKey]*Host{}
	for _, key := range keys {
		if h := hosts[key]; !seen[h.Inventory] {
			seen[h.Inventory] = true
			once[key] = h
		}
	}
	return once
}

func (b *builder) orphan(key config.ProviderKey, host *Host, o observe.Object) {
	resource, ok := b.Types.Resources[o.Address.Type]
	if !ok {
		b.report(hcl.Diagnostics{{
			Severity: hcl.DiagWarning, Summary: "Unknown type of an owned object",
			Detail: fmt.Sprintf("%s on the engine is labelled as ours and this cleat has no type %s; it is left alone.", o.Address, o.Address.Type),
		}})
		return
	}
	s, err := removal(resource, key, host, o)
	if err != nil {
		b.report(problem(o.Address, nil, err))
		return
	}
	s.Reason = "no longer declared"
	if o.Record.Existed {
		s.Reason = "no longer declared; it was there before cleat and stays"
	}
	for _, r := range b.Config.Removed() {
		if r.From.Matches(o.Address) && !r.Destroy {
			s.Action, s.Reason = Forget, "a removed block says to leave it"
		}
	}
	b.add(s)
}

// removal is the step that removes an object, with what is known of it without asking.
func removal(resource contract.Resource, key config.ProviderKey, host *Host, o observe.Object) (*Step, error) {
	before, err := lastKnown(resource, o, nil)
	if err != nil {
		return nil, err
	}
	s := &Step{
		Address: o.Address, Provider: key, Action: Delete, Node: resource.Node(), Host: host.Name,
		Before: before, After: resource.Node().Null(), Existed: o.Record.Existed, ID: o.ID, Record: o.Record,
	}
	if o.Record.Existed {
		s.Action = Forget
	}
	for _, text := range o.Record.Needs {
		if need, err := graph.ParseResource(text); err == nil {
			s.Needs = append(s.Needs, need)
		}
	}
	return s, nil
}
