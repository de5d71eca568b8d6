//go:build linux

package containers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/api/types/network"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/metadata"
	"github.com/cleat-dev/cleat/daemon/runtime"
	"github.com/cleat-dev/cleat/daemon/spec"
)

// startLimit bounds one start, so that a hung mount or monitor does not hold the container's lock for ever.
const startLimit = 2 * time.Minute

// Start starts a container; started is false when it runs already. host, when not nil, replaces the host configuration
// first, as clients before 1.24 may ask. The start goes on when the caller leaves.
//
// A command that cannot be run is errs.ErrInvalid, and the container's exit code is 127 (not found), 126 (not
// executable) or 128.
func (s *Service) Start(ctx context.Context, ref string, host *container.HostConfig) (started bool, err error) {
	c, err := s.index.find(ref)
	if err != nil {
		return false, err
	}
	unlock, err := c.lock(ctx)
	if err != nil {
		return false, err
	}
	defer unlock()
	st := c.record().State
	switch {
	case c.isRemoving():
		return false, conflict("container is marked for removal and cannot be started")
	case st.Paused:
		return false, conflict("cannot start a paused container, try unpause instead")
	case st.alive():
		return false, nil
	}
	if host != nil {
		if err := s.rehost(c, host); err != nil {
			return false, err
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), startLimit)
	defer cancel()
	return true, s.run(ctx, c)
}

func (c *ctr) isRemoving() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.removing
}

// rehost replaces the host configuration of a container that does not run. Mounts that were made stay, new ones of
// VolumesFrom and Binds join them.
func (s *Service) rehost(c *ctr, host *container.HostConfig) error {
	r := c.record().clone()
	fillHost(host)
	if len(host.Binds) == 0 && len(host.Mounts) == 0 {
		host.Binds, host.Mounts = r.Host.Binds, r.Host.Mounts
	}
	if err := validHost(&container.Config{}, host, r.Endpoints); err != nil {
		return err
	}
	if _, err := s.kernel.Check(r.Config, host); err != nil {
		return err
	}
	fillResources(host)
	r.Host = host
	if err := s.resolveModes(r); err != nil {
		return err
	}
	links, err := s.resolveLinks(host)
	if err != nil {
		return err
	}
	planned, err := planMounts(r.Config, host, s.mountsOf)
	if err != nil {
		return err
	}
	for i, m := range planned { // volumes that were made already
		if at := slices.IndexFunc(r.Mounts, func(old mountPoint) bool { return old.Destination == m.Destination && old.Type == m.Type }); at >= 0 && (m.Name == "" || m.Name == r.Mounts[at].Name) && (m.Source == "" || m.Source == r.Mounts[at].Source) {
			planned[i] = r.Mounts[at]
		}
	}
	r.Mounts = planned
	if err := s.makeVolumes(context.WithoutCancel(s.ending), r); err != nil {
		return err
	}
	return s.change(c, func(_ *metadata.Tx, now *record) ([]events.Message, error) {
		now.Host, now.Links, now.Mounts, now.Endpoints = host, links, r.Mounts, endpoints(host, onlyPlain(now.Endpoints, host))
		return nil, nil
	})
}

// onlyPlain are the endpoints that go with a new network mode.
func onlyPlain(in map[string]*network.EndpointSettings, h *container.HostConfig) map[string]*network.EndpointSettings {
	if e, ok := in[h.NetworkMode.NetworkName()]; ok && len(in) == 1 {
		return map[string]*network.EndpointSettings{h.NetworkMode.NetworkName(): e}
	}
	return nil
}

// undo is a list of what to take back, last first.
type undo []func(context.Context)

func (u *undo) add(fn func(context.Context)) { *u = append(*u, fn) }

// run sets up a run and starts it. It returns when the journal has the start. Called with the operation lock held.
func (s *Service) run(ctx context.Context, c *ctr) (err error) {
	var back undo
	defer func() {
		if err == nil {
			return
		}
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), startLimit)
		defer cancel()
		for _, fn := range slices.Backward(back) {
			fn(clean)
		}
		s.startFailed(c, err)
	}()
	c.announceStart(true)
	defer c.announceStart(false)
	defer c.setSetup(nil)
	process, err := s.prepare(ctx, c, &back)
	if err != nil {
		return err
	}
	c.setProc(process)
	back.add(func(context.Context) { c.setProc(nil) })
	s.attachPending(ctx, c, process)
	before := c.record().State.Starts
	_, err = process.Start(ctx)
	// The entry of the journal, before anything else is done about the outcome; without the context of a start that took
	// too long.
	synced := process.Sync(context.WithoutCancel(ctx))
	if err != nil {
		var failed *runtime.StartError
		if !errors.As(err, &failed) { // not known what runs: nothing may
			s.best(c.id, "runtime of a failed start is left", ignoreNotFound(s.runtime.Remove(context.WithoutCancel(ctx), c.id)))
		}
		return err
	}
	if synced != nil {
		s.log.Warn("the journal could not be read yet", "container", short(c.id), "error", synced)
	}
	if err := c.until(ctx, func(r *record) bool { return r.State.Starts > before }); err != nil {
		return fmt.Errorf("container %s: its journal does not tell of the start: %w", short(c.id), err)
	}
	s.retell(c.record())
	return nil
}

