//go:build !linux

package acctest

// Isolate reports that engines run on Linux only.
func Isolate() error { return missingf("engines run on Linux only") }

func isolated() bool { return false }
