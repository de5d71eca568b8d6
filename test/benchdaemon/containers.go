//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"golang.org/x/sync/errgroup"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// median runs work several times, after one that is not counted, and returns the middle time in milliseconds.
func (s *subject) median(work func() error) (float64, error) {
	var all []float64
	for i := range s.rounds + 1 {
		began := time.Now()
		if err := work(); err != nil {
			return 0, err
		}
		if i > 0 {
			all = append(all, float64(time.Since(began))/float64(time.Millisecond))
		}
	}
	slices.Sort(all)
	return all[len(all)/2], nil
}

// once makes, starts, awaits and removes a container that runs true.
func (s *subject) once(ctx context.Context, network string) error {
	made, err := s.create(ctx, network, "true")
	if err != nil {
		return err
	}
	if _, err := s.client.ContainerStart(ctx, made, client.ContainerStartOptions{}); err != nil {
		return err
	}
	if err := s.wait(ctx, made); err != nil {
		return err
	}
	_, err = s.client.ContainerRemove(ctx, made, client.ContainerRemoveOptions{})
	return err
}

func (s *subject) create(ctx context.Context, network string, command ...string) (string, error) {
	made, err := s.client.ContainerCreate(ctx, client.ContainerCreateOptions{
		Config:     &container.Config{Image: acctest.Busybox, Cmd: command, StopSignal: "SIGKILL"},
		HostConfig: &container.HostConfig{NetworkMode: container.NetworkMode(network)},
	})
	return made.ID, err
}

func (s *subject) wait(ctx context.Context, id string) error {
	w := s.client.ContainerWait(ctx, id, client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
	select {
	case r := <-w.Result:
		if r.StatusCode != 0 {
			return fmt.Errorf("container %s ended with %d", id, r.StatusCode)
		}
		return nil
	case err := <-w.Error:
		return err
	}
}

func cycle(network string) func(context.Context, *subject) (float64, error) {
	return func(ctx context.Context, s *subject) (float64, error) {
		return s.median(func() error { return s.once(ctx, network) })
	}
}

// parallel is the time each of many cycles takes, eight of them at once.
func parallel(ctx context.Context, s *subject) (float64, error) {
	const workers, each = 8, 12
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for range workers {
		group.Go(func() error {
			for range each {
				if err := s.once(ctx, "none"); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return 0, err
	}
	return float64(time.Since(began)) / float64(time.Millisecond) / (workers * each), nil
}

// execs is one exec of true in a running container, attached, until its code is known.
func execs(ctx context.Context, s *subject) (float64, error) {
	id, err := s.run(ctx, 1)
	if err != nil {
		return 0, err
	}
	defer s.remove(ctx, id)
	return s.median(func() error {
		made, err := s.client.ExecCreate(ctx, id[0], client.ExecCreateOptions{Cmd: []string{"true"}, AttachStdout: true, AttachStderr: true})
		if err != nil {
			return err
		}
		attached, err := s.client.ExecAttach(ctx, made.ID, client.ExecAttachOptions{})
		if err != nil {
			return err
		}
		defer attached.Close()
		if _, err := io.Copy(io.Discard, attached.Reader); err != nil {
			return err
		}
		state, err := s.client.ExecInspect(ctx, made.ID, client.ExecInspectOptions{})
		if err == nil && (state.Running || state.ExitCode != 0) {
			err = fmt.Errorf("exec: running %v, code %d", state.Running, state.ExitCode)
		}
		return err
	})
}

// run starts n containers that do nothing.
func (s *subject) run(ctx context.Context, n int) ([]string, error) {
	ids := make([]string, n)
	for i := range ids {
		id, err := s.create(ctx, "none", "sleep", "36000")
		if err != nil {
			return nil, err
		}
		if _, err := s.client.ContainerStart(ctx, id, client.ContainerStartOptions{}); err != nil {
			return nil, err
		}
		ids[i] = id
	}
	return ids, nil
}

// remove removes containers; what fails shows in the next measurement.
func (s *subject) remove(ctx context.Context, ids []string) {
	for _, id := range ids {
		_, _ = s.client.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true})
	}
}

// list is the time of one list of a hundred containers that ended.
func list(ctx context.Context, s *subject) (float64, error) {
	var ids []string
	defer func() { s.remove(ctx, ids) }()
	for range 100 {
		id, err := s.create(ctx, "none", "true")
		if err != nil {
			return 0, err
		}
		ids = append(ids, id)
	}
	return s.median(func() error {
		found, err := s.client.ContainerList(ctx, client.ContainerListOptions{All: true})
		if err == nil && len(found.Items) < len(ids) {
			err = fmt.Errorf("%d containers listed, want %d", len(found.Items), len(ids))
		}
		return err
	})
}
