package composefile

import (
	"fmt"
	"maps"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"
)

// Finding is a key of a Compose file that an engine cannot be told.
type Finding struct {
	// Key is its place: services.web.develop.
	Key string
	// Reason says why, and what to do.
	Reason string
}

// check is one key of a service: whether it is given, and why it cannot be honoured.
type check struct {
	key    string
	given  func(s types.ServiceConfig) bool
	reason string
}

// refused are the keys of a service without which its containers would not be what is written.
var refused = []check{
	{"develop", func(s types.ServiceConfig) bool { return s.Develop != nil }, "only `docker compose watch` acts on it: move it to a file that is not among config_paths"},
	{"provider", func(s types.ServiceConfig) bool { return s.Provider != nil }, "it is a plugin of the docker CLI: manage what it provides with a resource of its own"},
	{"models", func(s types.ServiceConfig) bool { return len(s.Models) > 0 }, "it is a plugin of the docker CLI: run the model as a service"},
	{"credential_spec", func(s types.ServiceConfig) bool { return s.CredentialSpec != nil }, "it is a feature of Windows in a swarm"},
	{"use_api_socket", func(s types.ServiceConfig) bool { return s.UseAPISocket }, "it passes the credentials of the docker CLI on: mount the socket with volumes"},
	{"pre_start", func(s types.ServiceConfig) bool { return len(s.PreStart) > 0 }, "make it a service of its own and wait for it: depends_on with service_completed_successfully"},
	{"post_start", func(s types.ServiceConfig) bool { return len(s.PostStart) > 0 }, "use a docker_exec resource"},
	{"pre_stop", func(s types.ServiceConfig) bool { return len(s.PreStop) > 0 }, "handle the stop signal in the container"},
	{"umask", func(s types.ServiceConfig) bool { return s.Umask != nil }, "engines have no call for it: set it in the command"},
	{"net", func(s types.ServiceConfig) bool { return s.Net != "" }, "write network_mode"},
	{"log_driver", func(s types.ServiceConfig) bool { return s.LogDriver != "" }, "write logging.driver"},
	{"log_opt", func(s types.ServiceConfig) bool { return len(s.LogOpt) > 0 }, "write logging.options"},
	{"deploy.mode", func(s types.ServiceConfig) bool {
		return s.Deploy != nil && s.Deploy.Mode != "" && s.Deploy.Mode != "replicated"
	},
		"it needs a swarm: use docker_service"},
	{"deploy.resources.reservations.generic_resources", func(s types.ServiceConfig) bool {
		return s.Deploy != nil && s.Deploy.Resources.Reservations != nil && len(s.Deploy.Resources.Reservations.GenericResources) > 0
	}, "it needs a swarm: use docker_service"},
	{"build.dockerfile_inline", builds(func(b types.BuildConfig) bool { return b.DockerfileInline != "" }), "write it to a file and name it with build.dockerfile"},
	{"build.secrets", builds(func(b types.BuildConfig) bool { return len(b.Secrets) > 0 }), buildkit},
	{"build.ssh", builds(func(b types.BuildConfig) bool { return len(b.SSH) > 0 }), buildkit},
	{"build.additional_contexts", builds(func(b types.BuildConfig) bool { return len(b.AdditionalContexts) > 0 }), buildkit},
	{"build.cache_to", builds(func(b types.BuildConfig) bool { return len(b.CacheTo) > 0 }), buildkit},
	{"build.no_cache_filter", builds(func(b types.BuildConfig) bool { return len(b.NoCacheFilter) > 0 }), buildkit},
	{"build.entitlements", builds(func(b types.BuildConfig) bool { return len(b.Entitlements) > 0 }), buildkit},
	{"build.privileged", builds(func(b types.BuildConfig) bool { return b.Privileged }), buildkit},
	{"build.provenance", builds(func(b types.BuildConfig) bool { return b.Provenance != "" && b.Provenance != "false" }), buildkit},
	{"build.sbom", builds(func(b types.BuildConfig) bool { return b.SBOM != "" && b.SBOM != "false" }), buildkit},
	{"build.platforms", builds(func(b types.BuildConfig) bool { return len(b.Platforms) > 1 }), "the engine's own builder builds for one platform"},
}

const buildkit = "it is a feature of BuildKit, and images are built by the engine's own builder: build outside and name the image"

