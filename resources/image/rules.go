package image

import (
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/internal/buildcontext"
	"github.com/cleat-dev/cleat/internal/imageref"
	"github.com/cleat-dev/cleat/resources/contract"
)

// renewed are the attributes whose change pulls or builds again, so that the name gets another image.
var renewed = []string{"build", "build_context", "platform", "pull_triggers", "triggers"}

// Rules implements contract.Type. Only another name is another object; everything else renews what the name stands
// for, without a moment in which it stands for nothing.
func (Type) Rules() contract.Rules {
	rules := contract.Rules{
		"name":          {Same: imageref.SameValue},
		"id":            {MovedBy: renewed},
		"image_id":      {MovedBy: renewed},
		"repo_digest":   {MovedBy: renewed},
		"platform":      {Effect: contract.InPlace, Requires: "1.32"},
		"pull_triggers": {Effect: contract.InPlace, Unreported: true},
		"triggers":      {Effect: contract.InPlace, Unreported: true},
		"build":         {Effect: contract.InPlace, Unreported: true},
		"build_context": {
			Effect: contract.InPlace, Unreported: true, MovedBy: []string{"build"},
			Cause: contract.BuildContext, Explain: explain,
		},
		"keep_locally": {ConfigOnly: true},
		"force_remove": {ConfigOnly: true},
		"timeouts":     {ConfigOnly: true},
	}
	for name, since := range since {
		rules["build."+name] = contract.Rule{Requires: since}
	}
	return rules
}

// since is the API version from which a build takes an attribute.
var since = map[string]string{
	"cpu_period": "1.19", "cpu_quota": "1.19",
	"build_args": "1.21", "ulimit": "1.21", "cgroup_parent": "1.21",
	"shm_size": "1.22", "isolation": "1.22",
	"label": "1.23", "labels": "1.23",
	"cache_from": "1.25", "network_mode": "1.25", "security_opt": "1.25", "squash": "1.25",
	"extra_hosts": "1.28", "target": "1.29", "platform": "1.32",
}

// explain names the files that differ.
func explain(observed, desired attr.Value) string {
	before, known := hashes(observed)
	after, planned := hashes(desired)
	if !known || !planned {
		return ""
	}
	return buildcontext.Explain(before, after)
}

// hashes returns a known build context.
func hashes(v attr.Value) (map[string]string, bool) {
	m, ok := v.(types.Map)
	if !ok || m.IsNull() || m.IsUnknown() {
		return nil, false
	}
	all := make(map[string]string, len(m.Elements()))
	for name, value := range m.Elements() {
		s, ok := value.(types.String)
		if !ok {
			return nil, false
		}
		all[name] = s.ValueString()
	}
	return all, true
}
