//go:build linux

package system

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"
	"github.com/moby/moby/api/types/events"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/event"
	"github.com/cleat-dev/cleat/daemon/metadata"
	"github.com/cleat-dev/cleat/daemon/spec"
)

func service(t *testing.T, db *metadata.DB, change func(*Config)) *Service {
	t.Helper()
	bus, err := event.Open(db, 100)
	if err != nil {
		t.Fatal(err)
	}
	kernel, err := spec.ReadKernel()
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{DB: db, Bus: bus, Kernel: kernel, Version: "1.2.3", APIVersion: "1.44", MinAPIVersion: "1.2", DataRoot: "/data", Log: hclog.NewNullLogger()}
	if change != nil {
		change(&cfg)
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func database(t *testing.T) *metadata.DB {
	t.Helper()
	db, err := metadata.Open(filepath.Join(t.TempDir(), "meta.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestInfo(t *testing.T) {
	t.Parallel()
	db := database(t)
	s := service(t, db, func(c *Config) {
		c.Containers = func() (int, int, int) { return 3, 2, 1 }
		c.Images = func(context.Context) (int, error) { return 7, nil }
		c.Storage = func() (string, [][2]string) { return "overlay", [][2]string{{"a", "b"}} }
		c.Labels, c.Mirrors, c.Debug = []string{"x=y"}, []string{"https://m"}, true
		c.InsecureRegistries = []string{"10.0.0.0/8", "reg:5000"}
	})
	seq := s.cfg.Bus.Subscribe(t.Context(), time.Time{}, time.Time{}, nil)
	reading := make(chan struct{})
	go func() {
		for range seq {
			close(reading)
		}
	}()
	s.cfg.Bus.Publish(events.Message{Type: "daemon"})
	<-reading

	got, err := s.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{6, 3, 2, 1, 7, 1}, []int{got.Containers, got.ContainersRunning, got.ContainersPaused, got.ContainersStopped, got.Images, got.NEventsListener}); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]any{"overlay", host, strings.TrimSpace(string(release)), runtime.NumCPU(), true, "/data", "linux"},
		[]any{got.Driver, got.Name, got.KernelVersion, got.NCPU, got.Debug, got.DockerRootDir, got.OSType}); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
	if got.MemTotal < 1<<20 || got.NFd < 3 || got.NGoroutines < 2 || got.OperatingSystem == "" || got.Architecture == "" {
		t.Errorf("figures: memory %d, %d files, %d goroutines, %q on %q", got.MemTotal, got.NFd, got.NGoroutines, got.OperatingSystem, got.Architecture)
	}
	if _, err := time.Parse(time.RFC3339Nano, got.SystemTime); err != nil {
		t.Error(err)
	}
	if got.CgroupVersion != "1" && got.CgroupVersion != "2" || !got.MemoryLimit && !strings.Contains(strings.Join(got.Warnings, "\n"), "No memory limit support") {
		t.Errorf("cgroup %q, memory %v, warnings %q", got.CgroupVersion, got.MemoryLimit, got.Warnings)
	}
	r := got.RegistryConfig
	if len(r.InsecureRegistryCIDRs) != 3 || r.IndexConfigs["reg:5000"].Secure || r.IndexConfigs["docker.io"].Mirrors[0] != "https://m" {
		t.Errorf("registries: %+v", r)
	}
	if !regexp.MustCompile(`^([A-Z2-7]{4}:){11}[A-Z2-7]{4}$`).MatchString(got.ID) {
		t.Errorf("id %q", got.ID)
	}
	again, err := service(t, db, nil).Info(t.Context())
	if err != nil || again.ID != got.ID {
		t.Errorf("after a restart the id is %s, %v; was %s", again.ID, err, got.ID)
	}
	// Nothing a client may index is null.
	if again.DriverStatus == nil || again.Labels == nil || again.Warnings == nil || again.SecurityOptions == nil {
		t.Errorf("nulls: %+v", again)
	}
	broken := errors.New("broken")
	s = service(t, db, func(c *Config) { c.Images = func(context.Context) (int, error) { return 0, broken } })
	if _, err := s.Info(t.Context()); !errors.Is(err, broken) {
		t.Errorf("images cannot be counted: %v", err)
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	got, err := service(t, database(t), nil).Version(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"1.2.3", "1.44", "1.2", "linux", runtime.GOARCH, runtime.Version()},
		[]string{got.Version, got.APIVersion, got.MinAPIVersion, got.Os, got.Arch, got.GoVersion}); diff != "" {
		t.Errorf("version (-want +got):\n%s", diff)
	}
	if c := got.Components[0]; c.Name != "Engine" || c.Details["ApiVersion"] != "1.44" || c.Details["KernelVersion"] != got.KernelVersion || got.KernelVersion == "" {
		t.Errorf("engine: %+v", c)
	}
}

func TestProxy(t *testing.T) {
	for _, tc := range []struct{ upper, lower, want string }{
		{"http://proxy:8080", "http://other", "http://proxy:8080"},
		{"", "http://user:secret@proxy", "http://xxxxx:xxxxx@proxy"},
		{"", "", ""},
	} {
		t.Setenv("HTTP_PROXY", tc.upper)
		t.Setenv("http_proxy", tc.lower)
		if got := proxy("HTTP_PROXY"); got != tc.want {
			t.Errorf("%q, %q: %q, want %q", tc.upper, tc.lower, got, tc.want)
		}
	}
}

func TestParseTime(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	for text, want := range map[string]time.Time{
		"":                               {},
		"0":                              time.Unix(0, 0),
		"1374067924":                     time.Unix(1374067924, 0),
		"1374067924.5":                   time.Unix(1374067924, 500_000_000),
		"1374067924.000000001":           time.Unix(1374067924, 1),
		"1374067924.0000000019":          time.Unix(1374067924, 1),
		"10m":                            now.Add(-10 * time.Minute),
		"1h30m":                          now.Add(-90 * time.Minute),
		"2026-01-01":                     time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		"2026-01-01T10:20":               time.Date(2026, 1, 1, 10, 20, 0, 0, time.UTC),
		"2026-01-01T10:20:30":            time.Date(2026, 1, 1, 10, 20, 30, 0, time.UTC),
		"2026-01-01T10:20:30.123456789Z": time.Date(2026, 1, 1, 10, 20, 30, 123456789, time.UTC),
		"2026-01-01T10:20:30+02:00":      time.Date(2026, 1, 1, 8, 20, 30, 0, time.UTC),
	} {
		if got, err := ParseTime(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"x", "1.x", "1..2", "99999999999999999999", "2026-13-01", "1.-5", " 1"} {
		if got, err := ParseTime(text, now); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%q: %v, %v; want it refused", text, got, err)
		}
	}
}

func FuzzParseTime(f *testing.F) {
	f.Add("1374067924.000000001")
	f.Add("1h")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseTime(text, time.Unix(1e9, 0))
		if err != nil && !errors.Is(err, errs.ErrInvalid) || err == nil && text != "" && got.Equal(time.Time{}) && !strings.Contains(text, "-") {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	})
}