// announceStart says that a call of Start is going to report the outcome.
func (c *ctr) announceStart(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.starting = on
}

// setSetup keeps the network of a run for the entry in the journal that says it has begun: one transaction for both. A
// daemon that is killed in between leaves it to the next, which asks the network for what the container has.
func (c *ctr) setSetup(up *setup) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.setup = up
}

func (c *ctr) takeSetup() *setup {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.setup
}

func (c *ctr) isStarting() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.starting
}

// prepare makes everything a run needs: root file system, mounts, network, files, specification and monitor.
func (s *Service) prepare(ctx context.Context, c *ctr, back *undo) (Process, error) {
	r := c.record()
	if requests := r.Host.DeviceRequests; len(requests) > 0 { // as real engines without that driver: a matter of the start
		return nil, invalid("could not select device driver %q with capabilities: %v", requests[0].Driver, requests[0].Capabilities)
	}
	links, err := s.linksOf(r)
	if err != nil {
		return nil, err
	}
	options := s.specOptions(r)
	if options.PID, options.IPC, options.UTS, err = s.namespaces(r.Host); err != nil {
		return nil, err
	}
	if options.Rootfs, err = s.hold(ctx, c); err != nil {
		return nil, err
	}
	back.add(func(ctx context.Context) { s.letGo(ctx, c) })
	back.add(func(context.Context) { s.unmountVolumes(r) })
	own, err := s.runtimeMounts(ctx, r)
	if err != nil {
		return nil, err
	}
	back.add(func(ctx context.Context) {
		s.best(c.id, "network of a failed start is left", ignoreNotFound(s.network.Release(ctx, c.id)))
	})
	up, err := s.connect(ctx, r)
	if err != nil {
		return nil, err
	}
	options.Network.Path = up.ns
	c.setSetup(up)
	files, err := s.writeFiles(r, up, links)
	if err != nil {
		return nil, err
	}
	shm, err := s.mountShm(r)
	if err != nil {
		return nil, err
	}
	back.add(func(context.Context) { s.unmountShm(c.id) })
	options.Mounts = slices.Concat(files, shm, own)
	options.Init = s.initOf(r)
	options.Env = linkEnv(r, links)
	built, err := s.kernel.Build(options)
	if err != nil {
		return nil, err
	}
	log, err := s.logConfig(r)
	if err != nil {
		return nil, err
	}
	return s.runtime.Open(ctx, runtime.Bundle{
		ID: c.id, Spec: built, TTY: r.Config.Tty, OpenStdin: r.Config.OpenStdin, StdinOnce: r.Config.StdinOnce,
		Log: log, Restart: runtimePolicy(r.policy()), Init: options.Init != "",
	})
}

// initOf is the program that becomes process 1, "" when the command does. A container in the process ids of another, or of
// the host, has one already.
func (s *Service) initOf(r *record) string {
	asked := r.Host.Init
	if !r.Host.PidMode.IsPrivate() || asked == nil && !s.initAlways || asked != nil && !*asked {
		return ""
	}
	return s.init
}

// wear writes what a run has of the network into the record.
func (up *setup) wear(r *record) {
	r.Endpoints, r.Ports, r.PortsOn, r.Sandbox = up.endpoints, up.ports, up.portsOn, up.ns
	if up.ns == spec.HostNamespace {
		r.Sandbox = ""
	}
}

// hostname is the name the container knows itself by: with the network of another goes its name.
func (s *Service) hostname(r *record) string {
	if c, ok := s.index.get(r.Host.NetworkMode.ConnectedContainer()); ok {
		return c.record().Config.Hostname
	}
	return r.Config.Hostname
}

func runtimePolicy(p container.RestartPolicy) runtime.RestartPolicy {
	return runtime.RestartPolicy{Name: string(p.Name), MaximumRetryCount: p.MaximumRetryCount}
}

// startFailed records why a start came to nothing.
func (s *Service) startFailed(c *ctr, failure error) {
	c.dropPending()
	code := exitCode(failure)
	err := s.change(c, func(_ *metadata.Tx, r *record) ([]events.Message, error) {
		r.State.Running, r.State.Restarting, r.State.Paused, r.State.Pid = false, false, false, 0
		r.State.ExitCode, r.State.Error = code, plain(failure)
		unset(r)
		// Nothing ran, and yet it died: clients that wait for the end by events wait for this one.
		return []events.Message{r.happened(events.ActionDie, "exitCode", strconv.Itoa(code))}, nil
	})
	s.best(c.id, "failed start is not recorded", err)
	c.ended(code, plain(failure))
	s.autoRemove(c)
}

// unset forgets what a run had of the network.
func unset(r *record) {
	r.Endpoints, r.Ports, r.PortsOn, r.Sandbox = cleared(r), nil, "", ""
}

// plain is an error's text without the name of its class.
func plain(err error) string {
	var said interface{ Plain() string }
	if errors.As(err, &said) {
		return said.Plain()
	}
	text := err.Error()
	if class := errs.Class(err); class != nil {
		if suffix := ": " + class.Error(); len(text) > len(suffix) && text[len(text)-len(suffix):] == suffix {
			return text[:len(text)-len(suffix)]
		}
	}
	return text
}
