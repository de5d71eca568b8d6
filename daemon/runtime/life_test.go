//go:build linux

package runtime_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/daemon/runtime"
)

func TestRestartPolicy(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	t.Run("on-failure", func(t *testing.T) {
		t.Parallel()
		b := h.bundle("on-failure", "sh", "-c", "echo run; exit 3")
		b.Restart = runtime.RestartPolicy{Name: "on-failure", MaximumRetryCount: 2}
		h.start(b)
		entries := h.wait("on-failure", "end", func(entries []entry) bool { return len(of(entries, runtime.KindExit)) == 3 })
		var delays []int64
		for i, e := range of(entries, runtime.KindExit) {
			if e.Code != 3 || e.Run != int64(i+1) || e.Restart != (i < 2) {
				t.Errorf("exit %d: %+v", i, e)
			}
			delays = append(delays, e.Delay)
		}
		if delays[0] != 100 || delays[1] != 200 || delays[2] != 0 {
			t.Errorf("delays %v", delays)
		}
		starts := of(entries, runtime.KindStart)
		for i, e := range starts {
			if e.Count != int64(i) {
				t.Errorf("start %d: %+v", i, e)
			}
		}
		if gap := time.Duration(starts[1].Time - of(entries, runtime.KindExit)[0].Time); gap < 100*time.Millisecond {
			t.Errorf("restarted after %v", gap)
		}
		if _, ok := h.Process("on-failure"); ok {
			t.Error("it is over, but still has a process")
		}
		if got := h.logged("on-failure", "stdout"); got != "run\nrun\nrun\n" {
			t.Errorf("log %q", got)
		}
	})
	t.Run("success ends on-failure", func(t *testing.T) {
		t.Parallel()
		b := h.bundle("success", "true")
		b.Restart = runtime.RestartPolicy{Name: "on-failure"}
		h.start(b)
		if e := h.until("success", runtime.KindExit, 1); e.Restart {
			t.Errorf("%+v", e)
		}
	})
	t.Run("stop while running", func(t *testing.T) {
		t.Parallel()
		b := h.bundle("stop", "sleep", "1000")
		b.Restart = runtime.RestartPolicy{Name: "always"}
		p := h.start(b)
		if err := p.Signal(t.Context(), unix.SIGKILL, true); err != nil {
			t.Fatal(err)
		}
		if e := h.until("stop", runtime.KindExit, 1); e.Restart {
			t.Errorf("%+v", e)
		}
	})
	t.Run("stop while restarting", func(t *testing.T) {
		t.Parallel()
		b := h.bundle("pending", "false")
		b.Restart = runtime.RestartPolicy{Name: "always"}
		p := h.start(b)
		for n := 1; ; n++ { // until it is caught between two runs
			h.until("pending", runtime.KindExit, n)
			err := p.Signal(t.Context(), 0, true)
			if err == nil {
				break
			}
			if !errors.Is(err, runtime.ErrNotRunning) {
				t.Fatal(err)
			}
		}
		entries := h.wait("pending", "stop", func(entries []entry) bool {
			last := entries[len(entries)-1]
			return last.Kind == runtime.KindStop || last.Kind == runtime.KindExit && !last.Restart
		})
		if _, ok := h.Process("pending"); ok {
			t.Errorf("still has a process: %s", text(entries))
		}
	})
	t.Run("policy changed while restarting", func(t *testing.T) {
		t.Parallel()
		b := h.bundle("changed", "false")
		b.Restart = runtime.RestartPolicy{Name: "always"}
		p := h.start(b)
		h.until("changed", runtime.KindExit, 3)
		if err := p.SetPolicy(t.Context(), runtime.RestartPolicy{Name: "no"}); err != nil {
			t.Fatal(err)
		}
		h.wait("changed", "end", func(entries []entry) bool {
			last := entries[len(entries)-1]
			return last.Kind == runtime.KindStop || last.Kind == runtime.KindExit && !last.Restart
		})
	})
	t.Run("a restart that cannot be", func(t *testing.T) {
		t.Parallel()
		b := h.bundle("cannot", "sh", "-c", "exit 1")
		b.Restart = runtime.RestartPolicy{Name: "always"}
		h.start(b)
		h.until("cannot", runtime.KindExit, 1)
		if err := os.WriteFile(filepath.Join(h.root, "state", "cannot", "config.json"), []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
		h.until("cannot", runtime.KindStartFailed, 1)
		if _, ok := h.Process("cannot"); ok {
			t.Error("still has a process")
		}
	})
}

func TestPause(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	p := h.start(h.bundle("pause", "sh", "-c", "while :; do :; done"))
	if err := p.Pause(t.Context()); err != nil {
		t.Fatal(err)
	}
	if paused, err := p.Paused(); !paused || err != nil {
		t.Fatal(paused, err)
	}
	before, err := p.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	after, err := p.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if before.CPUStats.CPUUsage.TotalUsage != after.CPUStats.CPUUsage.TotalUsage {
		t.Errorf("a paused container used CPU: %d, %d", before.CPUStats.CPUUsage.TotalUsage, after.CPUStats.CPUUsage.TotalUsage)
	}
	if err := p.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	if paused, err := p.Paused(); paused || err != nil {
		t.Fatal(paused, err)
	}
	if err := p.Pause(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.Signal(t.Context(), unix.SIGKILL, true); err != nil { // also ends what is paused
		t.Fatal(err)
	}
	if e := h.until("pause", runtime.KindExit, 1); e.Code != 137 {
		t.Errorf("%+v", e)
	}
	if err := p.Pause(t.Context()); !errors.Is(err, runtime.ErrNotRunning) {
		t.Errorf("pause after the end: %v", err)
	}
}

// TestResumeOfTheDying: whoever lets a container go on that ends at that moment is told that it does not run.
func TestResumeOfTheDying(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	for n := range 10 {
		p := h.start(h.bundle(fmt.Sprintf("dying%d", n), "sleep", "1000"))
		if err := p.Signal(t.Context(), unix.SIGKILL, true); err != nil {
			t.Fatal(err)
		}
		var err error
		for err == nil {
			err = p.Resume(t.Context())
		}
		if !errors.Is(err, runtime.ErrNotRunning) {
			t.Fatal(err)
		}
	}
}

func TestStats(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	b := h.bundle("stats", "sh", "-c", "sleep 1000 & i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done; echo done; wait")
	limit := int64(64 << 20)
	b.Spec.Linux.Resources.Memory = &specs.LinuxMemory{Limit: &limit}
	p := h.start(b)
	h.waitLog("stats", "done\n")
	s, err := p.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if s.ID != "stats" || s.Read.IsZero() || s.MemoryStats.Limit != uint64(limit) || s.MemoryStats.Usage == 0 || s.CPUStats.SystemUsage == 0 ||
		s.CPUStats.CPUUsage.TotalUsage == 0 || s.CPUStats.OnlineCPUs == 0 || s.PidsStats.Current < 2 {
		t.Errorf("%+v", s)
	}
	// The names of the document, on version 1.
	if _, err := os.Stat("/sys/fs/cgroup/memory"); err == nil {
		for _, name := range []string{"cache", "rss", "pgpgin", "pgpgout", "pgfault", "hierarchical_memory_limit", "total_rss", "total_active_anon", "total_inactive_file"} {
			if _, ok := s.MemoryStats.Stats[name]; !ok {
				t.Errorf("no %s in %v", name, s.MemoryStats.Stats)
			}
		}
		if len(s.CPUStats.CPUUsage.PercpuUsage) == 0 || s.MemoryStats.MaxUsage == 0 {
			t.Errorf("%+v", s)
		}
	}
	pids, err := p.Pids(t.Context())
	if err != nil || len(pids) != 2 || pids[0] != p.Pid() && pids[1] != p.Pid() {
		t.Errorf("pids %v, command %d: %v", pids, p.Pid(), err)
	}
	more, shares := int64(96<<20), uint64(512)
	if err := p.Update(t.Context(), specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: &more}, CPU: &specs.LinuxCPU{Shares: &shares}}); err != nil {
		t.Fatal(err)
	}
	if s, err = p.Stats(t.Context()); err != nil || s.MemoryStats.Limit != uint64(more) {
		t.Errorf("limit %d after the update: %v", s.MemoryStats.Limit, err)
	}
	config, err := os.ReadFile(filepath.Join(h.root, "state", "stats", "config.json"))
	if err != nil || !strings.Contains(string(config), `"limit":100663296`) || !strings.Contains(string(config), `"shares":512`) {
		t.Errorf("the limits of the next run: %v %s", err, config)
	}
}

