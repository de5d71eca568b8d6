package service

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/api/types/swarm"

	"github.com/cleat-dev/cleat/resources/contract"
)

// TestRound: what a swarm has of a service comes back the same after it was read and written again, also what a
// docker_service cannot say.
func TestRound(t *testing.T) {
	t.Parallel()
	replicas, pids := uint64(3), int64(7)
	spec := swarm.ServiceSpec{
		Annotations: swarm.Annotations{Name: "web", Labels: map[string]string{"a": "1"}},
		Mode:        swarm.ServiceMode{Replicated: &swarm.ReplicatedService{Replicas: &replicas}},
		TaskTemplate: swarm.TaskSpec{
			ForceUpdate: 2, Runtime: swarm.RuntimeContainer,
			Networks:  []swarm.NetworkAttachmentConfig{{Target: "n1", Aliases: []string{"x"}, DriverOpts: map[string]string{"k": "v"}}},
			Resources: &swarm.ResourceRequirements{Limits: &swarm.Limit{NanoCPUs: 5, Pids: pids}},
			Placement: &swarm.Placement{Constraints: []string{"node.role==manager"}, Preferences: []swarm.PlacementPreference{{Spread: &swarm.SpreadOver{SpreadDescriptor: "node.labels.z"}}}},
			ContainerSpec: &swarm.ContainerSpec{
				Image: "busybox:1", Env: []string{"A=1", "B=x=y"}, Hosts: []string{"10.0.0.1 db"}, TTY: true, Isolation: "default",
				Privileges: &swarm.Privileges{NoNewPrivileges: true},
				Mounts:     []mount.Mount{{Type: mount.TypeVolume, Source: "v", Target: "/v", VolumeOptions: &mount.VolumeOptions{NoCopy: true}}},
				Secrets:    []*swarm.SecretReference{{SecretID: "s1", SecretName: "s", File: &swarm.SecretReferenceFileTarget{Name: "f", UID: "0", GID: "0", Mode: 0o444}}},
			},
		},
		EndpointSpec: &swarm.EndpointSpec{Mode: swarm.ResolutionModeVIP, Ports: []swarm.PortConfig{
			{Protocol: network.TCP, TargetPort: 80, PublishedPort: 8080, PublishMode: swarm.PortConfigPublishModeIngress},
		}},
	}
	read := flatten(swarm.Service{ID: "id", Spec: spec}, Model{}, nil)
	again := spec
	container := *spec.TaskTemplate.ContainerSpec
	again.TaskTemplate.ContainerSpec = &container
	expand(read, &again)
	if diff := cmp.Diff(spec, again); diff != "" {
		t.Errorf("-had +wrote:\n%s", diff)
	}
}

// TestImage: an image is read as it was declared while the swarm has that one, pinned or not.
func TestImage(t *testing.T) {
	t.Parallel()
	const pin = "@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	for name, c := range map[string]struct {
		has  string
		last types.String
		want string
	}{
		"pinned":          {"busybox:1" + pin, types.StringValue("busybox:1"), "busybox:1"},
		"default tag":     {"busybox:latest" + pin, types.StringValue("busybox"), "busybox"},
		"digest declared": {"busybox:1" + pin, types.StringValue("busybox:1" + pin), "busybox:1" + pin},
		"another tag":     {"busybox:2" + pin, types.StringValue("busybox:1"), "busybox:2" + pin},
		"imported":        {"busybox:1" + pin, types.StringNull(), "busybox:1"},
	} {
		if got := flattenImage(c.has, c.last).ValueString(); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestNetworkNames: a network is called as it was declared.
func TestNetworkNames(t *testing.T) {
	t.Parallel()
	last := contract.BlocksOf(Network{Name: types.StringValue("web")}, Network{ID: types.StringValue("n2")})
	got := flattenNetworks([]swarm.NetworkAttachmentConfig{{Target: "n1"}, {Target: "n2"}, {Target: "n3"}}, last, map[string]string{"web": "n1"})
	var names []string
	for _, n := range got.Items {
		names = append(names, n.Name.ValueString()+"/"+n.ID.ValueString())
	}
	if diff := cmp.Diff([]string{"web/", "/n2", "/n3"}, names); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
