//go:build linux

package containers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/go-hclog"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/volume"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/cleat-dev/cleat/daemon/bridge"
	"github.com/cleat-dev/cleat/daemon/event"
	"github.com/cleat-dev/cleat/daemon/logs"
	"github.com/cleat-dev/cleat/daemon/metadata"
	"github.com/cleat-dev/cleat/daemon/runtime"
	"github.com/cleat-dev/cleat/daemon/spec"
)

// Image is what a container needs to know of the image it is made of.
type Image struct {
	// ID is sha256:<hex> of the configuration; Parent the ID of the image this one was built on, "" for none.
	ID, Parent string
	// ChainID names the layers, "" when there are none.
	ChainID digest.Digest
	// Config are the defaults of containers.
	Config dockerspec.DockerOCIImage
}

// NewImage is what a commit makes.
type NewImage struct {
	// Parent is the image below the layer, "" for none.
	Parent string
	// Layer is in the content store; nil when the container changed nothing. DiffID is of its uncompressed form.
	Layer  *ocispec.Descriptor
	DiffID digest.Digest
	Config dockerspec.DockerOCIImage
	// Author, Comment, CreatedBy and Container are recorded in the history.
	Author, Comment, CreatedBy, Container string
	// Repo and Tag name the image; an empty Repo leaves it without name, an empty Tag is "latest".
	Repo, Tag string
}

// Images is what this service asks of the images service.
type Images interface {
	// Resolve returns the image a name, digest, id or unique beginning of an id stands for; errs.ErrNotFound.
	Resolve(ctx context.Context, ref string) (Image, error)
	// Create makes an image and returns its ID.
	Create(ctx context.Context, n NewImage) (string, error)
}

// Volumes is what this service asks of the volumes service.
type Volumes interface {
	// Create makes a volume, or returns the one of that name; an empty name is made up. driver "" is "local".
	Create(ctx context.Context, name, driver string, options, labels map[string]string) (volume.Volume, error)
	// Path is the folder with the volume's content.
	Path(name string) (string, error)
	// Mount returns the folder with the content for a container that starts and sees it at destination; Unmount undoes
	// it for all volumes of a container that has ended.
	Mount(ctx context.Context, name, containerID, destination string, writable bool, propagation string) (string, error)
	Unmount(containerID string) error
	// Use counts a container as user of a volume, Release takes it off all its volumes.
	Use(name, containerID string) error
	Release(containerID string) error
	// Remove removes an unused volume; errs.ErrConflict when another container uses it.
	Remove(ctx context.Context, name string, force bool) error
	// CopyUp fills the volume from folder source, unless it has content.
	CopyUp(ctx context.Context, name, source string) error
	// Reconcile makes the volumes agree with the containers there are, and those of them that run.
	Reconcile(ctx context.Context, exists, runs func(containerID string) bool) error
}

// Layers is daemon/snapshot.
type Layers interface {
	Create(ctx context.Context, id string, chainID digest.Digest) error
	Mount(ctx context.Context, id string) (rootfs string, err error)
	Unmount(ctx context.Context, id string) error
	Remove(ctx context.Context, id string) error
	Size(ctx context.Context, id string) (rw, root int64, err error)
	Changes(ctx context.Context, id string) ([]container.FilesystemChange, error)
	Commit(ctx context.Context, id string) (ocispec.Descriptor, digest.Digest, error)
	// Lease keeps what calls with its context write, until done.
	Lease(ctx context.Context) (_ context.Context, done func(), err error)
	Reconcile(ctx context.Context, known func(id string) bool) error
}

// Network is daemon/bridge, or whatever composes several networks.
type Network interface {
	Sandbox(ctx context.Context, id string) (path string, err error)
	Join(ctx context.Context, e bridge.Endpoint) (bridge.Joined, error)
	Publish(ctx context.Context, containerID, network string, ports []bridge.Port) (bridge.Joined, error)
	Leave(ctx context.Context, containerID, network string) error
	Rename(ctx context.Context, containerID, network string, names []string) error
	Release(ctx context.Context, containerID string) error
	Reconcile(ctx context.Context, live map[string][]bridge.Endpoint) error
	Statistics(ctx context.Context, containerID string) (map[string]container.NetworkStats, error)
}

