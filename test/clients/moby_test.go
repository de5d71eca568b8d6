package clients

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// mobyTimeout bounds one job of the Go client: a busy machine's seconds, with room.
const mobyTimeout = time.Minute

// job is one with the Go client.
type job struct {
	*client.Client
	t    *testing.T
	ctx  context.Context
	name string
}

// TestMoby: Moby's own client in Go, the base of all others in that language, finds what it asks for.
func TestMoby(t *testing.T) {
	t.Parallel()
	jobs := map[string]func(*job){
		"attach": (*job).attach, "exec": (*job).exec, "files": (*job).files, "build": (*job).build, "networks": (*job).networks, "removed": (*job).removed,
	}
	for _, engine := range []func(testing.TB) *acctest.Engine{acctest.Cleatd, acctest.Dockerd} {
		e := engine(t)
		for name, do := range jobs {
			t.Run(e.Name+"/"+name, func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithTimeout(t.Context(), mobyTimeout)
				defer cancel()
				c, err := client.New(client.WithHost(e.Host))
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				do(&job{c, t, ctx, "moby-" + name})
			})
		}
	}
}

// ok ends the test on an error.
func (j *job) ok(err error) {
	j.t.Helper()
	if err != nil {
		j.t.Fatal(err)
	}
}

// create makes a container that is gone at the end.
func (j *job) create(options client.ContainerCreateOptions) string {
	j.t.Helper()
	if options.Config.Image == "" {
		options.Config.Image = acctest.Busybox
	}
	made, err := j.ContainerCreate(j.ctx, options)
	j.ok(err)
	j.t.Cleanup(func() {
		_, err := j.ContainerRemove(context.WithoutCancel(j.ctx), made.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		if err != nil && options.HostConfig == nil {
			j.t.Error(err)
		}
	})
	return made.ID
}

func (j *job) start(id string) {
	j.t.Helper()
	_, err := j.ContainerStart(j.ctx, id, client.ContainerStartOptions{})
	j.ok(err)
}

// split returns both streams of what is framed.
func (j *job) split(r io.Reader) [2]string {
	j.t.Helper()
	var out, errs bytes.Buffer
	_, err := stdcopy.StdCopy(&out, &errs, r)
	j.ok(err)
	return [2]string{out.String(), errs.String()}
}

// attach: to one with all streams before its start, waited for meanwhile; its log afterwards says the same.
func (j *job) attach() {
	id := j.create(client.ContainerCreateOptions{Name: j.name, Config: &container.Config{
		Cmd: []string{"sh", "-c", "cat; echo err >&2; exit 3"}, OpenStdin: true, StdinOnce: true, AttachStdin: true, AttachStdout: true, AttachStderr: true,
	}})
	conn, err := j.ContainerAttach(j.ctx, id, client.ContainerAttachOptions{Stream: true, Stdin: true, Stdout: true, Stderr: true})
	j.ok(err)
	defer conn.Close()
	wait := j.ContainerWait(j.ctx, id, client.ContainerWaitOptions{Condition: container.WaitConditionNextExit})
	j.start(id)
	_, err = io.WriteString(conn.Conn, "through\n")
	j.ok(errors.Join(err, conn.CloseWrite()))
	want := [2]string{"through\n", "err\n"}
	if diff := cmp.Diff(want, j.split(conn.Reader)); diff != "" {
		j.t.Errorf("attach (-want +got):\n%s", diff)
	}
	select {
	case result := <-wait.Result:
		if result.StatusCode != 3 {
			j.t.Errorf("code %d, want 3", result.StatusCode)
		}
	case err := <-wait.Error:
		j.t.Fatal(err)
	}
	logs, err := j.ContainerLogs(j.ctx, id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Follow: true})
	j.ok(err)
	defer logs.Close()
	if diff := cmp.Diff(want, j.split(logs)); diff != "" {
		j.t.Errorf("logs (-want +got):\n%s", diff)
	}
}

