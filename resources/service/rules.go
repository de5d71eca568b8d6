package service

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/internal/imageref"
	"github.com/cleat-dev/cleat/resources/contract"
	"github.com/cleat-dev/cleat/resources/swarm"
)

// Rules implements contract.Type: a swarm changes everything of a service in place but its name and the kind of its mode.
func (Type) Rules() contract.Rules {
	rules := contract.Rules{
		"id":              {Stable: true, Requires: "1.25"},
		"labels":          {Effect: contract.InPlace},
		"auth":            {ConfigOnly: true},
		"converge_config": {ConfigOnly: true},
		"mode":            {By: modeEffect, Same: sameMode, Filled: true, Stays: true},
		"task_spec":       {Effect: contract.InPlace},
		"update_config":   {Effect: contract.InPlace},
		"rollback_config": {Effect: contract.InPlace, Requires: "1.28"},
		"endpoint_spec":   {Effect: contract.InPlace, Hollow: true},

		"endpoint_spec.ports.published_port":         {MovedBy: []string{"endpoint_spec"}},
		"task_spec.container_spec.image":             {Same: sameImage},
		"task_spec.container_spec.init":              {ZeroIsSet: true, Stays: true, Requires: "1.37"},
		"task_spec.container_spec.stop_grace_period": {Same: sameDuration, ZeroIsSet: true, Stays: true},
		"task_spec.container_spec.healthcheck":       {Hollow: true},
		"task_spec.container_spec.dns_config":        {Hollow: true},
		"task_spec.container_spec.cap_add":           {Same: sameCapabilities, Requires: "1.41"},
		"task_spec.container_spec.cap_drop":          {Same: sameCapabilities, Requires: "1.41"},
		"task_spec.container_spec.sysctl":            {Requires: "1.40"},
		"task_spec.container_spec.configs":           {Requires: "1.30"},
		"task_spec.container_spec.secrets":           {Key: []string{"secret_id", "file_name"}},
		"task_spec.force_update":                     {Stays: true},
		"task_spec.runtime":                          {Stays: true},
		"task_spec.resources":                        {Hollow: true},
		"task_spec.placement":                        {Filled: true, Stays: true},
		"task_spec.placement.platforms":              {Stays: true},
		"task_spec.placement.prefs":                  {Same: samePrefs},
		"task_spec.placement.max_replicas":           {Requires: "1.40"},
		"task_spec.restart_policy":                   {Filled: true, Stays: true},
		"task_spec.restart_policy.condition":         {Stays: true},
		"task_spec.restart_policy.delay":             {Same: sameDuration, ZeroIsSet: true, Stays: true},
		"task_spec.restart_policy.window":            {Same: sameDuration, Stays: true},

		"task_spec.container_spec.secrets.secret_name": {Stable: true},
		"task_spec.container_spec.configs.config_name": {Stable: true},
	}
	for _, name := range []string{"update_config", "rollback_config"} {
		rules[name+".delay"], rules[name+".monitor"] = contract.Rule{Same: sameDuration}, contract.Rule{Same: sameDuration}
		rules[name+".max_failure_ratio"] = contract.Rule{Same: sameRatio}
	}
	for _, name := range []string{"interval", "timeout", "start_period"} {
		rules["task_spec.container_spec.healthcheck."+name] = contract.Rule{Same: sameDuration}
	}
	return rules
}

// modeEffect: a swarm does not make a global service a replicated one, nor the other way round.
func modeEffect(observed, desired attr.Value) contract.Effect {
	was, _ := isGlobal(observed)
	is, known := isGlobal(desired)
	if known && was == is {
		return contract.InPlace
	}
	return contract.Replace
}

// sameMode: no declaration is one replica.
func sameMode(observed, desired attr.Value) bool {
	has, hasKnown := modeOf(observed)
	wants, wantsKnown := modeOf(desired)
	return hasKnown && wantsKnown && has == wants
}

// tasks is how many tasks a mode asks for.
type tasks struct {
	global   bool
	replicas int64
}