// Process is a container's monitor, and what runs below it: *runtime.Process.
type Process interface {
	Attach(ctx context.Context, conn net.Conn, buffered []byte, o runtime.AttachOptions) (done <-chan struct{}, err error)
	Start(ctx context.Context) (runtime.Started, error)
	Signal(ctx context.Context, sig unix.Signal, stop bool) error
	Pause(ctx context.Context) error
	Resume(ctx context.Context) error
	Resize(ctx context.Context, h, w uint) error
	SetPolicy(ctx context.Context, p runtime.RestartPolicy) error
	Pids(ctx context.Context) ([]int, error)
	Stats(ctx context.Context) (container.StatsResponse, error)
	Update(ctx context.Context, r specs.LinuxResources) error
	Sync(ctx context.Context) error
	Close() error
}

// Runtime is daemon/runtime; see [WrapRuntime].
type Runtime interface {
	CgroupsPath(id string) string
	Open(ctx context.Context, b runtime.Bundle) (Process, error)
	Adopt(ctx context.Context, offsets map[string]int64) (map[string]Process, error)
	Remove(ctx context.Context, id string) error
	GC(ctx context.Context, known func(id string) bool) error
}

// Execs is what this service asks of the execs service. Nil means that there is none.
type Execs interface {
	// Of lists the running execs of a container, for inspect.
	Of(containerID string) []string
	// JournalIn settles an exec-start or exec-exit entry in the transaction that moves the journal's offset. announce
	// is called after the commit.
	JournalIn(tx *metadata.Tx, containerID string, e runtime.Entry) (announce func(), err error)
	// Ended settles the execs of a run that is over, or whose monitor was replaced; Forget drops those of a removed
	// container.
	Ended(containerID string)
	Forget(containerID string)
	// Reconcile makes the execs agree with the containers there are, and those of them that run.
	Reconcile(ctx context.Context, exists, runs func(containerID string) bool) error
}

// Config is what a Service is made of. All fields but Execs, Health, Init and Watcher are required.
type Config struct {
	// Root is where each container has a folder for its log and the files made for it.
	Root    string
	DB      *metadata.DB
	Events  *event.Bus
	Kernel  *spec.Kernel
	Runtime Runtime
	Layers  Layers
	Network Network
	Images  Images
	Volumes Volumes
	Execs   Execs
	// Health probes containers; nil leaves health checks alone.
	Health Health
	// Driver is the name of the storage driver, for inspect.
	Driver string
	Log    hclog.Logger
	// Watcher is the daemon's, for logs that are followed; nil makes one for each.
	Watcher *logs.Watcher
	// Init is the program that becomes process 1 of containers that ask for one, and InitAlways says that those do which
	// say nothing of it.
	Init       string
	InitAlways bool
}

// Service manages containers. Its methods may be called from any goroutine.
type Service struct {
	root    string
	db      *metadata.DB
	table   *metadata.Table[record]
	events  *event.Bus
	kernel  *spec.Kernel
	runtime Runtime
	layers  Layers
	network Network
	images  Images
	volumes Volumes
	execs   Execs
	health  Health
	driver  string
	log     hclog.Logger
	index   *index
	watcher *logs.Watcher

	init       string
	initAlways bool

	// background are removals (AutoRemove) and samplers that outlive the call that caused them.
	background sync.WaitGroup
	settling   atomic.Bool // Reconcile is reading journals
	ending     context.Context
	end        context.CancelFunc
}

