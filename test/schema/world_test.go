package schema

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// world is an engine with one of everything. Ids are by name.
type world struct {
	*engine
	id map[string]string
	// ref is an image of the registry.
	ref string
}

// minute is a minute as the API has it, in nanoseconds.
const minute = 60_000_000_000

// dockerfile makes an image whose configuration has every field a Dockerfile can set.
const dockerfile = `FROM busybox:1
LABEL made=here
ENV A=1 B=2
EXPOSE 80 53/udp
VOLUME /data
WORKDIR /srv
USER app
STOPSIGNAL SIGINT
SHELL ["/bin/sh","-c"]
HEALTHCHECK --interval=1h --timeout=5s --start-period=1m --retries=2 CMD true
ONBUILD RUN true
MAINTAINER somebody
RUN echo one > /tmp/one
ENTRYPOINT ["sh","-c"]
CMD ["sleep 3600"]
`

func newWorld(t *testing.T) *world {
	t.Helper()
	registry := acctest.NewRegistry(t, acctest.Auth{})
	w := &world{engine: newEngine(acctest.NewCleatd(t, "--search-index", serveIndex(t))), id: map[string]string{}}
	w.makeImages(t, registry)
	w.makeNetworks(t)
	w.makeContainers(t)
	w.makeExecs(t)
	return w
}

func (w *world) makeImages(t *testing.T, registry *acctest.Registry) {
	t.Helper()
	w.must(t, "POST", "/build?t=schema/built:1", tarball(t, [2]string{"Dockerfile", dockerfile}), "")
	w.id["image"] = w.must(t, "GET", "/images/schema/built:1/json", nil, "Id")
	w.must(t, "POST", "/images/create?fromSrc=-&repo=schema/moved", tarball(t, [2]string{"etc/one", "1"}), "")
	w.id["dangling"] = w.must(t, "GET", "/images/schema/moved/json", nil, "Id")
	w.must(t, "POST", "/images/create?fromSrc=-&repo=schema/moved&message=second&changes="+url.QueryEscape("CMD [\"true\"]"),
		tarball(t, [2]string{"etc/two", "2"}), "")
	w.ref = registry.Push(t, w.Engine, acctest.HTTPServer, "team/app:1")
	w.must(t, "POST", "/images/create?fromImage="+url.QueryEscape(w.ref), nil, "")
}

func (w *world) makeNetworks(t *testing.T) {
	t.Helper()
	w.id["network"] = w.must(t, "POST", "/networks/create", object{"Name": "schema-net", "Driver": "bridge", "Labels": object{"a": "b"},
		"Options": object{"com.docker.network.bridge.enable_icc": "true"},
		"IPAM": object{"Driver": "default", "Options": object{}, "Config": list{object{"Subnet": w.Subnet(1).String(), "IPRange": w.Subnet(1).String(), "Gateway": gateway(w),
			"AuxiliaryAddresses": object{"router": strings.TrimSuffix(gateway(w), "1") + "9"}}}}}, "Id")
	w.must(t, "POST", "/networks/create", object{"Name": "schema-internal", "Internal": true, "Attachable": true}, "")
	w.must(t, "POST", "/volumes/create", object{"Name": "schema-volume", "Labels": object{"a": "b"}}, "")
	w.must(t, "POST", "/volumes/create", object{"Name": "schema-tmpfs", "DriverOpts": object{"type": "tmpfs", "device": "tmpfs", "o": "size=1m"}}, "")
}

func gateway(w *world) string { return strings.TrimSuffix(w.Subnet(1).Addr().String(), "0") + "1" }

