//go:build linux

package containers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/metadata"
)

// RemoveOptions are those of "Remove a container".
type RemoveOptions = struct {
	// Volumes removes anonymous volumes nobody else uses; Force kills first; Link removes the link that the
	// reference "/container/alias" names, and no container.
	Volumes, Force, Link bool
}

// errInProgress: somebody else removes it.
var errInProgress = errors.New("removal is already in progress")

// InProgress reports whether err says that a removal is under way already.
func (s *Service) InProgress(err error) bool { return errors.Is(err, errInProgress) }

// Remove removes a container. One that runs is errs.ErrConflict unless Force is set.
func (s *Service) Remove(ctx context.Context, ref string, o RemoveOptions) error {
	if o.Link {
		return s.removeLink(ctx, ref)
	}
	c, err := s.index.find(ref)
	if err != nil {
		return err
	}
	if c.isRemoving() {
		return errs.Errorf(errors.Join(errs.ErrConflict, errInProgress), "removal of container %s is already in progress", ref)
	}
	if st := c.record().State; st.alive() && !o.Force {
		what, how := "running", "Stop the container before attempting removal or force remove"
		if st.Paused {
			what, how = "paused", "Unpause and then stop the container before attempting removal or force remove"
		}
		return conflict("You cannot remove a %s container %s. %s", what, c.id, how)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), startLimit)
	defer cancel()
	unlock, err := c.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if c.isGone() {
		return notFound(ref)
	}
	if c.record().State.alive() {
		if !o.Force { // started meanwhile
			return conflict("You cannot remove a running container %s. Stop the container before attempting removal or force remove", c.id)
		}
		c.hold(true) // AutoRemove leaves it to this call
		ended := c.note().done
		err := s.signal(ctx, c, unix.SIGKILL, true)
		if err == nil {
			err = c.wait(ctx, ended, killTimeout)
		}
		if err != nil {
			c.hold(false)
			return fmt.Errorf("cannot remove container %s: could not kill: %w", ref, err)
		}
	}
	return s.remove(ctx, c, o.Volumes || c.record().Host.AutoRemove)
}

// remove removes a container that does not run. The record goes first: what a crash leaves behind then has none, and
// the next start of the daemon removes it. Called with the operation lock held.
func (s *Service) remove(ctx context.Context, c *ctr, volumes bool) error {
	c.mu.Lock()
	if c.removing {
		c.mu.Unlock()
		return errInProgress
	}
	c.removing = true
	c.mu.Unlock()
	c.dropPending()
	r := c.record()
	announce, err := s.erase(c)
	if err != nil {
		c.mu.Lock()
		c.removing = false
		c.mu.Unlock()
		return fmt.Errorf("container %s: %w", short(c.id), err)
	}
	s.unmountShm(c.id)
	s.best(c.id, "runtime of a removed container is left", ignoreNotFound(s.runtime.Remove(ctx, c.id)))
	s.best(c.id, "network of a removed container is left", ignoreNotFound(s.network.Release(ctx, c.id)))
	s.best(c.id, "layer of a removed container is left", ignoreNotFound(s.layers.Remove(ctx, c.id)))
	s.best(c.id, "folder of a removed container is left", os.RemoveAll(s.dir(c.id)))
	s.dropVolumes(ctx, r, volumes)
	if s.execs != nil {
		s.execs.Forget(c.id)
	}
	s.index.remove(c)
	close(c.gone)
	announce() // not before: clients that see it hang up on the call that removes
	return nil
}

// erase deletes the record and stores the event that announce then tells of.
func (s *Service) erase(c *ctr) (announce func(), err error) {
	c.commit.Lock()
	defer c.commit.Unlock()
	err = s.db.Update(func(tx *metadata.Tx) (err error) {
		if announce, err = s.events.PublishIn(tx, c.record().happened(events.ActionDestroy)); err != nil {
			return err
		}
		return s.table.DeleteIn(tx, c.id)
	})
	c.erased = err == nil
	return announce, err
}

// removeLink removes the link "/container/alias".
func (s *Service) removeLink(ctx context.Context, ref string) error {
	parent, alias := path.Split(strings.TrimPrefix(ref, "/"))
	if parent == "" {
		return errs.Errorf(errs.ErrInternal, "Conflict, cannot remove the default name of the container") // 500 in engines
	}
	c, unlock, err := s.locked(ctx, strings.TrimSuffix(parent, "/"))
	if err != nil {
		return err
	}
	defer unlock()
	at := slices.IndexFunc(c.record().Links, func(l link) bool { return l.Alias == alias })
	if at < 0 {
		return notFound(ref)
	}
	return s.change(c, func(_ *metadata.Tx, r *record) ([]events.Message, error) {
		r.Links = slices.Delete(r.Links, at, at+1)
		return nil, nil
	})
}

// Prune removes the containers that do not run and pass the filters "label", "label!" and "until".
func (s *Service) Prune(ctx context.Context, filters map[string][]string) (container.PruneReport, error) {
	report := container.PruneReport{ContainersDeleted: []string{}}
	match, err := pruneFilter(filters, time.Now())
	if err != nil {
		return report, err
	}
	for _, c := range s.index.all() {
		if err := ctx.Err(); err != nil {
			return report, fmt.Errorf("prune: %w", err)
		}
		if r := c.record(); r.State.alive() || !match(r) {
			continue
		}
		rw, _, err := s.layers.Size(ctx, c.id)
		if err != nil {
			rw = 0 // not known is not reclaimed
		}
		switch err := s.Remove(ctx, c.id, RemoveOptions{}); {
		case err == nil:
			report.ContainersDeleted = append(report.ContainersDeleted, c.id)
			report.SpaceReclaimed += uint64(max(rw, 0))
		case errors.Is(err, errs.ErrConflict), errors.Is(err, errs.ErrNotFound): // started or removed meanwhile
		default:
			return report, err
		}
	}
	s.events.Publish(events.Message{Type: events.ContainerEventType, Action: events.ActionPrune, Actor: events.Actor{
		Attributes: map[string]string{"reclaimed": fmt.Sprint(report.SpaceReclaimed)}}})
	return report, nil
}
