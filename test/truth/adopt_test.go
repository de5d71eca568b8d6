package truth_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/acctest"
	"github.com/cleat-dev/cleat/reconcile"
)

var planOptions = reconcile.PlanOptions{}

// TestAdopt: containers others made are described by what they were asked for, and nothing is planned for them.
func TestAdopt(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		net := ""
		if !b.engine.IsOld() {
			net = b.network(6)
		}
		type made = moby.ContainerCreateOptions
		for name, c := range map[string]struct {
			config   container.Config
			host     container.HostConfig
			network  *network.NetworkingConfig
			declared string
			dockerd  bool // podman does not tell
			today    bool // old versions have no such thing
		}{
			"plain":    {},
			"env":      {config: container.Config{Env: []string{"A=1", "B=two"}, Labels: map[string]string{"x": "y"}}, declared: "env = [\"B=two\", \"A=1\"]\nlabels {\nlabel = \"x\"\nvalue = \"y\"\n}"},
			"process":  {config: container.Config{User: "1000", WorkingDir: "/tmp", Hostname: "h", Tty: true, OpenStdin: true}, declared: "user = \"1000\"\nworking_dir = \"/tmp\"\nhostname = \"h\"\ntty = true\nstdin_open = true"},
			"signal":   {config: container.Config{StopSignal: "SIGINT"}, declared: "stop_signal = \"2\"", today: true},
			"limits":   {host: container.HostConfig{Resources: container.Resources{Memory: 64 << 20, CPUShares: 512, CpusetCpus: "0,1"}}, declared: "memory = 64\ncpu_shares = 512\ncpu_set = \"0-1\""},
			"cpus":     {host: container.HostConfig{Resources: container.Resources{NanoCPUs: 500_000_000}}, declared: "cpus = \"0.50\"", today: true},
			"policy":   {host: container.HostConfig{RestartPolicy: container.RestartPolicy{Name: "on-failure", MaximumRetryCount: 2}}, declared: "restart = \"on-failure\"\nmax_retry_count = 2"},
			"volumes":  {host: container.HostConfig{Binds: []string{b.project + "-data:/data:ro"}}, declared: "volumes {\nvolume_name = \"{p}-data\"\ncontainer_path = \"/data\"\nread_only = true\n}", today: true},
			"mount":    {host: container.HostConfig{Mounts: []mount.Mount{{Type: "volume", Source: b.project + "-data", Target: "/data"}}}, declared: "mounts {\ntype = \"volume\"\nsource = \"{p}-data\"\ntarget = \"/data\"\n}", today: true},
			"tmpfs":    {host: container.HostConfig{Tmpfs: map[string]string{"/scratch": "size=1m"}, ReadonlyRootfs: true}, declared: "tmpfs = { \"/scratch\" = \"size=1m\" }\nread_only = true", today: true},
			"network":  {host: container.HostConfig{NetworkMode: container.NetworkMode(net)}, network: &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{net: {Aliases: []string{"al"}}}}, declared: "networks_advanced {\nname = \"{net}\"\naliases = [\"al\"]\n}", today: true},
			"mode":     {host: container.HostConfig{NetworkMode: container.NetworkMode(net)}, declared: "network_mode = \"{net}\"", today: true},
			"host":     {host: container.HostConfig{NetworkMode: "host", PidMode: "host"}, declared: "network_mode = \"host\"\npid_mode = \"host\""},
			"none":     {host: container.HostConfig{NetworkMode: "none"}, declared: "network_mode = \"none\""},
			"security": {host: container.HostConfig{CapAdd: []string{"NET_ADMIN"}, CapDrop: []string{"CAP_CHOWN"}, SecurityOpt: []string{"no-new-privileges"}}, declared: "capabilities {\nadd = [\"net_admin\"]\ndrop = [\"CHOWN\"]\n}\nsecurity_opts = [\"no-new-privileges:true\"]", dockerd: true},
			"naming":   {host: container.HostConfig{ExtraHosts: []string{"db:192.0.2.1"}, DNSSearch: []string{"a.example"}}, declared: "host {\nhost = \"db\"\nip = \"192.0.2.1\"\n}\ndns_search = [\"a.example\"]"},
		} {
			t.Run(name, func(t *testing.T) {
				if c.dockerd && b.podman() || c.today && b.engine.IsOld() {
					return // podman does not report security options: they are taken for changed
				}
				b := newBench(t, b.engine)
				project := b.project
				c.config.Image, c.config.Cmd = acctest.Busybox, []string{"sleep", "1000"}
				created, err := b.api.ContainerCreate(b.Context(), made{Name: project + "-c", Config: &c.config, HostConfig: &c.host, NetworkingConfig: c.network})
				b.must(err)
				b.Cleanup(func() {
					_, err := b.api.ContainerRemove(b.Context(), created.ID, moby.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
					b.must(err)
				})
				_, err = b.api.ContainerStart(b.Context(), created.ID, moby.ContainerStartOptions{})
				b.must(err)
				declared := replaceAll(c.declared, "{p}", parent(project), "{net}", net)
				b.write(fmt.Sprintf("resource \"docker_container\" \"c\" {\nname = \"%s-c\"\nimage = %q\ncommand = [\"sleep\", \"1000\"]\n%s\n}\n", project, acctest.Busybox, declared))
				b.adopt("docker_container.c", project+"-c")
				b.empty("adoption")
				b.write(fmt.Sprintf("resource \"docker_container\" \"c\" {\nname = \"%s-c\"\nimage = %q\ncommand = [\"sleep\", \"1000\"]\nwait = true\nwait_timeout = 5\nremove_volumes = false\ndestroy_grace_seconds = 3\n%s\n}\n", project, acctest.Busybox, declared))
				for _, s := range b.plan().Steps {
					if got := changes(s); got != "destroy_grace_seconds wait wait_timeout" && got != "destroy_grace_seconds remove_volumes wait wait_timeout" {
						t.Errorf("with what steers: %s", got)
					}
				}
			})
		}
	})
}

