package compose

import (
	"context"
	"strings"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/cleat-dev/cleat/internal/composefile"
)

// Validate implements contract.Validator: it reads the files, when it is known which, and refuses what cannot be done.
func (Type) Validate(ctx context.Context, m Model) diag.Diagnostics {
	var diags diag.Diagnostics
	if !m.known() || m.ProjectName.IsUnknown() || m.ConfigPaths.IsNull() {
		return diags
	}
	at := path.Root("config_paths")
	unset := map[string]bool{}
	source := m.source()
	var mu sync.Mutex
	source.Unset = func(variable string) {
		mu.Lock()
		defer mu.Unlock()
		unset[variable] = true
	}
	p, err := composefile.Load(ctx, source)
	for _, name := range sorted(unset) {
		diags.AddAttributeWarning(at, "Variable is not set", "The variable "+name+" has no value, and a blank is taken. ${"+name+":-} says that this is meant.")
	}
	if err != nil {
		diags.AddAttributeError(at, "Compose files cannot be used", sentence(err)+" Relative paths start at the working directory.")
		return diags
	}
	in := strings.Join(p.ComposeFiles, ", ")
	for _, f := range composefile.Refused(p) {
		diags.AddAttributeError(at, "Not possible with an engine alone", f.Key+" in "+in+": "+f.Reason+".")
	}
	for _, f := range composefile.Ignored(p) {
		diags.AddAttributeWarning(at, "No effect", f.Key+" in "+in+": "+f.Reason+".")
	}
	for _, name := range sorted(p.Services) {
		// Everything that can be wrong with a conversion is found without an engine.
		r := replica{p: p, s: p.Services[name], number: 1}
		if _, _, err := r.options(); err != nil {
			diags.AddAttributeError(at, "Compose files cannot be used", sentence(err)+" Found in "+in+".")
		}
	}
	for _, name := range sorted(p.Networks) {
		if _, err := networkOptions(p, name, p.Networks[name]); err != nil {
			diags.AddAttributeError(at, "Compose files cannot be used", sentence(err)+" Found in "+in+".")
		}
	}
	return diags
}

func sentence(err error) string {
	text := strings.TrimRight(err.Error(), ". \n")
	if first, _, _ := strings.Cut(text, " "); strings.Contains(first, ".") { // a key or a file
		return text + "."
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}
