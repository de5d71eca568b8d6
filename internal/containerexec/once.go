package containerexec

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
)

// OnceAPI is the part of the engine's API [RunOnce] calls.
type OnceAPI interface {
	ContainerCreate(ctx context.Context, options moby.ContainerCreateOptions) (moby.ContainerCreateResult, error)
	ContainerAttach(ctx context.Context, container string, options moby.ContainerAttachOptions) (moby.ContainerAttachResult, error)
	ContainerWait(ctx context.Context, container string, options moby.ContainerWaitOptions) moby.ContainerWaitResult
	ContainerStart(ctx context.Context, container string, options moby.ContainerStartOptions) (moby.ContainerStartResult, error)
	ContainerRemove(ctx context.Context, container string, options moby.ContainerRemoveOptions) (moby.ContainerRemoveResult, error)
}

// oncePrefix begins the names of containers that run once.
const oncePrefix = "cleat-once-"

// RunOnce makes a container, runs it to its end and removes it with its anonymous volumes, however it ends. Of o it takes
// Stdin, Timeout and Limit; what is run is for create to say, which gets a name, the streams, and no log: an engine would
// write the output to its disk. Like [Run] it fills the result as far as the container came.
func RunOnce(ctx context.Context, e OnceAPI, create moby.ContainerCreateOptions, o Options) (r Result, err error) {
	// The name is known before the container: what a create left behind whose answer was lost is found by it.
	create.Name = oncePrefix + strings.ToLower(rand.Text())
	create.Config.AttachStdout, create.Config.AttachStderr = true, true
	if o.Stdin != nil {
		create.Config.AttachStdin, create.Config.OpenStdin, create.Config.StdinOnce = true, true, true
	}
	create.Config.StopTimeout = new(int) // podman's forced removal waits for it
	create.HostConfig.LogConfig = container.LogConfig{Type: "none"}
	limited, cancel := ctx, context.CancelFunc(func() {})
	if o.Timeout > 0 {
		limited, cancel = context.WithTimeoutCause(ctx, o.Timeout, &late{o.Timeout})
	}
	defer cancel()
	made, lost, err := createOnce(ctx, e, create)
	if err == nil || lost {
		defer func() { err = errors.Join(err, removeOnce(ctx, e, create.Name)) }()
	}
	if err == nil {
		r, err = runMade(limited, e, made.ID, o)
	}
	if err != nil && limited.Err() != nil {
		err = context.Cause(limited)
	}
	return r, err
}

// createTimeout bounds the creation, which pulls nothing.
const createTimeout = time.Minute

// createOnce is not interrupted: an engine that is asked to remove what it still makes would leave it behind. lost says
// that nobody knows whether it was made.
func createOnce(ctx context.Context, e OnceAPI, create moby.ContainerCreateOptions) (made moby.ContainerCreateResult, lost bool, err error) {
	if ctx.Err() != nil {
		return made, false, context.Cause(ctx)
	}
	creating, cancel := context.WithTimeout(context.WithoutCancel(ctx), createTimeout)
	defer cancel()
	made, err = e.ContainerCreate(creating, create)
	return made, creating.Err() != nil, err
}

// runMade runs a container that was made for it. The streams and the wait are there before it starts, so that nothing of
// a short life is missed.
func runMade(ctx context.Context, e OnceAPI, id string, o Options) (Result, error) {
	r := Result{ID: id}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	attached, err := e.ContainerAttach(ctx, id, moby.ContainerAttachOptions{Stream: true, Stdin: o.Stdin != nil, Stdout: true, Stderr: true})
	if err != nil {
		return r, fmt.Errorf("attaching: %w", err)
	}
	defer attached.Close()
	defer context.AfterFunc(ctx, attached.Close)() // the only way to end a read of the stream
	ended := e.ContainerWait(ctx, id, moby.ContainerWaitOptions{Condition: container.WaitConditionNextExit})
	if _, err := e.ContainerStart(ctx, id, moby.ContainerStartOptions{}); err != nil {
		return r, fmt.Errorf("starting: %w", err)
	}
	fed := make(chan struct{})
	go func() {
		defer close(fed)
		feed(moby.ExecAttachResult(attached), o.Stdin)
	}()
	stdout, stderr := &tail{limit: o.Limit}, &tail{limit: o.Limit}
	err = read(stdout, stderr, attached.Reader, false)
	attached.Close()
	<-fed
	r.Stdout, r.Stderr, r.Truncated = stdout.String(), stderr.String(), stdout.dropped || stderr.dropped
	if err != nil {
		return r, fmt.Errorf("reading its output: %w", err)
	}
	select {
	case end := <-ended.Result:
		if end.Error != nil && end.Error.Message != "" {
			return r, errs.Errorf(errs.ErrInternal, "waiting for its end: %s", end.Error.Message)
		}
		r.ExitCode = int(end.StatusCode)
	case err := <-ended.Error:
		return r, fmt.Errorf("waiting for its end: %w", err)
	case <-ctx.Done():
		return r, context.Cause(ctx)
	}
	return r, nil
}

// removeTimeout bounds the removal: a run that gives up must come to its end.
const removeTimeout = 30 * time.Second

func removeOnce(ctx context.Context, e OnceAPI, name string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeTimeout)
	defer cancel()
	_, err := e.ContainerRemove(ctx, name, moby.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	if err == nil || errors.Is(err, errs.ErrNotFound) {
		return nil
	}
	return fmt.Errorf("its container %s is left behind, remove it by hand: %w", name, err)
}
