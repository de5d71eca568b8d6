//go:build linux

package containers

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"

	"github.com/cleat-dev/cleat/api/errs"
)

// refused are bodies of create, and what of the message names the reason.
var refused = map[string]struct{ body, text string }{
	"working dir":        {`{"WorkingDir":"tmp"}`, "working directory 'tmp'"},
	"variable":           {`{"Env":["=x"]}`, "invalid environment variable"},
	"host name":          {`{"Hostname":"a b"}`, "invalid Hostname"},
	"host name, long":    {`{"Hostname":"` + strings.Repeat("a", 65) + `"}`, "invalid Hostname"},
	"host name, forged":  {`{"Hostname":"a\n1.2.3.4 b"}`, "invalid Hostname"},
	"stop signal":        {`{"StopSignal":"SIGNONE"}`, "Invalid StopSignal"},
	"volume":             {`{"Volumes":{"rel":{}}}`, "invalid volume specification: 'rel'"},
	"volume at root":     {`{"Volumes":{"/":{}}}`, "invalid volume specification: '/'"},
	"health":             {`{"Healthcheck":{"Interval":10}}`, "Interval in Healthcheck"},
	"policy":             {`{"HostConfig":{"RestartPolicy":{"Name":"sometimes"}}}`, "unknown policy 'sometimes'"},
	"policy count":       {`{"HostConfig":{"RestartPolicy":{"Name":"always","MaximumRetryCount":3}}}`, "maximum retry count"},
	"policy and remove":  {`{"HostConfig":{"AutoRemove":true,"RestartPolicy":{"Name":"always"}}}`, "can't create 'AutoRemove'"},
	"pid mode":           {`{"HostConfig":{"PidMode":"mine"}}`, "invalid PID mode: mine"},
	"ipc mode":           {`{"HostConfig":{"IpcMode":"mine"}}`, "invalid IPC mode: mine"},
	"ipc mode, empty":    {`{"HostConfig":{"IpcMode":"container:"}}`, "invalid IPC mode"},
	"uts mode":           {`{"HostConfig":{"UTSMode":"mine"}}`, "invalid UTS mode"},
	"uts and name":       {`{"Hostname":"x","HostConfig":{"UTSMode":"host"}}`, "hostname and the UTS mode"},
	"net of nobody":      {`{"HostConfig":{"NetworkMode":"container:"}}`, "container:<name|id>"},
	"net and links":      {`{"HostConfig":{"NetworkMode":"host","Links":["a:b"]}}`, "can't be used with links"},
	"net and name":       {`{"Hostname":"x","HostConfig":{"NetworkMode":"container:a"}}`, "hostname and the network mode"},
	"net and dns":        {`{"HostConfig":{"NetworkMode":"container:a","Dns":["8.8.8.8"]}}`, "dns and the network mode"},
	"net and hosts":      {`{"HostConfig":{"NetworkMode":"container:a","ExtraHosts":["a:1.2.3.4"]}}`, "custom host-to-IP mapping"},
	"net and ports":      {`{"HostConfig":{"NetworkMode":"container:a","PublishAllPorts":true}}`, "port publishing"},
	"net and expose":     {`{"ExposedPorts":{"80/tcp":{}},"HostConfig":{"NetworkMode":"container:a"}}`, "port exposing"},
	"port protocol":      {`{"HostConfig":{"PortBindings":{"80/icmp":[]}}}`, "protocol icmp"},
	"port zero":          {`{"HostConfig":{"PortBindings":{"0/tcp":[]}}}`, "invalid port specification"},
	"host port":          {`{"HostConfig":{"PortBindings":{"80/tcp":[{"HostPort":"http"}]}}}`, `host port "http"`},
	"host port, large":   {`{"HostConfig":{"PortBindings":{"80/tcp":[{"HostPort":"65536"}]}}}`, `host port "65536"`},
	"log driver":         {`{"HostConfig":{"LogConfig":{"Type":"paper"}}}`, "no log driver named 'paper'"},
	"log option":         {`{"HostConfig":{"LogConfig":{"Type":"json-file","Config":{"max-sise":"1m"}}}}`, "unknown log opt 'max-sise'"},
	"log tag":            {`{"HostConfig":{"LogConfig":{"Type":"syslog","Config":{"tag":"{{.Nothing}}"}}}}`, "invalid log opt tag"},
	"memory":             {`{"HostConfig":{"Memory":1000}}`, "Minimum memory limit"},
	"swap below memory":  {`{"HostConfig":{"Memory":20000000,"MemorySwap":10000000}}`, "Minimum memoryswap"},
	"swap alone":         {`{"HostConfig":{"MemorySwap":10000000}}`, "You should always set the Memory limit"},
	"swappiness":         {`{"HostConfig":{"MemorySwappiness":101}}`, "swappiness range"},
	"shares":             {`{"HostConfig":{"CpuShares":-1}}`, "CPU shares"},
	"shares, few":        {`{"HostConfig":{"CpuShares":1}}`, "the minimum allowed cpu-shares is 2"},
	"shares, many":       {`{"HostConfig":{"CpuShares":262145}}`, "the maximum allowed cpu-shares is 262144"},
	"cpus":               {`{"HostConfig":{"NanoCpus":999000000000000}}`, "Range of CPUs"},
	"cpus twice":         {`{"HostConfig":{"NanoCpus":500000000,"CpuQuota":50000}}`, "Nano CPUs and CPU Quota cannot both be set"},
	"cpuset":             {`{"HostConfig":{"CpusetCpus":"0-"}}`, "Invalid value 0- for cpuset cpus"},
	"cpuset, too many":   {`{"HostConfig":{"CpusetCpus":"0-8000"}}`, "Requested CPUs are not available - requested 0-8000, available: 0"},
	"blkio":              {`{"HostConfig":{"BlkioWeight":1}}`, "blkio weight"},
	"ulimit":             {`{"HostConfig":{"Ulimits":[{"Name":"nofile","Soft":10,"Hard":5}]}}`, "ulimit nofile"},
	"ulimit name":        {`{"HostConfig":{"Ulimits":[{"Name":"nothing","Soft":1,"Hard":5}]}}`, "nothing"},
	"cgroup parent":      {`{"HostConfig":{"CgroupParent":"../../x"}}`, "invalid CgroupParent"},
	"extra host":         {`{"HostConfig":{"ExtraHosts":["nocolon"]}}`, "bad format for add-host"},
	"extra host address": {`{"HostConfig":{"ExtraHosts":["a:b"]}}`, "invalid IP address in add-host"},
	"search domain":      {`{"HostConfig":{"DnsSearch":["a\nnameserver 1.2.3.4"]}}`, "invalid DnsSearch"},
	"capability":         {`{"HostConfig":{"CapAdd":["FLY"]}}`, "FLY"},
	"security option":    {`{"HostConfig":{"SecurityOpt":["strange=1"]}}`, "strange=1"},
	"device":             {`{"HostConfig":{"Devices":[{"PathOnHost":"tty"}]}}`, "invalid device"},
	"device access":      {`{"HostConfig":{"Devices":[{"PathOnHost":"/dev/null","CgroupPermissions":"rx"}]}}`, "invalid device permissions"},
	"oom score":          {`{"HostConfig":{"OomScoreAdj":2000}}`, "[-1000, 1000]"},
	"link":               {`{"HostConfig":{"Links":["nobody:x"]}}`, "could not get container for nobody"},
	"link, form":         {`{"HostConfig":{"Links":[":x"]}}`, "bad format for links"},
	"volumes from":       {`{"HostConfig":{"VolumesFrom":["nobody"]}}`, "No such container: nobody"},
	"volumes from, mode": {`{"HostConfig":{"VolumesFrom":["nobody:wo"]}}`, "invalid VolumesFrom"},
	"bind, relative":     {`{"HostConfig":{"Binds":["/a:b"]}}`, "mount path must be absolute"},
	"bind, root":         {`{"HostConfig":{"Binds":["/a:/"]}}`, "destination can't be '/'"},
	"bind, mode":         {`{"HostConfig":{"Binds":["/a:/b:wo"]}}`, "invalid mode: wo"},
	"bind, both modes":   {`{"HostConfig":{"Binds":["/a:/b:ro,rw"]}}`, "invalid mode: ro,rw"},
	"bind, twice":        {`{"HostConfig":{"Binds":["/a:/b","/c:/b/"]}}`, "Duplicate mount point: /b"},
	"bind, parts":        {`{"HostConfig":{"Binds":["/a:/b:ro:x"]}}`, "invalid volume specification"},
	"bind, empty":        {`{"HostConfig":{"Binds":[""]}}`, "invalid volume specification"},
	"bind, name":         {`{"HostConfig":{"Binds":["../etc:/b"]}}`, "includes invalid characters"},
	"bind and tmpfs":     {`{"HostConfig":{"Binds":["/a:/b"],"Tmpfs":{"/b":""}}}`, "Duplicate mount point: /b"},
	"mount, type":        {`{"HostConfig":{"Mounts":[{"Type":"npipe","Target":"/b"}]}}`, "invalid mount config for type \"npipe\": mount type unknown"},
	"mount, missing":     {`{"HostConfig":{"Mounts":[{"Type":"bind","Source":"/no/such","Target":"/b"}]}}`, "bind source path does not exist: /no/such"},
	"mount, target":      {`{"HostConfig":{"Mounts":[{"Type":"volume","Source":"vol","Target":"b"}]}}`, "mount path must be absolute"},
	"mount, no target":   {`{"HostConfig":{"Mounts":[{"Type":"volume","Source":"vol"}]}}`, "invalid mount config for type \"volume\": field Target must not be empty"},
	"mount, root":        {`{"HostConfig":{"Mounts":[{"Type":"volume","Source":"vol","Target":"/"}]}}`, "invalid specification: destination can't be '/'"},
	"mount, no source":   {`{"HostConfig":{"Mounts":[{"Type":"bind","Target":"/b"}]}}`, "field Source must not be empty"},
	"mount, of another":  {`{"HostConfig":{"Mounts":[{"Type":"bind","Source":"/","Target":"/b","VolumeOptions":{}}]}}`, "field VolumeOptions must not be specified"},
	"mount, force":       {`{"HostConfig":{"Mounts":[{"Type":"bind","Source":"/","Target":"/b","BindOptions":{"ReadOnlyForceRecursive":true}}]}}`, "needs ReadOnly"},
	"mount, subpath":     {`{"HostConfig":{"Mounts":[{"Type":"volume","Source":"vol","Target":"/b","VolumeOptions":{"Subpath":"../x"}}]}}`, "subpath"},
	"mount, tmpfs":       {`{"HostConfig":{"Mounts":[{"Type":"tmpfs","Source":"x","Target":"/b"}]}}`, "field Source"},
	"name":               {`{}`, "Invalid container name"},
	"runtime":            {`{"HostConfig":{"Runtime":"moonshine"}}`, "runtime name: moonshine"},
}

