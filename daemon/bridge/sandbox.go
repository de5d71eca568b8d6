//go:build linux

package bridge

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/api/errs"
)

// sandbox is the network of one container.
type sandbox struct {
	id        string
	mu        sync.Mutex  // one operation on a container at a time
	gone      bool        // no longer in Driver.sandboxes: look again
	pinned    bool        // its namespace exists
	endpoints []*endpoint // what it is connected to, oldest first; read and written with Driver.mu too
}

// on returns the connection with a network, by its id; nil when there is none.
func (s *sandbox) on(network string) *endpoint {
	for _, e := range s.endpoints {
		if e.Network == network {
			return e
		}
	}
	return nil
}

// lock returns the sandbox of a container, held by the caller until unlock. It may be one of which nothing exists.
func (d *Driver) lock(id string) *sandbox {
	for {
		d.mu.Lock()
		s := d.sandboxes[id]
		if s == nil {
			s = &sandbox{id: id}
			d.sandboxes[id] = s
		}
		d.mu.Unlock()
		s.mu.Lock()
		if !s.gone {
			return s
		}
		s.mu.Unlock()
	}
}

func (d *Driver) unlock(s *sandbox) {
	if !s.pinned && len(s.endpoints) == 0 {
		d.mu.Lock()
		delete(d.sandboxes, s.id)
		d.mu.Unlock()
		s.gone = true
	}
	s.mu.Unlock()
}

// Sandbox returns the path of the network namespace of a container, and makes it when there is none: with lo up, and
// nothing else until Join.
func (d *Driver) Sandbox(_ context.Context, id string) (string, error) {
	if err := validID(id); err != nil {
		return "", err
	}
	s := d.lock(id)
	defer d.unlock(s)
	path := d.netnsPath(id)
	if s.pinned && isNamespace(path) {
		return path, nil
	}
	if err := pin(path); err != nil {
		return "", fmt.Errorf("container %q: %w", id, err)
	}
	s.pinned = true
	return path, nil
}

func (d *Driver) netnsPath(id string) string  { return filepath.Join(d.config.NetnsRoot, id) }
func (d *Driver) recordPath(id string) string { return d.netnsPath(id) + recordSuffix }

// validID keeps ids from being paths, or the name of a record.
func validID(id string) error {
	if id == "" || strings.ContainsAny(id, "/.\x00") {
		return fmt.Errorf("container id %q: %w", id, errs.ErrInvalid)
	}
	return nil
}

// isNamespace reports whether a namespace is mounted on path: an empty file is what a reboot leaves.
func isNamespace(path string) bool {
	var fs unix.Statfs_t
	return unix.Statfs(path, &fs) == nil && fs.Type == unix.NSFS_MAGIC
}

// pin makes a network namespace and mounts it on path.
func pin(path string) error {
	if err := unpin(path); err != nil { // what a reboot or a kill left there
		return err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDONLY, 0o444)
	if err != nil {
		return kernel(err, "network namespace")
	}
	_ = file.Close()
	err = elsewhere(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return kernel(err, "network namespace")
		}
		if err := unix.Mount("/proc/thread-self/ns/net", path, "", unix.MS_BIND, ""); err != nil {
			return kernel(err, "pin network namespace")
		}
		return furnish()
	})
	if err != nil {
		return errors.Join(err, unpin(path))
	}
	return nil
}

// furnish sets up the namespace of the calling thread.
func furnish() error {
	for path, value := range map[string]string{
		// An interface says its address aloud when it comes up: an address that moved is known at once.
		"net/ipv4/conf/default/arp_notify": "1",
		// No IPv6, not even link-local, on interfaces of networks without it. lo exists already and keeps ::1.
		"net/ipv6/conf/default/disable_ipv6": "1",
		// Addresses are given out by us, and a bridge that echoes (hairpin) looks like a second owner.
		"net/ipv6/conf/default/accept_dad": "0",
	} {
		if err := sysctl(path, value); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	handle, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return kernel(err, "loopback interface")
	}
	defer handle.Close()
	lo, err := handle.LinkByName("lo")
	if err != nil {
		return kernel(err, "loopback interface")
	}
	return kernel(handle.LinkSetUp(lo), "loopback interface")
}

// unpin removes the mount and its file; the namespace goes when the last process in it is gone.
func unpin(path string) error {
	for { // as often as it was mounted
		err := unix.Unmount(path, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) {
			break
		}
		if err != nil {
			return kernel(err, "unmount network namespace %s", path)
		}
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return kernel(err, "network namespace")
	}
	return nil
}

// elsewhere runs do on a thread that may change its network namespace, and brings the thread back. A thread that
// cannot be brought back dies with its goroutine.
func elsewhere(do func() error) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		home, err := netns.Get()
		if err != nil {
			result <- kernel(err, "network namespace of the daemon")
			return
		}
		defer home.Close()
		err = do()
		if back := netns.Set(home); back == nil {
			runtime.UnlockOSThread()
		}
		result <- err
	}()
	return <-result
}

// inside runs do in the namespace mounted on path.
func inside(path string, do func() error) error {
	return elsewhere(func() error {
		ns, err := netns.GetFromPath(path)
		if err != nil {
			return kernel(err, "network namespace %s", path)
		}
		defer ns.Close()
		if err := netns.Set(ns); err != nil {
			return kernel(err, "enter network namespace %s", path)
		}
		return do()
	})
}
