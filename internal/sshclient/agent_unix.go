//go:build !windows

package sshclient

import (
	"context"
	"net"
)

func defaultAgent(address string) string { return address }

func systemDir() string { return "/etc/ssh" }

func dialAgent(ctx context.Context, address string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "unix", address)
}
