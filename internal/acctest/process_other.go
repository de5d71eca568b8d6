//go:build !linux

package acctest

import "os/exec"

func launch(*exec.Cmd) (<-chan struct{}, error) { return nil, missingf("engines run on Linux only") }

func sandboxed(name string, args ...string) *exec.Cmd { return exec.Command(name, args...) }