func TestOOM(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	b := h.bundle("oom", "sh", "-c", "sh -c 'x=$(head -c 50000000 /dev/zero | tr \"\\0\" x); echo ${#x}'; echo survived; read x; exit 3")
	b.OpenStdin = true
	limit := int64(16 << 20)
	b.Spec.Linux.Resources.Memory = &specs.LinuxMemory{Limit: &limit, Swap: &limit}
	p := h.start(b)
	h.waitLog("oom", "survived\n")
	h.wait("oom", "live event", func([]entry) bool { return h.ooms["oom"] > 0 })
	client, server := pair(t, "unix")
	if _, err := p.Attach(t.Context(), server, nil, all); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Write([]byte("\n")); err != nil {
		t.Fatal(err)
	}
	if e := h.until("oom", runtime.KindExit, 1); e.Code != 3 || !e.OOM {
		t.Errorf("%+v", e)
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	b := h.bundle("rotate", "sh", "-c", "seq 1 20000")
	b.Log.Options = map[string]string{"max-size": "100k", "max-file": "4"}
	h.start(b)
	h.until("rotate", runtime.KindExit, 1)
	files, err := filepath.Glob(b.Log.Path + "*")
	if err != nil || len(files) != 4 {
		t.Fatalf("%v %v", files, err)
	}
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil || info.Size() > 100_200 {
			t.Errorf("%s: %d bytes, %v", file, info.Size(), err)
		}
	}
	last := h.logged("rotate", "stdout")
	if !strings.HasSuffix(last, "\n19999\n20000\n") {
		t.Errorf("ends with %q", last[max(0, len(last)-50):])
	}
	bad := h.bundle("bad", "true")
	for _, options := range []map[string]string{{"max-size": "x"}, {"max-file": "0"}, {"nonesuch": "1"}} {
		bad.Log.Options = options
		if err := bad.Log.Check(); err == nil {
			t.Errorf("%v is taken", options)
		}
	}
}