// exec: with an input and both outputs, and in a terminal that is resized.
func (j *job) exec() {
	id := j.create(client.ContainerCreateOptions{Name: j.name, Config: &container.Config{Cmd: []string{"sleep", "600"}}})
	j.start(id)
	made, err := j.ExecCreate(j.ctx, id, client.ExecCreateOptions{
		Cmd: []string{"sh", "-c", "cat; echo $A >&2; exit 4"}, Env: []string{"A=b"}, AttachStdin: true, AttachStdout: true, AttachStderr: true,
	})
	j.ok(err)
	conn, err := j.ExecAttach(j.ctx, made.ID, client.ExecAttachOptions{})
	j.ok(err)
	defer conn.Close()
	_, err = io.WriteString(conn.Conn, "through\n")
	j.ok(errors.Join(err, conn.CloseWrite()))
	if diff := cmp.Diff([2]string{"through\n", "b\n"}, j.split(conn.Reader)); diff != "" {
		j.t.Errorf("exec (-want +got):\n%s", diff)
	}
	found, err := j.ExecInspect(j.ctx, made.ID, client.ExecInspectOptions{})
	if err != nil || found.Running || found.ExitCode != 4 {
		j.t.Errorf("exec: %+v, %v, want code 4", found, err)
	}

	terminal, err := j.ExecCreate(j.ctx, id, client.ExecCreateOptions{Cmd: []string{"sh"}, TTY: true, AttachStdin: true, AttachStdout: true})
	j.ok(err)
	tty, err := j.ExecAttach(j.ctx, terminal.ID, client.ExecAttachOptions{TTY: true})
	j.ok(err)
	defer tty.Close()
	_, err = j.ExecResize(j.ctx, terminal.ID, client.ExecResizeOptions{Height: 33, Width: 77})
	j.ok(err)
	_, err = io.WriteString(tty.Conn, "ls -l /proc/self/fd/0; exit\n")
	j.ok(err)
	said, err := io.ReadAll(tty.Reader)
	if err != nil || !strings.Contains(string(said), "/dev/pts/0") {
		j.t.Errorf("terminal: %q, %v", said, err)
	}
}

// files: into a container and out of it, with what is known of them before.
func (j *job) files() {
	id := j.create(client.ContainerCreateOptions{Name: j.name, Config: &container.Config{Cmd: []string{"true"}}})
	content := strings.Repeat("content", 100_000)
	_, err := j.CopyToContainer(j.ctx, id, client.CopyToContainerOptions{DestinationPath: "/tmp", Content: archive(j.t, "sub/file", content)})
	j.ok(err)
	stat, err := j.ContainerStatPath(j.ctx, id, client.ContainerStatPathOptions{Path: "/tmp/sub/file"})
	if err != nil || stat.Stat.Size != int64(len(content)) || stat.Stat.Name != "file" {
		j.t.Errorf("stat: %+v, %v", stat, err)
	}
	back, err := j.CopyFromContainer(j.ctx, id, client.CopyFromContainerOptions{SourcePath: "/tmp/sub/file"})
	j.ok(err)
	defer back.Content.Close()
	files := tar.NewReader(back.Content)
	entry, err := files.Next()
	j.ok(err)
	got, err := io.ReadAll(files)
	if err != nil || entry.Name != "file" || string(got) != content {
		j.t.Errorf("%s: %d bytes, %v", entry.Name, len(got), err)
	}
	changes, err := j.ContainerDiff(j.ctx, id, client.ContainerDiffOptions{})
	j.ok(err)
	if diff := cmp.Diff([]container.FilesystemChange{{Path: "/tmp"}, {Kind: 1, Path: "/tmp/sub"}, {Kind: 1, Path: "/tmp/sub/file"}}, changes.Changes); diff != "" {
		j.t.Errorf("diff (-want +got):\n%s", diff)
	}
}

func archive(t *testing.T, name, content string) io.Reader {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content)), Typeflag: tar.TypeReg})
	if err == nil {
		_, err = io.WriteString(w, content)
	}
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return &buf
}

// build: an image, which is saved, removed, loaded and run.
func (j *job) build() {
	tag := j.name + ":1"
	dockerfile := archive(j.t, "Dockerfile", "FROM busybox:1\nRUN echo built > /file\nCMD [\"cat\", \"/file\"]\n")
	built, err := j.ImageBuild(j.ctx, dockerfile, client.ImageBuildOptions{Tags: []string{tag}, Remove: true})
	j.ok(err)
	defer built.Body.Close()
	said, err := io.ReadAll(built.Body)
	if err != nil || !strings.Contains(string(said), "Successfully built") {
		j.t.Fatalf("%s, %v", said, err)
	}
	saved, err := j.ImageSave(j.ctx, []string{tag})
	j.ok(err)
	defer saved.Close()
	var file bytes.Buffer
	_, err = file.ReadFrom(saved)
	j.ok(err)
	_, err = j.ImageRemove(j.ctx, tag, client.ImageRemoveOptions{})
	j.ok(err)
	loaded, err := j.ImageLoad(j.ctx, &file)
	j.ok(err)
	defer loaded.Close()
	said, err = io.ReadAll(loaded)
	if err != nil || !strings.Contains(string(said), "Loaded image: "+tag) {
		j.t.Fatalf("%s, %v", said, err)
	}
	j.t.Cleanup(func() {
		_, err := j.ImageRemove(context.WithoutCancel(j.ctx), tag, client.ImageRemoveOptions{})
		if err != nil {
			j.t.Error(err)
		}
	})
	if got := j.output(client.ContainerCreateOptions{Config: &container.Config{Image: tag}}); got != "built\n" {
		j.t.Errorf("%q, want built", got)
	}
}

