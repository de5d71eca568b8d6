package container

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/resources/contract"
)

// TestUpdate: what is planned in place makes exactly these calls, changes the engine, and leaves nothing to change.
func TestUpdate(t *testing.T) {
	t.Parallel()
	limited := func(m *Model) { m.Memory, m.CPUShares, m.CPUs = num(64), num(512), str("1.5") }
	networks := func(n ...Network) func(*Model) {
		return func(m *Model) { m.Networks = contract.BlocksOf(n...) }
	}
	for name, c := range map[string]struct {
		from, to func(*Model)
		calls    []string
	}{
		"name":                      {nil, func(m *Model) { m.Name = str("web2") }, []string{"rename web2"}},
		"first limit":               {nil, func(m *Model) { m.Memory = num(64) }, []string{"update"}},
		"more memory":               {limited, func(m *Model) { limited(m); m.Memory = num(512) }, []string{"update"}},
		"all limits at once":        {limited, func(m *Model) { m.Memory, m.CPUShares, m.CPUs = num(32), num(2), str(".5") }, []string{"update"}},
		"swap":                      {limited, func(m *Model) { limited(m); m.MemorySwap = num(-1) }, []string{"update"}},
		"swap is the default again": {func(m *Model) { limited(m); m.MemorySwap = num(100) }, limited, []string{"update"}},
		"quota": {func(m *Model) { m.CPUPeriod, m.CPUQuota = num(50000), num(1000) }, func(m *Model) {
			m.CPUPeriod, m.CPUQuota = num(50000), num(2000)
		}, []string{"update"}},
		"restart":        {nil, func(m *Model) { m.Restart, m.MaxRetryCount = str("on-failure"), num(4) }, []string{"update"}},
		"restart no":     {func(m *Model) { m.Restart = str("always") }, nil, []string{"update"}},
		"stop":           {nil, func(m *Model) { m.Start = yes(false) }, []string{"stop -"}},
		"stop at once":   {nil, func(m *Model) { m.Start, m.DestroyGraceSeconds = yes(false), num(0) }, []string{"stop 0"}},
		"start":          {func(m *Model) { m.Start = yes(false) }, nil, []string{"start"}},
		"only recorded":  {nil, func(m *Model) { m.WaitTimeout, m.DestroyGraceSeconds, m.RemoveVolumes = num(5), num(3), yes(false) }, nil},
		"may stop":       {nil, func(m *Model) { m.MustRun = yes(false) }, nil},
		"spelling":       {nil, func(m *Model) { m.Image, m.NetworkMode = str("h2base:latest"), str("default") }, nil},
		"network first":  {nil, networks(Network{Name: str("n1")}), []string{"inspect", "connect n1 ", "disconnect bridge"}},
		"network last":   {networks(Network{Name: str("n1")}), nil, []string{"inspect", "connect bridge ", "disconnect n1"}},
		"network new":    {networks(Network{Name: str("n1")}), networks(Network{Name: str("n2"), Aliases: setOf("a")}, Network{Name: str("n1")}), []string{"inspect", "connect n2 a"}},
		"network other":  {networks(Network{Name: str("n1")}), networks(Network{Name: str("n2")}), []string{"inspect", "connect n2 ", "disconnect n1"}},
		"network id":     {networks(Network{Name: str("n1")}), networks(Network{Name: str("n1-id")}), []string{"inspect"}},
		"network alias":  {networks(Network{Name: str("n1")}), networks(Network{Name: str("n1"), Aliases: setOf("a")}), []string{"inspect", "disconnect n1", "connect n1 a"}},
		"many at a time": {nil, func(m *Model) { m.Name, m.Memory, m.Restart = str("x1"), num(8), str("always") }, []string{"rename x1", "update"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEngine(t, "docker")
			for name, image := range e.images {
				if name == "h2base" {
					e.images["h2base:latest"] = image
				}
			}
			observed := apply(t, e, object(t, declared(c.from)))
			config := object(t, declared(c.to))
			p := plan(t, e, config, observed)
			if p.Changes.Effect() == contract.Replace {
				t.Fatalf("replaces: %v", p.Changes)
			}
			e.calls = nil
			updated, err := host(t).Update(t.Context(), e, observed, p.Planned, p.Changes)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.calls, e.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			wantEmpty(t, "after update", plan(t, e, config, read(t, e, p.Planned, updated)))
		})
	}
}

