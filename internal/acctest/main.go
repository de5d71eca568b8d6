package acctest

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"
)

// Main runs the tests of a package in a network namespace of their own, stops the shared engines at the end, also
// on interrupt, and exits with the tests' code. Where no namespace can be had the tests run all the same, and those
// that need an engine are skipped or fail as [Program] describes.
func Main(m *testing.M) {
	if err := Isolate(); err != nil && os.Getenv("CLEAT_TEST_ENGINES") != "off" {
		fmt.Fprintln(os.Stderr, "acctest: no engines:", err)
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-interrupted
		shared.stop()
		os.Exit(130)
	}()
	code := m.Run()
	if err := shared.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "acctest:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}
