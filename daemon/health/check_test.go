package health_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"

	"github.com/cleat-dev/cleat/daemon/health"
)

func TestCheckOf(t *testing.T) {
	t.Parallel()
	defaults := func(command ...string) health.Check {
		return health.Check{Command: command, Interval: 30 * time.Second, StartInterval: 5 * time.Second, Timeout: 30 * time.Second, Retries: 3}
	}
	for name, tc := range map[string]struct {
		config container.Config
		want   health.Check // no command: none
	}{
		"nothing said":     {container.Config{}, health.Check{}},
		"nothing to run":   {container.Config{Healthcheck: &container.HealthConfig{Interval: time.Second}}, health.Check{}},
		"none":             {container.Config{Healthcheck: &container.HealthConfig{Test: []string{"NONE"}}}, health.Check{}},
		"none with words":  {container.Config{Healthcheck: &container.HealthConfig{Test: []string{"NONE", "true"}}}, health.Check{}},
		"no program":       {container.Config{Healthcheck: &container.HealthConfig{Test: []string{"CMD"}}}, health.Check{}},
		"of another world": {container.Config{Healthcheck: &container.HealthConfig{Test: []string{"HTTP", "/"}}}, health.Check{}},
		"program":          {container.Config{Healthcheck: &container.HealthConfig{Test: []string{"CMD", "a", "b"}}}, defaults("a", "b")},
		"shell":            {container.Config{Healthcheck: &container.HealthConfig{Test: []string{"CMD-SHELL", "a b"}}}, defaults("/bin/sh", "-c", "a b")},
		"the image's shell": {
			container.Config{Shell: []string{"/bin/ash", "-eu", "-c"}, Healthcheck: &container.HealthConfig{Test: []string{"CMD-SHELL", "a"}}},
			defaults("/bin/ash", "-eu", "-c", "a"),
		},
		"all said": {
			container.Config{Healthcheck: &container.HealthConfig{
				Test: []string{"CMD", "a"}, Interval: 1, Timeout: 2, StartPeriod: 3, StartInterval: 4, Retries: 5,
			}},
			health.Check{Command: []string{"a"}, Interval: 1, Timeout: 2, StartPeriod: 3, StartInterval: 4, Retries: 5},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := health.CheckOf(&tc.config)
			if ok != (tc.want.Command != nil) {
				t.Errorf("found: %t", ok)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestJudge follows results over time. Each word is a second: "+" a success, "-" a failure, and what the health is then.
func TestJudge(t *testing.T) {
	t.Parallel()
	const starting, healthy, unhealthy = container.Starting, container.Healthy, container.Unhealthy
	type step struct {
		code   int
		status container.HealthStatus
		streak int
	}
	for name, tc := range map[string]struct {
		period time.Duration
		steps  []step
	}{
		"up at once":                {0, []step{{0, healthy, 0}, {0, healthy, 0}}},
		"never up":                  {0, []step{{1, starting, 1}, {1, starting, 2}, {1, unhealthy, 3}, {1, unhealthy, 4}}},
		"back again":                {0, []step{{1, starting, 1}, {2, starting, 2}, {-1, unhealthy, 3}, {0, healthy, 0}}},
		"one failure is none":       {0, []step{{0, healthy, 0}, {1, healthy, 1}, {0, healthy, 0}, {1, healthy, 1}, {1, healthy, 2}, {1, unhealthy, 3}}},
		"failures of the beginning": {3 * time.Second, []step{{1, starting, 0}, {1, starting, 0}, {1, starting, 1}, {1, starting, 2}, {1, unhealthy, 3}}},
		"up within the period":      {10 * time.Second, []step{{1, starting, 0}, {0, healthy, 0}, {1, healthy, 1}, {1, healthy, 2}, {1, unhealthy, 3}, {1, unhealthy, 4}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			started := time.Unix(1e9, 0)
			check := health.Check{StartPeriod: tc.period, Retries: 3}
			h := health.Begin(nil)
			for n, s := range tc.steps {
				at := started.Add(time.Duration(n+1) * time.Second)
				before := *h
				next := check.Judge(h, container.HealthcheckResult{Start: at, End: at, ExitCode: s.code}, started)
				if diff := cmp.Diff(before, *h); diff != "" {
					t.Errorf("step %d changed what was handed in: %s", n, diff)
				}
				if h = next; h.Status != s.status || h.FailingStreak != s.streak || len(h.Log) != min(n+1, 5) || h.Log[len(h.Log)-1].Start != at {
					t.Errorf("step %d: %+v, want %+v", n, h, s)
				}
			}
		})
	}
}

func TestBeginAndSuspended(t *testing.T) {
	t.Parallel()
	log := []*container.HealthcheckResult{{Output: "x"}}
	was := &container.Health{Status: container.Healthy, FailingStreak: 2, Log: log}
	if diff := cmp.Diff(&container.Health{Status: container.Starting, Log: log}, health.Begin(was)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(&container.Health{Status: container.Unhealthy, FailingStreak: 2, Log: log}, health.Suspended(was)); diff != "" {
		t.Error(diff)
	}
	if was.Status != container.Healthy || health.Suspended(nil) != nil {
		t.Error("what was handed in has changed")
	}
}
