package bundled

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestMain is also the engine of the tests: this program, run as cleatd.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == program {
		os.Exit(standIn(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// standIn does what of cleatd the package relies on: it listens, writes its pidfile, says that it is ready, ends at
// SIGTERM. A file "refuse" in its data root makes it fail.
func standIn(args []string) int {
	flags := map[string]string{}
	for i := 0; i+1 < len(args); i += 2 {
		flags[args[i]] = args[i+1]
	}
	fmt.Println("stand-in starts")
	if _, err := os.Stat(filepath.Join(flags["--data-root"], "refuse")); err == nil {
		fmt.Println("no bridge can be made")
		return 3
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	path := strings.TrimPrefix(flags["--host"], "unix://")
	_ = os.Remove(path)
	listener, err := net.Listen("unix", path)
	if err != nil {
		return 1
	}
	defer listener.Close()
	if err := os.WriteFile(flags["--pidfile"], []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644); err != nil {
		return 1
	}
	notify, err := net.Dial("unixgram", os.Getenv("NOTIFY_SOCKET"))
	if err != nil {
		return 1
	}
	if _, err := notify.Write([]byte("STATUS=up\nREADY=1\n")); err != nil {
		return 1
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /info", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{"DockerRootDir": flags["--data-root"]})
	})
	go func() { _ = http.Serve(listener, mux) }()
	<-stop
	_ = os.Remove(flags["--pidfile"])
	return 0
}

// fixture is an engine in a directory of its own, stopped at the end.
func fixture(t *testing.T) *Engine {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	raw, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bin, program), raw, 0o755); err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "cb") // sockets have short paths
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if _, err := Find(filepath.Join(bin, "cleat"), PlacesIn(dir)); err == nil {
		t.Fatal("found without cleat beside it: links are to be resolved")
	}
	if err := os.WriteFile(filepath.Join(bin, "cleat"), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "cleat")
	if err := os.Symlink(filepath.Join(bin, "cleat"), link); err != nil {
		t.Fatal(err)
	}
	e, err := Find(link, PlacesIn(dir))
	if err != nil {
		t.Fatal(err)
	}
	stopAtEnd(t, e)
	return e
}

func stopAtEnd(t *testing.T, e *Engine) {
	t.Helper()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		if _, err := e.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
}

// Two data roots are two engines. One engine's socket is not taken for another one's, nor started twice on its data.
func TestSeveral(t *testing.T) {
	t.Parallel()
	a := fixture(t)
	at := func(root, socket string) *Engine {
		e := &Engine{Program: a.Program, Places: PlacesOf(root, filepath.Join(root, "exec"), socket)}
		stopAtEnd(t, e)
		return e
	}
	dir, err := os.MkdirTemp("", "cb")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	one, two := filepath.Join(dir, "1"), filepath.Join(dir, "2")
	first, second := at(one, ""), at(two, "")
	for _, e := range []*Engine{first, second} {
		if started, err := e.Start(t.Context()); !started || err != nil {
			t.Fatalf("%s: %v, %v", e.DataRoot(), started, err)
		}
	}
	if x, y := first.Status(t.Context()).PID, second.Status(t.Context()).PID; x == 0 || x == y {
		t.Errorf("processes %d and %d", x, y)
	}
	if started, err := at(one+"/", "").Start(t.Context()); started || err != nil {
		t.Errorf("the same one in another spelling: %v, %v", started, err)
	}
	for want, e := range map[string]*Engine{
		"with the data root " + one + " listens, want " + two + "x: give each engine a socket of its own": at(two+"x", first.Socket()),
		"runs already, as process " + strconv.Itoa(first.Status(t.Context()).PID) + " at " + first.Host(): at(one, filepath.Join(dir, "other.sock")),
	} {
		if started, err := e.Start(t.Context()); started || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, %v, want %q", started, err, want)
		}
	}
}

func TestArgs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		at    Places
		flags []string
		want  string
	}{
		"system":       {PlacesOf("", "", ""), nil, "--pidfile /run/cleat/cleatd.pid"},
		"named system": {PlacesOf("/var/lib/cleat/", "", ""), nil, "--pidfile /run/cleat/cleatd.pid"},
		"socket":       {PlacesOf("", "", "/s"), nil, "--pidfile /run/cleat/cleatd.pid --host unix:///s --data-root /var/lib/cleat --exec-root /run/cleat/exec"},
		"data root":    {PlacesOf("/d", "", ""), []string{"--mtu", "1400"}, "--pidfile /d/cleatd.pid --host unix:///d/cleat.sock --data-root /d --exec-root /run/cleat-4823e769 --bridge cleat-4823e769 --mtu 1400"},
		"all":          {PlacesOf("/d", "/e", "/s"), []string{"--bridge=b0"}, "--pidfile /d/cleatd.pid --host unix:///s --data-root /d --exec-root /e --bridge=b0"},
		"directory":    {PlacesIn("/x"), nil, "--pidfile /x/run/cleatd.pid --host unix:///x/run/cleat.sock --data-root /x/data --exec-root /x/run/exec"},
	} {
		if got := strings.Join((&Engine{Places: c.at, Flags: c.flags}).args(), " "); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, c.want)
		}
	}
}

