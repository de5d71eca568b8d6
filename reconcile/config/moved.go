package config

import (
	"slices"

	"github.com/cleat-dev/cleat/reconcile/graph"
)

// Moved are the moved blocks in the order they were read. [Config.Relocate] applies them.
func (c *Config) Moved() []Moved { return slices.Clone(c.moved) }

// Relocate returns where an object recorded at an address belongs now: moved blocks are followed, one after another,
// and count added to or removed from a block moves between no key and [0], as in Terraform. An address nothing moves
// comes back as it is.
func (c *Config) Relocate(i graph.Instance) graph.Instance {
	seen := map[graph.Instance]bool{i: true}
	for again := true; again; {
		again = false
		for _, m := range c.moved {
			if to, ok := m.apply(i); ok && !seen[to] {
				i, again = to, true
				seen[to] = true
				break
			}
		}
	}
	r, ok := c.resources[i.Resource()]
	if !ok || i.Mode != graph.Managed {
		return i
	}
	repeat := r.decl.repeat
	if n, isInt := i.Key.Int(); isInt && n == 0 && !repeat.any() {
		i.Key = graph.NoKey
	} else if i.Key.IsNone() && repeat.count != nil {
		i.Key = graph.IntKey(0)
	}
	return i
}

// RelocateBlock returns the blocks that may have what was once made from a block: it, and those that moved blocks move any
// of it to.
func (c *Config) RelocateBlock(r graph.Resource) []graph.Resource {
	all := []graph.Resource{r}
	for i := 0; i < len(all); i++ {
		for _, m := range c.moved {
			if to, ok := m.applyBlock(all[i]); ok && !slices.Contains(all, to) {
				all = append(all, to)
			}
		}
	}
	return all
}

// applyBlock moves one block, if any of its instances is moved.
func (m Moved) applyBlock(r graph.Resource) (graph.Resource, bool) {
	from, module := m.From.Module.Module(), m.To.Module.Module()
	if !m.From.IsModule() {
		found := r.Module == from && r.Mode == m.From.Mode && r.Type == m.From.Type && r.Name == m.From.Name
		return graph.Resource{Module: module, Mode: r.Mode, Type: r.Type, Name: m.To.Name}, found
	}
	if !from.Contains(r.Module) {
		return r, false
	}
	for _, name := range r.Module.Names()[len(from.Names()):] {
		module = module.Child(name)
	}
	r.Module = module
	return r, true
}

// apply moves one address, if the block is about it. A block in a module is about all instances of the module.
func (m Moved) apply(i graph.Instance) (graph.Instance, bool) {
	from, steps := m.From.Module.Steps(), i.Module.Steps()
	if len(steps) < len(from) || !m.From.IsModule() && len(steps) != len(from) {
		return i, false
	}
	whole := m.From.IsModule() && lastKey(m.From).IsNone() && lastKey(m.To).IsNone()
	for n, step := range from {
		anyKey := n < m.base || whole && n == len(from)-1
		if step.Name != steps[n].Name || !anyKey && step.Key != steps[n].Key {
			return i, false
		}
	}
	var module graph.ModuleInstance
	for n, step := range m.To.Module.Steps() {
		switch {
		case n < m.base:
			step.Key = steps[n].Key
		case whole && n == len(m.To.Module.Steps())-1:
			step.Key = steps[len(from)-1].Key
		}
		module = module.Child(step.Name, step.Key)
	}
	if m.From.IsModule() {
		for _, step := range steps[len(from):] {
			module = module.Child(step.Name, step.Key)
		}
		i.Module = module
		return i, true
	}
	if i.Mode != m.From.Mode || i.Type != m.From.Type || i.Name != m.From.Name {
		return i, false
	}
	block := m.From.Key.IsNone() && m.To.Key.IsNone() // the whole block moves, instances keep their keys
	if !block && i.Key != m.From.Key {
		return i, false
	}
	key := m.To.Key
	if block {
		key = i.Key
	}
	return graph.Instance{Module: module, Mode: i.Mode, Type: i.Type, Name: m.To.Name, Key: key}, true
}

func lastKey(t graph.Target) graph.Key {
	_, step := t.Module.Parent()
	return step.Key
}