// ignored are the keys of a service that say nothing about containers outside a swarm; docker compose ignores them too.
var ignored = []check{
	{"deploy.labels", deploys(func(d types.DeployConfig) bool { return len(d.Labels) > 0 }), swarm},
	{"deploy.update_config", deploys(func(d types.DeployConfig) bool { return d.UpdateConfig != nil }), swarm},
	{"deploy.rollback_config", deploys(func(d types.DeployConfig) bool { return d.RollbackConfig != nil }), swarm},
	{"deploy.placement", deploys(func(d types.DeployConfig) bool {
		return len(d.Placement.Constraints)+len(d.Placement.Preferences) > 0 || d.Placement.MaxReplicas > 0
	}), swarm},
	{"deploy.endpoint_mode", deploys(func(d types.DeployConfig) bool { return d.EndpointMode != "" }), swarm},
	{"deploy.restart_policy.delay", deploys(func(d types.DeployConfig) bool { return d.RestartPolicy != nil && d.RestartPolicy.Delay != nil }), swarm},
	{"deploy.restart_policy.window", deploys(func(d types.DeployConfig) bool { return d.RestartPolicy != nil && d.RestartPolicy.Window != nil }), swarm},
	{"deploy.resources.reservations.cpus", deploys(func(d types.DeployConfig) bool {
		return d.Resources.Reservations != nil && d.Resources.Reservations.NanoCPUs != 0
	}), swarm},
}

const swarm = "only a swarm acts on it; docker compose ignores it as well"

func builds(of func(types.BuildConfig) bool) func(types.ServiceConfig) bool {
	return func(s types.ServiceConfig) bool { return s.Build != nil && of(*s.Build) }
}

func deploys(of func(types.DeployConfig) bool) func(types.ServiceConfig) bool {
	return func(s types.ServiceConfig) bool { return s.Deploy != nil && of(*s.Deploy) }
}

// Refused lists what of a project cannot be done at all.
func Refused(p *types.Project) []Finding {
	all := find(p, refused)
	for _, name := range slices.Sorted(maps.Keys(p.Services)) {
		for i, v := range p.Services[name].Volumes {
			if v.Type == types.VolumeTypeCluster {
				all = append(all, Finding{fmt.Sprintf("services.%s.volumes[%d]", name, i), "a volume of type cluster needs a swarm: use docker_service"})
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Configs)) {
		all = append(all, object("configs."+name, types.FileObjectConfig(p.Configs[name]))...)
	}
	for _, name := range slices.Sorted(maps.Keys(p.Secrets)) {
		all = append(all, object("secrets."+name, types.FileObjectConfig(p.Secrets[name]))...)
	}
	return all
}

// Ignored lists what of a project has no effect.
func Ignored(p *types.Project) []Finding {
	all := find(p, ignored)
	for _, name := range slices.Sorted(maps.Keys(p.Services)) {
		s := p.Services[name]
		for i, c := range s.Configs {
			if p.Configs[c.Source].File != "" && (c.UID != "" || c.GID != "" || c.Mode != nil) {
				all = append(all, Finding{fmt.Sprintf("services.%s.configs[%d]", name, i), mounted})
			}
		}
		for i, c := range s.Secrets {
			if p.Secrets[c.Source].File != "" && (c.UID != "" || c.GID != "" || c.Mode != nil) {
				all = append(all, Finding{fmt.Sprintf("services.%s.secrets[%d]", name, i), mounted})
			}
		}
	}
	return all
}

const mounted = "uid, gid and mode have no effect on a file that is mounted: it keeps those it has"

func find(p *types.Project, checks []check) []Finding {
	var all []Finding
	for _, name := range slices.Sorted(maps.Keys(p.Services)) {
		for _, c := range checks {
			if c.given(p.Services[name]) {
				all = append(all, Finding{"services." + name + "." + c.key, c.reason})
			}
		}
	}
	return all
}

func object(key string, o types.FileObjectConfig) []Finding {
	switch {
	case bool(o.External):
		return []Finding{{key + ".external", "it would be an object of a swarm: use file, environment or content, or docker_service"}}
	case o.Driver != "":
		return []Finding{{key + ".driver", "it needs a swarm: use docker_service"}}
	case o.TemplateDriver != "":
		return []Finding{{key + ".template_driver", "it needs a swarm: use docker_service"}}
	}
	return nil
}