// output is what a container writes.
func (j *job) output(options client.ContainerCreateOptions) string {
	j.t.Helper()
	id := j.create(options)
	j.start(id)
	logs, err := j.ContainerLogs(j.ctx, id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Follow: true})
	j.ok(err)
	defer logs.Close()
	got := j.split(logs)
	return got[0] + got[1]
}

// networks: two at creation where the version has that, with names on both.
func (j *job) networks() {
	names := []string{j.name + "-front", j.name + "-back"}
	for _, name := range names {
		_, err := j.NetworkCreate(j.ctx, name, client.NetworkCreateOptions{Driver: "bridge", Labels: map[string]string{"of": j.name}})
		j.ok(err)
		j.t.Cleanup(func() {
			if _, err := j.NetworkRemove(context.WithoutCancel(j.ctx), name, client.NetworkRemoveOptions{}); err != nil {
				j.t.Error(err)
			}
		})
	}
	both := map[string]*network.EndpointSettings{names[0]: {Aliases: []string{"front"}}, names[1]: {Aliases: []string{"back"}}}
	first := &network.NetworkingConfig{EndpointsConfig: both}
	version, err := j.ServerVersion(j.ctx, client.ServerVersionOptions{})
	j.ok(err)
	late := version.APIVersion < "1.44"
	if late {
		first = &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{names[0]: both[names[0]]}}
	}
	web := j.create(client.ContainerCreateOptions{Name: j.name, Config: &container.Config{Image: acctest.HTTPServer}, NetworkingConfig: first})
	if late {
		_, err := j.NetworkConnect(j.ctx, names[1], client.NetworkConnectOptions{Container: web, EndpointConfig: both[names[1]]})
		j.ok(err)
	}
	j.start(web)
	found, err := j.ContainerInspect(j.ctx, web, client.ContainerInspectOptions{})
	j.ok(err)
	if diff := cmp.Diff(slices.Sorted(slices.Values(names)), slices.Sorted(maps.Keys(found.Container.NetworkSettings.Networks))); diff != "" {
		j.t.Errorf("networks (-want +got):\n%s", diff)
	}
	for i, name := range names {
		got := j.output(client.ContainerCreateOptions{
			Config:           &container.Config{Cmd: []string{"wget", "-qO-", fmt.Sprintf("http://%s/", []string{"front", "back"}[i])}},
			NetworkingConfig: &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{name: {}}},
			HostConfig:       &container.HostConfig{NetworkMode: container.NetworkMode(name)},
		})
		if got != "hello from cleat\n" {
			j.t.Errorf("by %s: %q", name, got)
		}
	}
}

// removed: one that removes itself is waited for until then, and the events tell its life in order, its network's too.
func (j *job) removed() {
	heard := j.Events(j.ctx, client.EventsListOptions{Filters: make(client.Filters).Add("type", "container", "network")})
	id := j.create(client.ContainerCreateOptions{Name: j.name, Config: &container.Config{Cmd: []string{"sh", "-c", "exit 5"}}, HostConfig: &container.HostConfig{AutoRemove: true}})
	wait := j.ContainerWait(j.ctx, id, client.ContainerWaitOptions{Condition: container.WaitConditionRemoved})
	j.start(id)
	select {
	case result := <-wait.Result:
		if result.StatusCode != 5 {
			j.t.Errorf("code %d, want 5", result.StatusCode)
		}
	case err := <-wait.Error:
		j.t.Fatal(err)
	}
	if _, err := j.ContainerInspect(j.ctx, id, client.ContainerInspectOptions{}); err == nil {
		j.t.Error("it is still there")
	}
	var actions []events.Action
	for len(actions) == 0 || actions[len(actions)-1] != events.ActionDestroy {
		select {
		case m := <-heard.Messages:
			if m.Actor.ID == id || m.Actor.Attributes["container"] == id {
				actions = append(actions, m.Action)
			}
		case err := <-heard.Err:
			j.t.Fatalf("%v after %v", err, actions)
		}
	}
	if diff := cmp.Diff([]events.Action{"create", "connect", "start", "die", "disconnect", "destroy"}, actions); diff != "" {
		j.t.Errorf("events (-want +got):\n%s", diff)
	}
}
