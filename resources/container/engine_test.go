package container

import (
	"archive/tar"
	"bufio"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/api/types/system"
	moby "github.com/moby/moby/client"
)

// What dockerd 20.10 and podman 4.3 answer, recorded from the real ones.
//
//go:embed testdata
var testdata embed.FS

func fixture[T any](t *testing.T, file string) T {
	t.Helper()
	text, err := testdata.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var v T
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return v
}

// engine is one container of an engine: what is inspected, and a log of the calls. It does with a create what dockerd
// 20.10 does, as far as flattening has to undo it.
type engine struct {
	version string
	exists  bool
	c       container.InspectResponse
	images  map[string]moby.ImageInspectResult
	calls   []string
	files   map[string]string
	updates []moby.ContainerUpdateOptions
	fail    map[string]error // by call
	events  chan events.Message
	output  string
	exit    int64
}

func newEngine(t *testing.T, dir string) *engine {
	t.Helper()
	e := &engine{version: "1.41", images: map[string]moby.ImageInspectResult{}, files: map[string]string{}, fail: map[string]error{}, events: make(chan events.Message, 4)}
	for _, name := range []string{"h2base", "h2rich"} {
		image := fixture[moby.ImageInspectResult](t, dir+"/image-"+name+".json")
		e.images[name], e.images[imageID(image.ID)], e.images[image.ID] = image, image, image
	}
	return e
}

func (e *engine) ClientVersion() string { return e.version }

func (e *engine) called(format string, args ...any) error {
	call := fmt.Sprintf(format, args...)
	e.calls = append(e.calls, call)
	return e.fail[strings.Fields(call)[0]]
}

func (e *engine) missing(id string) error {
	if !e.exists || id != e.c.ID && id != strings.TrimPrefix(e.c.Name, "/") {
		return fmt.Errorf("no such container: %s: %w", id, cerrdefs.ErrNotFound)
	}
	return nil
}