// TestImageDefaults: what an image brings along was not declared, and is not taken for it.
func TestImageDefaults(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.Cleanup(b.destroy)
		build := filepath.Join(b.dir, "rich")
		b.must(os.MkdirAll(build, 0o755))
		b.must(os.WriteFile(filepath.Join(build, "Dockerfile"), []byte("FROM "+acctest.Busybox+`
ENV FOO=1 BAR=two
LABEL from=image other=x
USER app
WORKDIR /home
EXPOSE 80/tcp 53/udp
VOLUME /data
STOPSIGNAL SIGINT
HEALTHCHECK --interval=1s --timeout=2s --retries=4 CMD true
ENTRYPOINT ["/bin/env"]
CMD ["sleep", "1000"]
`), 0o600))
		text := func(attributes string) string {
			return fmt.Sprintf("resource \"docker_image\" \"rich\" {\nname = \"localhost/%[1]s-rich:1\"\nbuild {\ncontext = %[2]q\n}\n}\nresource \"docker_container\" \"c\" {\nname = \"%[1]s-c\"\nimage = docker_image.rich.image_id\ndestroy_grace_seconds = 0\nwait_timeout = 3\n%[3]s\n}\n", b.project, build, attributes)
		}
		for _, c := range []struct{ attributes, plan string }{
			{"", ""},
			{"env = [\"FOO=2\", \"MORE=x\"]\nlabels {\nlabel = \"mine\"\nvalue = \"1\"\n}", "env! labels!"},
			{"command = [\"sleep\", \"999\"]\nuser = \"root\"", "command! env! labels! user!"},
			{"entrypoint = [\"/bin/busybox\"]\ncommand = [\"sleep\", \"998\"]\nstop_signal = \"SIGTERM\"\nworking_dir = \"/tmp\"", "command! entrypoint! stop_signal! user! working_dir!"},
			{"", "command! entrypoint! stop_signal! working_dir!"},
		} {
			if b.engine.IsOld() {
				c.attributes, c.plan = strings.Replace(c.attributes, "stop_signal = \"SIGTERM\"\n", "", 1), strings.Replace(c.plan, "stop_signal! ", "", 1)
			}
			b.write(text(c.attributes))
			made := b.apply()
			got := ""
			for _, s := range made.Steps {
				got += changes(s)
			}
			b.want("with "+c.attributes, got, c.plan)
			b.empty(c.attributes)
		}
	})
}
