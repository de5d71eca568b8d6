package acctest

import (
	"fmt"
	"net"
	"os/exec"
	"sync"
	"testing"
)

// addBridge makes the bridge of dockerd's default network. The daemon's own, docker0, has a fixed name, and two
// daemons in one namespace would share it.
func addBridge(name, address string) error {
	for _, args := range [][]string{
		{"link", "add", "name", name, "type", "bridge"},
		{"address", "add", address, "dev", name},
		{"link", "set", name, "up"},
	} {
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			return fmt.Errorf("bridge %s: ip %v: %w: %s", name, args, err, out)
		}
	}
	return nil
}

// FreePort returns a TCP port nobody listens on, and never the same one twice. Within the tests' own network namespace only
// the tests themselves could take it before it is used.
func FreePort(tb testing.TB) int {
	tb.Helper()
	port, err := freePort()
	if err != nil {
		tb.Fatal(err)
	}
	return port
}

// taken are the ports that were given out: tests on several engines run at the same time.
var taken sync.Map

func freePort() (int, error) {
	for {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 0, err
		}
		port := listener.Addr().(*net.TCPAddr).Port
		if err := listener.Close(); err != nil {
			return 0, err
		}
		if _, before := taken.LoadOrStore(port, true); !before {
			return port, nil
		}
	}
}