// modeOf reads a mode, and whether all of it is known.
func modeOf(v attr.Value) (tasks, bool) {
	global, known := isGlobal(v)
	if global || !known {
		return tasks{global: global}, known
	}
	asked := tasks{replicas: 1}
	for _, mode := range objectsOf(v) {
		replicated := mode.Attributes()["replicated"]
		known = known && !replicated.IsUnknown()
		for _, r := range objectsOf(replicated) {
			n, _ := r.Attributes()["replicas"].(types.Int64)
			known = known && !r.IsUnknown() && !n.IsUnknown()
			if !n.IsNull() {
				asked.replicas = n.ValueInt64()
			}
		}
	}
	return asked, known
}

// objectsOf are the items of a block.
func objectsOf(v attr.Value) []types.Object {
	list, _ := v.(types.List)
	var all []types.Object
	for _, e := range list.Elements() {
		if object, ok := e.(types.Object); ok {
			all = append(all, object)
		}
	}
	return all
}

// isGlobal reads the kind of a mode, and whether it is known.
func isGlobal(v attr.Value) (global, known bool) {
	list, ok := v.(types.List)
	if !ok || list.IsUnknown() {
		return false, false
	}
	for _, object := range objectsOf(list) {
		if object.IsUnknown() {
			return false, false
		}
		g, _ := object.Attributes()["global"].(types.Bool)
		if g.IsUnknown() {
			return false, false
		}
		global = g.ValueBool()
	}
	return global, true
}

func textOf(v attr.Value) string {
	s, _ := v.(types.String)
	return s.ValueString()
}

func textsOf(v attr.Value) []string {
	var all []string
	if elements, ok := v.(interface{ Elements() []attr.Value }); ok {
		for _, e := range elements.Elements() {
			all = append(all, textOf(e))
		}
	}
	return all
}

// sameImage: a name stands for the digest it was pinned to; a digest that is declared counts.
func sameImage(observed, desired attr.Value) bool { return isImage(textOf(observed), textOf(desired)) }

func isImage(observed, desired string) bool {
	if imageref.Same(observed, desired) {
		return true
	}
	name, _, pinned := strings.Cut(observed, "@")
	return pinned && !strings.Contains(desired, "@") && imageref.Same(name, desired)
}

func sameDuration(observed, desired attr.Value) bool {
	a, errA := time.ParseDuration(textOf(observed))
	b, errB := time.ParseDuration(textOf(desired))
	return errA == nil && errB == nil && a == b
}

func sameRatio(observed, desired attr.Value) bool {
	a, errA := strconv.ParseFloat(textOf(observed), 32)
	b, errB := strconv.ParseFloat(textOf(desired), 32)
	return errA == nil && errB == nil && float32(a) == float32(b)
}

func sameCapabilities(observed, desired attr.Value) bool {
	return slices.Equal(mapped(textsOf(observed), capability), mapped(textsOf(desired), capability))
}

func capability(name string) string { return strings.TrimPrefix(strings.ToUpper(name), "CAP_") }

func samePrefs(observed, desired attr.Value) bool {
	return slices.Equal(mapped(textsOf(observed), spread), mapped(textsOf(desired), spread))
}

// spread is what a preference is spread over; "spread=" before it is docker's way to write it.
func spread(pref string) string { return strings.TrimPrefix(strings.TrimSpace(pref), "spread=") }

// mapped is the sorted results of f.
func mapped(values []string, f func(string) string) []string {
	all := make([]string, 0, len(values))
	for _, v := range values {
		all = append(all, f(v))
	}
	slices.Sort(all)
	return all
}

