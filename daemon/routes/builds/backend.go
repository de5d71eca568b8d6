package builds

import (
	"context"
	"io"

	"github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/stream"
)

// Backend builds images.
type Backend interface {
	// Build makes an image of the context in body, or of where o.RemoteContext says, and returns its id. Messages go to
	// send; before the first one nothing has been made. An error with a method ExitCode is a command's.
	Build(ctx context.Context, body io.Reader, o client.ImageBuildOptions, send func(stream.Message) error) (id string, err error)
	// Insert makes an image of another and a file fetched from an address, and returns its id.
	Insert(ctx context.Context, image, address, path string, send func(stream.Message) error) (id string, err error)
}
