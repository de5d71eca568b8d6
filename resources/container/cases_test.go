package container

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/resources/contract"
)

// declarations are declarations of every kind of attribute. All of them were applied to dockerd 20.10 too.
func declarations() map[string]Model {
	cases := map[string]func(*Model){
		"plain":   nil,
		"created": func(m *Model) { m.Start = yes(false) },
		"limits": func(m *Model) {
			m.Memory, m.MemoryReservation, m.CPUs, m.CPUShares, m.CPUSet = num(64), num(32), str("0.50"), num(512), str("0-1")
		},
		"swap":  func(m *Model) { m.Memory, m.MemorySwap = num(64), num(-1) },
		"quota": func(m *Model) { m.CPUPeriod, m.CPUQuota = num(50000), num(25000) },
		"capabilities": func(m *Model) {
			m.Capabilities = contract.BlocksOf(Capabilities{Add: setOf("CAP_NET_ADMIN", "sys_time"), Drop: setOf("MKNOD")})
		},
		"process": func(m *Model) {
			m.User, m.WorkingDir, m.Env, m.Hostname, m.Domainname = str("1:1"), str("/tmp"), setOf("A=1", "B=2"), str("hh"), str("ex.org")
			m.TTY, m.StdinOpen, m.StopSignal, m.StopTimeout, m.Init = yes(true), yes(true), str("INT"), num(0), yes(false)
			m.Entrypoint, m.Command = listOf("busybox"), listOf("sleep", "1000")
		},
		"empty": func(m *Model) {
			m.Env, m.User, m.DNS, m.Sysctls = setOf(), str(""), setOf(), types.MapValueMust(types.StringType, nil)
		},
		"image's":       func(m *Model) { m.Image, m.Command = str("h2rich"), types.ListNull(types.StringType) },
		"image's, said": func(m *Model) { m.Image, m.Command, m.Env = str("h2rich"), listOf("sleep", "1000"), setOf("FOO=image") },
		"beyond the image": func(m *Model) {
			m.Image, m.Command, m.User = str("h2rich"), types.ListNull(types.StringType), str("0:0")
			m.Env, m.Labels = setOf("FOO=other", "X=y"), contract.BlocksOf(Label{str("level"), str("2")}, Label{str("a"), str("b")})
		},
		"health": func(m *Model) {
			m.Healthcheck = contract.BlocksOf(Healthcheck{Test: listOf("CMD", "busybox", "true"), Interval: str("90s"), Retries: num(2)})
		},
		"ports": func(m *Model) {
			m.Ports = contract.BlocksOf(Port{Internal: num(80), External: num(18080)}, Port{Internal: num(53), External: num(15353), Protocol: str("udp"), IP: str("127.0.0.1")},
				Port{Internal: num(80), External: num(18081)})
		},
		"networks": func(m *Model) {
			m.Networks = contract.BlocksOf(Network{Name: str("n1"), Aliases: setOf("al1"), IPv4Address: str("10.0.0.9")}, Network{Name: str("n2")})
		},
		"network mode": func(m *Model) { m.NetworkMode = str("n1") },
		"host network": func(m *Model) { m.NetworkMode = str("host") },
		"no network":   func(m *Model) { m.NetworkMode = str("none") },
		"dns": func(m *Model) {
			m.DNS, m.DNSSearch, m.DNSOpts = setOf("8.8.8.8", "1.1.1.1"), setOf("b.c", "a.b"), setOf("ndots:2")
			m.Hosts = contract.BlocksOf(HostEntry{Host: str("foo"), IP: str("1.2.3.4")})
		},
		"volumes": func(m *Model) {
			m.Volumes = contract.BlocksOf(Volume{VolumeName: str("vol1"), ContainerPath: str("/v1")}, Volume{HostPath: str("/tmp/"), ContainerPath: str("/h"), ReadOnly: yes(true), SelinuxRelabel: str("z")},
				Volume{ContainerPath: str("/anon")}, Volume{FromContainer: str("other"), ReadOnly: yes(true)})
			m.Tmpfs = mapOf("/run2", "size=1m")
		},
		"mounts": func(m *Model) {
			m.Mounts = contract.BlocksOf(
				Mount{Type: str("volume"), Source: str("vol2"), Target: str("/v2"), VolumeOptions: contract.BlocksOf(VolumeOptions{NoCopy: yes(true), Labels: contract.BlocksOf(Label{str("x"), str("y")}), DriverName: str("local")})},
				Mount{Type: str("bind"), Source: str("/tmp"), Target: str("/b"), ReadOnly: yes(true), BindOptions: contract.BlocksOf(BindOptions{Propagation: str("rslave")})},
				Mount{Type: str("tmpfs"), Target: str("/t"), TmpfsOptions: contract.BlocksOf(TmpfsOptions{SizeBytes: num(1048576), Mode: num(493)})})
		},
		"devices": func(m *Model) {
			m.Devices = contract.BlocksOf(Device{HostPath: str("/dev/null"), ContainerPath: str("/dev/xn")}, Device{HostPath: str("/dev/zero"), Permissions: str("mr")})
			m.DeviceReadBps, m.GPUs = contract.BlocksOf(DeviceRate{Path: str("/dev/vda"), Rate: num(1000)}), str("all")
		},
		"device requests": func(m *Model) {
			m.DeviceRequests = contract.BlocksOf(DeviceRequest{DeviceIDs: setOf("vendor.com/x=1", "vendor.com/x=0")})
		},
		"engine": func(m *Model) {
			m.Ulimits, m.Sysctls, m.GroupAdd = contract.BlocksOf(Ulimit{Name: str("nofile"), Soft: num(100), Hard: num(200)}), mapOf("net.ipv4.ip_forward", "1"), setOf("100")
			m.ShmSize, m.ReadOnly, m.PidMode, m.SecurityOpts = num(32), yes(true), str("host"), setOf("no-new-privileges:true", "seccomp:unconfined")
			m.LogDriver, m.LogOpts, m.IpcMode, m.Privileged = str("json-file"), mapOf("max-size", "1m"), str("shareable"), yes(true)
			m.PublishAllPorts, m.CgroupParent, m.StorageOpts = yes(true), str("/x"), mapOf("size", "1G")
		},
		"retries": func(m *Model) { m.Restart, m.MaxRetryCount = str("on-failure"), num(3) },
	}
	out := map[string]Model{}
	for name, f := range cases {
		out[name] = declared(f)
	}
	return out
}

