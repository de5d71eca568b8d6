package volume

import (
	"github.com/hashicorp/terraform-plugin-framework/types"
	moby "github.com/moby/moby/client"
)

// expand returns the create request of a planned volume.
func expand(m Model) (moby.VolumeCreateOptions, error) {
	options := moby.VolumeCreateOptions{
		Name:       m.Name.ValueString(), // "" asks the engine to choose
		Driver:     m.Driver.ValueString(),
		DriverOpts: expandMap(m.DriverOpts),
	}
	if len(m.Labels.Items) > 0 {
		options.Labels = make(map[string]string, len(m.Labels.Items))
		for _, l := range m.Labels.Items {
			options.Labels[l.Label.ValueString()] = l.Value.ValueString()
		}
	}
	if cluster, ok := m.Cluster.One(); ok {
		var err error
		if options.ClusterVolumeSpec, err = expandCluster(cluster); err != nil {
			return options, err
		}
	}
	return options, nil
}

func expandMap(m types.Map) map[string]string {
	if len(m.Elements()) == 0 {
		return nil
	}
	values := make(map[string]string, len(m.Elements()))
	for key, value := range m.Elements() {
		if s, ok := value.(types.String); ok && !s.IsNull() {
			values[key] = s.ValueString()
		}
	}
	return values
}
