package ownership

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/eventstream"
)

// Holder says who holds a lock.
type Holder struct {
	Host      string    `json:"host"`
	PID       int       `json:"pid"`
	Process   string    `json:"process"` // identifies the process among all of its host's, over restarts
	User      string    `json:"user,omitempty"`
	Operation string    `json:"operation"`
	Since     time.Time `json:"since"`
}

func (h Holder) String() string {
	return fmt.Sprintf("cleat %s by %s on %s (pid %d) since %s", h.Operation, h.User, h.Host, h.PID, h.Since.Local().Format(time.DateTime))
}

// Lock is the right to change a project on one engine.
type Lock struct {
	api API
	id  string
}

// HeldError says that another process holds the lock.
type HeldError struct {
	ID     string
	Holder Holder
}

func (e *HeldError) Error() string { return "locked: " + e.Holder.String() }

// Is makes a held lock a conflict.
func (e *HeldError) Is(target error) bool { return target == errs.ErrConflict }

// LockName is the name of a project's lock container.
func LockName(project string) string { return "cleat-lock-" + project }

// TakeLock takes the lock of a project, waiting for its holder until ctx ends; then the error is a *[HeldError]. A
// lock whose holder is a process of this host that is gone is broken, by its id, so that of several who see it one
// alone takes its place.
func TakeLock(ctx context.Context, api API, project string, h Holder) (*Lock, error) {
	text, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("lock of %s: %w", project, err)
	}
	name := LockName(project)
	for {
		id, err := createMarker(context.WithoutCancel(ctx), api, name, map[string]string{LabelProject: project, LabelSchema: schema, LabelLock: string(text)})
		if err == nil {
			return &Lock{api: api, id: id}, nil
		}
		if !errors.Is(err, errs.ErrConflict) {
			return nil, fmt.Errorf("lock of %s: %w", project, err)
		}
		if err := awaitRelease(ctx, api, name, h); err != nil {
			var held *HeldError
			if !errors.As(err, &held) { // a holder's container needs the image, and so do others who wait for it
				removeEmpty(context.WithoutCancel(ctx), api)
			}
			return nil, err
		}
	}
}

// awaitRelease returns when the lock that is held now is gone, or was stale and is broken.
func awaitRelease(ctx context.Context, api API, name string, mine Holder) error {
	held, err := heldBy(context.WithoutCancel(ctx), api, name)
	if errors.Is(err, errs.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if held.Holder.stale(mine) {
		return breakLock(ctx, api, held.ID)
	}
	watch, stop := context.WithCancel(ctx)
	defer stop()
	heard := eventstream.Listen(watch, api, make(moby.Filters).Add("type", "container").Add("container", held.ID))
	for {
		// The lock may have gone before the events began to flow: look again once they do.
		switch again, err := heldBy(context.WithoutCancel(ctx), api, name); {
		case errors.Is(err, errs.ErrNotFound) || err == nil && again.ID != held.ID:
			return nil
		case err != nil:
			return fmt.Errorf("waiting for the lock: %w", err)
		}
		select {
		case <-heard:
		case <-ctx.Done():
			return held
		}
	}
}

// heldBy reads a lock.
func heldBy(ctx context.Context, api API, name string) (*HeldError, error) {
	r, err := api.ContainerInspect(ctx, name, moby.ContainerInspectOptions{})
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	held := &HeldError{ID: r.Container.ID}
	if r.Container.Config == nil || r.Container.Config.Labels[LabelLock] == "" {
		return nil, fmt.Errorf("container %s is in the place of the lock and is not one of ours: remove or rename it: %w", name, errs.ErrConflict)
	}
	if err := json.Unmarshal([]byte(r.Container.Config.Labels[LabelLock]), &held.Holder); err != nil {
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	return held, nil
}

// stale reports whether a holder is certainly gone: a process of our own host that is not there any more. Of another
// host nothing is certain.
func (h Holder) stale(mine Holder) bool {
	return h.Host == mine.Host && h.Host != "" && !alive(h.PID, h.Process)
}

func breakLock(ctx context.Context, api API, id string) error {
	if err := removeMarker(context.WithoutCancel(ctx), api, id); err != nil {
		return fmt.Errorf("lock %.12s: %w", id, err)
	}
	return nil
}

// Unlock releases the lock. Releasing twice is no error.
func (l *Lock) Unlock(ctx context.Context) error { return breakLock(ctx, l.api, l.id) }

// Cleanup releases the lock of a project that has nothing left on the engine, and what lock and ledger stood on.
func (l *Lock) Cleanup(ctx context.Context) error {
	if err := l.Unlock(ctx); err != nil {
		return err
	}
	removeEmpty(ctx, l.api)
	return nil
}

// ForceUnlock removes the lock of a project whoever holds it. id, when not empty, must be the lock's: it guards
// against breaking one taken since.
func ForceUnlock(ctx context.Context, api API, project, id string) (Holder, error) {
	held, err := heldBy(ctx, api, LockName(project))
	if err != nil {
		return Holder{}, err
	}
	if id != "" && (len(id) < 4 || len(id) > len(held.ID) || held.ID[:len(id)] != id) {
		return held.Holder, fmt.Errorf("the lock is %.12s, not %s: %w", held.ID, id, errs.ErrConflict)
	}
	return held.Holder, breakLock(ctx, api, held.ID)
}
