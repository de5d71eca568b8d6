package system

import (
	"context"
	"iter"

	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/api/types/system"
)

// Backend is what the calls need.
type Backend interface {
	// Info describes host and daemon.
	Info(ctx context.Context) (system.Info, error)
	// DiskUsage says what kinds of objects take on the disk; no kinds are all. It is errs.ErrInvalid for one there is not.
	DiskUsage(ctx context.Context, kinds []string) (system.DiskUsage, error)
	// Version describes the program.
	Version(ctx context.Context) (system.VersionResponse, error)
	// Events are the messages between two times, as text, that the filters let through. It is errs.ErrInvalid when
	// the times cannot be read; the sequence ends with ctx or at until.
	Events(ctx context.Context, since, until string, filters map[string][]string) (iter.Seq[events.Message], error)
}
