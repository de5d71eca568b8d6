package config

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// resolveProviders finds the provider configuration of every resource through the modules around it.
func (c *Config) resolveProviders() (diags hcl.Diagnostics) {
	for _, mod := range c.sortedModules() {
		if mod.call != nil {
			diags = append(diags, c.checkPassed(mod)...)
		}
		for _, d := range mod.declarations {
			ref := providerRef{name: "docker", at: d.at}
			if d.provider != nil {
				ref = *d.provider
				if !mod.providerNames[ref.name] {
					diags = diags.Append(errorAt(ref.at, "Unknown provider", fmt.Sprintf("There is no provider %q in %s.", ref.name, mod.title())+
						didYouMean(ref.name, slices.Collect(maps.Keys(mod.providerNames)))))
					continue
				}
			}
			key, problem := c.resolveProvider(mod, ref)
			if problem != nil {
				diags = diags.Append(problem)
			}
			d.resolved = key
		}
	}
	return diags
}

// checkPassed checks the providers argument of a module's call, and that a repeated module has no provider blocks.
func (c *Config) checkPassed(mod *module) (diags hcl.Diagnostics) {
	for child, parent := range mod.call.providers {
		if _, wanted := mod.wantedAliases[child.alias]; child.alias != "" && !wanted && mod.providers[child.alias] == nil {
			diags = diags.Append(errorAt(parent.at, "Undefined provider", fmt.Sprintf(
				"%s does not declare the provider %s. Add it to configuration_aliases in the module's required_providers.", mod.title(), child)))
		}
		if _, problem := c.resolveProvider(mod.parent, *parent); problem != nil {
			diags = diags.Append(problem)
		}
	}
	for alias := range mod.wantedAliases {
		if !passed(mod.call, alias) {
			diags = diags.Append(errorAt(mod.call.at, "Missing required provider configuration", fmt.Sprintf(
				"%s requires a configuration for the provider docker.%s. Pass it with providers = { docker.%s = docker.… }.", mod.title(), alias, alias)))
		}
	}
	for above := mod; above.call != nil && len(mod.providers) > 0; above = above.parent {
		if above.call.repeat.any() || len(above.call.dependsOn) > 0 {
			for _, decl := range mod.providers {
				diags = diags.Append(errorAt(decl.at, "Module is incompatible with count, for_each, and depends_on", fmt.Sprintf(
					"%s has a provider block of its own and is called with count, for_each or depends_on at %s. Move the provider block to the root module and pass it with providers.", mod.title(), above.call.at)))
			}
			break
		}
	}
	return diags
}

func passed(call *moduleCall, alias string) bool {
	for child := range call.providers {
		if child.alias == alias {
			return true
		}
	}
	return false
}

// resolveProvider finds the block a reference in a module means: a block of the module itself, what the call passes,
// or for the default one what the module around it has.
func (c *Config) resolveProvider(mod *module, ref providerRef) (ProviderKey, *hcl.Diagnostic) {
	if mod.call != nil {
		for child, parent := range mod.call.providers {
			if child.alias == ref.alias {
				return c.resolveProvider(mod.parent, *parent)
			}
		}
	}
	if mod.providers[ref.alias] != nil {
		return ProviderKey{Module: mod.address, Alias: ref.alias}, nil
	}
	if ref.alias == "" {
		if mod.parent != nil {
			return c.resolveProvider(mod.parent, ref)
		}
		return ProviderKey{}, nil
	}
	if _, wanted := mod.wantedAliases[ref.alias]; wanted && mod.call != nil {
		return ProviderKey{}, nil // checkPassed says that the call does not pass it
	}
	known := slices.DeleteFunc(slices.Sorted(maps.Keys(mod.providers)), func(alias string) bool { return alias == "" })
	return ProviderKey{}, errorAt(ref.at, "Provider configuration not present", fmt.Sprintf(
		"There is no provider block with alias = %q in %s.", ref.alias, mod.title())+didYouMean(ref.alias, known))
}

// Providers are the provider configurations that are declared or used, sorted.
func (c *Config) Providers() []ProviderKey {
	keys := map[ProviderKey]bool{}
	for _, mod := range c.modules {
		for alias := range mod.providers {
			keys[ProviderKey{Module: mod.address, Alias: alias}] = true
		}
	}
	for _, r := range c.resources {
		keys[r.Provider] = true
	}
	return slices.SortedFunc(maps.Keys(keys), func(a, b ProviderKey) int {
		return cmp.Or(a.Module.Compare(b.Module), strings.Compare(a.Alias, b.Alias))
	})
}

func (c *Config) sortedModules() []*module {
	return slices.SortedFunc(maps.Values(c.modules), func(a, b *module) int { return a.address.Compare(b.address) })
}

// providerNode is the declaration of a key; nil when it has no block.
func (c *Config) providerNode(key ProviderKey) *providerDecl {
	mod := c.modules[key.Module]
	if mod == nil {
		return nil
	}
	return mod.providers[key.Alias]
}
