//go:build linux

package main

import (
	"net/netip"
	"syscall"
	"testing"
)

func TestAddresses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"127.0.0.1:514", "255.0.255.1:1", "[::1]:514", "[2001:db8::1:0:5]:65535", "[::]:7", "[1:2:3:4:5:6:7:8]:9", "[fe80::]:1"} {
		var l socketLog
		if !l.parse("udp:" + text) {
			t.Errorf("%s is refused", text)
			continue
		}
		want := netip.MustParseAddrPort(text)
		var got netip.AddrPort
		switch a := l.address.(type) {
		case *syscall.SockaddrInet4:
			got = netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
		case *syscall.SockaddrInet6:
			got = netip.AddrPortFrom(netip.AddrFrom16(a.Addr), uint16(a.Port))
		}
		if got != want {
			t.Errorf("%s is read as %s", text, got)
		}
	}
	for _, text := range []string{"", "udp", "udp:", "udp:1.2.3:4", "udp:1.2.3.4.5:6", "udp:256.1.1.1:1", "udp:[1:2]:3", "udp:[x::]:1", "ftp:1.2.3.4:5"} {
		if new(socketLog).parse(text) {
			t.Errorf("%q is taken", text)
		}
	}
}