// TestApplyIsFixedPoint: what was declared is valid, is what is observed then, and nothing is left to change; also when
// nothing is known but the declaration, and, but for what stands in imported, when nothing is known at all.
func TestApplyIsFixedPoint(t *testing.T) {
	t.Parallel()
	// What an engine's answer does not tell apart; see the rules of these attributes.
	imported := map[string][]string{"network mode": {"network_mode", "networks_advanced"}, "image's, said": {"command", "env"}}
	for name, m := range declarations() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, config := newEngine(t, "docker"), object(t, m)
			if diags := host(t).Validate(t.Context(), config); diags.HasError() {
				t.Fatal(diags)
			}
			observed := apply(t, e, config)
			wantEmpty(t, "after apply", plan(t, e, config, observed))

			m.ID = str(createdID)
			fromDeclaration, err := host(t).Read(t.Context(), e, object(t, m))
			if err != nil {
				t.Fatal(err)
			}
			wantEmpty(t, "read by the declaration", plan(t, e, config, fromDeclaration))

			found, err := host(t).Import(t.Context(), e, "web")
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range plan(t, e, config, found).Changes {
				known := false
				for _, path := range imported[name] {
					known = known || path == c.Path
				}
				if !known {
					t.Errorf("import: %s (%s): %v -> %v", c.Path, c.Effect, c.Before, c.After)
				}
			}
		})
	}
}
