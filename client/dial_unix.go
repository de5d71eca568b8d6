//go:build !windows

package client

import (
	"context"
	"errors"
	"net"
)

const pipesSupported = false

func dialPipe(context.Context, string) (net.Conn, error) {
	return nil, errors.New("named pipes exist on Windows only")
}
