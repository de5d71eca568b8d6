package config

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

func (r *moduleReader) moduleCall(b *hcl.Block) {
	call := &moduleCall{name: b.Labels[0], at: b.DefRange, arguments: map[string]*argument{}}
	if before := r.mod.calls[call.name]; before != nil {
		r.taken(b.DefRange, "module call", call.name, &before.at)
		return
	}
	content, rest, diags := b.Body.PartialContent(schemaOf("*source version count for_each depends_on providers", "lifecycle", "locals", "provider"))
	r.diags = append(r.diags, diags...)
	for _, block := range content.Blocks {
		r.fail(block.DefRange, "Reserved block type in module block", fmt.Sprintf("A module block has no %q blocks.", block.Type))
	}
	call.repeat = r.repetition(content)
	call.dependsOn = r.dependsOn(content)
	if attr := content.Attributes["providers"]; attr != nil {
		r.passedProviders(attr, call)
	}
	attrs, diags := rest.JustAttributes()
	r.diags = append(r.diags, diags...)
	for _, name := range slices.Sorted(maps.Keys(attrs)) {
		call.arguments[name] = &argument{at: attrs[name].NameRange, value: r.expr(attrs[name])}
	}
	attr := content.Attributes["source"]
	if attr == nil || !r.source(attr, call, content.Attributes["version"]) {
		return
	}
	r.mod.calls[call.name] = call
}

func (r *moduleReader) source(attr *hcl.Attribute, call *moduleCall, version *hcl.Attribute) bool {
	source, ok := constantString(attr.Expr)
	call.source, call.sourceAt = source, attr.Expr.Range()
	if !ok {
		r.fail(call.sourceAt, "Invalid module source", `Expected a constant string such as "./modules/app".`)
		return false
	}
	local := strings.HasPrefix(source, "./") || strings.HasPrefix(source, "../") || source == "." || source == ".."
	if !local {
		r.unsupported(call.sourceAt, "remote module", fmt.Sprintf(
			"Found %q, expected a directory that begins with ./ or ../. Copy the module into the repository, for example with `terraform get` and from .terraform/modules, and name its directory.", source))
		return false
	}
	if version != nil {
		r.fail(version.Range, "Invalid version argument", "Modules in local directories have no version. Remove this argument.")
	}
	return true
}

func (r *moduleReader) passedProviders(attr *hcl.Attribute, call *moduleCall) {
	pairs, diags := hcl.ExprMap(attr.Expr)
	r.diags = append(r.diags, diags...)
	call.providers = map[providerRef]*providerRef{}
	for _, pair := range pairs {
		child, parent := r.providerRef(pair.Key), r.providerRef(pair.Value)
		if child == nil || parent == nil {
			continue
		}
		if call.providers[child.key()] != nil {
			r.fail(child.at, "Duplicate provider reference", fmt.Sprintf("The provider %s is passed to this module already.", child))
			continue
		}
		call.providers[child.key()] = parent
	}
}

// children loads the modules a module calls.
func (l *loader) children(mod *module) (diags hcl.Diagnostics) {
	for _, name := range slices.Sorted(maps.Keys(mod.calls)) {
		call := mod.calls[name]
		dir := filepath.Join(mod.dir, call.source)
		for above := mod; above != nil; above = above.parent {
			if sameDir(above.dir, dir) {
				diags = diags.Append(errorAt(call.sourceAt, "Module calls itself",
					fmt.Sprintf("The directory %q is that of %s, which this call is in. A module cannot contain itself.", dir, above.title())))
				dir = ""
				break
			}
		}
		if dir == "" {
			continue
		}
		child := newModule(mod.address.Child(name), dir)
		child.parent, child.call = mod, call
		more := l.module(child)
		if len(more) > 0 && more[0].Subject == nil {
			more[0].Subject = call.sourceAt.Ptr() // the directory itself is the problem: point at who names it
		}
		diags = append(diags, more...)
		mod.children[name] = child
	}
	return diags
}

func sameDir(a, b string) bool {
	absA, errA := filepath.Abs(a)
	absB, errB := filepath.Abs(b)
	return errA == nil && errB == nil && absA == absB
}
