package api

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// probed is a container with a health check, and what is heard of it.
type probed struct {
	*client.Client
	t     *testing.T
	id    string
	heard <-chan events.Message
	fail  <-chan error
}

const often = 200 * time.Millisecond

// probed makes a container that sleeps, and starts it unless check is nil.
func (e *engine) probed(t *testing.T, check *container.HealthConfig, host *container.HostConfig) *probed {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	p := &probed{Client: e.Client(t), t: t}
	name := fmt.Sprintf("health-%d", e.names.Add(1))
	if host == nil {
		host = &container.HostConfig{}
	}
	host.NetworkMode = "none"
	made, err := p.ContainerCreate(ctx, client.ContainerCreateOptions{
		Name: name, Config: &container.Config{Image: acctest.Busybox, Cmd: []string{"sleep", "1000"}, Healthcheck: check}, HostConfig: host,
	})
	p.must(err)
	p.id = made.ID
	t.Cleanup(func() {
		if _, err := p.ContainerRemove(ctx, p.id, client.ContainerRemoveOptions{Force: true}); err != nil {
			t.Error(err)
		}
	})
	stream := p.Events(t.Context(), client.EventsListOptions{Since: "1", Filters: make(client.Filters).Add("container", p.id)})
	p.heard, p.fail = stream.Messages, stream.Err
	p.until("create")
	return p
}

func (p *probed) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *probed) start() *probed {
	p.t.Helper()
	_, err := p.ContainerStart(p.t.Context(), p.id, client.ContainerStartOptions{})
	p.must(err)
	return p
}

// until returns what is heard before an event, without networks and numbers of execs; a probe that was right is one word.
func (p *probed) until(want string) []string {
	p.t.Helper()
	var all []string
	for {
		select {
		case m := <-p.heard:
			action, _, isExec := strings.Cut(string(m.Action), ": ")
			if !isExec || !strings.HasPrefix(action, "exec_") {
				action = string(m.Action)
			}
			if code := m.Actor.Attributes["exitCode"]; code != "" {
				action += " " + code
			}
			if action == want {
				return all
			}
			all = append(all, action)
		case err := <-p.fail:
			p.t.Fatalf("%v, while %q was waited for behind %q", err, want, all)
		case <-time.After(20 * time.Second):
			p.t.Fatalf("no %q behind %q", want, all)
		}
	}
}

func (p *probed) state() *container.State {
	p.t.Helper()
	found, err := p.ContainerInspect(p.t.Context(), p.id, client.ContainerInspectOptions{})
	p.must(err)
	return found.Container.State
}

// status is the health by inspect, and the status text by list without its time.
func (p *probed) status() string {
	p.t.Helper()
	list, err := p.ContainerList(p.t.Context(), client.ContainerListOptions{All: true, Filters: make(client.Filters).Add("id", p.id)})
	p.must(err)
	_, text, _ := strings.Cut(list.Items[0].Status, " (")
	if h := p.state().Health; h != nil {
		return string(h.Status) + " (" + text
	}
	return "- (" + text
}

func (p *probed) is(want string) {
	p.t.Helper()
	if got := p.status(); got != want {
		p.t.Errorf("health and list: %q, want %q", got, want)
	}
}

func (p *probed) exec(words ...string) {
	p.t.Helper()
	made, err := p.ExecCreate(p.t.Context(), p.id, client.ExecCreateOptions{Cmd: words})
	p.must(err)
	_, err = p.ExecStart(p.t.Context(), made.ID, client.ExecStartOptions{Detach: true})
	p.must(err)
}

// TestHealthLife follows a container from its first probe on: broken, repaired, paused, stopped and started again.
func TestHealthLife(t *testing.T) {
	each(t, func(t *testing.T, e *engine) {
		t.Parallel()
		p := e.probed(t, &container.HealthConfig{Test: []string{"CMD-SHELL", "test -e /ok && echo fine"}, Interval: often, Retries: 2}, nil)
		p.is("- (")
		p.start()
		p.is("starting (health: starting)")
		before := p.until("health_status: unhealthy")
		if diff := cmp.Diff([]string{"start", "exec_create", "exec_start", "exec_die 1", "exec_create", "exec_start", "exec_die 1"}, before); diff != "" {
			t.Error(diff)
		}
		p.is("unhealthy (unhealthy)")
		p.exec("touch", "/ok")
		if before = p.until("health_status: healthy"); before[len(before)-1] != "exec_die 0" {
			t.Errorf("before it was healthy: %q", before)
		}
		p.is("healthy (healthy)")
		h := p.state().Health
		last := h.Log[len(h.Log)-1]
		if last.ExitCode != 0 || last.Output != "fine\n" || last.Start.IsZero() || last.End.Before(last.Start) || h.FailingStreak != 0 {
			t.Errorf("%+v, last %+v", h, last)
		}
		_, err := p.ContainerPause(t.Context(), p.id, client.ContainerPauseOptions{})
		p.must(err)
		p.until("pause")
		p.is("unhealthy (Paused)")
		_, err = p.ContainerUnpause(t.Context(), p.id, client.ContainerUnpauseOptions{})
		p.must(err)
		p.until("health_status: healthy")
		for range 6 { // probes; more than are remembered
			p.until("exec_die 0")
		}
		zero := 0
		_, err = p.ContainerStop(t.Context(), p.id, client.ContainerStopOptions{Timeout: &zero})
		p.must(err)
		if h = p.state().Health; h.Status != container.Unhealthy || len(h.Log) != 5 {
			t.Errorf("stopped: %+v", h)
		}
		p.until("stop")
		p.start()
		if h = p.state().Health; h.Status != container.Starting || len(h.Log) != 5 {
			t.Errorf("started again: %+v", h)
		}
		if before = p.until("health_status: healthy"); !slices.Contains(before, "start") { // dockerd may tell of a last probe first
			t.Errorf("after the stop: %q", before)
		}
	})
}

