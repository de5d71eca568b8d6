package graph

// Target is what -target, -replace, moved and removed may name: a module instance with everything below it (Name is
// empty), a block with all its instances (Key is [NoKey]), or one instance.
//
// A step or block without a key stands for all its instances: module.a means module.a["x"] and module.a["y"] too.
type Target struct {
	Module     ModuleInstance
	Mode       Mode
	Type, Name string
	Key        Key
}

// String is the target as Terraform prints it.
func (t Target) String() string {
	if t.Name == "" {
		return t.Module.String()
	}
	return Instance(t).String()
}

// IsModule reports whether t names a module and not a resource.
func (t Target) IsModule() bool { return t.Name == "" }

// Matches reports whether the object is in the target.
func (t Target) Matches(i Instance) bool {
	steps, of := t.Module.Steps(), i.Module.Steps()
	if len(of) < len(steps) || !t.IsModule() && len(of) != len(steps) {
		return false
	}
	for n, step := range steps {
		if step.Name != of[n].Name || !step.Key.IsNone() && step.Key != of[n].Key {
			return false
		}
	}
	return t.IsModule() || t.Mode == i.Mode && t.Type == i.Type && t.Name == i.Name && (t.Key.IsNone() || t.Key == i.Key)
}

// MatchesResource reports whether some instance of the block can be in the target.
func (t Target) MatchesResource(r Resource) bool {
	module := t.Module.Module()
	if t.IsModule() {
		return module.Contains(r.Module)
	}
	return module == r.Module && t.Mode == r.Mode && t.Type == r.Type && t.Name == r.Name
}
