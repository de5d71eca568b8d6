package graph

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Mode tells managed objects from data sources.
type Mode uint8

const (
	// Managed is a resource block.
	Managed Mode = iota
	// Data is a data block.
	Data
	// Ephemeral is an ephemeral block.
	Ephemeral
)

type keyKind uint8

const (
	noKey keyKind = iota
	intKey
	stringKey
)

// Key tells the instances of one block apart: none, a number (count) or a string (for_each). Keys are comparable;
// the zero value is [NoKey].
type Key struct {
	kind keyKind
	n    int
	s    string
}

// NoKey is the key of a block without count and for_each.
var NoKey = Key{}

// IntKey is the key of one instance of a block with count.
func IntKey(n int) Key { return Key{kind: intKey, n: n} }

// StringKey is the key of one instance of a block with for_each.
func StringKey(s string) Key { return Key{kind: stringKey, s: s} }

// IsNone reports whether there is no key.
func (k Key) IsNone() bool { return k.kind == noKey }

// Int returns the number of an [IntKey].
func (k Key) Int() (int, bool) { return k.n, k.kind == intKey }

// Str returns the string of a [StringKey].
func (k Key) Str() (string, bool) { return k.s, k.kind == stringKey }

// String is the key as it stands in an address: "", [0] or ["x"].
func (k Key) String() string {
	switch k.kind {
	case intKey:
		return "[" + strconv.Itoa(k.n) + "]"
	case stringKey:
		return "[" + quote(k.s) + "]"
	default:
		return ""
	}
}

// Compare orders keys: none, numbers by value, strings.
func (k Key) Compare(other Key) int {
	return cmp.Or(cmp.Compare(k.kind, other.kind), cmp.Compare(k.n, other.n), strings.Compare(k.s, other.s))
}

// Module is a module of configuration: the names of the calls that lead to it. The zero value is the root module.
type Module struct{ path string } // names joined by dots; names cannot contain one

// Child is the module a call named name in m makes.
func (m Module) Child(name string) Module {
	if m.path == "" {
		return Module{name}
	}
	return Module{m.path + "." + name}
}

// IsRoot reports whether m is the root module.
func (m Module) IsRoot() bool { return m.path == "" }

// Names are the names of the calls from the root, empty for the root.
func (m Module) Names() []string {
	if m.path == "" {
		return nil
	}
	return strings.Split(m.path, ".")
}

// Call is the module that holds the call of m, and the call's name. It is only meaningful for a module that is not
// the root.
func (m Module) Call() (Module, string) {
	i := strings.LastIndexByte(m.path, '.')
	if i < 0 {
		return Module{}, m.path
	}
	return Module{m.path[:i]}, m.path[i+1:]
}

// Contains reports whether other is m or a module below it.
func (m Module) Contains(other Module) bool {
	return m.path == "" || m == other || strings.HasPrefix(other.path, m.path+".")
}

// String is "" for the root, else module.a.module.b.
func (m Module) String() string {
	if m.path == "" {
		return ""
	}
	return "module." + strings.Join(m.Names(), ".module.")
}

// Compare orders modules: parents before children, by name.
func (m Module) Compare(other Module) int { return strings.Compare(m.path, other.path) }

// ModuleInstance is one instance of a module: the calls that lead to it with their keys. It is comparable; the zero
// value is the root module.
type ModuleInstance struct{ text string } // canonical text, so that == means the same instance

// Step is one call on the way to a module instance.
type Step struct {
	Name string
	Key  Key
}

// Child is the instance a call named name in m makes for key.
func (m ModuleInstance) Child(name string, key Key) ModuleInstance {
	return ModuleInstance{join(m.text, "module."+name+key.String())}
}

// IsRoot reports whether m is the root module.
func (m ModuleInstance) IsRoot() bool { return m.text == "" }

// Steps are the calls from the root to m, empty for the root.
func (m ModuleInstance) Steps() []Step {
	if m.text == "" {
		return nil
	}
	p := parser{text: m.text}
	steps, _ := p.steps() // text was made by Child or parsed: it is valid
	return steps
}

// Parent is the instance that holds the call of m, and the call with its key. It is only meaningful for an instance
// that is not the root.
func (m ModuleInstance) Parent() (ModuleInstance, Step) {
	steps := m.Steps()
	if len(steps) == 0 {
		return ModuleInstance{}, Step{}
	}
	last := steps[len(steps)-1]
	own := "module." + last.Name + last.Key.String()
	return ModuleInstance{strings.TrimSuffix(strings.TrimSuffix(m.text, own), ".")}, last
}

// Module is the block of configuration m is an instance of.
func (m ModuleInstance) Module() Module {
	var config Module
	for _, step := range m.Steps() {
		config = config.Child(step.Name)
	}
	return config
}

// Contains reports whether other is m or a module instance below it.
func (m ModuleInstance) Contains(other ModuleInstance) bool {
	return m.text == "" || m == other || strings.HasPrefix(other.text, m.text+".")
}

// String is "" for the root, else module.a["x"].module.b[0].
func (m ModuleInstance) String() string { return m.text }

// Compare orders module instances: parents before children, then by name and key.
func (m ModuleInstance) Compare(other ModuleInstance) int {
	if m == other {
		return 0
	}
	a, b := m.Steps(), other.Steps()
	for i := range min(len(a), len(b)) {
		if c := cmp.Or(strings.Compare(a[i].Name, b[i].Name), a[i].Key.Compare(b[i].Key)); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b))
}

// Resource is a resource or data block of configuration. It is comparable.
type Resource struct {
	Module     Module
	Mode       Mode
	Type, Name string
}

// Instance returns the instance of r in a module instance for a key.
func (r Resource) Instance(module ModuleInstance, key Key) Instance {
	return Instance{Module: module, Mode: r.Mode, Type: r.Type, Name: r.Name, Key: key}
}

// String is the address of the block: module.a.docker_container.web, data.docker_image.base.
func (r Resource) String() string { return join(r.Module.String(), localName(r.Mode, r.Type, r.Name)) }

// Compare orders by module, mode, type and name.
func (r Resource) Compare(other Resource) int {
	return cmp.Or(r.Module.Compare(other.Module), cmp.Compare(r.Mode, other.Mode),
		strings.Compare(r.Type, other.Type), strings.Compare(r.Name, other.Name))
}

// Instance is one object: an instance of a resource or data block in an instance of its module. It is comparable.
type Instance struct {
	Module     ModuleInstance
	Mode       Mode
	Type, Name string
	Key        Key
}

// Resource is the block of configuration i is an instance of.
func (i Instance) Resource() Resource {
	return Resource{Module: i.Module.Module(), Mode: i.Mode, Type: i.Type, Name: i.Name}
}

// String is the full address: module.a["x"].docker_container.web[0].
func (i Instance) String() string {
	return join(i.Module.String(), localName(i.Mode, i.Type, i.Name)+i.Key.String())
}

// Compare orders by module instance, mode, type, name and key (numbers by value).
func (i Instance) Compare(other Instance) int {
	return cmp.Or(i.Module.Compare(other.Module), cmp.Compare(i.Mode, other.Mode),
		strings.Compare(i.Type, other.Type), strings.Compare(i.Name, other.Name), i.Key.Compare(other.Key))
}

func localName(mode Mode, typ, name string) string {
	switch mode {
	case Data:
		return fmt.Sprintf("data.%s.%s", typ, name)
	case Ephemeral:
		return fmt.Sprintf("ephemeral.%s.%s", typ, name)
	default:
		return typ + "." + name
	}
}

func join(module, rest string) string {
	if module == "" {
		return rest
	}
	return module + "." + rest
}
