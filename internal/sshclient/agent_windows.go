package sshclient

import (
	"cmp"
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/Microsoft/go-winio"
)

// defaultAgent is the service that comes with Windows' own OpenSSH.
func defaultAgent(address string) string { return cmp.Or(address, `\\.\pipe\openssh-ssh-agent`) }

func systemDir() string { return filepath.Join(os.Getenv("ProgramData"), "ssh") }

func dialAgent(ctx context.Context, address string) (net.Conn, error) {
	if strings.HasPrefix(address, `\\`) {
		return winio.DialPipeContext(ctx, address)
	}
	return (&net.Dialer{}).DialContext(ctx, "unix", address)
}
