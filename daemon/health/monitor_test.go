package health_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"
	"github.com/moby/moby/api/types/container"

	"github.com/cleat-dev/cleat/daemon/health"
)

// command is what a fake command does.
type command struct {
	takes  time.Duration // 0 ends at once, negative never
	starts time.Duration // how long it takes to be started
	code   int
	says   string
	fails  error // of the start
	stays  bool  // though it is killed
}

// prober is an engine without containers. It writes down what happens, with the seconds since its beginning.
type prober struct {
	begin time.Time

	mu     sync.Mutex
	do     map[string]command // by container
	events []string
	now    map[string]int // commands that run, by container
}

func newProber() *prober {
	return &prober{begin: time.Now(), do: map[string]command{}, now: map[string]int{}}
}

func (p *prober) note(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events = append(p.events, fmt.Sprintf("%g ", time.Since(p.begin).Seconds())+fmt.Sprintf(format, args...))
}

// happened returns what was noted since the last call.
func (p *prober) happened() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	events := p.events
	p.events = nil
	return events
}

func (p *prober) set(id string, c command) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.do[id] = c
}

func (p *prober) Start(ctx context.Context, id string, words []string, output io.Writer) (health.Probe, error) {
	p.mu.Lock()
	c := p.do[id]
	p.now[id]++
	if p.now[id] > 1 {
		p.events = append(p.events, "two probes of "+id)
	}
	p.mu.Unlock()
	p.note("%s: %s", id, strings.Join(words, " "))
	if c.starts != 0 {
		select {
		case <-time.After(c.starts):
		case <-ctx.Done():
			p.ended(id)
			return nil, ctx.Err()
		}
	}
	if c.fails != nil {
		p.ended(id)
		return nil, c.fails
	}
	_, _ = io.WriteString(output, c.says)
	r := &running{p: p, id: id, c: c, over: make(chan struct{})}
	if c.takes >= 0 {
		time.AfterFunc(c.takes, r.end)
	}
	return r, nil
}

func (p *prober) ended(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now[id]--
}

type running struct {
	p    *prober
	id   string
	c    command
	once sync.Once
	over chan struct{}
}

func (r *running) end() { r.once.Do(func() { r.p.ended(r.id); close(r.over) }) }

func (r *running) Wait(ctx context.Context) (int, error) {
	select {
	case <-r.over:
		return r.c.code, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func (r *running) Kill(context.Context) error {
	r.p.note("%s: killed", r.id)
	if !r.c.stays {
		r.end()
	}
	return nil
}

// subject is a container with its health, as the containers service has it.
type subject struct {
	p     *prober
	check health.Check
	id    string
	since time.Time

	mu     sync.Mutex
	health *container.Health
	ended  bool
}

func (p *prober) subject(id string, check health.Check) *subject {
	check.Command = []string{"check"}
	return &subject{p: p, id: id, check: check, since: time.Now(), health: health.Begin(nil)}
}

func (s *subject) target() health.Target {
	return health.Target{ID: s.id, Check: s.check, Started: s.since, Status: container.Starting, Report: s.report}
}

func (s *subject) report(r container.HealthcheckResult) (container.HealthStatus, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.health = s.check.Judge(s.health, r, s.since)
	s.p.note("%s: %d %q after %g, %s", s.id, r.ExitCode, r.Output, r.End.Sub(r.Start).Seconds(), s.health.Status)
	return s.health.Status, !s.ended
}

// world runs a test in a bubble with its own clock.
func world(t *testing.T, test func(t *testing.T, m *health.Monitor, p *prober)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newProber()
		m := health.New(t.Context(), p, hclog.NewNullLogger())
		test(t, m, p)
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		synctest.Wait()
	})
}

// after lets time pass and compares what has happened.
func after(t *testing.T, d time.Duration, p *prober, want ...string) {
	t.Helper()
	<-time.After(d) // the bubble's clock
	synctest.Wait()
	if diff := cmp.Diff(want, p.happened()); diff != "" {
		t.Errorf("after %s: %s", d, diff)
	}
}

var second = health.Check{Interval: time.Second, StartInterval: 5 * time.Second, Timeout: 10 * time.Second, Retries: 3}

func TestProbes(t *testing.T) {
	world(t, func(t *testing.T, m *health.Monitor, p *prober) {
		p.set("a", command{code: 1, says: "not yet", takes: 250 * time.Millisecond})
		m.Watch(p.subject("a", second).target())
		after(t, 999*time.Millisecond, p)
		after(t, 2*time.Second, p,
			"1 a: check", `1.25 a: 1 "not yet" after 0.25, starting`, "2.25 a: check", `2.5 a: 1 "not yet" after 0.25, starting`)
		p.set("a", command{})
		after(t, time.Second, p, "3.5 a: check", `3.5 a: 0 "" after 0, healthy`)
		m.Stop("a")
		after(t, time.Hour, p)
	})
}

// TestStartInterval: while a container is starting and within its period, the other interval holds.
func TestStartInterval(t *testing.T) {
	world(t, func(t *testing.T, m *health.Monitor, p *prober) {
		check := second
		check.Interval, check.StartInterval, check.StartPeriod, check.Retries = 10*time.Second, time.Second, 3*time.Second, 1
		p.set("late", command{code: 1})
		m.Watch(p.subject("late", check).target())
		after(t, 500*time.Millisecond, p)
		m.Watch(p.subject("soon", check).target())
		after(t, 1250*time.Millisecond, p, "1 late: check", `1 late: 1 "" after 0, starting`, "1.5 soon: check", `1.5 soon: 0 "" after 0, healthy`)
		after(t, 20*time.Second, p, "2 late: check", `2 late: 1 "" after 0, starting`, "3 late: check", `3 late: 1 "" after 0, unhealthy`,
			"11.5 soon: check", `11.5 soon: 0 "" after 0, healthy`, "13 late: check", `13 late: 1 "" after 0, unhealthy`,
			"21.5 soon: check", `21.5 soon: 0 "" after 0, healthy`)
	})
}

