package acctest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os/exec"
	"sync/atomic"
	"syscall"
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

// FreePort returns a TCP port nobody listens on, and never the same one twice. It is below those the kernel and engines
// choose from where nobody names one (swarms: 30000 and up; ip_local_port_range: 32768 and up), and above those the suites
// number themselves: nobody takes it before it is used.
func FreePort(tb testing.TB) int {
	tb.Helper()
	port, err := freePort()
	if err != nil {
		tb.Fatal(err)
	}
	return port
}

const (
	firstFreePort = 24000
	freePorts     = 30000 - firstFreePort
)

// portsGiven are those of this process; others that share its network begin elsewhere.
var portsGiven, portsBegin = atomic.Int32{}, rand.N(freePorts)

func freePort() (int, error) {
	for {
		n := int(portsGiven.Add(1)) - 1
		if n == freePorts {
			return 0, fmt.Errorf("no port is left of the %d from %d on", freePorts, firstFreePort)
		}
		port := firstFreePort + (portsBegin+n)%freePorts
		listener, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
		if errors.Is(err, syscall.EADDRINUSE) {
			continue
		}
		if err != nil {
			return 0, err
		}
		return port, listener.Close()
	}
}
