package imageconfig

import (
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
)

// ToContainer is the part of an image's configuration that containers inherit, in the API's form. Ports an image declares
// in a form nobody can publish are left out.
func ToContainer(in dockerspec.DockerOCIImageConfig) *container.Config {
	out := &container.Config{
		User: in.User, Env: in.Env, Entrypoint: in.Entrypoint, Cmd: in.Cmd, Volumes: in.Volumes, WorkingDir: in.WorkingDir,
		Labels: in.Labels, StopSignal: in.StopSignal, Healthcheck: in.Healthcheck, Shell: in.Shell, OnBuild: in.OnBuild,
	}
	for text := range in.ExposedPorts {
		ports, err := network.ParsePortRange(text)
		if err != nil {
			continue
		}
		if out.ExposedPorts == nil {
			out.ExposedPorts = network.PortSet{}
		}
		for port := range ports.All() {
			out.ExposedPorts[port] = struct{}{}
		}
	}
	return out
}

// FromContainer is what an image made of a container with this configuration says.
func FromContainer(in *container.Config) dockerspec.DockerOCIImageConfig {
	var out dockerspec.DockerOCIImageConfig
	out.User, out.Env, out.Entrypoint, out.Cmd, out.Volumes, out.WorkingDir = in.User, in.Env, in.Entrypoint, in.Cmd, in.Volumes, in.WorkingDir
	out.Labels, out.StopSignal, out.Healthcheck, out.Shell, out.OnBuild = in.Labels, in.StopSignal, in.Healthcheck, in.Shell, in.OnBuild
	if len(in.ExposedPorts) > 0 {
		out.ExposedPorts = make(map[string]struct{}, len(in.ExposedPorts))
		for port := range in.ExposedPorts {
			out.ExposedPorts[port.String()] = struct{}{}
		}
	}
	return out
}