// TestDiskFull: the container goes on, its end is recorded, and the log has no torn line and says what it lacks.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	dir := filepath.Join(h.root, "small")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skip("no tmpfs:", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	b := h.bundle("full", "sh", "-c", "seq 1 20000; read x; echo more; exit 8")
	b.OpenStdin = true
	b.Log.Path = filepath.Join(dir, "log")
	p := h.open(b)
	client, server := pair(t, "unix")
	if _, err := p.Attach(t.Context(), server, nil, runtime.AttachOptions{Stdin: true, Stdout: true, Raw: true, Flow: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	session := &console{t: t, conn: client}
	session.say("", "\n20000\n")
	info, err := os.Stat(b.Log.Path)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT, "size=1m"); err != nil {
		t.Fatal(err)
	}
	session.say("\n", "more\n")
	if e := h.until("full", runtime.KindExit, 1); e.Code != 8 {
		t.Errorf("%+v", e)
	}
	content, err := os.ReadFile(b.Log.Path)
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(content)) <= info.Size() || info.Size() > 256<<10 {
		t.Errorf("%d bytes when full, %d now", info.Size(), len(content))
	}
	lines := strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
	for i, line := range lines {
		if !strings.HasPrefix(line, `{"log":"`) || !strings.HasSuffix(line, `Z"}`) {
			t.Errorf("line %d is torn: %q", i, line)
		}
	}
	marker := lines[len(lines)-2]
	if !strings.Contains(marker, "lines lost, the log could not be written") || !strings.Contains(lines[len(lines)-1], "more") {
		t.Errorf("the end is %q", lines[max(0, len(lines)-3):])
	}
}

