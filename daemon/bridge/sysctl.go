//go:build linux

package bridge

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// sysctl writes a setting of the network namespace of the calling thread, unless it has that value: where /proc/sys
// is mounted read-only, a value set by the administrator is as good.
func sysctl(path, value string) error {
	path = "/proc/sys/" + path
	if now, err := os.ReadFile(path); err == nil && strings.TrimSpace(string(now)) == value {
		return nil
	}
	return kernel(os.WriteFile(path, []byte(value), 0), "set %s to %s", path, value)
}

// enableForwarding lets the host route IPv4, and tells whether it did not before.
func enableForwarding() (wasOff bool, err error) {
	now, err := os.ReadFile("/proc/sys/net/ipv4/ip_forward")
	if err != nil {
		return false, kernel(err, "forwarding of IPv4")
	}
	if strings.TrimSpace(string(now)) != "0" {
		return false, nil
	}
	return true, sysctl("net/ipv4/ip_forward", "1")
}

// enableForwarding6 lets the host route IPv6. A router ignores router advertisements, so interfaces that live by them
// are told to go on accepting them.
func enableForwarding6() error {
	now, err := os.ReadFile("/proc/sys/net/ipv6/conf/all/forwarding")
	if errors.Is(err, os.ErrNotExist) {
		return kernel(err, "this host has no IPv6")
	}
	if err != nil || strings.TrimSpace(string(now)) != "0" {
		return kernel(err, "forwarding of IPv6")
	}
	settings, err := filepath.Glob("/proc/sys/net/ipv6/conf/*/accept_ra")
	if err != nil {
		return kernel(err, "interfaces with IPv6")
	}
	for _, path := range settings {
		if value, err := os.ReadFile(path); err == nil && strings.TrimSpace(string(value)) == "1" {
			_ = os.WriteFile(path, []byte("2"), 0) // the interface may be gone by now
		}
	}
	return sysctl("net/ipv6/conf/all/forwarding", "1")
}

// readSysctl returns a setting of the network namespace of the calling thread.
func readSysctl(path string) (string, error) {
	raw, err := os.ReadFile("/proc/sys/" + path)
	return strings.TrimSpace(string(raw)), err
}
