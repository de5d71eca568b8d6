package compose

import (
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	tftypes "github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/resources/contract"
)

// files are the attributes the project is read by.
var files = []string{"config_paths", "project_directory", "profiles", "env_files"}

// Rules implements contract.Type. Only another name is another project. What the files say is compared by services and
// networks; the attributes that name them are not told by any engine.
func (Type) Rules() contract.Rules {
	return contract.Rules{
		"id":                {Stable: true, Requires: "1.25"},
		"project_name":      {MovedBy: files, Explain: explainName},
		"config_paths":      {Effect: contract.InPlace, Unreported: true, Same: sameFiles},
		"project_directory": {Effect: contract.InPlace, Unreported: true, Same: sameDirectory},
		"profiles":          {Effect: contract.InPlace, Unreported: true},
		"env_files":         {Effect: contract.InPlace, Unreported: true, Same: sameFiles},
		"services":          {Effect: contract.InPlace, MovedBy: files, Explain: explainServices},
		"networks":          {Effect: contract.InPlace, MovedBy: files, Explain: explainNetworks},
		"remove_orphans":    {ConfigOnly: true},
		"wait":              {ConfigOnly: true},
		"wait_timeout":      {ConfigOnly: true},
	}
}

// explainName says what becomes of a project under another name.
func explainName(observed, desired attr.Value) string {
	was, ok := observed.(tftypes.String)
	wants, also := desired.(tftypes.String)
	if !ok || !also || was.ValueString() == "" || wants.ValueString() == "" { // not known yet
		return ""
	}
	return fmt.Sprintf("it is another project: containers and networks of %q go, its named volumes stay with their data, and %[2]q begins with volumes of its own",
		was.ValueString(), wants.ValueString())
}

// explainServices says of each service that differs what it is.
func explainServices(observed, desired attr.Value) string {
	return explain("service", texts(observed), texts(desired))
}

func explainNetworks(observed, desired attr.Value) string {
	return explain("network", texts(observed), texts(desired))
}

func explain(what string, before, after map[string]string) string {
	if before == nil || after == nil {
		return ""
	}
	var all []string
	say := func(name, format string, args ...any) {
		all = append(all, what+" "+name+": "+fmt.Sprintf(format, args...))
	}
	for _, name := range sorted(after) {
		had, ok := before[name]
		was, wants := parseState(had), parseState(after[name])
		switch {
		case !ok:
			say(name, "is not there")
		case had == after[name]:
		case was.mark != wants.mark:
			say(name, "its definition changed")
		case was.trouble != "":
			say(name, "%s", was.trouble)
		default:
			say(name, "%d of %d containers", was.count, wants.count)
		}
	}
	for _, name := range sorted(before) {
		if _, ok := after[name]; !ok {
			say(name, "is declared no longer")
		}
	}
	return strings.Join(all, "; ")
}
