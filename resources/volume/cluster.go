package volume

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/docker/go-units"
	"github.com/hashicorp/terraform-plugin-framework/types"
	mobyvolume "github.com/moby/moby/api/types/volume"

	"github.com/cleat-dev/cleat/resources/contract"
)

// parseSize reads "128MiB", "2g" or a plain number of bytes; units are powers of 1024, as Docker has them.
func parseSize(s string) (int64, error) {
	n, err := units.RAMInBytes(s)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q is not a size: write a number and a unit, as 128MiB or 2GiB", s)
	}
	return n, nil
}

// formatSize writes a size in the largest unit that loses nothing.
func formatSize(n int64) string {
	for _, unit := range []struct {
		name  string
		bytes int64
	}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n%unit.bytes == 0 {
			return fmt.Sprintf("%d%s", n/unit.bytes, unit.name)
		}
	}
	return fmt.Sprint(n)
}

// parseTopology reads "key=value,key=value" into one topology; "" is none.
func parseTopology(s string) (map[string]string, error) {
	segments := map[string]string{}
	for _, part := range strings.Split(s, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		key, value, ok := strings.Cut(part, "=")
		if !ok || key == "" {
			return nil, fmt.Errorf("%q is not a topology: write key=value,key=value", s)
		}
		segments[key] = value
	}
	return segments, nil
}

func formatTopology(segments map[string]string) string {
	parts := make([]string, 0, len(segments))
	for _, key := range slices.Sorted(maps.Keys(segments)) {
		parts = append(parts, key+"="+segments[key])
	}
	return strings.Join(parts, ",")
}

// expandCluster returns what swarm is told of a cluster volume.
func expandCluster(c Cluster) (*mobyvolume.ClusterVolumeSpec, error) {
	spec := &mobyvolume.ClusterVolumeSpec{
		Group: c.Group.ValueString(),
		AccessMode: &mobyvolume.AccessMode{
			Scope:   mobyvolume.Scope(c.Scope.ValueString()),
			Sharing: mobyvolume.SharingMode(c.Sharing.ValueString()),
		},
		Availability: mobyvolume.Availability(c.Availability.ValueString()),
	}
	if c.Type.ValueString() == "mount" {
		spec.AccessMode.MountVolume = &mobyvolume.TypeMount{}
	} else {
		spec.AccessMode.BlockVolume = &mobyvolume.TypeBlock{}
	}
	var capacity mobyvolume.CapacityRange
	for _, size := range []struct {
		name string
		from types.String
		to   *int64
	}{{"limit_bytes", c.LimitBytes, &capacity.LimitBytes}, {"required_bytes", c.RequiredBytes, &capacity.RequiredBytes}} {
		if size.from.ValueString() == "" {
			continue
		}
		n, err := parseSize(size.from.ValueString())
		if err != nil {
			return nil, contract.At("cluster[0]."+size.name, "%w", err)
		}
		*size.to = n
	}
	if capacity != (mobyvolume.CapacityRange{}) {
		spec.CapacityRange = &capacity
	}
	var err error
	spec.AccessibilityRequirements, err = expandTopologies(c)
	return spec, err
}

func expandTopologies(c Cluster) (*mobyvolume.TopologyRequirement, error) {
	required, err := parseTopology(c.TopologyRequired.ValueString())
	if err != nil {
		return nil, contract.At("cluster[0].topology_required", "%w", err)
	}
	preferred, err := parseTopology(c.TopologyPreferred.ValueString())
	if err != nil {
		return nil, contract.At("cluster[0].topology_preferred", "%w", err)
	}
	if len(required) == 0 && len(preferred) == 0 {
		return nil, nil
	}
	requirement := &mobyvolume.TopologyRequirement{}
	if len(required) > 0 {
		requirement.Requisite = []mobyvolume.Topology{{Segments: required}}
	}
	if len(preferred) > 0 {
		requirement.Preferred = []mobyvolume.Topology{{Segments: preferred}}
	}
	return requirement, nil
}

// flattenCluster reports a cluster volume, with the spelling of last where it means the same.
func flattenCluster(v *mobyvolume.ClusterVolume, last contract.Blocks[Cluster]) contract.Blocks[Cluster] {
	if v == nil {
		return contract.Blocks[Cluster]{}
	}
	was, _ := last.One()
	mode := v.Spec.AccessMode
	if mode == nil {
		mode = &mobyvolume.AccessMode{}
	}
	c := Cluster{
		ID:           types.StringValue(v.ID),
		Availability: types.StringValue(orDefault(string(v.Spec.Availability), "active")),
		Group:        types.StringValue(v.Spec.Group),
		Scope:        types.StringValue(orDefault(string(mode.Scope), "single")),
		Sharing:      types.StringValue(orDefault(string(mode.Sharing), "none")),
		Type:         types.StringValue("block"),
	}
	if mode.MountVolume != nil {
		c.Type = types.StringValue("mount")
	}
	if capacity := v.Spec.CapacityRange; capacity != nil {
		c.LimitBytes = flattenSize(capacity.LimitBytes, was.LimitBytes)
		c.RequiredBytes = flattenSize(capacity.RequiredBytes, was.RequiredBytes)
	}
	var required, preferred map[string]string
	if r := v.Spec.AccessibilityRequirements; r != nil {
		required, preferred = firstTopology(r.Requisite), firstTopology(r.Preferred)
	}
	c.TopologyRequired = flattenTopology(required, was.TopologyRequired)
	c.TopologyPreferred = flattenTopology(preferred, was.TopologyPreferred)
	return contract.BlocksOf(c)
}

func orDefault(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}

func flattenSize(n int64, last types.String) types.String {
	if had, err := parseSize(last.ValueString()); err == nil && had == n {
		return last
	}
	if n == 0 {
		return types.StringNull()
	}
	return types.StringValue(formatSize(n))
}

func firstTopology(topologies []mobyvolume.Topology) map[string]string {
	if len(topologies) == 0 {
		return nil
	}
	return topologies[0].Segments
}

func flattenTopology(segments map[string]string, last types.String) types.String {
	if had, err := parseTopology(last.ValueString()); err == nil && !last.IsNull() && formatTopology(had) == formatTopology(segments) {
		return last
	}
	return types.StringValue(formatTopology(segments))
}
