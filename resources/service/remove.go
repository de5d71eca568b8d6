package service

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
)

// Bounds of the wait for the tasks of a removed service.
const (
	removeDelay   = 7 * time.Second
	removeTimeout = 3 * time.Minute
)

var errLingers = errors.New("its containers linger")

// remove removes a service and waits until the containers of its tasks are gone, on this node and, as the swarm tells, on
// the others: until then they hold names, networks, ports and volumes.
func remove(ctx context.Context, e API, observed Model) error {
	id, name := observed.ID.ValueString(), observed.Name.ValueString()
	tasks, err := e.TaskList(ctx, moby.TaskListOptions{Filters: moby.Filters{}.Add("service", id)})
	if err == nil {
		_, err = e.ServiceRemove(ctx, id, moby.ServiceRemoveOptions{})
	}
	if errors.Is(err, errs.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("service %q: %w", name, err)
	}
	delay, timeout := removeDelay, removeTimeout
	if c, ok := observed.ConvergeConfig.One(); ok {
		delay, timeout = durationOf(c.Delay), durationOf(c.Timeout)
	}
	task, _ := observed.TaskSpec.One()
	container, _ := task.ContainerSpec.One()
	timeout += durationOf(container.StopGracePeriod)
	ids := make([]string, len(tasks.Items))
	for i, t := range tasks.Items {
		ids[i] = t.ID
	}
	bounded, cancel := context.WithTimeoutCause(ctx, timeout, errLingers)
	defer cancel()
	var left []string
	err = watch(bounded, e, id, delay, func() (time.Duration, bool, error) {
		var err error
		left, err = remains(bounded, e, id, ids)
		return 0, len(left) == 0, err
	})
	if errors.Is(context.Cause(bounded), errLingers) && ctx.Err() == nil && err != nil {
		return errs.Errorf(errs.ErrUnavailable, "service %q is removed, and after %s there are still %s; see whether their nodes are well", name, timeout, strings.Join(left, ", "))
	}
	if err != nil {
		return fmt.Errorf("service %q is removed, and its containers cannot be watched: %w", name, err)
	}
	return nil
}

// remains names the containers here, and the tasks anywhere, of a removed service.
func remains(ctx context.Context, e API, id string, tasks []string) ([]string, error) {
	containers, err := e.ContainerList(ctx, moby.ContainerListOptions{All: true, Filters: moby.Filters{}.Add("label", serviceLabel+"="+id)})
	if err != nil {
		return nil, err
	}
	var left []string
	for _, c := range containers.Items {
		name := c.ID
		if len(c.Names) > 0 {
			name = strings.TrimPrefix(c.Names[0], "/")
		}
		left = append(left, "container "+name)
	}
	if len(left) > 0 || len(tasks) == 0 {
		return left, nil
	}
	listed, err := e.TaskList(ctx, moby.TaskListOptions{Filters: moby.Filters{}.Add("id", tasks...)})
	if err != nil {
		return nil, err
	}
	for _, t := range listed.Items {
		left = append(left, "task "+t.ID)
	}
	return left, nil
}