// TestRefused: what create refuses names the field, is the client's fault, and leaves nothing.
func TestRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for name, c := range refused {
		var body struct {
			container.Config
			HostConfig *container.HostConfig
		}
		must(t, json.Unmarshal([]byte(c.body), &body))
		body.Image = "busybox"
		n := NewContainer{Config: &body.Config, Host: body.HostConfig}
		if name == "name" {
			n.Name = "a b"
		}
		_, err := b.Create(t.Context(), n)
		if err == nil || !errors.Is(errs.Class(err), errs.ErrInvalid) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v, want %q", name, err, c.text)
		}
	}
	for _, n := range []NewContainer{{}, {Config: &container.Config{}}} {
		if _, err := b.Create(t.Context(), n); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("nothing to run: %v", err)
		}
	}
	_, err := b.Create(t.Context(), NewContainer{Config: &container.Config{Image: "nothing"}})
	if !errors.Is(err, errs.ErrNotFound) || err.Error() != "No such image: nothing:latest" {
		t.Errorf("missing image: %v", err)
	}
	if n := len(b.index.all()) + len(b.index.names) + b.volumes.count(); n != 0 {
		t.Errorf("%d containers, names and volumes are left", n)
	}
}

// TestAccepted: the document's own example, and other odd but valid bodies.
func TestAccepted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.make(script("true"), nil)
	other := b.index.all()[0].record().Name
	for _, body := range []string{
		`{"HostConfig":{"Binds":["/tmp:/tmp"],"Links":["` + other + `:redis"],"Memory":0,"MemorySwap":0,"CpuShares":512,"CpusetCpus":"0,1","PidMode":"",
			"PortBindings":{"22/tcp":[{"HostPort":"11022"}]},"Dns":["8.8.8.8"],"DnsSearch":[""],"ExtraHosts":null,"VolumesFrom":["` + other + `","` + other + `:ro"],
			"CapAdd":["NET_ADMIN"],"CapDrop":["MKNOD"],"RestartPolicy":{"Name":"","MaximumRetryCount":0},"NetworkMode":"bridge","Devices":[],"Ulimits":[{}],
			"LogConfig":{"Type":"json-file","Config":{}},"SecurityOpt":[],"CgroupParent":""}}`,
		`{"HostConfig":{"RestartPolicy":{"Name":"","MaximumRetryCount":5}}}`,
		`{"HostConfig":{"PortBindings":{"80/tcp":[{"HostPort":"8000-8010"}],"53/udp":null}}}`,
		`{"HostConfig":{"LogConfig":{"Type":"json-file","Config":{"max-size":"10m","max-file":"3","tag":"{{.Name}}/{{.ID}}"}}}}`,
		`{"HostConfig":{"ExtraHosts":["v6:::1","new=1.2.3.4","up:host-gateway"]}}`,
		`{"Entrypoint":[""],"Cmd":["true"]}`,
	} {
		var in struct {
			container.Config
			HostConfig *container.HostConfig
		}
		must(t, json.Unmarshal([]byte(body), &in))
		in.Image = "busybox"
		created, err := b.Create(t.Context(), NewContainer{Config: &in.Config, Host: in.HostConfig})
		if err != nil || created.Warnings == nil {
			t.Errorf("%s: %v, warnings %v", body, err, created.Warnings)
		}
	}
}

