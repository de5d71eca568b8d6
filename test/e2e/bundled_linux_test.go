package e2e

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/acctest"
	"github.com/cleat-dev/cleat/internal/bundled"
)

// TestBundledEngines: a provider block starts the engine it declares, two blocks start two, the next command finds them
// running, and they go on when it ends. Whatever DOCKER_HOST says is not asked.
func TestBundledEngines(t *testing.T) {
	t.Parallel()
	program := acctest.Built(t, "cleatd")
	other := acctest.Cleatd(t) // what DOCKER_HOST names
	root, err := os.MkdirTemp("", "cb")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(root); err != nil {
			t.Error(err)
		}
	})
	at := func(name, socket string) *bundled.Engine {
		e := &bundled.Engine{Program: program, Places: bundled.PlacesOf(filepath.Join(root, name), filepath.Join(root, name+"-exec"), socket)}
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
			defer cancel()
			if stopped, err := e.Stop(ctx); !stopped || err != nil {
				t.Errorf("stop of %s: %v, %v", e.DataRoot(), stopped, err)
			}
		})
		return e
	}
	engines := []*bundled.Engine{at("a", ""), at("b", filepath.Join(root, "b.sock"))}
	pids := map[string]int{}
	for _, d := range drivers(t) {
		p := newStack(t, d, other, filepath.Join("testdata", "bundled"))
		p.vars = append(p.vars, "-var", "root="+root, "-var", "program="+program)
		p.must(t, 0, p.with("apply", "-auto-approve", "-no-color")...)
		for _, e := range engines {
			status := e.Status(t.Context())
			if !status.Running || status.PID == 0 || pids[e.Host()] != 0 && pids[e.Host()] != status.PID {
				t.Fatalf("%s after %s: %+v, before process %d", e.Host(), d.name, status, pids[e.Host()])
			}
			if pids[e.Host()] == 0 {
				loadBusybox(t, e)
			}
			pids[e.Host()] = status.PID
		}
		p.vars = append(p.vars, "-var", "containers=1")
		p.must(t, 0, p.with("apply", "-auto-approve", "-no-color")...)
		p.must(t, 0, p.with("plan", "-detailed-exitcode", "-no-color")...)
		if found := named(t, other, "cleat-bundled"); found != nil {
			t.Errorf("the engine of DOCKER_HOST has %q", found)
		}
		p.must(t, 0, p.with("destroy", "-auto-approve", "-no-color")...)
	}
}

func loadBusybox(t *testing.T, e *bundled.Engine) {
	t.Helper()
	c, err := client.New(client.WithHost(e.Host()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := acctest.LoadBusybox(t.Context(), c, acctest.Busybox); err != nil {
		t.Fatal(err)
	}
}
