//go:build linux

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/opencontainers/runc/libcontainer/configs"
	"github.com/opencontainers/runc/libcontainer/seccomp"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/daemon/runtime/wire"
)

// To compile a container's seccomp profile is a third of what a start costs, and most containers have the same one. So
// libcontainer's init is given a memfd as its first further file, initFilter: with the compiled program in it, which
// libseccomp's functions then return (filter.c), or empty, to get it. Everything else about the filter, when and how it is
// installed too, is libcontainer's as ever. Compiled programs are kept in a file per profile beside the run folders of all
// containers; cleatd removes them when it starts, for they are not synced.

// initFilter is the memfd in libcontainer's init: the first after the standard streams.
const initFilter = 3

// A filter is the seccomp program of one start.
type filter struct {
	memfd *os.File
	keep  string // where the program is to be kept; "" when it is already, or is not to be
}

// openFilter makes the memfd for a configuration. Whatever goes wrong with the file costs time only. alone says that no
// process of the container is there yet: one that may trace init could write into an empty memfd, so what comes out of it
// then is for this start alone. A program from the file is sealed.
func openFilter(runDir string, profile *configs.Seccomp, alone bool) (*filter, error) {
	fd, err := unix.MemfdCreate("filter", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	f := &filter{memfd: os.NewFile(uintptr(fd), "filter")}
	if profile == nil {
		return f, nil
	}
	name, err := filterName(profile)
	if err != nil {
		_ = f.memfd.Close()
		return nil, err
	}
	path := filepath.Join(filepath.Dir(runDir), name)
	program, ok := readFilter(path)
	if !ok {
		if alone {
			f.keep = path
		}
		return f, nil
	}
	_, err = f.memfd.WriteAt(program, 0)
	if err == nil {
		_, err = unix.FcntlInt(f.memfd.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_WRITE|unix.F_SEAL_GROW|unix.F_SEAL_SHRINK|unix.F_SEAL_SEAL)
	}
	if err != nil {
		_ = f.memfd.Close()
		return nil, err
	}
	return f, nil
}

// close keeps the program for the next start if it is new. init has ended by then, or has become the command.
func (f *filter) close(started bool) {
	defer f.memfd.Close()
	if f.keep == "" || !started {
		return
	}
	info, err := f.memfd.Stat()
	if err != nil || info.Size() == 0 || info.Size() > maxFilter {
		return
	}
	program := make([]byte, info.Size())
	if _, err := f.memfd.ReadAt(program, 0); err != nil {
		return
	}
	if kept, err := filepath.Glob(filepath.Join(filepath.Dir(f.keep), wire.FilterPrefix+"*")); err != nil || len(kept) >= maxFilters {
		return
	}
	sum := sha256.Sum256(program)
	temp := f.keep + "." + strconv.Itoa(os.Getpid())
	if os.WriteFile(temp, append(sum[:], program...), 0o600) != nil || os.Rename(temp, f.keep) != nil {
		_ = os.Remove(temp)
	}
}

// maxFilters bounds how many programs are kept; more profiles than that are compiled at every start.
const maxFilters = 64

// maxFilter is how many bytes the kernel takes: 4096 instructions of 8.
const maxFilter = 4096 * 8

// readFilter reads a program behind its checksum.
func readFilter(path string) ([]byte, bool) {
	content, err := os.ReadFile(path)
	if err != nil || len(content) <= sha256.Size {
		return nil, false
	}
	sum := sha256.Sum256(content[sha256.Size:])
	return content[sha256.Size:], bytes.Equal(sum[:], content[:sha256.Size])
}

// filterName is the file of a profile's program: all it depends on goes into the name.
func filterName(profile *configs.Seccomp) (string, error) {
	h := sha256.New()
	if err := json.NewEncoder(h).Encode(profile); err != nil {
		return "", err
	}
	major, minor, micro := seccomp.Version()
	fmt.Fprintln(h, major, minor, micro)
	var host unix.Utsname
	if err := unix.Uname(&host); err != nil {
		return "", err
	}
	h.Write(host.Release[:])
	return wire.FilterPrefix + hex.EncodeToString(h.Sum(nil)[:16]), nil
}