// TestHealthProbes: what becomes of single probes.
func TestHealthProbes(t *testing.T) {
	each(t, func(t *testing.T, e *engine) {
		t.Parallel()
		for name, tc := range map[string]struct {
			check  container.HealthConfig
			until  string
			code   int
			output string // its beginning
			length int    // 0: of output
			streak int
		}{
			"program": {container.HealthConfig{Test: []string{"CMD", "echo", "a b"}}, "health_status: healthy", 0, "a b\n", 0, 0},
			"not found": {container.HealthConfig{Test: []string{"CMD-SHELL", "exec nope"}, Retries: 1}, "health_status: unhealthy", 127,
				"/bin/sh: exec: line 0: nope: not found\n", 0, 1},
			"both streams": {container.HealthConfig{Test: []string{"CMD-SHELL", "echo out; echo err >&2; exit 3"}, Retries: 1},
				"health_status: unhealthy", 3, "", len("out\nerr\n"), 1},
			"too much": {container.HealthConfig{Test: []string{"CMD-SHELL", "head -c 5000 /dev/zero | tr '\\0' x"}}, "health_status: healthy", 0,
				"xxxx", 4096 + len("..."), 0},
			"too long": {container.HealthConfig{Test: []string{"CMD-SHELL", "sleep 500 & sleep 500"}, Retries: 1, Timeout: often}, "health_status: unhealthy", -1,
				"Health check exceeded timeout (200ms)", 0, 1},
			"a failure of the start": {container.HealthConfig{Test: []string{"CMD-SHELL", "exit 1"}, Retries: 1, StartPeriod: time.Hour}, "exec_die 1", 1, "", 0, 0},
		} {
			t.Run(name, func(t *testing.T) {
				tc.check.Interval, tc.check.StartInterval = often, often
				p := e.probed(t, &tc.check, nil).start()
				p.until(tc.until)
				if tc.until == "exec_die 1" { // the result comes behind
					p.until(tc.until)
				}
				h := p.state().Health
				first := h.Log[0]
				if first.ExitCode != tc.code || !strings.HasPrefix(first.Output, tc.output) || tc.length > 0 && len(first.Output) != tc.length || h.FailingStreak < tc.streak {
					t.Errorf("%d of %+v", h.FailingStreak, first)
				}
				if tc.streak == 0 && h.FailingStreak != 0 {
					t.Errorf("%d failures count", h.FailingStreak)
				}
			})
		}
	})
}

// TestHealthFilter: lists by health, and containers that have none.
func TestHealthFilter(t *testing.T) {
	each(t, func(t *testing.T, e *engine) {
		t.Parallel()
		check := func(test ...string) *container.HealthConfig {
			return &container.HealthConfig{Test: test, Interval: often, Retries: 1}
		}
		made := map[string]*probed{
			"starting":  e.probed(t, &container.HealthConfig{Test: []string{"CMD", "true"}, Interval: time.Hour}, nil).start(),
			"healthy":   e.probed(t, check("CMD", "true"), nil).start(),
			"unhealthy": e.probed(t, check("CMD", "false"), nil).start(),
			"created":   e.probed(t, check("CMD", "true"), nil),
			"without":   e.probed(t, nil, nil).start(),
			"disabled":  e.probed(t, check("NONE"), nil).start(),
		}
		made["healthy"].until("health_status: healthy")
		made["unhealthy"].until("health_status: unhealthy")
		for _, name := range []string{"created", "without", "disabled"} {
			if h := made[name].state().Health; h != nil {
				t.Errorf("%s: %+v", name, h)
			}
		}
		for health, want := range map[string]string{"none": "created disabled without", "starting": "starting", "healthy": "healthy", "unhealthy": "unhealthy"} {
			var got []string
			for _, name := range []string{"created", "disabled", "healthy", "starting", "unhealthy", "without"} {
				p := made[name]
				list, err := p.ContainerList(t.Context(), client.ContainerListOptions{All: true, Filters: make(client.Filters).Add("health", health).Add("id", p.id)})
				p.must(err)
				if len(list.Items) > 0 {
					got = append(got, name)
				}
			}
			if text := strings.Join(got, " "); text != want {
				t.Errorf("health=%s: %s, want %s", health, text, want)
			}
		}
		if got := e.raw(t, "GET", `/v1.41/containers/json?filters={"health":["well"]}`, nil, nil); got.status != 400 {
			t.Errorf("a health nobody has: %d %s", got.status, got.body)
		}
	})
}
