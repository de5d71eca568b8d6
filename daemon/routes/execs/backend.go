package execs

import (
	"context"
	"net"

	"github.com/moby/moby/api/types/container"
)

// Backend runs execs: daemon/execs. Its errors carry the classes of api/errs.
type Backend interface {
	// Create makes an exec in a running container.
	Create(ctx context.Context, container string, q container.ExecCreateRequest) (id string, err error)
	// Start starts it. take gets the client's connection; it is called when nothing stands against the start any more.
	// o.Tty asks for output without frames.
	Start(ctx context.Context, id string, o container.ExecStartRequest, take func(tty bool) (net.Conn, []byte, error)) error
	// Resize sets the size of its terminal.
	Resize(ctx context.Context, id string, height, width uint) error
	// Inspect describes it.
	Inspect(ctx context.Context, id string) (container.ExecInspectResponse, error)
	// Container describes its container.
	Container(ctx context.Context, id string) (container.InspectResponse, error)
}
