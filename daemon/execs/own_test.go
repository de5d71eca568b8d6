//go:build linux

package execs_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/execs"
	"github.com/cleat-dev/cleat/daemon/runtime"
)

// own starts a command of the daemon's and returns its id.
func (w *world) own(t testing.TB, output *bytes.Buffer) (*execs.Running, string) {
	t.Helper()
	r, err := w.Run(t.Context(), cid, []string{"probe", "-x"}, output)
	if err != nil {
		t.Fatal(err)
	}
	ids := w.Of(cid)
	if len(ids) != 1 {
		t.Fatalf("execs while it runs: %v", ids)
	}
	return r, ids[0]
}

func (w *world) reconcile(t testing.TB) {
	t.Helper()
	yes := func(string) bool { return true }
	if err := w.Reconcile(t.Context(), yes, yes); err != nil {
		t.Fatal(err)
	}
}

// TestOwn: a command of the daemon itself is an exec like others, until it has ended.
func TestOwn(t *testing.T) {
	t.Parallel()
	w := begin(t)
	var output bytes.Buffer
	r, id := w.own(t, &output)
	if diff := cmp.Diff([]runtime.AttachOptions{{Stdout: true, Stderr: true, Flow: true, Raw: true}}, w.fake.attach); diff != "" {
		t.Error(diff)
	}
	w.journal(t, runtime.Entry{Kind: runtime.KindExecStart, ID: id, Pid: 77, Time: 1e9})
	if got := w.inspect(t, id); !got.Running || got.Pid != 77 {
		t.Errorf("%+v", got)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Wait(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("waited no longer: %v", err)
	}
	if err := r.Kill(t.Context()); err != nil || cmp.Diff([]string{"9 " + id}, w.signals) != "" {
		t.Error(err, w.signals)
	}
	w.journal(t, runtime.Entry{Kind: runtime.KindExecExit, ID: id, Code: 137, Time: 2e9})
	code, err := r.Wait(t.Context())
	if code != 137 || err != nil || output.String() != `session of probe after ""` {
		t.Error(code, err, output.String())
	}
	for range 2 {
		if _, err := w.Service.Inspect(t.Context(), id); !errors.Is(err, errs.ErrNotFound) {
			t.Errorf("it is remembered: %v", err)
		}
		w.again(t)
	}
	if diff := cmp.Diff([]string{"exec_create: probe -x", "exec_start: probe -x", "exec_die 137"}, w.told(t)); diff != "" {
		t.Error(diff)
	}
}

// TestOwnRefused: what cannot be started leaves nothing behind.
func TestOwnRefused(t *testing.T) {
	t.Parallel()
	w := begin(t)
	w.fail = &runtime.StartError{Code: 127, Message: `exec: "probe": not found`}
	if _, err := w.Run(t.Context(), cid, []string{"probe"}, &bytes.Buffer{}); err == nil || err.Error() != `exec: "probe": not found` {
		t.Error(err)
	}
	w.state = container.StatePaused
	if _, err := w.Run(t.Context(), cid, []string{"probe"}, &bytes.Buffer{}); !errors.Is(err, errs.ErrConflict) {
		t.Error(err)
	}
	w.state = container.StateRunning
	for range 2 {
		if ids := w.Of(cid); len(ids) > 0 {
			t.Error(ids)
		}
		w.again(t)
	}
}

// TestOwnRemoved: nobody waits for a container that is gone.
func TestOwnRemoved(t *testing.T) {
	t.Parallel()
	w := begin(t)
	r, _ := w.own(t, &bytes.Buffer{})
	w.Forget(cid)
	if _, err := r.Wait(t.Context()); err == nil || !strings.Contains(err.Error(), "gone") {
		t.Error(err)
	}
	w.state = container.StateRunning
	r, _ = w.own(t, &bytes.Buffer{})
	w.Ended(cid) // its monitor was replaced
	if code, err := r.Wait(t.Context()); code != 255 || err != nil {
		t.Error(code, err)
	}
}

// TestOwnAfterKill: what an earlier daemon ran for itself is ended, whatever its journal says by then.
func TestOwnAfterKill(t *testing.T) {
	t.Parallel()
	w := begin(t)
	_, asked := w.own(t, &bytes.Buffer{})
	w.again(t)
	if ids := w.Of(cid); len(ids) > 0 {
		t.Errorf("not known to run: %v", ids)
	}
	w.reconcile(t) // the monitor knows it, and is about to say that it runs
	w.journal(t, runtime.Entry{Kind: runtime.KindExecStart, ID: asked, Pid: 77, Time: 1e9})
	w.again(t)
	w.deaf = errs.ErrNotFound
	w.reconcile(t) // it has ended, and the journal is about to say so
	if ids := w.Of(cid); len(ids) != 1 {
		t.Errorf("its end is not known yet: %v", ids)
	}
	w.journal(t, runtime.Entry{Kind: runtime.KindExecExit, ID: asked, Code: 137, Time: 2e9})
	_, never := w.own(t, &bytes.Buffer{})
	w.again(t)
	w.reconcile(t) // the monitor has not heard of it
	if diff := cmp.Diff([]string{"9 " + asked, "9 " + asked, "9 " + never}, w.signals); diff != "" {
		t.Error(diff)
	}
	for _, id := range []string{asked, never} {
		if _, err := w.Service.Inspect(t.Context(), id); !errors.Is(err, errs.ErrNotFound) {
			t.Errorf("it is remembered: %v", err)
		}
	}
}
