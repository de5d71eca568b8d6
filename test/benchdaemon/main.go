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
	only := flag.String("only", "", "measure only these, comma separated: the first words of the table's lines")
	flag.Parse()
	if err := acctest.Isolate(); err != nil {
		fail(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, strings.Split(*kinds, ","), *only)
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
}

// run measures everything on each engine and prints the table.
func run(ctx context.Context, kinds []string, only string) (err error) {
	registry, err := acctest.StartRegistry(ctx, acctest.Auth{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, registry.Close()) }()
	image, err := publish(ctx, registry)
	if err != nil {
		return fmt.Errorf("an image to pull: %w", err)
	}
	figures := map[string]map[string]float64{}
	for _, kind := range kinds {
		fmt.Fprintf(os.Stderr, "measuring %s\n", kind)
		if figures[kind], err = measure(ctx, kind, image, only); err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
	}
	printTable(os.Stdout, kinds, figures)
	return printSizes(os.Stdout)
}

// measure starts an engine of one kind and takes all figures on it.
func measure(ctx context.Context, kind, image, only string) (figures map[string]float64, err error) {
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
	s := &subject{Engine: e, client: c, pulled: image}
	figures = map[string]float64{}
	for _, m := range metrics {
		if only != "" && !slices.Contains(strings.Split(only, ","), strings.TrimSuffix(strings.Fields(m.name)[0], ",")) {
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
