package e2e

import (
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/client"

	cleatclient "github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/internal/acctest"
	"github.com/cleat-dev/cleat/reconcile/ownership"
)

// newCleat is a project of its own, with the configuration given, driven by cleat. name is the project's, and begins
// the names of all it declares.
func newCleat(t *testing.T, e *acctest.Engine, name, configuration string) *project {
	t.Helper()
	p := &project{driver: driver{name: "cleat", path: acctest.Built(t, "cleat"), env: []string{"CLEAT_PROJECT=" + name, "NO_COLOR=1"}}, engine: e, dir: t.TempDir()}
	p.configure(t, configuration)
	t.Cleanup(func() {
		if t.Failed() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
			defer cancel()
			_, out := p.run(ctx, "destroy", "-auto-approve")
			t.Logf("destroyed after the failure:\n%s", lastLines(out, 5))
		}
	})
	return p
}

// configure gives the project another configuration.
func (p *project) configure(t *testing.T, configuration string) {
	t.Helper()
	p.write(t, "main.tf", configuration)
}

func (p *project) write(t *testing.T, name, content string) {
	t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// name is the project's name.
func (p *project) name() string { return strings.TrimPrefix(p.driver.env[0], "CLEAT_PROJECT=") }

// command is a run of cleat that the test watches, to interrupt it.
func (p *project) command(ctx context.Context, out io.Writer, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, p.driver.path, args...)
	cmd.Dir, cmd.Env = p.dir, append(p.engine.Env(), p.driver.env...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// apply applies and demands success; destroy as well.
func (p *project) apply(t *testing.T) string {
	t.Helper()
	return p.must(t, 0, "apply", "-auto-approve")
}

func (p *project) destroy(t *testing.T) string {
	t.Helper()
	return p.must(t, 0, "destroy", "-auto-approve")
}

// settled demands that everything is as declared, and that nothing but what is declared is the project's.
func (p *project) settled(t *testing.T, want []string) {
	t.Helper()
	p.must(t, 0, "plan", "-detailed-exitcode")
	if diff := cmp.Diff(want, p.owned(t)); diff != "" {
		t.Fatalf("objects of project %s (-declared +on the engine):\n%s", p.name(), diff)
	}
}

// owned are the addresses in the labels of everything on the engine that is the project's: an address twice is a
// duplicate, one too many an orphan. Ledger and lock are told by their names.
func (p *project) owned(t *testing.T) []string {
	t.Helper()
	ctx, c := t.Context(), reach(t, p.engine)
	var found []string
	note := func(labels map[string]string, name string) {
		switch {
		case labels[ownership.LabelProject] != p.name():
		case labels[ownership.LabelLedger] != "" || labels[ownership.LabelLock] != "":
			found = append(found, name)
		case strings.Contains(name, "aside"):
			found = append(found, labels[ownership.LabelAddress]+" aside as "+name)
		default:
			found = append(found, labels[ownership.LabelAddress])
		}
	}
	containers, err := c.ContainerList(ctx, client.ContainerListOptions{All: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range containers.Items {
		note(item.Labels, strings.TrimPrefix(item.Names[0], "/"))
	}
	if p.engine.IsOld() {
		slices.Sort(found)
		return found
	}
	networks, err := c.NetworkList(ctx, client.NetworkListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range networks.Items {
		note(item.Labels, item.Name)
	}
	volumes, err := c.VolumeList(ctx, client.VolumeListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range volumes.Items {
		note(item.Labels, item.Name)
	}
	slices.Sort(found)
	return found
}

// starts are the names of the containers of the project that start, as they do. The channel ends with the context.
func (p *project) starts(ctx context.Context, t *testing.T) <-chan string {
	t.Helper()
	stream := reach(t, p.engine).Events(ctx, client.EventsListOptions{
		Filters: make(client.Filters).Add("type", string(events.ContainerEventType)).Add("event", "start"),
	})
	names := make(chan string, 1000)
	go func() {
		defer close(names)
		for {
			select {
			case e := <-stream.Messages:
				if name := e.Actor.Attributes["name"]; strings.HasPrefix(name, p.name()) {
					names <- name
				}
			case <-stream.Err:
				return
			}
		}
	}()
	return names
}

// reach is a client to look at an engine from outside: moby's own, or cleat's where the engine is too old for that one.
func reach(t *testing.T, e *acctest.Engine) *client.Client {
	t.Helper()
	if !e.IsOld() {
		return e.Client(t)
	}
	c, err := cleatclient.New(context.WithoutCancel(t.Context()), cleatclient.Config{Host: e.Host})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c.Client
}

// bystanders are objects of somebody else, of every kind the engine has, and what it says of them.
type bystanders struct {
	engine *acctest.Engine
	name   string
	before map[string]any
}

// newBystanders makes them. They are removed with the test.
func newBystanders(t *testing.T, e *acctest.Engine, name string) *bystanders {
	t.Helper()
	b := &bystanders{engine: e, name: name}
	ctx, c := t.Context(), reach(t, e)
	mine := container.HostConfig{NetworkMode: container.NetworkMode(name), Binds: []string{name + ":/data"}}
	if e.IsOld() {
		mine = container.HostConfig{}
	}
	steps := []func() error{
		func() error {
			_, err := c.ImageTag(ctx, client.ImageTagOptions{Source: acctest.Busybox, Target: name + ":1"})
			return err
		},
		func() error {
			if e.IsOld() {
				return nil
			}
			_, err1 := c.NetworkCreate(ctx, name, client.NetworkCreateOptions{})
			_, err2 := c.VolumeCreate(ctx, client.VolumeCreateOptions{Name: name})
			return errors.Join(err1, err2)
		},
		func() error {
			_, err := c.ContainerCreate(ctx, client.ContainerCreateOptions{
				Name:       name,
				Config:     &container.Config{Image: name + ":1", Cmd: []string{"sleep", "100000"}},
				HostConfig: &mine,
			})
			return err
		},
		func() error {
			_, err := c.ContainerStart(ctx, name, client.ContainerStartOptions{})
			return err
		},
	}
	t.Cleanup(func() { b.remove(t) })
	for _, step := range steps {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	b.before = b.look(t)
	return b
}

func (b *bystanders) remove(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	defer cancel()
	c := reach(t, b.engine)
	_, err1 := c.ContainerRemove(ctx, b.name, client.ContainerRemoveOptions{Force: true})
	_, err2 := c.ImageRemove(ctx, b.name+":1", client.ImageRemoveOptions{})
	var err3, err4 error
	if !b.engine.IsOld() {
		_, err3 = c.NetworkRemove(ctx, b.name, client.NetworkRemoveOptions{})
		_, err4 = c.VolumeRemove(ctx, b.name, client.VolumeRemoveOptions{})
	}
	for _, err := range []error{err1, err2, err3, err4} {
		if err != nil {
			t.Error(err)
		}
	}
}

// look asks the engine about each of them.
func (b *bystanders) look(t *testing.T) map[string]any {
	t.Helper()
	ctx, c := t.Context(), reach(t, b.engine)
	one, err := c.ContainerInspect(ctx, b.name, client.ContainerInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	img, err := c.ImageInspect(ctx, b.name+":1")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]any{
		"container": []any{one.Container.ID, one.Container.Name, one.Container.State.Pid, one.Container.State.StartedAt, one.Container.Config.Labels},
		"image":     img.ID,
	}
	if b.engine.IsOld() {
		return all
	}
	net, err := c.NetworkInspect(ctx, b.name, client.NetworkInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	vol, err := c.VolumeInspect(ctx, b.name, client.VolumeInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	all["network"] = []any{net.Network.ID, net.Network.Name, slices.Sorted(maps.Keys(net.Network.Containers))}
	all["volume"] = []any{vol.Volume.Name, vol.Volume.CreatedAt, vol.Volume.Mountpoint}
	return all
}

// untouched demands that they are as they were.
func (b *bystanders) untouched(t *testing.T) {
	t.Helper()
	if diff := cmp.Diff(b.before, b.look(t)); diff != "" {
		t.Fatalf("objects of somebody else (-before +after):\n%s", diff)
	}
}

// hosted runs the test on every engine, side by side. They are the test's own: others look at what is on theirs.
func hosted(t *testing.T, test func(t *testing.T, e *acctest.Engine)) {
	t.Helper()
	t.Parallel()
	for kind, start := range map[string]func(testing.TB) *acctest.Engine{
		"dockerd": acctest.NewDockerd, "podman": acctest.NewPodman,
		"cleatd": func(tb testing.TB) *acctest.Engine { return acctest.NewCleatd(tb) },
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			test(t, start(t))
		})
	}
}
