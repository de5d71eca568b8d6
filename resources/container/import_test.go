package container

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/container"

	"github.com/cleat-dev/cleat/resources/contract"
)

// TestImportOfForeign: containers people made with docker run on real engines are described by what they asked for.
func TestImportOfForeign(t *testing.T) {
	t.Parallel()
	many := func(m *Model) {
		m.Image = str("h2rich")
		m.Command = types.ListNull(types.StringType)
		m.Env, m.Labels, m.Hostname = setOf("A=1", "B=two", "FOO=override"), contract.BlocksOf(Label{str("a"), str("b")}), str("myhost")
		m.Memory, m.MemoryReservation, m.CPUShares, m.CPUs, m.CPUSet = num(64), num(32), num(512), str("0.5"), str("0")
		m.DNS, m.DNSSearch, m.DNSOpts = setOf("8.8.8.8", "1.1.1.1"), setOf("a.b"), setOf("ndots:2")
		m.Hosts = contract.BlocksOf(HostEntry{str("foo"), str("1.2.3.4")})
		m.Devices = contract.BlocksOf(Device{HostPath: str("/dev/zero")}, Device{HostPath: str("/dev/null"), ContainerPath: str("/dev/xnull")})
		m.Healthcheck = contract.BlocksOf(Healthcheck{Test: listOf("CMD-SHELL", "true"), Interval: str("90s")})
		m.Restart, m.MaxRetryCount, m.GroupAdd, m.ShmSize = str("on-failure"), num(3), setOf("100"), num(32)
		m.TTY, m.StdinOpen, m.ReadOnly, m.User, m.WorkingDir, m.StopSignal, m.StopTimeout = yes(true), yes(true), yes(true), str("0:0"), str("/tmp"), str("SIGINT"), num(5)
	}
	docker := map[string]func(*Model){
		"plain": func(m *Model) { m.Start = yes(false) },
		"richplain": func(m *Model) {
			m.Image, m.Command, m.Start = str("h2rich"), types.ListNull(types.StringType), yes(false)
		},
		"publishall": func(m *Model) {
			m.Image, m.Command, m.PublishAllPorts = str("h2rich"), types.ListNull(types.StringType), yes(true)
		},
		"netted": func(m *Model) {
			m.Networks = contract.BlocksOf(Network{Name: str("n2"), Aliases: setOf("al2")}, Network{Name: str("n1"), Aliases: setOf("al1"), IPv4Address: str("10.202.1.50")})
		},
		"joined": func(m *Model) {
			id := "container:80cdd38325e2d3ca76af2ea905cbff52f1e56939756562ed10ab1af24fb1e3b8"
			m.NetworkMode, m.PidMode, m.IpcMode = str(id), str(id), str("shareable")
		},
		"hostnet": func(m *Model) { m.NetworkMode, m.Privileged, m.Start = str("host"), yes(true), yes(false) },
		"many": func(m *Model) {
			many(m)
			m.Domainname, m.Init, m.PidMode, m.IpcMode = str("example.org"), yes(true), str("host"), str("private")
			m.Capabilities = contract.BlocksOf(Capabilities{Add: setOf("CAP_NET_ADMIN"), Drop: setOf("mknod")})
			m.Ports = contract.BlocksOf(Port{Internal: num(9000)}, Port{Internal: num(80), External: num(8080)}, Port{Internal: num(53), External: num(5353), Protocol: str("udp"), IP: str("127.0.0.1")})
			m.Volumes = contract.BlocksOf(Volume{VolumeName: str("vol1"), ContainerPath: str("/vol1")}, Volume{HostPath: str("/tmp"), ContainerPath: str("/htmp"), ReadOnly: yes(true)})
			m.Mounts = contract.BlocksOf(
				Mount{Type: str("bind"), Source: str("/tmp"), Target: str("/bt"), ReadOnly: yes(true)},
				Mount{Type: str("volume"), Source: str("vol2"), Target: str("/vol2"), VolumeOptions: contract.BlocksOf(VolumeOptions{Labels: contract.BlocksOf(Label{str("x"), str("y")})})},
				Mount{Type: str("tmpfs"), Target: str("/tm"), TmpfsOptions: contract.BlocksOf(TmpfsOptions{Mode: num(493), SizeBytes: num(1048576)})})
			m.Tmpfs, m.Sysctls = mapOf("/run2", "size=1m,mode=755"), mapOf("net.ipv4.ip_forward", "1")
			m.LogOpts, m.LogDriver = mapOf("max-size", "1m", "max-file", "2"), str("json-file")
			m.SecurityOpts, m.Ulimits = setOf("no-new-privileges", "seccomp=unconfined"), contract.BlocksOf(Ulimit{num(200), str("nofile"), num(100)})
		},
	}
	podman := map[string]func(*Model){
		"plain": func(m *Model) { m.Start = yes(false) },
		"richplain": func(m *Model) {
			m.Image, m.Command, m.Start = str("h2rich"), types.ListNull(types.StringType), yes(false)
		},
		"netted": func(m *Model) {
			m.Networks = contract.BlocksOf(Network{Name: str("n1"), Aliases: setOf("al1")}, Network{Name: str("n2"), Aliases: setOf("al2")})
		},
		"many": func(m *Model) {
			many(m)
			m.Healthcheck = contract.Blocks[Healthcheck]{} // its own or the image's: podman does not say
			m.Capabilities = contract.BlocksOf(Capabilities{Add: setOf("NET_ADMIN")})
			m.Ports = contract.BlocksOf(Port{Internal: num(80), External: num(8081)}, Port{Internal: num(53), External: num(5354), Protocol: str("udp"), IP: str("127.0.0.1")}, Port{Internal: num(9000)})
			m.Volumes = contract.BlocksOf(
				Volume{VolumeName: str("vol1"), ContainerPath: str("/vol1")}, Volume{VolumeName: str("vol2"), ContainerPath: str("/vol2")},
				Volume{HostPath: str("/tmp"), ContainerPath: str("/htmp"), ReadOnly: yes(true)}, Volume{HostPath: str("/tmp"), ContainerPath: str("/bt"), ReadOnly: yes(true)})
			m.Tmpfs = mapOf("/run2", "size=1m,mode=755", "/tm", "size=1048576,mode=755")
			m.SecurityOpts = setOf("no-new-privileges")
		},
	}
	for dir, cases := range map[string]map[string]func(*Model){"docker": docker, "podman": podman} {
		for file, f := range cases {
			t.Run(dir+"/"+file, func(t *testing.T) {
				t.Parallel()
				e := newEngine(t, dir)
				e.exists, e.c = true, fixture[container.InspectResponse](t, dir+"/"+file+".json")
				name := strings.TrimPrefix(e.c.Name, "/")
				m := declared(f)
				m.Name = str(name)
				observed, err := host(t).Import(t.Context(), e, name)
				if err != nil {
					t.Fatal(err)
				}
				wantEmpty(t, "import", plan(t, e, object(t, m), observed))
			})
		}
	}
}