func (w *world) makeContainers(t *testing.T) {
	t.Helper()
	forever := list{"sh", "-c", "echo out; echo err >&2; exec sleep 3600"}
	w.id["created"] = w.must(t, "POST", "/containers/create?name=created", everything(w.Dir()), "Id")
	w.id["running"] = w.run(t, "running", object{"Image": acctest.Busybox, "Cmd": forever, "Labels": object{"l": "1"}, "Env": list{"A=1"},
		"ExposedPorts": object{"80/tcp": object{}, "81/tcp": object{}},
		"Healthcheck":  object{"Test": list{"CMD", "true"}, "Interval": 1_000_000_000},
		"HostConfig": object{"PortBindings": object{"80/tcp": list{object{"HostIp": "127.0.0.1", "HostPort": ""}}}, "Memory": 64 << 20, "PidsLimit": 100,
			"Binds":  list{w.Dir() + ":/bind:ro", "schema-volume:/volume", "/anonymous"},
			"Mounts": list{object{"Type": "tmpfs", "Target": "/tmpfs", "TmpfsOptions": object{"SizeBytes": 1 << 20, "Mode": 0o700}}}}})
	w.id["net"] = w.run(t, "net", object{"Image": acctest.Busybox, "Cmd": forever, "HostConfig": object{"NetworkMode": "schema-net"},
		"NetworkingConfig": object{"EndpointsConfig": object{"schema-net": object{"Aliases": list{"alias"}, "MacAddress": "02:00:00:00:00:10",
			"IPAMConfig": object{"IPv4Address": strings.TrimSuffix(w.Subnet(1).Addr().String(), "0") + "77"}}}}})
	w.must(t, "POST", "/networks/schema-internal/connect", object{"Container": "net", "EndpointConfig": object{"Aliases": list{"inner"}}}, "")
	w.id["tty"] = w.run(t, "tty", object{"Image": acctest.Busybox, "Cmd": list{"sh"}, "Tty": true, "OpenStdin": true})
	w.id["paused"] = w.run(t, "paused", object{"Image": acctest.Busybox, "Cmd": forever, "HostConfig": object{"NetworkMode": "none"}})
	w.must(t, "POST", "/containers/paused/pause", nil, "")
	w.id["exited"] = w.run(t, "exited", object{"Image": acctest.Busybox, "Cmd": list{"sh", "-c", "echo x > /new; rm /www; echo y >> /etc/passwd; exit 3"}})
	w.must(t, "POST", "/containers/exited/wait", nil, "")
	w.id["restarting"] = w.run(t, "restarting", object{"Image": acctest.Busybox, "Cmd": list{"false"},
		"HostConfig": object{"NetworkMode": "none", "RestartPolicy": object{"Name": "on-failure", "MaximumRetryCount": 50}}})
	w.run(t, "auto", object{"Image": acctest.Busybox, "Cmd": forever, "HostConfig": object{"AutoRemove": true, "NetworkMode": "host"}})
	w.run(t, "joined", object{"Image": acctest.Busybox, "Cmd": forever, "HostConfig": object{"NetworkMode": "container:running"}})
	w.run(t, "linked", object{"Image": acctest.Busybox, "Cmd": forever, "HostConfig": object{"Links": list{"running:web"}}})
	w.id["failed"] = w.must(t, "POST", "/containers/create?name=failed", object{"Image": acctest.Busybox, "Cmd": list{"/nowhere"}}, "Id")
	if got := w.send(t, newest, "POST", "/containers/failed/start", nil, nil, 0); got.status != http.StatusBadRequest {
		t.Fatalf("start of what is not there: %d %s", got.status, got.body)
	}
	w.must(t, "POST", "/commit?container=exited&repo=schema/committed&comment=c&author=a", nil, "")
}

