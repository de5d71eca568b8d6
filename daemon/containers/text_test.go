//go:build linux

package containers

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"

	"github.com/cleat-dev/cleat/api/errs"
)

func TestStatusText(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_000_000, 0)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	for want, s := range map[string]state{
		"created|Created":                          {},
		"running|Up 3 seconds":                     {Running: true, StartedAt: ago(3 * time.Second)},
		"paused|Up About an hour (Paused)":         {Running: true, Paused: true, StartedAt: ago(time.Hour)},
		"restarting|Restarting (1) 5 seconds ago":  {Restarting: true, ExitCode: 1, StartedAt: ago(time.Minute), FinishedAt: ago(5 * time.Second)},
		"exited|Exited (137) 2 minutes ago":        {ExitCode: 137, StartedAt: ago(time.Hour), FinishedAt: ago(2 * time.Minute)},
		"dead|Dead":                                {Dead: true, StartedAt: ago(time.Hour)},
		"exited|Exited (0) Less than a second ago": {StartedAt: ago(time.Hour), FinishedAt: now.Add(time.Minute)}, // the clock went back
		"running|Up 2 weeks":                       {Running: true, StartedAt: ago(15 * 24 * time.Hour)},
	} {
		if got := string(s.status()) + "|" + s.text(now); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestDetachKeys(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "\x10\x11", "ctrl-p,ctrl-q": "\x10\x11", "a": "a", "ctrl-a,b,ctrl-@": "\x01b\x00", "ctrl-[": "\x1b", ",": ",", "a,,": "a,",
		"ctrl-": "!", "ctrl-1": "!", "ab": "!", "ctrl-pq": "!",
	} {
		keys, err := detachKeys(text)
		if want == "!" {
			if !errors.Is(err, errs.ErrInvalid) {
				t.Errorf("%q: %v", text, err)
			}
			continue
		}
		if err != nil || string(keys) != want {
			t.Errorf("%q: %q, %v; want %q", text, keys, err, want)
		}
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	now := time.Unix(2_000_000_000, 0)
	for text, want := range map[string]time.Time{
		"1234": time.Unix(1234, 0), "1234.5": time.Unix(1234, 500_000_000), "1234.000000001": time.Unix(1234, 1), "10m": now.Add(-10 * time.Minute),
		"2020-01-02T03:04:05Z": time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC), "2020-01-02T03:04:05.5+01:00": time.Date(2020, 1, 2, 2, 4, 5, 5e8, time.UTC),
	} {
		got, err := parseTime(text, now)
		if err != nil || !got.Equal(want) {
			t.Errorf("%s: %v, %v; want %v", text, got, err, want)
		}
	}
	for _, bad := range []string{"", "x", "1.x", "2020-13-01"} {
		if got, err := parseTime(bad, now); err == nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
}

func TestParseStat(t *testing.T) {
	t.Parallel()
	p, err := parseStat([]byte("42 (a) (b c) S 7 42 42 34818 42 4194560 1 0 0 0 123 77 0 0 20 0 3 0 5000 1052672 300 18446744073709551615 1\n"))
	must(t, err)
	if p.comm != "a) (b c" || p.pid != 42 || p.ppid != 7 || p.cpuTime() != 2*time.Second || p.start != 5000 || p.vsize != 1052672 || p.rss != 300 {
		t.Errorf("%+v", p)
	}
	if got := terminal(nil, p); got != "pts/2" {
		t.Errorf("terminal %s", got)
	}
	if got := p.stat(); got != "Ssl+" {
		t.Errorf("stat %s", got)
	}
	if got := clock(26*time.Hour + 61*time.Second); got != "1-02:01:01" {
		t.Errorf("clock %s", got)
	}
	for _, bad := range []string{"", "1", "1 (x", "1 (x) S 1", "x (y) S " + strings.Repeat("1 ", 40), "1 (y) S " + strings.Repeat("x ", 40)} {
		if _, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("42 (a b) S 7 42 42 34818 42 4194560 1 0 0 0 123 77 0 0 20 0 3 0 5000 1052672 300 1844 1\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if p, err := parseStat(raw); err == nil {
			_, _ = p.stat(), commandOf(nil, p)
		}
	})
}