func TestTimeout(t *testing.T) {
	world(t, func(t *testing.T, m *health.Monitor, p *prober) {
		check := second
		check.Timeout = 2 * time.Second
		// The start does not count.
		p.set("a", command{takes: -1, says: "working", starts: 5 * time.Second})
		m.Watch(p.subject("a", check).target())
		after(t, 8*time.Second, p, "1 a: check", "8 a: killed", `8 a: -1 "Health check exceeded timeout (2s): working" after 7, starting`)
		// One that stays is waited for, but not for ever.
		p.set("a", command{takes: -1, stays: true})
		after(t, 14*time.Second, p, "9 a: check", "11 a: killed", `21 a: -1 "Health check exceeded timeout (2s)" after 12, starting`, "two probes of a", "22 a: check")
	})
}

// TestFailures: what cannot be run, cannot be started in time, or says too much.
func TestFailures(t *testing.T) {
	world(t, func(t *testing.T, m *health.Monitor, p *prober) {
		p.set("missing", command{fails: errors.New(`exec: "check": not found`)})
		p.set("wedged", command{starts: time.Hour})
		p.set("loud", command{says: strings.Repeat("x", 5000)})
		loud := p.subject("loud", second)
		m.Watch(loud.target())
		<-time.After(1100 * time.Millisecond)
		synctest.Wait()
		loud.mu.Lock()
		if got := loud.health.Log[0].Output; got != strings.Repeat("x", 4096)+"..." {
			t.Errorf("%d bytes of output, which end in %q", len(got), got[4090:])
		}
		loud.mu.Unlock()
		m.Stop("loud")
		p.happened()
		m.Watch(p.subject("missing", second).target())
		after(t, time.Second, p, "2.1 missing: check", `2.1 missing: -1 "exec: \"check\": not found" after 0, starting`)
		m.Stop("missing")
		m.Watch(p.subject("wedged", second).target())
		after(t, 31*time.Second, p, "3.1 wedged: check", `33.1 wedged: -1 "timed out starting health check for container wedged" after 30, starting`)
	})
}

// TestStop: a probe under way is killed and says nothing; one that stays keeps the next watch from probing.
func TestStop(t *testing.T) {
	world(t, func(t *testing.T, m *health.Monitor, p *prober) {
		p.set("a", command{takes: -1, stays: true})
		m.Watch(p.subject("a", second).target())
		after(t, 2*time.Second, p, "1 a: check")
		m.Stop("a")
		p.set("a", command{})
		again := p.subject("a", second).target()
		m.Watch(again)
		after(t, 9*time.Second, p, "2 a: killed")
		p.ended("a") // the container is gone, and the command with it
		after(t, 1500*time.Millisecond, p, "12 a: check", `12 a: 0 "" after 0, healthy`)
		m.Stop("a")
		m.Stop("a")
		m.Stop("never seen")
		// A result of a run that is over ends the watch.
		over := p.subject("a", second)
		over.ended = true
		m.Watch(over.target())
		after(t, time.Hour, p, "13.5 a: check", `13.5 a: 0 "" after 0, healthy`)
	})
}

// TestGoesOn: a watch that follows an earlier daemon's keeps to its times.
func TestGoesOn(t *testing.T) {
	world(t, func(t *testing.T, m *health.Monitor, p *prober) {
		check := second
		check.Interval = time.Minute
		soon, late := p.subject("soon", check).target(), p.subject("overdue", check).target()
		soon.Started, late.Started = time.Now().Add(-2*time.Hour), time.Now().Add(-2*time.Hour)
		soon.Last, late.Last = time.Now().Add(-40*time.Second), time.Now().Add(-time.Hour)
		m.Watch(soon)
		m.Watch(late)
		after(t, time.Second, p, "0 overdue: check", `0 overdue: 0 "" after 0, healthy`)
		after(t, 20*time.Second, p, "20 soon: check", `20 soon: 0 "" after 0, healthy`)
	})
}

// TestMany: whoever waits for a probe holds no goroutine, and not all that are due are started at once.
func TestMany(t *testing.T) {
	world(t, func(t *testing.T, m *health.Monitor, p *prober) {
		before := runtime.NumGoroutine()
		const all = 500
		for n := range all {
			id := fmt.Sprint(n)
			p.set(id, command{starts: time.Second})
			m.Watch(p.subject(id, second).target())
		}
		synctest.Wait()
		if n := runtime.NumGoroutine() - before; n > 20 { // of other tests
			t.Errorf("%d goroutines more for %d idle containers", n, all)
		}
		<-time.After(1500 * time.Millisecond)
		synctest.Wait()
		if n := len(p.happened()); n != 16 {
			t.Errorf("%d are being started at a time, want 16", n)
		}
	})
}

// TestClose: afterwards nothing is watched, whoever asks.
func TestClose(t *testing.T) {
	world(t, func(t *testing.T, m *health.Monitor, p *prober) {
		p.set("a", command{takes: -1})
		m.Watch(p.subject("a", second).target())
		after(t, 250*time.Millisecond, p)
		m.Watch(p.subject("b", second).target())
		after(t, 1250*time.Millisecond, p, "1 a: check", "1.25 b: check", `1.25 b: 0 "" after 0, healthy`)
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		after(t, 0, p, "1.5 a: killed")
		m.Watch(p.subject("c", second).target())
		after(t, time.Hour, p)
	})
}
