//go:build linux

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"golang.org/x/sync/errgroup"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// workers is what both programs are asked to use.
const workers = 10

// bare makes and starts n containers with nothing around it, and returns how long that took. It removes them again.
func bare(ctx context.Context, host, network string, n int) (time.Duration, error) {
	c, err := client.New(client.WithHost(host))
	if err != nil {
		return 0, err
	}
	defer c.Close()
	ids := make([]string, n)
	began := time.Now()
	err = each(ctx, n, func(ctx context.Context, i int) error {
		made, err := c.ContainerCreate(ctx, client.ContainerCreateOptions{
			Name:       fmt.Sprintf("bare-%d", i),
			Config:     &container.Config{Image: acctest.Busybox, Cmd: []string{"sleep", "3600"}},
			HostConfig: &container.HostConfig{NetworkMode: container.NetworkMode(network)},
		})
		if err != nil {
			return err
		}
		ids[i] = made.ID
		_, err = c.ContainerStart(ctx, made.ID, client.ContainerStartOptions{})
		return err
	})
	took := time.Since(began)
	if err != nil {
		return 0, err
	}
	return took, each(ctx, n, func(ctx context.Context, i int) error {
		_, err := c.ContainerRemove(ctx, ids[i], client.ContainerRemoveOptions{Force: true})
		return err
	})
}

func each(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(workers)
	for i := range n {
		group.Go(func() error { return do(ctx, i) })
	}
	return group.Wait()
}