func TestEvents(t *testing.T) {
	t.Parallel()
	s := service(t, database(t), nil)
	publish := func(kind events.Type, action events.Action, id string, attributes map[string]string) {
		s.cfg.Bus.Publish(events.Message{Type: kind, Action: action, Actor: events.Actor{ID: id, Attributes: attributes}})
	}
	image := "sha256:" + strings.Repeat("1", 64)
	publish("container", "create", "aaaa", map[string]string{"name": "web", "image": "reg:5000/app:v1", "env": "prod"})
	publish("container", "exec_create: sh -c true", "aaaa", map[string]string{"name": "web", "image": "reg:5000/app:v1", "env": "prod"})
	publish("container", "die", "bbbb", map[string]string{"name": "db", "image": "db", "env": "test", "exitCode": "0"})
	publish("image", "untag", image, map[string]string{"name": "reg:5000/app:v1"})
	publish("network", "connect", "cccc", map[string]string{"name": "web", "container": "aaaa"})
	type f = map[string][]string
	for _, tc := range []struct {
		filters f
		want    string
	}{
		{nil, "create exec_create die untag connect"},
		{f{"unknown": {"x"}}, "create exec_create die untag connect"},
		{f{"type": {"container"}}, "create exec_create die"},
		{f{"type": {"image", "network"}}, "untag connect"},
		{f{"event": {"exec_create"}}, "exec_create"},
		{f{"event": {"create", "die"}}, "create die"},
		{f{"container": {"aaaa"}}, "create exec_create"},
		{f{"container": {"aa"}}, "create exec_create"},
		{f{"container": {"web"}}, "create exec_create"},
		{f{"container": {"/web", "db"}}, "create exec_create die"},
		{f{"container": {"x"}}, ""},
		{f{"network": {"web"}}, "connect"},
		{f{"image": {"reg:5000/app:v1"}}, "create exec_create untag"},
		{f{"image": {"reg:5000/app"}}, "create exec_create untag"},
		{f{"image": {image}}, "untag"},
		{f{"image": {strings.Repeat("1", 64)}}, "untag"},
		{f{"image": {"reg"}}, ""},
		{f{"label": {"env"}}, "create exec_create die"},
		{f{"label": {"env=prod"}}, "create exec_create"},
		{f{"label": {"env=prod", "name=web"}}, "create exec_create"},
		{f{"label": {"env=prod", "name=db"}}, ""},
		{f{"type": {"container"}, "event": {"die"}, "image": {"db"}}, "die"},
		{f{"scope": {"local"}}, "create exec_create die untag connect"},
		{f{"scope": {"swarm"}}, ""},
	} {
		seq, err := s.Events(t.Context(), "1h", time.Now().Format(time.RFC3339Nano), tc.filters)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for m := range seq {
			action, _, _ := strings.Cut(string(m.Action), ":")
			got = append(got, action)
		}
		if strings.Join(got, " ") != tc.want {
			t.Errorf("%v: %v, want %s", tc.filters, got, tc.want)
		}
	}
	for _, tc := range []struct{ since, until, want string }{
		{"x", "", "since: time"}, {"", "x", "until: time"}, {"5", "4", "`since` time (5) cannot be after `until` time (4)"},
	} {
		if _, err := s.Events(t.Context(), tc.since, tc.until, nil); !errors.Is(err, errs.ErrInvalid) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s to %s: %v", tc.since, tc.until, err)
		}
	}
}
