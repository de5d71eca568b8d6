package client

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/acctest"
)

// TestRealEngine speaks every version in which something begins with engines that speak them all. dockerd says more at
// old versions than those had; cleatd says what their document has.
func TestRealEngine(t *testing.T) {
	for name, e := range map[string]*acctest.Engine{"dockerd": acctest.Dockerd(t), "cleatd": acctest.Cleatd(t)} {
		for _, v := range []string{"1.18", "1.19", "1.20", "1.21", "1.22", "1.23", "1.24", "1.25", "1.30", "1.39", "1.40", e.APIMax} {
			t.Run(name+"/"+v, func(t *testing.T) {
				c, err := New(t.Context(), Config{Host: e.Host, APIVersion: v})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = c.Close() })
				if c.ClientVersion() != v || c.EngineName() != name {
					t.Fatalf("speaks %s with %s, want %s with %s", c.ClientVersion(), c.EngineName(), v, name)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
				defer cancel()
				for name, check := range map[string]func(*testing.T, context.Context, *Client){
					"images": checkImages, "run": checkRun, "removed": checkRemoved, "exec": checkExec,
					"refusals": checkRefusals, "errors": checkErrors, "volumes": checkVolumes,
					"networks": func(t *testing.T, ctx context.Context, c *Client) { checkNetworks(t, ctx, c, e.Subnet(1)) },
				} {
					t.Run(name, func(t *testing.T) { check(t, ctx, c) })
				}
			})
		}
	}
}

func checkImages(t *testing.T, ctx context.Context, c *Client) {
	one, err := c.ImageInspect(ctx, acctest.Busybox)
	if err != nil {
		t.Fatal(err)
	}
	two, err := c.ImageInspect(ctx, acctest.HTTPServer)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(one.ID, "sha256:") || one.ID == two.ID {
		t.Errorf("ids %q, %q: want two with algorithm", one.ID, two.ID)
	}
	for _, id := range []string{one.ID, two.ID} { // the second moves the tag
		if _, err := c.ImageTag(ctx, moby.ImageTagOptions{Source: id, Target: "client-test:moving"}); err != nil {
			t.Fatal(err)
		}
		got, err := c.ImageInspect(ctx, "client-test:moving")
		if err != nil || got.ID != id {
			t.Errorf("client-test:moving is %s, %v; want %s", got.ID, err, id)
		}
	}
	list, err := c.ImageList(ctx, moby.ImageListOptions{Filters: moby.Filters{}.Add("dangling", "false")})
	if err != nil || len(list.Items) < 2 {
		t.Errorf("%d images, %v", len(list.Items), err)
	}
	if _, err := c.ImageRemove(ctx, "client-test:moving", moby.ImageRemoveOptions{}); err != nil {
		t.Error(err)
	}
}

