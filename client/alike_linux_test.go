package client

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/acctest"
)

var update = flag.Bool("update", false, "write what 1.18 tells into testdata anew")

var index = regexp.MustCompile(`\[\d+\]`)

// TestSeenAlike: what an old version tells of an object, lifted, is what the newest tells of it, or the beginning of it, or
// nothing: no value is made up. What 1.18 tells is known (testdata/told.txt), and all later ones tell it too.
func TestSeenAlike(t *testing.T) {
	e := acctest.Cleatd(t)
	open := func(v string) *Client {
		c, err := New(t.Context(), Config{Host: e.Host, APIVersion: v})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	newest := open("1.44")
	names := alikeContainers(t, newest, e)
	if *update {
		writeTold(t, alikeView(t, open("1.18"), names))
	}
	raw, err := os.ReadFile(toldFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []string{"1.18", "1.19", "1.20", "1.21", "1.22", "1.23", "1.24", "1.25", "1.30", "1.41"} {
		t.Run(v, func(t *testing.T) {
			want, got := alikeView(t, newest, names), alikeView(t, open(v), names)
			for what, leaves := range got {
				for path, g := range leaves {
					if w := want[what][path]; w == "" || !strings.HasPrefix(w, g) {
						t.Errorf("%s: %s is %q, at 1.44 %q", what, path, g, w)
					}
				}
			}
			if diff := cmp.Diff(strings.Fields(string(raw)), told(got)); v == "1.18" && diff != "" {
				t.Errorf("told (-want +got):\n%s", diff)
			}
			for _, line := range strings.Fields(string(raw)) {
				if !slices.Contains(told(got), line) {
					t.Errorf("not told: %s", line)
				}
			}
		})
	}
}

const toldFile = "testdata/told.txt"

// told is what is told of anything: KIND:PATH, sorted, with [] for any index. What info tells depends on the machine.
func told(view map[string]map[string]string) []string {
	found := map[string]bool{}
	for what, leaves := range view {
		kind, _, _ := strings.Cut(what, " ")
		if kind == "info" {
			continue
		}
		for path := range leaves {
			found[kind+":"+index.ReplaceAllString(path, "[]")] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func writeTold(t *testing.T, view map[string]map[string]string) {
	t.Helper()
	if err := os.WriteFile(toldFile, []byte(strings.Join(told(view), "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// richContainer is all of a container that 1.18 can express.
func richContainer(t *testing.T, e *acctest.Engine) (func(command ...string) *container.Config, *container.HostConfig) {
	t.Helper()
	port, other := network.MustParsePort("80/tcp"), network.MustParsePort("53/udp")
	bound := network.PortMap{
		port:  {{HostIP: netip.MustParseAddr("127.0.0.1"), HostPort: fmt.Sprint(acctest.FreePort(t))}},
		other: {{HostIP: netip.MustParseAddr("0.0.0.0"), HostPort: fmt.Sprint(acctest.FreePort(t))}},
	}
	config := func(command ...string) *container.Config {
		return &container.Config{
			Image: acctest.Busybox, Cmd: command, Env: []string{"A=1", "B=two words"}, Labels: map[string]string{"x": "y"}, User: "app", WorkingDir: "/tmp",
			Hostname: "inside", Domainname: "example.org", ExposedPorts: network.PortSet{port: {}, network.MustParsePort("99/tcp"): {}}, Volumes: map[string]struct{}{"/anonymous": {}}, OpenStdin: true,
		}
	}
	host := &container.HostConfig{
		Binds: []string{e.Dir() + ":/host:ro", e.Dir() + ":/writable"}, PortBindings: bound, CapAdd: []string{"NET_ADMIN"}, CapDrop: []string{"MKNOD"},
		DNS: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, DNSSearch: []string{"example.org"}, ExtraHosts: []string{"db:192.0.2.7"}, IpcMode: "host", PidMode: "host",
		RestartPolicy: container.RestartPolicy{Name: "on-failure", MaximumRetryCount: 2}, SecurityOpt: []string{"no-new-privileges"}, ReadonlyRootfs: true,
		LogConfig: container.LogConfig{Type: "json-file", Config: map[string]string{"max-size": "1m"}},
		Resources: container.Resources{
			Memory: 64 << 20, MemorySwap: 128 << 20, CPUShares: 512, CpusetCpus: "0", Ulimits: []*container.Ulimit{{Name: "nofile", Soft: 100, Hard: 200}},
			Devices: []container.DeviceMapping{{PathOnHost: "/dev/full", PathInContainer: "/dev/x", CgroupPermissions: "rw"}},
		},
	}
	return config, host
}

// alikeContainers makes containers with all that 1.18 can express, in the states there are.
func alikeContainers(t *testing.T, c *Client, e *acctest.Engine) []string {
	t.Helper()
	config, host := richContainer(t, e)
	plain := &container.HostConfig{}
	for _, m := range []struct {
		name   string
		config *container.Config
		host   *container.HostConfig
	}{
		{"alike-running", config("sleep", "1000"), host},
		{"alike-plain", config("sleep", "1000"), plain},
		{"alike-paused", config("sleep", "1000"), plain},
		{"alike-ended", config("sh", "-c", "exit 3"), plain},
		{"alike-none", config("sleep", "1000"), &container.HostConfig{NetworkMode: "none"}},
		{"alike-host", &container.Config{Image: acctest.Busybox, Cmd: []string{"sleep", "1000"}}, &container.HostConfig{NetworkMode: "host"}},
		{"alike-joined", &container.Config{Image: acctest.Busybox, Cmd: []string{"sleep", "1000"}}, &container.HostConfig{NetworkMode: "container:alike-plain"}},
		{"alike-created", config("sleep", "1000"), plain},
	} {
		_, err := c.ContainerCreate(t.Context(), moby.ContainerCreateOptions{Name: m.name, Config: m.config, HostConfig: m.host})
		if err != nil {
			t.Fatal(err)
		}
		if m.name == "alike-created" {
			continue
		}
		next := c.ContainerWait(t.Context(), m.name, moby.ContainerWaitOptions{Condition: container.WaitConditionNextExit})
		if _, err := c.ContainerStart(t.Context(), m.name, moby.ContainerStartOptions{}); err != nil {
			t.Fatal(err)
		}
		switch m.name {
		case "alike-ended":
			waited(t, t.Context(), next)
		case "alike-paused":
			if _, err := c.ContainerPause(t.Context(), m.name, moby.ContainerPauseOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return []string{"alike-running", "alike-plain", "alike-paused", "alike-ended", "alike-none", "alike-host", "alike-joined", "alike-created"}
}

// TestAskedAlike: what is asked at an old version comes to what the same comes to at the newest, but for the defaults that
// moved with a version.
func TestAskedAlike(t *testing.T) {
	e := acctest.Cleatd(t)
	config, host := richContainer(t, e)
	host.IpcMode = "" // its default moved
	newest, err := New(t.Context(), Config{Host: e.Host, APIVersion: "1.44"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = newest.Close() })
	made := func(v string) map[string]string {
		t.Helper()
		c, err := New(t.Context(), Config{Host: e.Host, APIVersion: v})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		name := "asked-" + v
		if _, err := c.ContainerCreate(t.Context(), moby.ContainerCreateOptions{Name: name, Config: config("sleep", "1000"), HostConfig: host}); err != nil {
			t.Fatal(err)
		}
		all := alikeView(t, newest, []string{name})["container "+name]
		maps.DeleteFunc(all, func(path, _ string) bool {
			return !strings.HasPrefix(path, "Config.") && !strings.HasPrefix(path, "HostConfig.")
		})
		return all
	}
	want := made("1.44")
	for v, moved := range map[string]map[string]string{
		"1.18": {"HostConfig.IpcMode": "shareable", "HostConfig.CgroupnsMode": "host"}, "1.21": {"HostConfig.IpcMode": "shareable", "HostConfig.CgroupnsMode": "host"},
		"1.24": {"HostConfig.IpcMode": "shareable", "HostConfig.CgroupnsMode": "host"}, "1.40": {"HostConfig.CgroupnsMode": "host"}, "1.41": nil,
	} {
		expected := maps.Clone(want)
		maps.Copy(expected, moved)
		if diff := cmp.Diff(expected, made(v)); diff != "" {
			t.Errorf("%s (-at 1.44 +made):\n%s", v, diff)
		}
	}
}

// alikeView is what a client sees of all of it: by object, by path, as text.
func alikeView(t *testing.T, c *Client, containers []string) map[string]map[string]string {
	t.Helper()
	all := map[string]map[string]string{}
	see := func(what string, v any, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var tree any
		if err := json.Unmarshal(raw, &tree); err != nil {
			t.Fatal(err)
		}
		all[what] = map[string]string{}
		leaves(all[what], "", tree)
	}
	ctx := t.Context()
	for _, name := range containers {
		r, err := c.ContainerInspect(ctx, name, moby.ContainerInspectOptions{})
		see("container "+name, r.Container, err)
	}
	list, err := c.ContainerList(ctx, moby.ContainerListOptions{All: true})
	for _, item := range list.Items {
		item.Status = item.Status[:2] // "Up 3 seconds", "Exit 0" or "Exited (0) 3 seconds ago"
		see("list "+item.Names[0], item, err)
	}
	for _, ref := range []string{acctest.Busybox, acctest.HTTPServer} {
		r, err := c.ImageInspect(ctx, ref)
		see("image "+ref, r.InspectResponse, err)
		h, err := c.ImageHistory(ctx, ref)
		see("history "+ref, h.Items, err)
	}
	images, err := c.ImageList(ctx, moby.ImageListOptions{All: true})
	for _, item := range images.Items {
		see("images "+item.ID, item, err)
	}
	info, err := c.Info(ctx, moby.InfoOptions{})
	info.Info.SystemTime, info.Info.NGoroutines, info.Info.NFd, info.Info.NEventsListener = "", 0, 0, 0
	see("info", info.Info, err)
	return all
}

// leaves writes what says anything into out.
func leaves(out map[string]string, path string, v any) {
	switch v := v.(type) {
	case map[string]any:
		if set := strings.Contains(path, "ExposedPorts.") || strings.Contains(path, "Volumes."); set && len(v) == 0 {
			out[path] = "in it"
		}
		for key, inner := range v {
			leaves(out, strings.TrimPrefix(path+"."+key, "."), inner)
		}
	case []any:
		for i, inner := range v {
			leaves(out, fmt.Sprintf("%s[%d]", path, i), inner)
		}
	default:
		if v != nil && v != "0001-01-01T00:00:00Z" && !reflect.ValueOf(v).IsZero() {
			out[path] = fmt.Sprint(v)
		}
	}
}
