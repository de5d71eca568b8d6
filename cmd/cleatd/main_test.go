//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/daemon/config"
	"github.com/cleat-dev/cleat/daemon/server"
	"github.com/cleat-dev/cleat/internal/acctest"
)

// buffer is written by several goroutines.
type buffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// fake is an engine with one call.
type fake struct {
	*server.Server
	closed chan struct{}
}

func (f *fake) Close(context.Context) error { close(f.closed); return nil }

func (f *fake) Containers() (running, paused, stopped int) { return 5, 0, 0 }

// newApp is a program with a fake engine.
func newApp(t *testing.T) (a *app, signals chan<- os.Signal, out, log *buffer, f *fake) {
	t.Helper()
	out, log, f = &buffer{}, &buffer{}, &fake{closed: make(chan struct{})}
	c := make(chan os.Signal, 2)
	return &app{
		out: out, err: log, signals: c, exit: func(code int) { t.Errorf("exit(%d)", code) },
		open: func(_ context.Context, _ config.Config, observe func(server.Call), _ hclog.Logger) (engine, error) {
			var err error
			f.Server, err = server.New(server.Config{Observe: observe, Routes: []server.Route{{Method: "GET", Path: "/_ping",
				Handle: func(w http.ResponseWriter, _ *server.Request) error {
					_, err := io.WriteString(w, "OK")
					return err
				}}}})
			return f, err
		},
	}, c, out, log, f
}

func get(t *testing.T, network, address, path string) string {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://x"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Do(req)
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func root(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("cleatd wants root")
	}
}

func TestLife(t *testing.T) {
	root(t)
	dir := t.TempDir()
	notify, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify")})
	if err != nil {
		t.Fatal(err)
	}
	defer notify.Close()
	t.Setenv("NOTIFY_SOCKET", notify.LocalAddr().String())
	told := func() string {
		text := make([]byte, 100)
		n, err := notify.Read(text)
		if err != nil {
			t.Fatal(err)
		}
		return string(text[:n])
	}
	sock, pidfile, metrics := filepath.Join(dir, "s"), filepath.Join(dir, "run", "pid"), fmt.Sprintf("127.0.0.1:%d", acctest.FreePort(t))
	file := filepath.Join(dir, "cleatd.hcl")
	if err := os.WriteFile(file, []byte("host = [\"unix://"+sock+"\"]\nmetrics-addr = \""+metrics+"\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a, signals, _, log, f := newApp(t)
	code := make(chan int, 1)
	go func() {
		code <- a.main(t.Context(), []string{"--config-file", file, "--pidfile", pidfile, "--data-root", filepath.Join(dir, "data"), "--log-format", "json"})
	}()
	if got := told(); got != "READY=1" {
		t.Errorf("told systemd %q", got)
	}
	if got := os.Getenv("NOTIFY_SOCKET"); got != "" {
		t.Errorf("children inherit NOTIFY_SOCKET=%s", got)
	}
	if got := get(t, "unix", sock, "/v1.18/_ping"); got != "OK" {
		t.Errorf("ping: %q", got)
	}
	if text, err := os.ReadFile(pidfile); string(text) != strconv.Itoa(os.Getpid()) {
		t.Errorf("pidfile %q, %v", text, err)
	}
	got := get(t, "tcp", metrics, "/metrics")
	for _, want := range []string{`cleat_requests_total{method="GET",route="/_ping",status="200"} 1`, `cleat_containers{state="running"} 5`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in the metrics", want)
		}
	}
	signals <- unix.SIGTERM
	if got := told(); got != "STOPPING=1" {
		t.Errorf("told systemd %q", got)
	}
	if got := <-code; got != 0 {
		t.Errorf("exit code %d", got)
	}
	<-f.closed
	for _, path := range []string{sock, pidfile} {
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left: %v", path, err)
		}
	}
	if text := log.String(); !strings.Contains(text, `"@message":"ready"`) || !strings.Contains(text, `"signal":"terminated"`) {
		t.Errorf("log: %s", text)
	}
}