// TestReplaces: what no call can change is never planned in place.
func TestReplaces(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		from, to func(*Model)
		path     string
	}{
		"no memory limit": {func(m *Model) { m.Memory = num(64) }, func(m *Model) { m.Memory = num(0) }, "memory"},
		"no cpus":         {func(m *Model) { m.CPUs = str("1") }, nil, "cpus"},
		"no cpu set":      {func(m *Model) { m.CPUSet = str("0") }, nil, "cpu_set"},
		"no reservation":  {func(m *Model) { m.MemoryReservation = num(8) }, nil, "memory_reservation"},
		"command":         {nil, func(m *Model) { m.Command = listOf("busybox", "true") }, "command"},
		"env taken away":  {func(m *Model) { m.Env = setOf("A=1") }, nil, "env"},
		"device limit":    {nil, func(m *Model) { m.DeviceReadBps = contract.BlocksOf(DeviceRate{str("/dev/vda"), num(1)}) }, "device_read_bps"},
		"ulimit":          {nil, func(m *Model) { m.Ulimits = contract.BlocksOf(Ulimit{num(2), str("nofile"), num(1)}) }, "ulimit"},
		"image":           {nil, func(m *Model) { m.Image = str("h2rich") }, "image_id"},
		"rm":              {nil, func(m *Model) { m.Rm = yes(true) }, "rm"},
		"stop timeout 0":  {nil, func(m *Model) { m.StopTimeout = num(0) }, "stop_timeout"},
		"upload":          {nil, func(m *Model) { m.Uploads = contract.BlocksOf(Upload{File: str("/x"), Content: str("y")}) }, "upload"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEngine(t, "docker")
			observed := apply(t, e, object(t, declared(c.from)))
			p := plan(t, e, object(t, declared(c.to)), observed)
			for _, change := range p.Changes {
				if change.Path == c.path && change.Effect == contract.Replace {
					return
				}
			}
			t.Errorf("%s does not replace: %v", c.path, p.Changes)
		})
	}
}

// TestOrderIsNoChange: sets and the engine's maps have none, and ports follow the declaration.
func TestOrderIsNoChange(t *testing.T) {
	t.Parallel()
	ports := []Port{{Internal: num(80), External: num(8080)}, {Internal: num(443), External: num(8443)}}
	e := newEngine(t, "docker")
	m := declared(func(m *Model) {
		m.Env, m.DNS, m.Ports = setOf("A=1", "B=2"), setOf("1.1.1.1", "8.8.8.8"), contract.BlocksOf(ports...)
		m.Capabilities = contract.BlocksOf(Capabilities{Add: setOf("NET_ADMIN", "SYS_TIME")})
	})
	observed := apply(t, e, object(t, m))
	m.Env, m.DNS, m.Ports = setOf("B=2", "A=1"), setOf("8.8.8.8", "1.1.1.1"), contract.BlocksOf(ports[1], ports[0])
	m.Capabilities = contract.BlocksOf(Capabilities{Add: setOf("cap_sys_time", "CAP_NET_ADMIN")})
	wantEmpty(t, "other order", plan(t, e, object(t, m), observed))
}