func TestInherit(t *testing.T) {
	t.Parallel()
	image := func() *container.Config {
		return &container.Config{Env: []string{"A=1", "B=2"}, Entrypoint: []string{"/init"}, Cmd: []string{"serve"}, User: "app", WorkingDir: "/srv",
			Labels: map[string]string{"x": "image", "y": "image"}, Volumes: map[string]struct{}{"/v": {}}}
	}
	for name, c := range map[string]struct {
		in   container.Config
		want string
	}{
		"nothing said":       {container.Config{}, "/init serve A=1 B=2 app /srv"},
		"command":            {container.Config{Cmd: []string{"x"}}, "/init x A=1 B=2 app /srv"},
		"entrypoint":         {container.Config{Entrypoint: []string{"x"}}, "x A=1 B=2 app /srv"},
		"no entrypoint":      {container.Config{Entrypoint: []string{""}, Cmd: []string{"x"}}, "x A=1 B=2 app /srv"},
		"empty entrypoint":   {container.Config{Entrypoint: []string{}, Cmd: []string{"x"}}, "x A=1 B=2 app /srv"},
		"variables, user":    {container.Config{Env: []string{"B=3", "C"}, User: "0", WorkingDir: "/"}, "/init serve B=3 C A=1 0 /"},
		"unset by its name":  {container.Config{Env: []string{"A"}}, "/init serve A B=2 app /srv"},
		"other case differs": {container.Config{Env: []string{"a=9"}}, "/init serve a=9 A=1 B=2 app /srv"},
	} {
		inherit(&c.in, image())
		path, args, err := command(&c.in)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		got := strings.Join(slices.Concat([]string{path}, args, c.in.Env, []string{c.in.User, c.in.WorkingDir}), " ")
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	c := container.Config{Labels: map[string]string{"x": "own"}}
	inherit(&c, image())
	if diff := cmp.Diff(map[string]string{"x": "own", "y": "image"}, c.Labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
}

func TestPlanMounts(t *testing.T) {
	t.Parallel()
	from := func(ref string) ([]mountPoint, error) {
		if ref != "other" {
			return nil, notFound(ref)
		}
		return []mountPoint{
			{MountPoint: container.MountPoint{Type: mount.TypeVolume, Name: "data", Destination: "/data", RW: true}, Anonymous: true, CopyUp: true},
			{MountPoint: container.MountPoint{Type: mount.TypeBind, Source: "/ro", Destination: "/ro"}},
		}, nil
	}
	got, err := planMounts(
		&container.Config{Volumes: map[string]struct{}{"/data": {}, "/new/": {}, "/tmp": {}}},
		&container.HostConfig{
			VolumesFrom: []string{"other:ro"}, Binds: []string{"/src/../x:/bind:ro,rslave", "named:/named", "/anonymous"},
			Tmpfs:  map[string]string{"/tmp": "size=1m"},
			Mounts: []mount.Mount{{Type: mount.TypeTmpfs, Target: "/fast", TmpfsOptions: &mount.TmpfsOptions{SizeBytes: 4096, Mode: 0o700}}},
		}, from)
	must(t, err)
	var lines []string
	for _, m := range got {
		line := strings.Join([]string{string(m.Type), m.Name, m.Source, m.Destination}, "|")
		for flag, on := range map[string]bool{"+rw": m.RW} {
			if on {
				line += flag
			}
		}
		if m.Anonymous {
			line += "+anonymous"
		}
		if m.CopyUp {
			line += "+copyup"
		}
		one, err := m.runtimeMount("SRC")
		must(t, err)
		lines = append(lines, line+" "+strings.Join(one.Options, ","))
	}
	want := []string{
		"volume|||/anonymous+rw+anonymous+copyup rbind,rw,rprivate",
		"bind||/x|/bind rbind,rro,rslave",
		"volume|data||/data+anonymous rbind,rro,rprivate",
		"tmpfs|||/fast+rw noexec,nosuid,nodev,mode=700,size=4096",
		"volume|named||/named+rw+copyup rbind,rw,rprivate",
		"volume|||/new+rw+anonymous+copyup rbind,rw,rprivate",
		"bind||/ro|/ro rbind,rro,rprivate",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("mounts (-want +got):\n%s", diff)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][2]bool{ // strict, loose
		"web": {true, true}, "/web": {true, true}, "a": {false, true}, "_x": {false, true}, "-x": {false, true}, "a.b": {true, true},
		".x": {false, false}, "a/b": {false, false}, "": {false, false}, "a b": {false, false}, "ä": {false, false}, strings.Repeat("a", 256): {false, false},
	} {
		_, strict := cleanName(name, false)
		_, loose := cleanName(name, true)
		if got := [2]bool{strict == nil, loose == nil}; got != want {
			t.Errorf("%q: %v, want %v", name, got, want)
		}
	}
	seen := map[string]bool{}
	for range 100 {
		id := newID()
		if len(id) != 64 || seen[id] {
			t.Errorf("id %s", id)
		}
		seen[id] = true
		if _, err := cleanName(randomName(9), false); err != nil {
			t.Error(err)
		}
	}
}