func TestStartFails(t *testing.T) {
	root(t)
	dir := t.TempDir()
	sock := filepath.Join(dir, "s")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, tc := range map[string]struct {
		args []string
		open error
		code int
		want string
	}{
		"option":       {[]string{"--hots=x"}, nil, 2, "cleatd: unknown flag: --hots\ncleatd: \"cleatd --help\" lists commands and options\n"},
		"command":      {[]string{"start"}, nil, 2, "found \"start\", which is no command"},
		"value":        {[]string{"--log-level=x", "--mtu=1"}, nil, 1, "cleatd: command line: --mtu: found \"1\", want 68 to 65535 bytes\ncleatd: command line: --log-level"},
		"file":         {[]string{"--config-file=/none"}, nil, 1, "cleatd: configuration file: open /none: no such file or directory\n"},
		"certificate":  {[]string{"--tls", "--tlscert=/none", "--tlskey=/none"}, nil, 1, "cleatd: TLS certificate /none with key /none"},
		"address":      {[]string{"-H", "unix://" + sock, "-H", "tcp://" + taken.Addr().String()}, nil, 1, "address already in use"},
		"metrics":      {[]string{"-H", "unix://" + sock, "--metrics-addr", taken.Addr().String()}, nil, 1, "cleatd: metrics: listen tcp"},
		"engine":       {[]string{"-H", "unix://" + sock, "--metrics-addr", "127.0.0.1:0", "--pidfile", filepath.Join(dir, "pid")}, errors.New("records are broken"), 1, "cleatd: records are broken\n"},
		"insecure TCP": {[]string{"-H", "tcp://0.0.0.0:0"}, nil, 1, "plain TCP outside loopback"},
	} {
		a, _, _, log, _ := newApp(t)
		if tc.open != nil {
			a.open = func(context.Context, config.Config, func(server.Call), hclog.Logger) (engine, error) {
				return nil, tc.open
			}
		} else {
			a.open = func(context.Context, config.Config, func(server.Call), hclog.Logger) (engine, error) {
				t.Errorf("%s: the engine was opened", name)
				return nil, errors.New("not to be")
			}
		}
		if code := a.main(t.Context(), tc.args); code != tc.code || !strings.Contains(log.String(), tc.want) {
			t.Errorf("%s: code %d, %s; want %d, …%s…", name, code, log, tc.code, tc.want)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
			t.Errorf("%s leaves %v, %v", name, left, err)
		}
	}
}

// A signal during the start ends it, and is no error.
func TestSignalWhileStarting(t *testing.T) {
	root(t)
	a, signals, _, log, _ := newApp(t)
	a.open = func(ctx context.Context, _ config.Config, _ func(server.Call), _ hclog.Logger) (engine, error) {
		signals <- unix.SIGINT
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if code := a.main(t.Context(), []string{"-H", "unix://" + filepath.Join(t.TempDir(), "s")}); code != 0 {
		t.Errorf("code %d: %s", code, log)
	}
}

func TestSecondSignal(t *testing.T) {
	t.Parallel()
	signals := make(chan os.Signal, 2)
	code := make(chan int, 1)
	a := &app{signals: signals, exit: func(c int) { code <- c }}
	ctx, cancel := context.WithCancel(t.Context())
	go a.obey(cancel, hclog.NewNullLogger())
	signals <- unix.SIGTERM
	<-ctx.Done()
	signals <- unix.SIGTERM
	if got := <-code; got != exitSignal {
		t.Errorf("code %d", got)
	}
}

func TestCommands(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "c.hcl")
	if err := os.WriteFile(file, []byte("\nhost = [\"nowhere\"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		args []string
		code int
		out  string
		err  string
	}{
		{[]string{"validate", "--config-file", os.DevNull}, 0, "The configuration is valid.\n", ""},
		{[]string{"validate", "--config-file", file}, 1, "", "cleatd: " + file + ":2: host: found \"nowhere\", want unix://PATH, tcp://HOST:PORT or fd://\n"},
		{[]string{"validate", "--config-file", file, "-H", "fd://"}, 0, "The configuration is valid.\n", ""},
		{[]string{"validate", "--tls", "--tlscert=/none", "--tlskey=/none"}, 1, "", "no such file"},
		{[]string{"validate", "x"}, 2, "", "found \"x\", which is no command"},
		{[]string{"version"}, 0, "API 1.2 to 1.44\n", ""},
		{[]string{"--help"}, 0, "--default-address-pool base=CIDR,size=BITS", ""},
		{[]string{"completion", "bash"}, 0, "__start_cleatd", ""},
		{[]string{"__complete", "--log-format", ""}, 0, "text\njson\n", ""},
	} {
		a, _, out, log, _ := newApp(t)
		if code := a.main(t.Context(), tc.args); code != tc.code || !strings.Contains(out.String(), tc.out) || !strings.Contains(log.String(), tc.err) {
			t.Errorf("%q: code %d\n%s\n%s", tc.args, code, out, log)
		}
	}
}

func TestPidfile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "pid")
	// A process that has the daemon's name.
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Skip(err)
	}
	program, err := os.ReadFile(sleep)
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(dir, "cleatd")
	if err := os.WriteFile(other, program, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), other, "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(strconv.Itoa(cmd.Process.Pid) + "\n")
	if _, err := writePidfile(path); err == nil || !strings.Contains(err.Error(), "runs already, as process "+strconv.Itoa(cmd.Process.Pid)) {
		t.Errorf("another cleatd runs: %v", err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	// Stale ones: a process that is gone, one that is no cleatd, no number at all.
	for _, text := range []string{strconv.Itoa(cmd.Process.Pid), strconv.Itoa(os.Getppid()), "x", "", "-1"} {
		write(text)
		remove, err := writePidfile(path)
		if err != nil {
			t.Errorf("stale %q: %v", text, err)
			continue
		}
		if err := remove(); err != nil {
			t.Error(err)
		}
	}
	// One that is another's by the time we end stays.
	remove, err := writePidfile(path)
	if err != nil {
		t.Fatal(err)
	}
	write("1")
	if err := remove(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}