func TestParsePS(t *testing.T) {
	t.Parallel()
	output := "  PID TTY   CMD\n    1 ?     /sbin/init splash\n   42 pts/0 sh -c sleep  1\n    - -     -\n   43 ?     x\n"
	got, err := parsePS(output, []int{42})
	must(t, err)
	want := container.TopResponse{Titles: []string{"PID", "TTY", "CMD"}, Processes: [][]string{{"42", "pts/0", "sh -c sleep 1"}, {"-", "-", "-"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
	if _, err := parsePS("USER CMD\nroot x\n", []int{1}); err == nil {
		t.Error("no column PID, and no error")
	}
	if err := validPS([]string{"-o", "comm=PID"}); !errors.Is(err, errs.ErrInvalid) {
		t.Errorf("a renamed column: %v", err)
	}
}

func TestOwnNames(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]*container.Config{
		"web":                   {Hostname: "web"},
		"web.example.org web":   {Hostname: "web.example.org"},
		"web.example.com web":   {Hostname: "web", Domainname: "example.com"},
		"web.a.example.net web": {Hostname: "web.a", Domainname: "example.net"},
	} {
		if got := ownNames(c); got != want {
			t.Errorf("%s, %s: %q, want %q", c.Hostname, c.Domainname, got, want)
		}
	}
}

func TestHosts(t *testing.T) {
	t.Parallel()
	r := &record{ID: strings.Repeat("a", 64), Name: "web", Config: &container.Config{Hostname: "web1", Domainname: "example.org"},
		Host: &container.HostConfig{NetworkMode: "bridge", ExtraHosts: []string{"db:10.0.0.9", "up:host-gateway", "v6:::1"}}}
	up := &setup{gateway: netip.MustParseAddr("172.17.0.1"), endpoints: map[string]*network.EndpointSettings{
		"bridge": {IPAddress: netip.MustParseAddr("172.17.0.2")}, "other": {IPAddress: netip.MustParseAddr("172.18.0.2")}}}
	child := &record{Name: "redis3", Config: &container.Config{Hostname: "abc", Env: []string{"PATH=/bin", "PW=x"},
		ExposedPorts: network.PortSet{network.MustParsePort("6379/tcp"): {}, network.MustParsePort("53/udp"): {}}}}
	l := linked{alias: "re-dis", r: child, ip: "172.17.0.9"}
	hosts, err := hostsOf(r, up, []linked{l})
	must(t, err)
	want := loopbackHosts + "10.0.0.9\tdb\n172.17.0.1\tup\n::1\tv6\n172.17.0.9\tre-dis abc redis3\n" +
		"172.17.0.2\tweb1.example.org web1\n172.18.0.2\tweb1.example.org web1\n"
	if diff := cmp.Diff(want, string(hosts)); diff != "" {
		t.Errorf("hosts (-want +got):\n%s", diff)
	}
	wantEnv := []string{
		"RE_DIS_NAME=/web/re-dis", "RE_DIS_PORT=tcp://172.17.0.9:6379", "RE_DIS_PORT_6379_TCP=tcp://172.17.0.9:6379",
		"RE_DIS_PORT_6379_TCP_ADDR=172.17.0.9", "RE_DIS_PORT_6379_TCP_PORT=6379", "RE_DIS_PORT_6379_TCP_PROTO=tcp",
		"RE_DIS_PORT_53_UDP=udp://172.17.0.9:53", "RE_DIS_PORT_53_UDP_ADDR=172.17.0.9", "RE_DIS_PORT_53_UDP_PORT=53", "RE_DIS_PORT_53_UDP_PROTO=udp",
		"RE_DIS_ENV_PW=x",
	}
	if diff := cmp.Diff(wantEnv, l.env("web")); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
	path := filepath.Join(t.TempDir(), "hosts")
	must(t, os.WriteFile(path, hosts, 0o600))
	l.ip = "172.17.0.77"
	must(t, replaceHost(path, l))
	now, err := os.ReadFile(path)
	must(t, err)
	if text := string(now); strings.Contains(text, "172.17.0.9\t") || !strings.HasSuffix(text, "172.17.0.77\tre-dis abc redis3\n") || !strings.Contains(text, "web1") {
		t.Errorf("hosts: %s", text)
	}
}

func TestResolv(t *testing.T) {
	t.Parallel()
	got, err := resolvOf(&container.HostConfig{NetworkMode: "bridge", DNS: []netip.Addr{netip.MustParseAddr("1.2.3.4"), {}}, DNSSearch: []string{"", "a.example"}, DNSOptions: []string{"ndots:2"}}, false)
	must(t, err)
	if want := "search a.example\nnameserver 1.2.3.4\noptions ndots:2\n"; string(got) != want {
		t.Errorf("resolv.conf %q, want %q", got, want)
	}
	got, err = resolvOf(&container.HostConfig{NetworkMode: "bridge", DNS: []netip.Addr{netip.MustParseAddr("1.2.3.4")}, DNSSearch: []string{"."}}, false)
	must(t, err)
	if strings.Contains(string(got), "search") {
		t.Errorf("resolv.conf %q: search . means none", got)
	}
	if got := notLoopback([]string{"127.0.0.53", "::1", "9.9.9.9", "x", "2001:db8::1"}); !cmp.Equal(got, []string{"9.9.9.9", "2001:db8::1"}) {
		t.Errorf("servers %v", got)
	}
}

func TestListFilters(t *testing.T) {
	t.Parallel()
	port := network.MustParsePort
	base := func(name string) *record {
		return &record{ID: newID(), Name: name, Created: time.Now(), Path: "sh", Args: []string{"-c", "a b"}, Config: &container.Config{Image: "busybox"}, Host: &container.HostConfig{NetworkMode: "bridge"}, ImageID: "sha256:" + strings.Repeat("ab", 32),
			Endpoints: map[string]*network.EndpointSettings{"bridge": {NetworkID: "77aa"}}}
	}
	started := time.Now().Add(-time.Minute)
	first, second, third := base("first"), base("second"), base("third")
	first.State = state{ExitCode: 3, StartedAt: started, FinishedAt: started}
	first.Config.Labels = map[string]string{"a": "1", "b": "2"}
	second.State = state{Running: true, StartedAt: started}
	second.Ports = network.PortMap{port("80/tcp"): {{HostIP: netip.IPv4Unspecified(), HostPort: "8080"}}, port("53/udp"): nil}
	second.Config.ExposedPorts = network.PortSet{port("80/tcp"): {}}
	second.Mounts = []mountPoint{{MountPoint: container.MountPoint{Name: "data", Destination: "/data"}}}
	second.Created = first.Created.Add(time.Second)
	third.Created = first.Created.Add(2 * time.Second)
	third.Links = []link{{ID: first.ID, Alias: "f"}}
	s := &Service{index: newIndex(), images: &fakeImages{image: Image{ID: first.ImageID}}}
	for _, r := range []*record{third, first, second} { // in any order
		s.index.add(newCtr(r))
	}
	f := func(pairs ...string) ListOptions {
		o := ListOptions{All: true, Filters: map[string][]string{}}
		for i := 0; i < len(pairs); i += 2 {
			o.Filters[pairs[i]] = append(o.Filters[pairs[i]], pairs[i+1])
		}
		return o
	}
	for name, c := range map[string]struct {
		o    ListOptions
		want string
	}{
		"running":          {ListOptions{}, "second"},
		"all":              {ListOptions{All: true}, "third second first"},
		"limit":            {ListOptions{Limit: 2}, "third second"},
		"limit -1":         {ListOptions{Limit: -1}, "second"},
		"since":            {ListOptions{Since: "first"}, "third second"},
		"before":           {ListOptions{Before: "third"}, "second first"},
		"between":          {ListOptions{Since: "first", Before: third.ID}, "second"},
		"filter since":     {f("since", "second"), "third"},
		"exited":           {f("exited", "3"), "first"},
		"exited, none":     {f("exited", "0"), ""},
		"status":           {ListOptions{Filters: map[string][]string{"status": {"exited", "created"}}}, "third first"},
		"label":            {f("label", "a"), "first"},
		"labels":           {f("label", "a=1", "label", "b=2"), "first"},
		"label, other":     {f("label", "a=2"), ""},
		"no label":         {f("label!", "a"), "third second"},
		"name":             {f("name", "ir"), "third first"},
		"name, anchored":   {f("name", "^/third$"), "third"},
		"id":               {f("id", second.ID[:10]), "second"},
		"ancestor":         {f("ancestor", "busybox:1"), "third second first"},
		"ancestor, none":   {f("ancestor", "other"), ""},
		"volume":           {f("volume", "data"), "second"},
		"volume, place":    {f("volume", "/data/"), "second"},
		"network":          {f("network", "bridge"), "third second first"},
		"network, id":      {f("network", "77"), "third second first"},
		"publish":          {f("publish", "8080"), "second"},
		"publish, range":   {f("publish", "79-81/tcp"), "second"},
		"expose":           {f("expose", "80"), "second"},
		"health":           {f("health", "none"), "third second first"},
		"is-task":          {f("is-task", "true"), ""},
		"several, all met": {f("name", "first", "exited", "3"), "first"},
	} {
		rows, err := s.List(t.Context(), c.o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var got []string
		for _, row := range rows {
			got = append(got, strings.TrimPrefix(row.Names[0], "/"))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, want %s", name, got, c.want)
		}
	}
	for _, bad := range []ListOptions{f("colour", "red"), f("exited", "x"), f("status", "asleep"), f("publish", "x"), f("is-task", "x")} {
		if _, err := s.List(t.Context(), bad); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%v: %v", bad.Filters, err)
		}
	}
	if _, err := s.List(t.Context(), ListOptions{Since: "nobody"}); !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("since nobody: %v", err)
	}
	rows, err := s.List(t.Context(), ListOptions{All: true})
	must(t, err)
	if diff := cmp.Diff([]string{"/first", "/third/f"}, rows[2].Names); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if rows[1].Command != "sh -c 'a b'" || rows[1].Image != "busybox" {
		t.Errorf("command %s, image %s", rows[1].Command, rows[1].Image)
	}
	wantPorts := []container.PortSummary{{PrivatePort: 53, Type: "udp"}, {IP: netip.IPv4Unspecified(), PrivatePort: 80, PublicPort: 8080, Type: "tcp"}}
	if diff := cmp.Diff(wantPorts, rows[1].Ports, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("ports (-want +got):\n%s", diff)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	x := newIndex()
	for _, id := range []string{"aaa1" + strings.Repeat("0", 60), "aaa2" + strings.Repeat("0", 60), "bbb1" + strings.Repeat("0", 60)} {
		x.add(newCtr(&record{ID: id, Name: "n" + id[:4]}))
	}
	x.add(newCtr(&record{ID: strings.Repeat("c", 64), Name: "aaa1"})) // a name that is another's beginning
	for ref, want := range map[string]string{
		"naaa1": "aaa1", "/naaa2": "aaa2", "bbb": "bbb1", "b": "bbb1", "aaa1": "cccc", "aaa": "400", "": "400", "x": "404", "bbb10x": "404",
	} {
		c, err := x.find(ref)
		got := ""
		switch {
		case errors.Is(err, errs.ErrInvalid):
			got = "400"
		case errors.Is(err, errs.ErrNotFound):
			got = "404"
		case err == nil:
			got = c.id[:4]
		}
		if got != want {
			t.Errorf("%q: %s, %v; want %s", ref, got, err, want)
		}
	}
	if _, ok := x.reserve("naaa1", "other"); ok {
		t.Error("a name is given twice")
	}
}

func TestWantsUp(t *testing.T) {
	t.Parallel()
	ran := time.Unix(1, 0)
	for name, c := range map[string]struct {
		policy container.RestartPolicy
		state  state
		count  int
		was    bool
		want   bool
	}{
		"no":                      {container.RestartPolicy{}, state{StartedAt: ran, ExitCode: 1}, 0, true, false},
		"always":                  {container.RestartPolicy{Name: "always"}, state{StartedAt: ran, ByHand: true}, 0, false, true},
		"always, never started":   {container.RestartPolicy{Name: "always"}, state{}, 0, false, false},
		"unless-stopped":          {container.RestartPolicy{Name: "unless-stopped"}, state{StartedAt: ran}, 0, true, true},
		"unless-stopped, stopped": {container.RestartPolicy{Name: "unless-stopped"}, state{StartedAt: ran, ByHand: true}, 0, false, false},
		"on-failure":              {container.RestartPolicy{Name: "on-failure"}, state{StartedAt: ran, ExitCode: 255}, 0, true, true},
		"on-failure, success":     {container.RestartPolicy{Name: "on-failure"}, state{StartedAt: ran}, 0, true, false},
		"on-failure, long ago":    {container.RestartPolicy{Name: "on-failure"}, state{StartedAt: ran, ExitCode: 1}, 0, false, false},
		"on-failure, used up":     {container.RestartPolicy{Name: "on-failure", MaximumRetryCount: 2}, state{StartedAt: ran, ExitCode: 1}, 2, true, false},
	} {
		r := &record{Host: &container.HostConfig{RestartPolicy: c.policy}, State: c.state, Restarts: c.count}
		if got := wantsUp(r, c.was); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