func TestLife(t *testing.T) {
	t.Parallel()
	e := fixture(t)
	if s := e.Status(t.Context()); s.Running {
		t.Fatalf("%+v before the start", s)
	}
	if stopped, err := e.Stop(t.Context()); stopped || err != nil {
		t.Fatalf("stop of none: %v, %v", stopped, err)
	}
	var wait sync.WaitGroup
	results := make(chan bool, 8)
	for range 8 {
		wait.Go(func() {
			started, err := e.Start(t.Context())
			if err != nil {
				t.Error(err)
			}
			results <- started
		})
	}
	wait.Wait()
	close(results)
	count := 0
	for started := range results {
		if started {
			count++
		}
	}
	s := e.Status(t.Context())
	if count != 1 || !s.Running || s.PID <= 1 {
		t.Errorf("%d of 8 racers started it; status %+v", count, s)
	}
	var log bytes.Buffer
	if err := e.Copy(t.Context(), &log, -1, false); err != nil || strings.Count(log.String(), "stand-in starts") != 1 {
		t.Errorf("log %q, %v", log.String(), err)
	}
	if stopped, err := e.Stop(t.Context()); !stopped || err != nil {
		t.Errorf("stop: %v, %v", stopped, err)
	}
	if s := e.Status(t.Context()); s.Running {
		t.Errorf("%+v after the stop", s)
	}
}

func TestStartFails(t *testing.T) {
	t.Parallel()
	e := fixture(t)
	if err := os.MkdirAll(e.DataRoot(), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(e.DataRoot(), "refuse"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "no bridge can be made") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("got %v, want the reason from its log", err)
	}
}

func TestStopIsForCleatdAlone(t *testing.T) {
	t.Parallel()
	e := fixture(t)
	if err := os.MkdirAll(e.run, 0o755); err != nil {
		t.Fatal(err)
	}
	// What a crash leaves: the number belongs to another program now, this one.
	if err := os.WriteFile(e.PIDFile(), []byte(strconv.Itoa(os.Getpid())), 0o644); err != nil {
		t.Fatal(err)
	}
	if stopped, err := e.Stop(t.Context()); stopped || err != nil {
		t.Errorf("got %v, %v", stopped, err)
	}
}

func TestFindNone(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := Find(filepath.Join(t.TempDir(), "cleat"), PlacesIn("")); !errors.Is(err, ErrNone) {
		t.Errorf("got %v, want %v", err, ErrNone)
	}
}

func TestEnvironmentIsNotHandedOn(t *testing.T) {
	for _, name := range []string{"DOCKER_HOST", "TF_VAR_password", "CLEAT_PROJECT"} {
		t.Setenv(name, "secret")
	}
	for _, v := range environment() {
		if strings.HasSuffix(v, "=secret") {
			t.Errorf("%s reaches the engine", v)
		}
	}
}

func TestCopyTail(t *testing.T) {
	t.Parallel()
	e := &Engine{Places: PlacesIn(t.TempDir())}
	if err := os.MkdirAll(e.DataRoot(), 0o755); err != nil {
		t.Fatal(err)
	}
	var all []string
	for i := range 20_000 {
		all = append(all, "line "+strconv.Itoa(i))
	}
	if err := os.WriteFile(e.Log(), []byte(strings.Join(all, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{-1, 0, 1, 2, 9_999, 20_000, 30_000} {
		var out bytes.Buffer
		if err := e.Copy(t.Context(), &out, n, false); err != nil {
			t.Fatal(err)
		}
		want := min(n, len(all))
		if n < 0 {
			want = len(all)
		}
		if got := strings.Count(out.String(), "\n"); got != want || want > 0 && !strings.HasPrefix(out.String(), all[len(all)-want]+"\n") {
			t.Errorf("last %d: %d lines", n, got)
		}
	}
}

func TestCopyFollows(t *testing.T) {
	t.Parallel()
	e := &Engine{Places: PlacesIn(t.TempDir())}
	if err := os.MkdirAll(e.DataRoot(), 0o755); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(e.Log())
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- e.Copy(ctx, w, -1, true) }()
	for i := range 3 {
		line := fmt.Sprintf("line %d\n", i)
		if _, err := log.WriteString(line); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(line))
		if _, err := io.ReadFull(r, got); err != nil || string(got) != line {
			t.Fatalf("got %q, %v", got, err)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
