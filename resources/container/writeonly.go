package container

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/internal/secretenv"
)

// secretEnv returns the entries of env_wo, sorted.
func secretEnv(m Model) []string {
	values := m.EnvWO.Elements()
	entries := make([]string, 0, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		value, _ := values[name].(types.String)
		entries = append(entries, name+"="+value.ValueString())
	}
	return entries
}

// withEnv is the whole environment of a container, and the labels that tell later reads which names are not theirs to
// report, and the version: on the container, because write-only values leave nothing in any state or record.
func withEnv(m Model, labels map[string]string) (env []string, all map[string]string) {
	env, secret := sorted(m.Env), secretEnv(m)
	if len(secret) == 0 {
		return env, labels
	}
	if labels == nil {
		labels = map[string]string{}
	}
	labels[secretenv.NamesLabel] = secretenv.Label(m.EnvWO.Elements())
	labels[secretenv.VersionLabel] = strconv.FormatInt(m.EnvWOVersion.ValueInt64(), 10)
	return append(env, secret...), labels
}

// secretVersion is the version a container's label has; none when the label came with its image, which was committed
// from such a container.
func secretVersion(last types.Int64, labels, image map[string]string) types.Int64 {
	n, err := strconv.ParseInt(labels[secretenv.VersionLabel], 10, 64)
	inherited := labels[secretenv.VersionLabel] == image[secretenv.VersionLabel] && labels[secretenv.NamesLabel] == image[secretenv.NamesLabel]
	if err != nil || inherited && !given(last) {
		return types.Int64Null()
	}
	return types.Int64Value(n)
}

// validateSecretEnv checks env_wo. No message has a value in it.
func validateSecretEnv(p *problems, m Model) {
	values := m.EnvWO.Elements()
	for _, name := range slices.Sorted(maps.Keys(values)) {
		switch {
		case name == "" || strings.ContainsAny(name, "=,\x00"):
			p.on("env_wo", "Found the name %q, want a name that is not empty and has neither = nor a comma.", name)
		case values[name].IsNull():
			p.on("env_wo", "The value of %s is null: give it one, or leave it out.", name)
		case slices.ContainsFunc(m.Env.Elements(), func(e attr.Value) bool { return givesValue(e, name) }):
			p.at(path.Root("env_wo"), "%s is in env too: leave it out there.", name)
		}
	}
	switch {
	case !m.EnvWOVersion.IsNull() && m.EnvWO.IsNull():
		p.on("env_wo_version", "env_wo_version announces another env_wo: without one it means nothing.")
	case m.EnvWOVersion.IsNull() && !m.EnvWO.IsNull():
		p.on("env_wo", "env_wo needs env_wo_version, a number: another one announces another env_wo, which by itself nobody can see.")
	}
}

// givesValue reports whether an entry of env gives this name a value.
func givesValue(entry attr.Value, name string) bool {
	text, ok := entry.(types.String)
	return ok && strings.HasPrefix(text.ValueString(), name+"=")
}