// TestDrift: what was changed behind our back is seen, and repaired in place where an engine can.
func TestDrift(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		drift func(*engine)
		path  string
		calls []string
	}{
		"stopped": {func(e *engine) { e.c.State.Running, e.c.State.Status = false, "exited" }, "must_run", []string{"start"}},
		"paused":  {func(e *engine) { e.c.State.Paused, e.c.State.Status = true, "paused" }, "must_run", []string{"start", "unpause"}},
		"limit":   {func(e *engine) { e.c.HostConfig.Memory, e.c.HostConfig.MemorySwap = 9<<20, 18<<20 }, "memory", []string{"update"}},
		"uneven":  {func(e *engine) { e.c.HostConfig.Memory, e.c.HostConfig.MemorySwap = 64<<20+4096, 128<<20+8192 }, "memory", []string{"update"}},
		"swap":    {func(e *engine) { e.c.HostConfig.MemorySwap = -1 }, "memory_swap", []string{"update"}},
		"name":    {func(e *engine) { e.c.Name = "/other" }, "name", []string{"rename web"}},
		"restart": {func(e *engine) { e.c.HostConfig.RestartPolicy.Name = "always" }, "restart", []string{"update"}},
		"network": {func(e *engine) { delete(e.c.NetworkSettings.Networks, "n2") }, "networks_advanced", []string{"inspect", "connect n2 "}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEngine(t, "docker")
			config := object(t, declared(func(m *Model) {
				m.Memory, m.Networks = num(64), contract.BlocksOf(Network{Name: str("n1")}, Network{Name: str("n2")})
			}))
			observed := apply(t, e, config)
			c.drift(e)
			observed, err := host(t).Read(t.Context(), e, observed)
			if err != nil {
				t.Fatal(err)
			}
			p := plan(t, e, config, observed)
			if len(p.Changes) != 1 || p.Changes[0].Path != c.path || p.Changes[0].Effect != contract.InPlace {
				t.Fatalf("changes: %v", p.Changes)
			}
			e.calls = nil
			updated, err := host(t).Update(t.Context(), e, observed, p.Planned, p.Changes)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.calls, e.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			wantEmpty(t, "repaired", plan(t, e, config, read(t, e, p.Planned, updated)))
		})
	}
}

// TestImageMoved: a tag that stands for another image replaces, an image not here yet says nothing.
func TestImageMoved(t *testing.T) {
	t.Parallel()
	e := newEngine(t, "docker")
	config := object(t, declared(nil))
	observed := apply(t, e, config)
	base := e.images["h2base"]
	delete(e.images, "h2base")
	wantEmpty(t, "image away", plan(t, e, config, observed))
	next := plan(t, e, object(t, declared(func(m *Model) { m.Image = str("h2base:2") })), observed)
	if next.Changes.Effect() != contract.Replace || !next.Changes.Has("image_id") {
		t.Errorf("image not pulled yet: %v", next.Changes)
	}
	e.images["h2base"] = e.images["h2rich"]
	p := plan(t, e, config, observed)
	if len(p.Changes) != 1 || p.Changes[0].Path != "image_id" || p.Changes[0].Cause != contract.Image || p.Changes[0].Effect != contract.Replace {
		t.Errorf("changes: %v", p.Changes)
	}
	e.images["again"] = base
	again := declared(func(m *Model) { m.Image = str("again") })
	for _, c := range plan(t, e, object(t, again), observed).Changes {
		if c.Effect == contract.Replace {
			t.Errorf("other name of the same image: %v", c)
		}
	}
}

func TestUpdateOnEngineWithoutCall(t *testing.T) {
	t.Parallel()
	e := newEngine(t, "docker")
	observed := apply(t, e, object(t, declared(nil)))
	p := plan(t, e, object(t, declared(func(m *Model) { m.Memory = num(64) })), observed)
	e.fail["update"] = fmt.Errorf("Not Found: %w", cerrdefs.ErrNotFound)
	_, err := host(t).Update(t.Context(), e, observed, p.Planned, p.Changes)
	if err == nil || !strings.Contains(err.Error(), "-replace") {
		t.Errorf("error: %v", err)
	}
}

// TestLiftedLate: a limit that was unknown at plan and turns out to be none is an error, not a call that does nothing.
func TestLiftedLate(t *testing.T) {
	t.Parallel()
	e := newEngine(t, "docker")
	observed := apply(t, e, object(t, declared(func(m *Model) { m.Memory = num(64) })))
	p := plan(t, e, object(t, declared(func(m *Model) { m.Memory = types.Int64Unknown() })), observed)
	if p.Changes.Effect() != contract.InPlace {
		t.Fatalf("changes: %v", p.Changes)
	}
	late := plan(t, e, object(t, declared(nil)), observed)
	_, err := host(t).Update(t.Context(), e, observed, late.Planned, late.Changes)
	if path, _ := contract.PathOf(err); path != "memory" {
		t.Errorf("error: %v", err)
	}
}

