//go:build linux && seccomp

package main

/*
#cgo pkg-config: libseccomp
#cgo LDFLAGS: -Wl,--wrap=seccomp_rule_add_array -Wl,--wrap=seccomp_export_bpf
#include "filter.h"
*/
import "C"

import "golang.org/x/sys/unix"

// useFilter is called in libcontainer's init: the program comes from the memfd, or goes there. The command does not get it.
func useFilter() {
	unix.CloseOnExec(initFilter)
	C.cleat_use_filter(initFilter)
}
