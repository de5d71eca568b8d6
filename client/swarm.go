package client

import (
	"context"
	"strings"

	"github.com/moby/moby/api/types/swarm"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
)

// NeedSwarm is nil when the engine manages a swarm, and else an error that says what it is instead and what to do. An
// engine that was found to manage one is not asked again.
func (c *Client) NeedSwarm(ctx context.Context) error {
	if c.engine.manager.Load() {
		return nil
	}
	if product, _, _ := strings.Cut(c.engine.product, " "); product == "podman" || product == "cleatd" {
		return errs.Errorf(errs.ErrInvalid, "%s has no Swarm: this needs a Docker engine that manages one; name it in the provider's host", c.engine.product)
	}
	info, err := c.Info(ctx, moby.InfoOptions{})
	if err != nil {
		return err
	}
	if err := swarmManager(c.wire.ep.String(), info.Info.Swarm); err != nil {
		return err
	}
	c.engine.manager.Store(true)
	return nil
}

// swarmManager says why an engine cannot be asked for what belongs to a swarm; nil when it can.
func swarmManager(engine string, s swarm.Info) error {
	refuse := func(what, next string) error {
		return errs.Errorf(errs.ErrConflict, "the engine at %s %s; %s, and plan again", engine, what, next)
	}
	switch {
	case s.ControlAvailable:
		return nil
	case s.LocalNodeState == swarm.LocalNodeStateLocked:
		return refuse("manages a swarm that is locked", `run "docker swarm unlock" there`)
	case s.LocalNodeState == swarm.LocalNodeStateActive && s.Error == "":
		return refuse("is a worker of its swarm, and only managers can be asked", "name a manager in the provider's host")
	case s.LocalNodeState == swarm.LocalNodeStateActive, s.LocalNodeState == swarm.LocalNodeStateError:
		return refuse("cannot reach its swarm: "+s.Error, `look at "docker node ls" and the engine's log`)
	case s.LocalNodeState == swarm.LocalNodeStatePending:
		return refuse("is still joining a swarm", "wait for it")
	}
	return refuse("is not part of a swarm", `run "docker swarm init" there (or "docker swarm join", as a manager)`)
}
