// Ryuk stands in for testcontainers' program of that name, whose image cannot be had without a registry of the world: what
// removes a test run's objects once nothing of the run is connected any more. It speaks the same protocol, a line
// "label=k=v&label=…" answered with "ACK", runs in a container likewise, and asks of the engine the same: the socket
// mounted into it, lists by labels, removals. It is not theirs, and shows nothing about theirs.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/moby/moby/client"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	patience, err := time.ParseDuration(os.Getenv("RYUK_RECONNECTION_TIMEOUT"))
	if err != nil {
		return fmt.Errorf("RYUK_RECONNECTION_TIMEOUT: %w", err)
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", ":8080")
	if err != nil {
		return err
	}
	defer l.Close()
	fmt.Println("Started!")
	r := &reaper{sets: map[string]bool{}, alone: time.AfterFunc(time.Minute, func() { _ = l.Close() }), patience: patience}
	var sessions sync.WaitGroup
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) { // nobody is there any more
			break
		}
		if err != nil {
			return err
		}
		r.connected(1)
		sessions.Go(func() { r.serve(conn) })
	}
	sessions.Wait()
	return r.remove(ctx)
}

// reaper knows what is to be removed and who is connected.
type reaper struct {
	mu       sync.Mutex
	sets     map[string]bool // label filters, joined by "&"
	sessions int
	alone    *time.Timer // runs while nobody is connected
	patience time.Duration
}

func (r *reaper) connected(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sessions += n
	switch {
	case len(r.sets) == 0: // who only looks whether the port is open is none of them
	case r.sessions == 0:
		r.alone.Reset(r.patience)
	default:
		r.alone.Stop()
	}
}

// serve takes filters until the other side is gone.
func (r *reaper) serve(conn net.Conn) {
	defer r.connected(-1)
	defer conn.Close()
	for in := bufio.NewScanner(conn); in.Scan(); {
		r.mu.Lock()
		r.sets[in.Text()] = true
		r.alone.Stop()
		r.mu.Unlock()
		if _, err := conn.Write([]byte("ACK\n")); err != nil {
			return
		}
	}
}

// remove removes what has all labels of a set.
func (r *reaper) remove(ctx context.Context) error {
	c, err := client.New(client.WithHost("unix:///var/run/docker.sock"))
	if err != nil {
		return err
	}
	defer c.Close()
	var errs []error
	for set := range r.sets {
		filters := client.Filters{}
		for _, one := range strings.Split(set, "&") {
			kind, value, _ := strings.Cut(one, "=")
			filters.Add(kind, value)
		}
		containers, err := c.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: filters})
		errs = append(errs, err)
		for _, one := range containers.Items {
			_, err := c.ContainerRemove(ctx, one.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
			errs = append(errs, err)
		}
		networks, err := c.NetworkList(ctx, client.NetworkListOptions{Filters: filters})
		errs = append(errs, err)
		for _, one := range networks.Items {
			_, err := c.NetworkRemove(ctx, one.ID, client.NetworkRemoveOptions{})
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
