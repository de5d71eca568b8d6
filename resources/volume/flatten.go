package volume

import (
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	mobyvolume "github.com/moby/moby/api/types/volume"

	"github.com/cleat-dev/cleat/resources/contract"
)

// anonymousLabel is put on volumes whose name the engine chose, from engine 23 on.
const anonymousLabel = "com.docker.volume.anonymous"

// derivedOptions are options podman reports beside the mount options it parsed them from.
var derivedOptions = []string{"UID", "GID", "SIZE", "INODES", "NOQUOTA"}

// flatten reports an engine's volume in the spelling of last.
func flatten(v mobyvolume.Volume, last Model) Model {
	return Model{
		ID:         types.StringValue(v.Name),
		Name:       types.StringValue(v.Name),
		Driver:     types.StringValue(v.Driver),
		DriverOpts: flattenOptions(v.Options, last.DriverOpts),
		Mountpoint: types.StringValue(v.Mountpoint),
		Labels:     flattenLabels(v.Labels, last.Labels),
		Cluster:    flattenCluster(v.ClusterVolume, last.Cluster),
	}
}

// flattenOptions leaves out what the engine derived itself, unless it was declared.
func flattenOptions(options map[string]string, last types.Map) types.Map {
	declared := last.Elements()
	elements := make(map[string]attr.Value, len(options))
	for key, value := range options {
		if _, ok := declared[key]; !ok && options["o"] != "" && slices.Contains(derivedOptions, key) {
			continue
		}
		elements[key] = types.StringValue(value)
	}
	if len(elements) == 0 && (last.IsNull() || last.IsUnknown()) {
		return types.MapNull(types.StringType)
	}
	return types.MapValueMust(types.StringType, elements)
}

// flattenLabels follows the order of last, the rest comes sorted.
func flattenLabels(labels map[string]string, last contract.Blocks[Label]) contract.Blocks[Label] {
	rest := maps.Clone(labels)
	var items []Label
	for _, l := range last.Items {
		name := l.Label.ValueString()
		if value, ok := rest[name]; ok {
			items = append(items, Label{types.StringValue(name), types.StringValue(value)})
			delete(rest, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(rest)) {
		if name == anonymousLabel && rest[name] == "" {
			continue
		}
		items = append(items, Label{types.StringValue(name), types.StringValue(rest[name])})
	}
	return contract.BlocksOf(items...)
}
