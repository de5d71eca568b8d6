package acctest

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// isolatedEnv holds the identity of the network namespace a process was moved into, so that the program started
// again by [Isolate], and its children, know that they are there.
const isolatedEnv = "CLEAT_ACCTEST_NETNS"

// Isolate moves this process into a network namespace of its own, unless it is in one already, by starting the same
// program again in place: same process id, arguments and files. It returns only when that is done or not possible,
// so it has to come first in main.
func Isolate() error {
	if isolated() {
		return loopbackUp()
	}
	if os.Geteuid() != 0 {
		return missingf("not running as root")
	}
	if err := programs("ip", "mount"); err != nil {
		return err
	}
	runtime.LockOSThread() // for good: from here on this thread is not like the others
	if err := syscall.Unshare(syscall.CLONE_NEWNET); err != nil {
		return missingf("no network namespace: %v", err)
	}
	namespace, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := os.Setenv(isolatedEnv, namespace); err != nil {
		return err
	}
	return fmt.Errorf("start %s again: %w", self, syscall.Exec(self, os.Args, os.Environ()))
}

// isolated reports whether this process is in a namespace made by Isolate, its own or that of its parent.
func isolated() bool {
	namespace, err := os.Readlink("/proc/self/ns/net")
	return err == nil && os.Getenv(isolatedEnv) == namespace
}

func loopbackUp() error {
	if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		return fmt.Errorf("ip link set lo up: %w: %s", err, out)
	}
	return nil
}
