//go:build linux

// Command bench measures what an apply costs: requests to the engine, time and memory, for N containers on one image.
//
//	bench [-terraform=false] [-requests] 20 100 500
//
// Requests are counted by a proxy in front of a private dockerd. Times are compared within the run, with a bare
// program that makes and starts the same containers with ten workers through the same proxy. It exits with 1 when a
// bound on requests or sizes, which no other load on the machine can move, is broken; the others are printed.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/cleat-dev/cleat/internal/acctest"
	"github.com/cleat-dev/cleat/test/proxy"
)

func main() {
	withTerraform := flag.Bool("terraform", true, "measure terraform with our provider beside cleat, when it is installed")
	verbose := flag.Bool("requests", false, "list the requests of each command")
	flag.Parse()
	if err := acctest.Isolate(); err != nil {
		fail(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	r, err := run(ctx, flag.Args(), *withTerraform, *verbose)
	stop()
	if err != nil {
		fail(err)
	}
	if r.print(os.Stdout) > 0 {
		os.Exit(1)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "bench:", err)
	os.Exit(1)
}

// run measures every size in every scenario on one engine and returns the figures.
func run(ctx context.Context, sizes []string, withTerraform, verbose bool) (*report, error) {
	e, err := acctest.Start(ctx, "dockerd")
	if err != nil {
		return nil, err
	}
	defer e.Close()
	dir, err := os.MkdirTemp("", "cleat-bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	between, err := proxy.Start(filepath.Join(dir, "sock"), e.Host, nil)
	if err != nil {
		return nil, err
	}
	defer between.Close()

	b := &bench{proxy: between, report: &report{}, dir: dir, verbose: verbose, history: map[string]traffic{}, spent: map[string]processor{}}
	if b.bin, err = filepath.Abs(cmp.Or(os.Getenv("CLEAT_BIN"), "bin")); err != nil {
		return nil, err
	}
	b.cleat = filepath.Join(b.bin, "cleat")
	if withTerraform {
		if b.terraform, err = exec.LookPath("terraform"); err != nil {
			b.report.note("terraform is not installed: not measured")
		}
	}
	if err := b.binaries(); err != nil {
		return nil, err
	}
	for _, s := range scenarios {
		for _, size := range sizes {
			n, err := strconv.Atoi(size)
			if err != nil || n < 1 {
				return nil, fmt.Errorf("%q is no number of containers", size)
			}
			if n > s.limit {
				continue
			}
			if err := b.size(ctx, s, n); err != nil {
				return nil, fmt.Errorf("%d containers, %s: %w", n, s.name, err)
			}
		}
	}
	return b.report, nil
}