const createdID = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func (e *engine) ContainerCreate(_ context.Context, o moby.ContainerCreateOptions) (moby.ContainerCreateResult, error) {
	if err := e.called("create %s", o.Name); err != nil {
		return moby.ContainerCreateResult{}, err
	}
	image, ok := e.images[o.Config.Image]
	if !ok {
		return moby.ContainerCreateResult{}, fmt.Errorf("no such image: %s: %w", o.Config.Image, cerrdefs.ErrNotFound)
	}
	c, h := *o.Config, *o.HostConfig
	c.Env = slices.Concat(c.Env, slices.DeleteFunc(slices.Clone(image.Config.Env), func(s string) bool {
		name, _, _ := strings.Cut(s, "=")
		return slices.ContainsFunc(o.Config.Env, func(d string) bool { return strings.HasPrefix(d, name+"=") })
	}))
	labels := maps.Clone(image.Config.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	maps.Copy(labels, c.Labels)
	c.Labels = labels
	if c.Entrypoint == nil {
		if c.Cmd == nil {
			c.Cmd = image.Config.Cmd
		}
		c.Entrypoint = image.Config.Entrypoint
	}
	c.User, c.WorkingDir = first(c.User, image.Config.User), first(c.WorkingDir, image.Config.WorkingDir)
	c.StopSignal, c.Hostname = first(c.StopSignal, image.Config.StopSignal), first(c.Hostname, createdID[:12])
	if c.Healthcheck == nil {
		c.Healthcheck = image.Config.Healthcheck
	}
	if h.Memory > 0 && h.MemorySwap == 0 {
		h.MemorySwap = 2 * h.Memory
	}
	if h.ShmSize == 0 {
		h.ShmSize = 64 * mebibyte
	}
	if h.LogConfig.Type == "" {
		h.LogConfig.Type = "json-file"
	}
	h.LogConfig.Config = maps.Clone(h.LogConfig.Config)
	if h.LogConfig.Config == nil {
		h.LogConfig.Config = map[string]string{}
	}
	h.LogConfig.Config["labels"] = "from-daemon-json"
	h.Ulimits = append(slices.Clone(h.Ulimits), &container.Ulimit{Name: "core", Soft: 1, Hard: 1})
	h.Runtime, h.IpcMode = first(h.Runtime, "runc"), container.IpcMode(first(string(h.IpcMode), "private"))
	endpoints := map[string]*network.EndpointSettings{first(string(h.NetworkMode), "bridge"): {NetworkID: "bridge-id"}}
	if h.NetworkMode.IsContainer() {
		endpoints = nil
	}
	if o.NetworkingConfig != nil {
		endpoints = o.NetworkingConfig.EndpointsConfig
		for name, endpoint := range endpoints {
			endpoint.NetworkID = name + "-id"
			endpoint.Aliases = append(slices.Clone(endpoint.Aliases), createdID[:12])
		}
	}
	e.exists = true
	e.c = container.InspectResponse{
		ID: createdID, Name: "/" + o.Name, Image: image.ID, Config: &c, HostConfig: &h,
		State:           &container.State{Status: container.StateCreated, StartedAt: "0001-01-01T00:00:00Z"},
		NetworkSettings: &container.NetworkSettings{Networks: endpoints},
	}
	return moby.ContainerCreateResult{ID: createdID}, nil
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func (e *engine) ContainerInspect(_ context.Context, id string, _ moby.ContainerInspectOptions) (moby.ContainerInspectResult, error) {
	if err := e.called("inspect"); err != nil {
		return moby.ContainerInspectResult{}, err
	}
	c := e.c // an answer does not change with the engine
	if c.NetworkSettings != nil {
		c.NetworkSettings = &container.NetworkSettings{Ports: c.NetworkSettings.Ports, Networks: maps.Clone(c.NetworkSettings.Networks)}
	}
	return moby.ContainerInspectResult{Container: c}, e.missing(id)
}

func (e *engine) ContainerStart(_ context.Context, id string, _ moby.ContainerStartOptions) (moby.ContainerStartResult, error) {
	if err := e.called("start"); err != nil {
		return moby.ContainerStartResult{}, err
	}
	if e.c.State.Paused {
		return moby.ContainerStartResult{}, fmt.Errorf("cannot start a paused container, try unpause instead: %w", cerrdefs.ErrConflict)
	}
	e.c.State.Status, e.c.State.Running, e.c.State.StartedAt = container.StateRunning, true, "2026-01-01T00:00:00Z"
	return moby.ContainerStartResult{}, e.missing(id)
}

func (e *engine) ContainerStop(_ context.Context, id string, o moby.ContainerStopOptions) (moby.ContainerStopResult, error) {
	timeout := "-"
	if o.Timeout != nil {
		timeout = fmt.Sprint(*o.Timeout)
	}
	if err := e.called("stop %s", timeout); err != nil {
		return moby.ContainerStopResult{}, err
	}
	if err := e.missing(id); err != nil {
		return moby.ContainerStopResult{}, err
	}
	e.c.State.Status, e.c.State.Running, e.c.State.Paused = container.StateExited, false, false
	return moby.ContainerStopResult{}, nil
}

func (e *engine) ContainerUnpause(context.Context, string, moby.ContainerUnpauseOptions) (moby.ContainerUnpauseResult, error) {
	e.c.State.Status, e.c.State.Paused = container.StateRunning, false
	return moby.ContainerUnpauseResult{}, e.called("unpause")
}

func (e *engine) ContainerRemove(_ context.Context, id string, o moby.ContainerRemoveOptions) (moby.ContainerRemoveResult, error) {
	how := ""
	if o.Force {
		how = " by force"
	}
	if err := e.called("remove volumes=%t%s", o.RemoveVolumes, how); err != nil {
		return moby.ContainerRemoveResult{}, err
	}
	if err := e.missing(id); err != nil {
		return moby.ContainerRemoveResult{}, err
	}
	if e.c.State.Running && !o.Force {
		return moby.ContainerRemoveResult{}, fmt.Errorf("You cannot remove a running container %s: %w", id, cerrdefs.ErrConflict)
	}
	e.exists = false
	return moby.ContainerRemoveResult{}, nil
}

func (e *engine) ContainerRename(_ context.Context, id string, o moby.ContainerRenameOptions) (moby.ContainerRenameResult, error) {
	e.c.Name = "/" + o.NewName
	return moby.ContainerRenameResult{}, e.called("rename %s", o.NewName)
}

// ContainerUpdate does as dockerd: what is zero stays.
func (e *engine) ContainerUpdate(_ context.Context, _ string, o moby.ContainerUpdateOptions) (moby.ContainerUpdateResult, error) {
	e.updates = append(e.updates, o)
	if err := e.called("update"); err != nil {
		return moby.ContainerUpdateResult{}, err
	}
	h := e.c.HostConfig
	keep := func(to *int64, n int64) {
		if n != 0 {
			*to = n
		}
	}
	if r := o.Resources; r != nil {
		if r.Memory > h.MemorySwap && r.MemorySwap == 0 {
			return moby.ContainerUpdateResult{}, fmt.Errorf("Memory limit should be smaller than already set memoryswap limit: %w", cerrdefs.ErrInvalidArgument)
		}
		keep(&h.Memory, r.Memory)
		keep(&h.MemorySwap, r.MemorySwap)
		keep(&h.MemoryReservation, r.MemoryReservation)
		keep(&h.CPUShares, r.CPUShares)
		keep(&h.NanoCPUs, r.NanoCPUs)
		keep(&h.CPUPeriod, r.CPUPeriod)
		keep(&h.CPUQuota, r.CPUQuota)
		h.CpusetCpus = first(r.CpusetCpus, h.CpusetCpus)
	}
	if p := o.RestartPolicy; p != nil && p.Name != "" {
		h.RestartPolicy = *p
	}
	return moby.ContainerUpdateResult{}, nil
}

func (e *engine) ContainerWait(_ context.Context, _ string, o moby.ContainerWaitOptions) moby.ContainerWaitResult {
	result, failed := make(chan container.WaitResponse, 1), make(chan error, 1)
	if err := e.called("wait %s", o.Condition); err != nil {
		failed <- err
	} else {
		result <- container.WaitResponse{StatusCode: e.exit}
	}
	return moby.ContainerWaitResult{Result: result, Error: failed}
}

func (e *engine) ContainerLogs(context.Context, string, moby.ContainerLogsOptions) (moby.ContainerLogsResult, error) {
	return io.NopCloser(strings.NewReader(framed(e.output))), e.called("logs")
}

func (e *engine) ContainerAttach(context.Context, string, moby.ContainerAttachOptions) (moby.ContainerAttachResult, error) {
	ours, theirs := net.Pipe()
	if err := theirs.Close(); err != nil {
		return moby.ContainerAttachResult{}, err
	}
	r := bufio.NewReader(strings.NewReader(framed(e.output)))
	return moby.ContainerAttachResult{HijackedResponse: moby.HijackedResponse{Conn: ours, Reader: r}}, e.called("attach")
}

// framed is output as engines multiplex it.
func framed(s string) string {
	if s == "" {
		return ""
	}
	n := len(s)
	return string([]byte{1, 0, 0, 0, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}) + s
}

func (e *engine) CopyToContainer(_ context.Context, _ string, o moby.CopyToContainerOptions) (moby.CopyToContainerResult, error) {
	if err := e.called("copy"); err != nil {
		return moby.CopyToContainerResult{}, err
	}
	r := tar.NewReader(o.Content)
	for {
		header, err := r.Next()
		if err == io.EOF {
			return moby.CopyToContainerResult{}, nil
		}
		if err != nil {
			return moby.CopyToContainerResult{}, err
		}
		content, err := io.ReadAll(r)
		if err != nil {
			return moby.CopyToContainerResult{}, err
		}
		e.files[header.Name] = fmt.Sprintf("%o %s", header.Mode, content)
	}
}

func (e *engine) Events(context.Context, moby.EventsListOptions) moby.EventsResult {
	_ = e.called("events")
	return moby.EventsResult{Messages: e.events, Err: make(chan error)}
}

func (e *engine) ImageInspect(_ context.Context, ref string, _ ...moby.ImageInspectOption) (moby.ImageInspectResult, error) {
	if err := e.called("image"); err != nil {
		return moby.ImageInspectResult{}, err
	}
	if image, ok := e.images[ref]; ok {
		return image, nil
	}
	return moby.ImageInspectResult{}, fmt.Errorf("no such image: %s: %w", ref, cerrdefs.ErrNotFound)
}

// pulled is the end of a pull nobody has anything to say of.
type pulled struct {
	moby.ImagePullResponse
	io.Reader
}

func (p pulled) Read(b []byte) (int, error) { return p.Reader.Read(b) }
func (p pulled) Close() error               { return nil }

func (e *engine) ImagePull(_ context.Context, ref string, o moby.ImagePullOptions) (moby.ImagePullResponse, error) {
	if err := e.called("pull %s auth=%s platforms=%d", ref, o.RegistryAuth, len(o.Platforms)); err != nil {
		return nil, err
	}
	e.images[ref] = e.images["h2base"]
	return pulled{Reader: strings.NewReader("")}, nil
}

func (e *engine) RegistryAuth(context.Context, string) (string, error) { return "secret", nil }

func (e *engine) Info(context.Context, moby.InfoOptions) (moby.SystemInfoResult, error) {
	return moby.SystemInfoResult{Info: system.Info{SwapLimit: true}}, e.called("info")
}

func (e *engine) NetworkConnect(_ context.Context, name string, o moby.NetworkConnectOptions) (moby.NetworkConnectResult, error) {
	endpoint := *o.EndpointConfig
	endpoint.NetworkID = name + "-id"
	e.c.NetworkSettings.Networks[name] = &endpoint
	return moby.NetworkConnectResult{}, e.called("connect %s %s", name, strings.Join(o.EndpointConfig.Aliases, ","))
}

func (e *engine) NetworkInspect(_ context.Context, name string, _ moby.NetworkInspectOptions) (moby.NetworkInspectResult, error) {
	if err := e.called("network"); err != nil {
		return moby.NetworkInspectResult{}, err
	}
	return moby.NetworkInspectResult{}, fmt.Errorf("no such network: %s: %w", name, cerrdefs.ErrNotFound)
}

func (e *engine) NetworkDisconnect(_ context.Context, name string, _ moby.NetworkDisconnectOptions) (moby.NetworkDisconnectResult, error) {
	delete(e.c.NetworkSettings.Networks, name)
	return moby.NetworkDisconnectResult{}, e.called("disconnect %s", name)
}
