package acctest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// missingError says that this machine or environment cannot run an engine at all, in contrast to one that should
// run and does not. Tests skip on the first and fail on the second.
type missingError struct{ reason string }

func (e *missingError) Error() string { return e.reason }

func missingf(format string, args ...any) error { return &missingError{fmt.Sprintf(format, args...)} }

// programs returns an error that names the first program that is not on PATH.
func programs(names ...string) error {
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			return missingf("%s is not installed: run 'make setup' (Debian packages, as root)", name)
		}
	}
	return nil
}

// require ends the test on an error: skipped when engines are merely missing and not demanded, failed otherwise.
func require(tb testing.TB, what string, err error) {
	tb.Helper()
	if err == nil {
		return
	}
	var missing *missingError
	if errors.As(err, &missing) && !demanded() {
		tb.Skipf("%s: %v", what, err)
	}
	tb.Fatalf("%s: %v", what, err)
}

// demanded reports whether a missing engine is a failure.
func demanded() bool { return os.Getenv("CI") != "" || os.Getenv("CLEAT_REQUIRE_ENGINES") != "" }

// switchedOff skips the test when the person running it asked for no engines, also in CI: it is said explicitly.
func switchedOff(tb testing.TB) {
	tb.Helper()
	if os.Getenv("CLEAT_TEST_ENGINES") == "off" {
		tb.Skip("needs an engine, and CLEAT_TEST_ENGINES=off")
	}
	if testing.Short() {
		tb.Skip("needs an engine, and -short is given")
	}
}

// Program returns the path of a program the test needs, such as "terraform", or ends the test like a missing engine.
func Program(tb testing.TB, name string) string {
	tb.Helper()
	require(tb, name, programs(name))
	path, err := exec.LookPath(name)
	require(tb, name, err)
	return path
}

// Missing ends the test like a missing engine, for something else it needs.
func Missing(tb testing.TB, what, reason string) {
	tb.Helper()
	require(tb, what, missingf("%s", reason))
}