// Validate implements contract.Validator.
func (Type) Validate(_ context.Context, config Model) diag.Diagnostics {
	diags := swarm.ValidateLabels(config.Labels, path.Root("labels"))
	mode, ok := config.Mode.One()
	if ok && mode.Global.ValueBool() && len(mode.Replicated.Items) > 0 {
		diags.AddAttributeError(path.Root("mode"), "Two modes", "A service is global or replicated: remove global = true or the replicated block.")
	}
	if auth, ok := config.Auth.One(); ok && auth.Username.IsNull() != auth.Password.IsNull() {
		diags.AddAttributeError(path.Root("auth"), "Half of the credentials", "username and password belong together.")
	}
	diags.Append(validatePorts(config)...)
	task, ok := config.TaskSpec.One()
	if !ok {
		return diags
	}
	at := path.Root("task_spec").AtListIndex(0)
	for _, n := range task.Networks.Items {
		if n.ID.IsNull() && n.Name.IsNull() {
			diags.AddAttributeError(at.AtName("networks_advanced"), "Network without a name", "Give the network's id, as docker_network.NAME.id.")
		} else if known(n.ID) && known(n.Name) {
			diags.AddAttributeError(at.AtName("networks_advanced"), "Network named twice", "Give the network's id or its name, not both.")
		}
	}
	if container, ok := task.ContainerSpec.One(); ok {
		diags.Append(validateContainer(container, at.AtName("container_spec").AtListIndex(0))...)
	}
	return diags
}

func known(s types.String) bool { return !s.IsNull() && !s.IsUnknown() }

// validatePorts refuses a port of the nodes that is published twice.
func validatePorts(config Model) diag.Diagnostics {
	var diags diag.Diagnostics
	endpoint, ok := config.EndpointSpec.One()
	if !ok {
		return diags
	}
	seen := map[string]int{}
	for i, p := range endpoint.Ports.Items {
		at := path.Root("endpoint_spec").AtListIndex(0).AtName("ports").AtListIndex(i)
		if endpoint.Mode.ValueString() == "dnsrr" && !p.PublishMode.IsUnknown() && p.PublishMode.ValueString() != "host" {
			diags.AddAttributeError(at.AtName("publish_mode"), "Port without an address", `With mode "dnsrr" there is no address for the routing mesh: set publish_mode = "host".`)
		}
		if p.PublishedPort.IsUnknown() || p.PublishedPort.ValueInt64() == 0 {
			continue
		}
		protocol := p.Protocol.ValueString()
		if protocol == "" {
			protocol = "tcp"
		}
		key := fmt.Sprintf("%d/%s", p.PublishedPort.ValueInt64(), protocol)
		if other, twice := seen[key]; twice {
			diags.AddAttributeError(at.AtName("published_port"), "Port published twice", fmt.Sprintf("%s is published by ports[%d] too.", key, other))
		}
		seen[key] = i
	}
	return diags
}

func validateContainer(c ContainerSpec, at path.Path) diag.Diagnostics {
	diags := swarm.ValidateLabels(c.Labels, at.AtName("labels"))
	for _, m := range c.Mounts.Items {
		if m.Type.IsNull() || m.Type.IsUnknown() {
			continue
		}
		refuse := func(what string) {
			diags.AddAttributeError(at.AtName("mounts"), "Mount that cannot be", fmt.Sprintf("The mount at %q is of type %s, %s.", m.Target.ValueString(), m.Type.ValueString(), what))
		}
		switch kind := m.Type.ValueString(); {
		case kind == "bind" && m.Source.IsNull():
			refuse("which needs a source")
		case kind == "tmpfs" && known(m.Source):
			refuse("which has no source")
		case kind != "bind" && len(m.BindOptions.Items) > 0:
			refuse("and bind_options are for type bind")
		case kind != "volume" && len(m.VolumeOptions.Items) > 0:
			refuse("and volume_options are for type volume")
		case kind != "tmpfs" && len(m.TmpfsOptions.Items) > 0:
			refuse("and tmpfs_options are for type tmpfs")
		}
	}
	return diags
}

// Claims implements contract.Claimant: a service has its name for itself.
func (Type) Claims(m Model) []contract.Claim {
	if m.Name.ValueString() == "" {
		return nil
	}
	return []contract.Claim{{Kind: contract.ClaimServiceName, Value: m.Name.ValueString(), Path: "name"}}
}
