//go:build linux

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// peer is the engine the others are compared with.
const peer = "dockerd"

func main() {
	kinds := flag.String("engines", "cleatd,"+peer, "engines to measure, comma separated")
	only := flag.String("only", "", "measure only these, comma separated: how lines of the table begin")
	rounds := flag.Int("rounds", 25, "how often short pieces of work are done; the figure is the median")
	flag.Parse()
	if err := acctest.Isolate(); err != nil {
		fail(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, strings.Split(*kinds, ","), *only, *rounds)
	stop()
	if err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "benchdaemon:", err)
	os.Exit(1)
}

// subject is one engine under measurement.
type subject struct {
	*acctest.Engine
	client *client.Client
	// pulled is the big image of the registry, made by the first engine.
	pulled string
	// rounds is how often a short piece of work is done.
	rounds int
}

// run measures everything on each engine and prints the table.
func run(ctx context.Context, kinds []string, only string, rounds int) (err error) {
	image := ""
	if wanted(only, "pull") {
		registry, err := acctest.StartRegistry(ctx, acctest.Auth{})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, registry.Close()) }()
		if image, err = publish(ctx, registry); err != nil {
			return fmt.Errorf("an image to pull: %w", err)
		}
	}
	figures := map[string]map[string]float64{}
	for _, kind := range kinds {
		fmt.Fprintf(os.Stderr, "measuring %s\n", kind)
		if figures[kind], err = measure(ctx, kind, image, only, rounds); err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
	}
	printTable(os.Stdout, kinds, figures)
	return printSizes(os.Stdout)
}

// wanted reports whether a line of the table is to be measured: its first words, or some of them, are in the list, or that
// is empty.
func wanted(only, name string) bool {
	return only == "" || slices.ContainsFunc(strings.Split(only, ","), func(words string) bool { return strings.HasPrefix(name, words) })
}

// measure starts an engine of one kind and takes all figures on it.
func measure(ctx context.Context, kind, image, only string, rounds int) (figures map[string]float64, err error) {
	e, err := acctest.Start(ctx, kind)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	c, err := client.New(client.WithHost(e.Host))
	if err != nil {
		return nil, err
	}
	defer c.Close()
	s := &subject{Engine: e, client: c, pulled: image, rounds: rounds}
	figures = map[string]float64{}
	for _, m := range metrics {
		if !wanted(only, m.name) {
			continue
		}
		value, err := m.take(ctx, s)
		if err != nil {
			return nil, fmt.Errorf("%s: %w\n%s", m.name, err, e.Log(10))
		}
		figures[m.name] = value
		fmt.Fprintf(os.Stderr, "  %-34s %10.2f %s\n", m.name, value, m.unit)
	}
	return figures, nil
}