func create(t *testing.T, ctx context.Context, c *Client, command string) string {
	t.Helper()
	made, err := c.ContainerCreate(ctx, moby.ContainerCreateOptions{
		Config: &container.Config{Image: acctest.Busybox, Cmd: []string{"sh", "-c", command}, Labels: map[string]string{"for": t.Name()}},
		HostConfig: &container.HostConfig{
			NetworkMode: "none", Binds: []string{t.TempDir() + ":/data:ro"}, Resources: container.Resources{CPUShares: 512},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, err := c.ContainerRemove(context.WithoutCancel(ctx), made.ID, moby.ContainerRemoveOptions{Force: true})
		if err != nil && !errors.Is(err, errs.ErrNotFound) {
			t.Error(err)
		}
	})
	return made.ID
}

func checkRun(t *testing.T, ctx context.Context, c *Client) {
	watch, stop := context.WithCancel(ctx)
	defer stop()
	id := create(t, ctx, c, "echo hello; exit 7")
	stream := c.Events(watch, moby.EventsListOptions{Filters: moby.Filters{}.Add("type", "container").Add("container", id)})
	next := c.ContainerWait(ctx, id, moby.ContainerWaitOptions{Condition: container.WaitConditionNextExit})
	if _, err := c.ContainerStart(ctx, id, moby.ContainerStartOptions{}); err != nil {
		t.Fatal(err)
	}
	if code := waited(t, ctx, next); code != 7 {
		t.Errorf("exit code %d, want 7", code)
	}
	if code := waited(t, ctx, c.ContainerWait(ctx, id, moby.ContainerWaitOptions{})); code != 7 {
		t.Errorf("exit code of an ended container %d, want 7", code)
	}
	for want := events.ActionStart; want != ""; {
		select {
		case e := <-stream.Messages:
			if e.Type == events.ContainerEventType && e.Actor.ID == id && e.Action == want {
				want = map[events.Action]events.Action{events.ActionStart: events.ActionDie}[want]
			}
		case err := <-stream.Err:
			t.Fatalf("events: %v", err)
		}
	}
	got, err := c.ContainerInspect(ctx, id, moby.ContainerInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ctr := got.Container
	if ctr.State.Status != "exited" || ctr.State.ExitCode != 7 || !strings.HasPrefix(ctr.Image, "sha256:") || ctr.HostConfig.CPUShares != 512 {
		t.Errorf("state %q, code %d, image %q, shares %d", ctr.State.Status, ctr.State.ExitCode, ctr.Image, ctr.HostConfig.CPUShares)
	}
	if len(ctr.Mounts) != 1 || ctr.Mounts[0].Type != mount.TypeBind || ctr.Mounts[0].Destination != "/data" || ctr.Mounts[0].RW {
		t.Errorf("mounts %+v", ctr.Mounts)
	}
	if _, ok := ctr.NetworkSettings.Networks["none"]; !ok {
		t.Errorf("networks %+v, want none", ctr.NetworkSettings.Networks)
	}
	list, err := c.ContainerList(ctx, moby.ContainerListOptions{All: true, Filters: moby.Filters{}.Add("label", "for="+t.Name())})
	if err != nil || len(list.Items) != 1 || list.Items[0].State != "exited" {
		t.Errorf("list %+v, %v", list.Items, err)
	}
	commit, err := c.ContainerCommit(ctx, id, moby.ContainerCommitOptions{Reference: "client-test:commit", Comment: "x"})
	if err != nil || !strings.HasPrefix(commit.ID, "sha256:") {
		t.Errorf("commit %q, %v", commit.ID, err)
	}
	if _, err := c.ImageRemove(ctx, "client-test:commit", moby.ImageRemoveOptions{}); err != nil {
		t.Error(err)
	}
	if info, err := c.Info(ctx, moby.InfoOptions{}); err != nil || info.Info.OSType != "linux" {
		t.Errorf("info: %v", err)
	}
}

func checkRemoved(t *testing.T, ctx context.Context, c *Client) {
	id := create(t, ctx, c, "exit 3")
	gone := c.ContainerWait(ctx, id, moby.ContainerWaitOptions{Condition: container.WaitConditionRemoved})
	next := c.ContainerWait(ctx, id, moby.ContainerWaitOptions{Condition: container.WaitConditionNextExit})
	if _, err := c.ContainerStart(ctx, id, moby.ContainerStartOptions{}); err != nil {
		t.Fatal(err)
	}
	waited(t, ctx, next)
	if _, err := c.ContainerRemove(ctx, id, moby.ContainerRemoveOptions{}); err != nil {
		t.Fatal(err)
	}
	if code := waited(t, ctx, gone); code != 3 {
		t.Errorf("exit code of a removed container %d, want 3", code)
	}
	if _, err := c.ContainerInspect(ctx, id, moby.ContainerInspectOptions{}); !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("inspect after removal: %v", err)
	}
}

func checkExec(t *testing.T, ctx context.Context, c *Client) {
	id := create(t, ctx, c, "exec sleep 600")
	if _, err := c.ContainerStart(ctx, id, moby.ContainerStartOptions{}); err != nil {
		t.Fatal(err)
	}
	made, err := c.ExecCreate(ctx, id, moby.ExecCreateOptions{AttachStdout: true, Cmd: []string{"sh", "-c", "echo from exec; exit 4"}})
	if err != nil {
		t.Fatal(err)
	}
	attached, err := c.ExecAttach(ctx, made.ID, moby.ExecAttachOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer attached.Close()
	out, err := io.ReadAll(attached.Reader)
	if err != nil || !strings.Contains(string(out), "from exec") {
		t.Errorf("output %q, %v", out, err)
	}
	got, err := c.ExecInspect(ctx, made.ID, moby.ExecInspectOptions{})
	if err != nil || got.ExitCode != 4 || got.ContainerID != id {
		t.Errorf("exec %+v, %v", got, err)
	}
}

func checkRefusals(t *testing.T, ctx context.Context, c *Client) {
	_, err := c.NetworkList(ctx, moby.NetworkListOptions{})
	if c.spoken.Before(mustParse(t, "1.21")) {
		if !errors.Is(err, errs.ErrInvalid) || !strings.Contains(err.Error(), "engine API "+c.ClientVersion()+" has no networks; needs 1.21") {
			t.Errorf("networks: %v", err)
		}
	} else if err != nil {
		t.Errorf("networks: %v", err)
	}
	id := create(t, ctx, c, "exit 0")
	_, err = c.ContainerUpdate(ctx, id, moby.ContainerUpdateOptions{Resources: &container.Resources{CPUShares: 256}})
	if old := c.spoken.Before(mustParse(t, "1.22")); old != errors.Is(err, errs.ErrInvalid) || !old && err != nil {
		t.Errorf("update: %v", err)
	}
}

func checkErrors(t *testing.T, ctx context.Context, c *Client) {
	_, err := c.ContainerInspect(ctx, "missing", moby.ContainerInspectOptions{})
	if !errors.Is(err, errs.ErrNotFound) || !strings.Contains(err.Error(), "No such container: missing") {
		t.Errorf("inspect: %v", err)
	}
	select {
	case err := <-c.ContainerWait(ctx, "missing", moby.ContainerWaitOptions{Condition: container.WaitConditionNextExit}).Error:
		if !errors.Is(err, errs.ErrNotFound) {
			t.Errorf("wait: %v", err)
		}
	case <-ctx.Done():
		t.Error("wait for a missing container does not end")
	}
	if _, err := c.ImageInspect(ctx, "missing"); !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("image: %v", err)
	}
}

// checkNetworks: an address asked for on an endpoint reaches engines that know only the container's, and a name is
// taken once.
func checkNetworks(t *testing.T, ctx context.Context, c *Client, subnet netip.Prefix) {
	if c.spoken.Before(mustParse(t, "1.22")) {
		return // endpoints cannot be configured at create
	}
	name := "n" + strings.ReplaceAll(c.ClientVersion(), ".", "")
	options := moby.NetworkCreateOptions{Driver: "bridge", IPAM: &network.IPAM{Config: []network.IPAMConfig{{Subnet: subnet}}}}
	made, err := c.NetworkCreate(ctx, name, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := c.NetworkRemove(context.WithoutCancel(ctx), made.ID, moby.NetworkRemoveOptions{}); err != nil {
			t.Error(err)
		}
	})
	if _, err := c.NetworkCreate(ctx, name, moby.NetworkCreateOptions{Driver: "bridge"}); !errors.Is(err, errs.ErrConflict) {
		t.Errorf("a second network of the name: %v", err)
	}
	got, err := c.NetworkInspect(ctx, name, moby.NetworkInspectOptions{})
	if err != nil || got.Network.IPAM.Config[0].Subnet != subnet {
		t.Errorf("network %+v, %v", got.Network, err)
	}
	mac := network.HardwareAddr{0x02, 0x42, 0xac, 0x11, 0x00, 0x09}
	ctr, err := c.ContainerCreate(ctx, moby.ContainerCreateOptions{
		Config:     &container.Config{Image: acctest.Busybox, Cmd: []string{"sleep", "600"}},
		HostConfig: &container.HostConfig{NetworkMode: container.NetworkMode(name)},
		NetworkingConfig: &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{
			name: {MacAddress: mac, Aliases: []string{"other"}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := c.ContainerRemove(context.WithoutCancel(ctx), ctr.ID, moby.ContainerRemoveOptions{Force: true}); err != nil {
			t.Error(err)
		}
	})
	if _, err := c.ContainerStart(ctx, ctr.ID, moby.ContainerStartOptions{}); err != nil {
		t.Fatal(err)
	}
	inspected, err := c.ContainerInspect(ctx, ctr.ID, moby.ContainerInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if endpoint := inspected.Container.NetworkSettings.Networks[name]; endpoint == nil || endpoint.MacAddress.String() != mac.String() {
		t.Errorf("endpoint %+v, want address %s", endpoint, mac)
	}
}

func checkVolumes(t *testing.T, ctx context.Context, c *Client) {
	if c.spoken.Before(mustParse(t, "1.21")) {
		return
	}
	made, err := c.VolumeCreate(ctx, moby.VolumeCreateOptions{Name: "v" + strings.ReplaceAll(c.ClientVersion(), ".", "")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.VolumeInspect(ctx, made.Volume.Name, moby.VolumeInspectOptions{}); err != nil {
		t.Error(err)
	}
	if _, err := c.VolumeRemove(ctx, made.Volume.Name, moby.VolumeRemoveOptions{Force: true}); err != nil {
		t.Error(err)
	}
	if _, err := c.VolumeInspect(ctx, made.Volume.Name, moby.VolumeInspectOptions{}); !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("after removal: %v", err)
	}
}