// everything is a container that says something in every field that need not be true of the machine.
func everything(dir string) object {
	rate := list{object{"Path": "/dev/null", "Rate": 1000}}
	return object{
		"Image": "schema/built:1", "Hostname": "host", "Domainname": "example.com", "User": "root", "AttachStdin": true, "AttachStdout": true, "AttachStderr": true,
		"Tty": true, "OpenStdin": true, "StdinOnce": true, "Env": list{"A=2"}, "Cmd": list{"date"}, "Entrypoint": list{"env"}, "WorkingDir": "/",
		"Labels": object{"a": "b"}, "Volumes": object{"/v": object{}}, "ExposedPorts": object{"22/tcp": object{}}, "StopSignal": "SIGTERM", "StopTimeout": 10,
		"Shell": list{"/bin/sh", "-c"}, "ArgsEscaped": true, "NetworkDisabled": true, "OnBuild": list{},
		"Healthcheck": object{"Test": list{"CMD-SHELL", "true"}, "Interval": minute, "Timeout": minute, "Retries": 3, "StartPeriod": minute, "StartInterval": minute},
		"HostConfig": object{
			"Binds": list{dir + ":/bind"}, "Memory": 64 << 20, "MemorySwap": 128 << 20, "MemoryReservation": 32 << 20, "MemorySwappiness": 60, "NanoCpus": 500_000_000,
			"CpuShares": 512, "CpusetCpus": "0", "CpusetMems": "0", "BlkioWeight": 300, "PidsLimit": 50, "OomKillDisable": false, "OomScoreAdj": 500,
			"Ulimits": list{object{"Name": "nofile", "Soft": 64, "Hard": 128}}, "Devices": list{object{"PathOnHost": "/dev/null", "PathInContainer": "/dev/x", "CgroupPermissions": "rw"}},
			"DeviceCgroupRules": list{"c 1:3 r"}, "ShmSize": 1 << 20, "Sysctls": object{"net.ipv4.ip_forward": "1"}, "Tmpfs": object{"/run": "size=1m"},
			"GroupAdd": list{"nobody"}, "CapAdd": list{"NET_ADMIN"}, "CapDrop": list{"MKNOD"}, "Dns": list{"8.8.8.8"}, "DnsOptions": list{"ndots:1"}, "DnsSearch": list{"example.com"},
			"ExtraHosts": list{"a:1.2.3.4"}, "SecurityOpt": list{"no-new-privileges"}, "ReadonlyRootfs": true, "LogConfig": object{"Type": "json-file", "Config": object{"max-size": "1m"}},
			"RestartPolicy": object{"Name": "unless-stopped"}, "PublishAllPorts": true, "Init": true, "CgroupnsMode": "private", "IpcMode": "shareable", "Annotations": object{"a": "b"},
			"PortBindings": object{"22/tcp": list{object{"HostIp": "", "HostPort": ""}}}, "VolumeDriver": "local",
			"BlkioWeightDevice":  list{object{"Path": "/dev/null", "Weight": 200}},
			"BlkioDeviceReadBps": rate, "BlkioDeviceWriteBps": rate, "BlkioDeviceReadIOps": rate, "BlkioDeviceWriteIOps": rate,
			"DeviceRequests": list{object{"Driver": "nvidia", "Count": -1, "DeviceIDs": list{}, "Capabilities": list{list{"gpu"}}, "Options": object{}}},
			"Mounts": list{
				object{"Type": "volume", "Source": "schema-volume", "Target": "/m", "ReadOnly": true, "Consistency": "default",
					"VolumeOptions": object{"NoCopy": true, "Labels": object{"x": "y"}, "DriverConfig": object{"Name": "local", "Options": object{"type": "tmpfs", "device": "tmpfs"}}}},
				object{"Type": "bind", "Source": dir, "Target": "/b", "ReadOnly": true, "BindOptions": object{"Propagation": "rprivate", "NonRecursive": true, "CreateMountpoint": true,
					"ReadOnlyNonRecursive": true}},
				object{"Type": "bind", "Source": dir, "Target": "/f", "ReadOnly": true, "BindOptions": object{"ReadOnlyForceRecursive": true}},
				object{"Type": "tmpfs", "Target": "/t", "TmpfsOptions": object{"SizeBytes": 4096, "Mode": 0o700}},
			},
		},
	}
}

// makeExecs leaves one exec that runs and one that has ended.
func (w *world) makeExecs(t *testing.T) {
	t.Helper()
	w.id["exec"] = w.must(t, "POST", "/containers/running/exec", object{"Cmd": list{"sleep", "3600"}, "Env": list{"X=1"}, "User": "app", "AttachStdout": true}, "Id")
	w.must(t, "POST", "/exec/"+w.id["exec"]+"/start", object{"Detach": true}, "")
	w.id["ended"] = w.must(t, "POST", "/containers/tty/exec", object{"Cmd": list{"sh", "-c", "exit 4"}, "AttachStdout": true, "Tty": true, "WorkingDir": "/tmp"}, "Id")
	w.must(t, "POST", "/exec/"+w.id["ended"]+"/start", object{"Tty": true}, "")
	w.until(t, `{"event":["exec_die"],"container":["tty"]}`)
	w.until(t, `{"event":["health_status"]}`)
	w.id["new"] = w.must(t, "POST", "/containers/running/exec", object{"Cmd": list{"true"}}, "Id")
}