// New loads the records. Nothing is touched on the host until [Service.Reconcile]. ctx bounds what the service does in
// the background; cancelling it is not needed after Close.
func New(ctx context.Context, c Config) (*Service, error) {
	table, err := metadata.NewTable[record](c.DB, "containers")
	if err != nil {
		return nil, fmt.Errorf("containers: %w", err)
	}
	records, err := table.All()
	if err != nil {
		return nil, fmt.Errorf("containers: %w", err)
	}
	if err := os.MkdirAll(c.Root, 0o710); err != nil {
		return nil, fmt.Errorf("containers: %w", err)
	}
	s := &Service{
		root: c.Root, db: c.DB, table: table, events: c.Events, kernel: c.Kernel, runtime: c.Runtime, layers: c.Layers, network: c.Network,
		images: c.Images, volumes: c.Volumes, execs: c.Execs, health: c.Health, driver: c.Driver, log: c.Log, index: newIndex(), watcher: c.Watcher,
		init: c.Init, initAlways: c.InitAlways,
	}
	s.ending, s.end = context.WithCancel(context.WithoutCancel(ctx))
	for _, r := range records {
		s.index.add(newCtr(&r))
	}
	return s, nil
}

// Close waits for what goes on in the background, at most until ctx ends. Containers go on.
func (s *Service) Close(ctx context.Context) error {
	s.end()
	done := make(chan struct{})
	go func() { s.background.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("containers: %w", ctx.Err())
	}
}

// Lookup resolves a name, id or unique beginning of an id.
func (s *Service) Lookup(ref string) (id string, err error) {
	c, err := s.index.find(ref)
	if err != nil {
		return "", err
	}
	return c.id, nil
}

// Process is the process behind a container, false when it does not run.
func (s *Service) Process(id string) (Process, bool) {
	c, ok := s.index.get(id)
	if !ok {
		return nil, false
	}
	p := c.proc()
	return p, p != nil && c.record().State.Running
}

// Rootfs mounts the root file system if it is not, and returns where. It stays until the container ends or done is
// called by everyone who asked while it did not run.
func (s *Service) Rootfs(ctx context.Context, id string) (dir string, done func(), err error) {
	c, ok := s.index.get(id)
	if !ok {
		return "", nil, notFound(id)
	}
	return s.rootfs(ctx, c)
}

// User is a container that uses an image.
type User struct {
	ID, Name string
	Running  bool
}

// UsersOf lists the containers made of an image.
func (s *Service) UsersOf(imageID string) []User {
	var users []User
	for _, c := range s.index.all() {
		if r := c.record(); r.ImageID == imageID {
			users = append(users, User{ID: r.ID, Name: r.Name, Running: r.State.alive()})
		}
	}
	return users
}

// Counts are the containers by state, as GET /info has them.
type Counts struct{ Total, Running, Paused, Stopped int }

// Count counts the containers.
func (s *Service) Count() Counts {
	var n Counts
	for _, c := range s.index.all() {
		n.Total++
		switch c.record().State.status() {
		case container.StateRunning, container.StateRestarting:
			n.Running++
		case container.StatePaused:
			n.Paused++
		default:
			n.Stopped++
		}
	}
	return n
}

// dir is the container's folder below Root.
func (s *Service) dir(id string) string { return filepath.Join(s.root, id) }

// logPath is where the json-file log of a container is.
func (s *Service) logPath(id string) string { return filepath.Join(s.dir(id), id+"-json.log") }

// wrapped makes a *runtime.Runtime a Runtime.
type wrapped struct{ *runtime.Runtime }

// WrapRuntime makes a Runtime of daemon/runtime's.
func WrapRuntime(r *runtime.Runtime) Runtime { return wrapped{r} }

func (w wrapped) Open(ctx context.Context, b runtime.Bundle) (Process, error) {
	p, err := w.Runtime.Open(ctx, b)
	if err != nil {
		return nil, err // not a nil *runtime.Process in an interface
	}
	return p, nil
}

func (w wrapped) Adopt(ctx context.Context, offsets map[string]int64) (map[string]Process, error) {
	found, err := w.Runtime.Adopt(ctx, offsets)
	out := make(map[string]Process, len(found))
	for id, p := range found {
		out[id] = p
	}
	return out, err
}

// best logs what went wrong with a step that the caller goes on without.
func (s *Service) best(id, what string, err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		s.log.Warn(what, "container", short(id), "error", err)
	}
}
