package containers

import (
	"context"
	"io"
	"net"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
)

// ListOptions are the parameters of "List containers".
type ListOptions = struct {
	// All includes containers that do not run; Limit > 0 does too, and bounds the number: the newest.
	All   bool
	Limit int
	// Since and Before name containers: only those made after, or before; they include what does not run.
	Since, Before string
	// Size adds what the file systems take.
	Size bool
	// Filters by term.
	Filters map[string][]string
}

// NewContainer is what a container is made of.
type NewContainer = struct {
	// Name with or without slash; "" for a random one.
	Name string
	// LooseName accepts names of one character, and any of those allowed in front, as the document does.
	LooseName bool
	// Config is required; Host nil stands for defaults.
	Config *container.Config
	Host   *container.HostConfig
	// Platform the image has to be of, os[/arch[/variant]]; "" is any.
	Platform string
	// Endpoints are the networks by name, from NetworkingConfig.
	Endpoints map[string]*network.EndpointSettings
	// Warnings the caller has already, for instance of fields that were ignored.
	Warnings []string
}

// StopOptions are those of stop and restart.
type StopOptions = struct {
	// Signal instead of the container's own, "" for that.
	Signal string
	// Timeout in seconds before SIGKILL; nil is the container's own or 10, negative waits for ever.
	Timeout *int
}

// RemoveOptions are those of "Remove a container".
type RemoveOptions = struct {
	// Volumes removes anonymous volumes nobody else uses; Force kills first; Link removes the link that the
	// reference "/container/alias" names, and no container.
	Volumes, Force, Link bool
}

// AttachOptions are those of "Attach to a container".
type AttachOptions = struct {
	// Logs sends what was written before; Stream goes on with what comes.
	Logs, Stream bool
	// Stdin, Stdout and Stderr choose streams.
	Stdin, Stdout, Stderr bool
	// Raw sends output without frames also when there is no terminal.
	Raw bool
	// DetachKeys end the session and leave the container alone, as "ctrl-p,ctrl-q"; "" is that very default.
	DetachKeys string
}

// LogOptions are the parameters of "Get container logs", as text.
type LogOptions = struct {
	Stdout, Stderr, Follow, Timestamps, Details bool
	// Since and Until are seconds since 1970, RFC 3339, or a duration before now; "" and "0" are no bound.
	Since, Until string
	// Tail is a number or "all"; whatever is no number is all.
	Tail string
}

// StatsOptions choose between a stream and one object.
type StatsOptions = struct {
	// Stream goes on until ctx ends or the container is removed.
	Stream bool
	// OneShot does not wait for a second sample, so PreCPUStats is empty.
	OneShot bool
}

// CommitOptions are those of "Create a new image from a container's changes".
type CommitOptions = struct {
	Repo, Tag, Comment, Author string
	// Pause freezes a running container meanwhile.
	Pause bool
	// Changes are instructions of a Dockerfile, applied to Config.
	Changes []string
	// Config says what differs from the container's configuration; nil for nothing.
	Config *container.Config
}

// Backend is what the routes ask of a service. ref is a name, an id or a unique beginning of one; errors carry a class of
// api/errs, and texts clients look for.
type Backend interface {
	Lifecycle
	Reader
	Files
	Streams
}

// Lifecycle makes, changes and removes containers.
type Lifecycle interface {
	Create(ctx context.Context, n NewContainer) (container.CreateResponse, error)
	// Start is false when it runs already; host, when not nil, replaces the host configuration.
	Start(ctx context.Context, ref string, host *container.HostConfig) (started bool, err error)
	// Stop is false when it does not run.
	Stop(ctx context.Context, ref string, o StopOptions) (stopped bool, err error)
	Restart(ctx context.Context, ref string, o StopOptions) error
	// Kill is false, with a conflict, when it does not run.
	Kill(ctx context.Context, ref, signal string) (ran bool, err error)
	Pause(ctx context.Context, ref string) error
	Unpause(ctx context.Context, ref string) error
	Rename(ctx context.Context, ref, name string) error
	// Config returns copies of the configurations.
	Config(ref string) (*container.Config, *container.HostConfig, error)
	Resize(ctx context.Context, ref string, height, width uint) error
	Update(ctx context.Context, ref string, u container.UpdateConfig) (container.UpdateResponse, error)
	Remove(ctx context.Context, ref string, o RemoveOptions) error
	Prune(ctx context.Context, filters map[string][]string) (container.PruneReport, error)
	Commit(ctx context.Context, ref string, o CommitOptions) (id string, err error)
}

// Reader tells about containers.
type Reader interface {
	List(ctx context.Context, o ListOptions) ([]container.Summary, error)
	Inspect(ctx context.Context, ref string, size bool) (container.InspectResponse, error)
	// MacAddress is the hardware address a container was made with, "" for none.
	MacAddress(id string) string
	Top(ctx context.Context, ref, args string) (container.TopResponse, error)
	Changes(ctx context.Context, ref string) ([]container.FilesystemChange, error)
	// Wait begins to wait; nothing that happens afterwards is missed.
	Wait(ref string, condition container.WaitCondition) (func(ctx context.Context) (code int, message string, err error), error)
	// InProgress reports whether an error of Remove says that a removal is under way.
	InProgress(err error) bool
	// Stats hands samples to send until it fails, ctx ends, or there are no more.
	Stats(ctx context.Context, ref string, o StatsOptions, send func(container.StatsResponse) error) error
}

// Files reads and writes the file systems of containers. done, when there is no error, must be called.
type Files interface {
	StatPath(ctx context.Context, ref, path string) (container.PathStat, error)
	// ArchivePath opens a path as a tar archive: with its name, or, with copy, following links and a folder's content alone.
	ArchivePath(ctx context.Context, ref, path string, copy bool) (stat container.PathStat, write func(context.Context, io.Writer) error, done func(), err error)
	Extract(ctx context.Context, ref, path string, noOverwriteDirNonDir, owned bool, in io.Reader) error
	Export(ctx context.Context, ref string) (write func(context.Context, io.Writer) error, done func(), err error)
}

// Streams are logs and sessions.
type Streams interface {
	Logs(ref string, o LogOptions) (tty bool, write func(ctx context.Context, w io.Writer) error, err error)
	// AttachInfo checks a session before the connection is taken over.
	AttachInfo(ref string, o AttachOptions) (tty bool, err error)
	// Attach runs a session and closes conn.
	Attach(ctx context.Context, ref string, conn net.Conn, buffered []byte, o AttachOptions) error
}
