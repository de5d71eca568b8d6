//go:build !linux

package acctest

import (
	"os/exec"
	"syscall"
)

func launch(*exec.Cmd) (<-chan struct{}, error) { return nil, missingf("engines run on Linux only") }

func sandboxed(name string, args ...string) *exec.Cmd { return exec.Command(name, args...) }

func endProcess(int, syscall.Signal) error { return missingf("engines run on Linux only") }
