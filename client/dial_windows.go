package client

import (
	"context"
	"net"

	"github.com/Microsoft/go-winio"
)

const pipesSupported = true

func dialPipe(ctx context.Context, address string) (net.Conn, error) {
	return winio.DialPipeContext(ctx, address)
}
