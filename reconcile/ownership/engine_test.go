package ownership_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/internal/acctest"
	"github.com/cleat-dev/cleat/reconcile/observe"
	"github.com/cleat-dev/cleat/reconcile/ownership"
)

func TestMain(m *testing.M) { acctest.Main(m) }

func reach(t *testing.T, e *acctest.Engine) *client.Client {
	t.Helper()
	c, err := client.New(t.Context(), client.Config{Host: e.Host})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// One of 32 racers holds the lock at a time, and all of them get it.
func TestLockIsHeldByOneAtATime(t *testing.T) {
	acctest.Each(t, func(t *testing.T, e *acctest.Engine) {
		c := reach(t, e)
		var holders, total atomic.Int32
		var all sync.WaitGroup
		for i := range 32 {
			all.Go(func() {
				lock, err := ownership.TakeLock(t.Context(), c, "race", ownership.NewHolder(fmt.Sprint("racer ", i)))
				if err != nil {
					t.Errorf("racer %d: %v", i, err)
					return
				}
				if n := holders.Add(1); n != 1 {
					t.Errorf("%d hold the lock", n)
				}
				total.Add(1)
				holders.Add(-1)
				if err := lock.Unlock(t.Context()); err != nil {
					t.Errorf("racer %d: unlock: %v", i, err)
				}
			})
		}
		all.Wait()
		if total.Load() != 32 {
			t.Errorf("%d of 32 got the lock", total.Load())
		}
	})
}

func TestHeldLockNamesItsHolder(t *testing.T) {
	acctest.Each(t, func(t *testing.T, e *acctest.Engine) {
		c := reach(t, e)
		lock, err := ownership.TakeLock(t.Context(), c, "held", ownership.NewHolder("apply"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = lock.Unlock(context.WithoutCancel(t.Context())) }()
		wait, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err = ownership.TakeLock(wait, c, "held", ownership.NewHolder("plan"))
		var held *ownership.HeldError
		if !errors.As(err, &held) || !errors.Is(err, errs.ErrConflict) || held.Holder.Operation != "apply" {
			t.Fatalf("got %v, want the holder", err)
		}
		if _, err := ownership.ForceUnlock(t.Context(), c, "held", "0000"); !errors.Is(err, errs.ErrConflict) {
			t.Errorf("another lock's id broke it: %v", err)
		}
		if _, err := ownership.ForceUnlock(t.Context(), c, "held", held.ID[:12]); err != nil {
			t.Error(err)
		}
	})
}

// A lock of a process of this host that is gone is broken, one of another host never is.
func TestStaleLockIsBroken(t *testing.T) {
	acctest.Each(t, func(t *testing.T, e *acctest.Engine) {
		c := reach(t, e)
		gone := exec.Command("true")
		if err := gone.Run(); err != nil {
			t.Fatal(err)
		}
		dead := ownership.NewHolder("apply")
		dead.PID, dead.Process = gone.ProcessState.Pid(), "1"
		if _, err := ownership.TakeLock(t.Context(), c, "stale", dead); err != nil {
			t.Fatal(err)
		}
		lock, err := ownership.TakeLock(t.Context(), c, "stale", ownership.NewHolder("apply"))
		if err != nil {
			t.Fatalf("a dead holder's lock was not broken: %v", err)
		}
		if err := lock.Unlock(t.Context()); err != nil {
			t.Fatal(err)
		}
		dead.Host = "elsewhere"
		far, err := ownership.TakeLock(t.Context(), c, "stale", dead)
		if err != nil {
			t.Fatal(err)
		}
		wait, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, err := ownership.TakeLock(wait, c, "stale", ownership.NewHolder("apply")); !errors.Is(err, errs.ErrConflict) {
			t.Errorf("another host's lock was broken: %v", err)
		}
		if err := far.Unlock(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

// crash is an engine on which calls fail from the n-th on, as for a process that was killed.
type crash struct {
	*client.Client
	left int
}

var errKilled = errors.New("killed")

func (c *crash) step() error {
	if c.left--; c.left < 0 {
		return errKilled
	}
	return nil
}

func (c *crash) ContainerCreate(ctx context.Context, o moby.ContainerCreateOptions) (moby.ContainerCreateResult, error) {
	if err := c.step(); err != nil {
		return moby.ContainerCreateResult{}, err
	}
	return c.Client.ContainerCreate(ctx, o)
}

func (c *crash) ContainerRemove(ctx context.Context, id string, o moby.ContainerRemoveOptions) (moby.ContainerRemoveResult, error) {
	if err := c.step(); err != nil {
		return moby.ContainerRemoveResult{}, err
	}
	return c.Client.ContainerRemove(ctx, id, o)
}

func (c *crash) ContainerRename(ctx context.Context, id string, o moby.ContainerRenameOptions) (moby.ContainerRenameResult, error) {
	if err := c.step(); err != nil {
		return moby.ContainerRenameResult{}, err
	}
	return c.Client.ContainerRename(ctx, id, o)
}

func (c *crash) ImageLoad(ctx context.Context, archive io.Reader, o ...moby.ImageLoadOption) (moby.ImageLoadResult, error) {
	if err := c.step(); err != nil {
		return nil, err
	}
	return c.Client.ImageLoad(ctx, archive, o...)
}

// A ledger write that dies after any of its calls leaves the old or the new facts, and the next write repairs the rest.
func TestLedgerSurvivesACrashAnywhere(t *testing.T) {
	acctest.Each(t, func(t *testing.T, e *acctest.Engine) {
		c := reach(t, e)
		for calls := range 6 {
			project := fmt.Sprint("crash", calls)
			read := func() *ownership.Ledger {
				inventory, err := observe.Take(t.Context(), ownership.NewEngine(c), project)
				if err != nil {
					t.Fatal(err)
				}
				return inventory.Ledger
			}
			write := func(api ownership.API, id string) error {
				l := read()
				next := l.Clone()
				next.Records["docker_image.a"] = ownership.Record{ID: id}
				_, err := l.Write(t.Context(), api, project, next)
				return err
			}
			if err := write(c, "old"); err != nil {
				t.Fatal(err)
			}
			err := write(&crash{Client: c, left: calls}, "new")
			if got := read().Records["docker_image.a"].ID; got != "old" && got != "new" || err == nil && got != "new" {
				t.Errorf("after %d calls (%v): %q", calls, err, got)
			}
			if err := write(c, "newest"); err != nil {
				t.Errorf("after %d calls: next write: %v", calls, err)
			}
			if diff := cmp.Diff(map[string]ownership.Record{"docker_image.a": {ID: "newest"}}, read().Records); diff != "" {
				t.Errorf("after %d calls (-want +got):\n%s", calls, diff)
			}
			empty := read()
			if _, err := empty.Write(t.Context(), c, project, ownership.NewLedger()); err != nil {
				t.Fatal(err)
			}
			list, err := c.ContainerList(t.Context(), moby.ContainerListOptions{All: true})
			if err != nil {
				t.Fatal(err)
			}
			for _, left := range list.Items {
				if strings.HasSuffix(left.Names[0], ownership.LedgerName(project)) {
					t.Errorf("after %d calls: %s is left", calls, left.Names[0])
				}
			}
		}
	})
}

// An image committed from a container of ours does not make the containers run from it ours.
func TestCommittedImageDoesNotPassLabelsOn(t *testing.T) {
	acctest.Each(t, func(t *testing.T, e *acctest.Engine) {
		engine := ownership.NewEngine(reach(t, e))
		if err := acctest.LoadBusybox(t.Context(), engine.Client.Client, "labels:1"); err != nil {
			t.Fatal(err)
		}
		made, err := engine.Stamped(map[string]string{ownership.LabelProject: "p", ownership.LabelAddress: "docker_container.a", ownership.LabelSchema: "1"}).
			ContainerCreate(t.Context(), moby.ContainerCreateOptions{Image: "labels:1", Name: "labels-a"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := engine.ContainerCommit(t.Context(), made.ID, moby.ContainerCommitOptions{Reference: "labels:2", Config: &container.Config{}}); err != nil {
			t.Fatal(err)
		}
		if _, err := engine.ContainerCreate(t.Context(), moby.ContainerCreateOptions{Image: "labels:2", Name: "labels-b"}); err != nil {
			t.Fatal(err)
		}
		inventory, err := observe.Take(t.Context(), engine, "p")
		if err != nil {
			t.Fatal(err)
		}
		if len(inventory.Objects) != 1 || inventory.Objects[0].ID != made.ID {
			t.Errorf("ours are %v, want only %s", inventory.Objects, made.ID)
		}
	})
}