// TestOldEngine: what an engine cannot change replaces, what it cannot express is refused.
func TestOldEngine(t *testing.T) {
	t.Parallel()
	e := newEngine(t, "docker")
	observed := apply(t, e, object(t, declared(nil)))
	p, err := host(t).Plan(t.Context(), e, contract.Request{Config: object(t, declared(func(m *Model) { m.Memory = num(64) })), Observed: observed, APIVersion: "1.21"})
	if err != nil || len(p.Changes) != 1 || p.Changes[0].Effect != contract.Replace || p.Changes[0].Reason == "" {
		t.Errorf("1.21: %v, %v", p.Changes, err)
	}
}

// TestInexpressible: what an engine is too old for is refused at plan, with the attribute named.
func TestInexpressible(t *testing.T) {
	t.Parallel()
	e := newEngine(t, "docker")
	for path, c := range map[string]struct {
		version string
		f       func(*Model)
	}{
		"init":                         {"1.24", func(m *Model) { m.Init = yes(true) }},
		"upload":                       {"1.19", func(m *Model) { m.Uploads = contract.BlocksOf(Upload{File: str("/x"), Content: str("y")}) }},
		"restart":                      {"1.20", func(m *Model) { m.Restart = str("unless-stopped") }},
		"networks_advanced[0].aliases": {"1.21", func(m *Model) { m.Networks = contract.BlocksOf(Network{Name: str("n1"), Aliases: setOf("a")}) }},
		"volumes[0].volume_name":       {"1.20", func(m *Model) { m.Volumes = contract.BlocksOf(Volume{VolumeName: str("v"), ContainerPath: str("/v")}) }},
		"networks_advanced[0].mac_address": {"1.43", func(m *Model) {
			m.Networks = contract.BlocksOf(Network{Name: str("n1"), MacAddress: str("02:42:00:00:00:05")})
		}},
		"healthcheck[0].start_interval": {"1.43", func(m *Model) { m.Healthcheck = contract.BlocksOf(Healthcheck{StartInterval: str("5s")}) }},
		"healthcheck[0].start_period":   {"1.28", func(m *Model) { m.Healthcheck = contract.BlocksOf(Healthcheck{StartPeriod: str("5s")}) }},
		"mounts[0].volume_options[0].subpath": {"1.44", func(m *Model) {
			m.Mounts = contract.BlocksOf(Mount{Target: str("/a"), Type: str("volume"), Source: str("v"), VolumeOptions: contract.BlocksOf(VolumeOptions{Subpath: str("s")})})
		}},
	} {
		_, err := host(t).Plan(t.Context(), e, contract.Request{Config: object(t, declared(c.f)), Observed: host(t).Node().Null(), APIVersion: c.version})
		if at, _ := contract.PathOf(err); at != path || !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%s at %s: %v", path, c.version, err)
		}
	}
}

// TestUpdateAttachedByHand: a network somebody attached goes, though it has no id where the container was stopped, and from
// one that was paused only when it runs again.
func TestUpdateAttachedByHand(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		state container.State
		calls []string
	}{
		"running": {container.State{Running: true, Status: "running"}, []string{"inspect", "disconnect bridge"}},
		"stopped": {container.State{Status: "exited"}, []string{"inspect", "disconnect bridge", "start"}},
		"paused":  {container.State{Running: true, Paused: true, Status: "paused"}, []string{"inspect", "unpause", "disconnect bridge", "start"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEngine(t, "docker")
			config := object(t, declared(func(m *Model) { m.Networks = contract.BlocksOf(Network{Name: str("n1")}) }))
			observed := apply(t, e, config)
			e.c.State = &c.state
			e.c.NetworkSettings.Networks["bridge"] = &network.EndpointSettings{}
			observed, err := host(t).Read(t.Context(), e, observed)
			if err != nil {
				t.Fatal(err)
			}
			p := plan(t, e, config, observed)
			e.calls = nil
			updated, err := host(t).Update(t.Context(), e, observed, p.Planned, p.Changes)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.calls, e.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			wantEmpty(t, "after update", plan(t, e, config, read(t, e, p.Planned, updated)))
		})
	}
}