func TestUndeliveredEntriesComeAgain(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	refused := 0
	h.fail = func(_ string, e runtime.Entry) error {
		if e.Kind == runtime.KindStart && refused < 2 {
			refused++
			return errors.New("the disk is full")
		}
		return nil
	}
	h.start(h.bundle("refused", "true"))
	h.until("refused", runtime.KindExit, 1)
	h.mu.Lock()
	defer h.mu.Unlock()
	if refused != 2 || len(of(h.entries["refused"], runtime.KindStart)) != 1 {
		t.Errorf("refused %d times: %s", refused, text(h.entries["refused"]))
	}
}

// TestSocketLogs: syslog and journald get every line, also when they are there only later.
func TestSocketLogs(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	const lines = 60 // a UDP socket holds them all
	args := []string{"sh", "-c", fmt.Sprintf("for i in $(seq 1 %d); do echo line $i; done; echo to stderr >&2; printf unfinished", lines)}
	type receiver struct {
		address string
		read    func(t *testing.T, enough func(string) bool) string
	}
	datagrams := func(conn net.PacketConn) func(*testing.T, func(string) bool) string {
		return func(t *testing.T, enough func(string) bool) string {
			var all strings.Builder
			buf := make([]byte, 64<<10)
			for !enough(all.String()) {
				_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second))
				n, _, err := conn.ReadFrom(buf)
				if err != nil {
					t.Fatalf("%v after %d bytes", err, all.Len())
				}
				all.Write(append(buf[:n], '\n'))
			}
			return all.String()
		}
	}
	unixgram, err := net.ListenPacket("unixgram", filepath.Join(h.root, "log"))
	if err != nil {
		t.Fatal(err)
	}
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unixgram.Close(); udp.Close(); tcp.Close() })
	receivers := map[string]receiver{
		"unixgram": {"unixgram://" + filepath.Join(h.root, "log"), datagrams(unixgram)},
		"udp":      {"udp://" + udp.LocalAddr().String(), datagrams(udp)},
		"tcp": {"tcp://" + tcp.Addr().String(), func(t *testing.T, enough func(string) bool) string {
			conn, err := tcp.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			var all strings.Builder
			buf := make([]byte, 64<<10)
			for !enough(all.String()) {
				n, err := conn.Read(buf)
				if err != nil {
					t.Fatalf("%v after %d bytes", err, all.Len())
				}
				all.Write(buf[:n])
			}
			return all.String()
		}},
	}
	for name, r := range receivers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := h.bundle("syslog-"+name, args...)
			b.Log = runtime.LogConfig{
				Driver: "syslog", Tag: "my-tag", Options: map[string]string{"syslog-address": r.address, "syslog-facility": "local1", "syslog-format": "rfc5424"},
			}
			h.start(b)
			got := r.read(t, func(all string) bool {
				return strings.Contains(all, "unfinished") && strings.Contains(all, "to stderr")
			})
			for i := 1; i <= lines; i++ {
				if n := strings.Count(got, fmt.Sprintf("my-tag - line %d\n", i)); n != 1 {
					t.Fatalf("line %d is there %d times", i, n)
				}
			}
			if !strings.HasPrefix(got, "<142>1 20") || !strings.Contains(got, "<139>1 20") {
				t.Errorf("severities: %q", got[:min(200, len(got))])
			}
			if e := h.until("syslog-"+name, runtime.KindExit, 1); e.Code != 0 {
				t.Errorf("%+v", e)
			}
		})
	}
	for _, options := range []map[string]string{
		{"syslog-address": "nonesuch"}, {"syslog-address": "ftp://x"}, {"syslog-facility": "nonesuch"}, {"syslog-format": "x"}, {"max-size": "1"},
	} {
		if err := (runtime.LogConfig{Driver: "syslog", Options: options}).Check(); err == nil {
			t.Errorf("%v is taken", options)
		}
	}
}
