//go:build linux

package runtime_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/daemon/runtime"
)

// monitorOf finds the monitor of a container; 0 when there is none.
func monitorOf(t testing.TB, root, id string) int {
	t.Helper()
	dir := filepath.Join(root, "state", id)
	found, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range found {
		content, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		args := strings.Split(string(content), "\x00")
		if len(args) > 3 && args[0] == "cleat-monitor" && args[2] == dir {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			if err != nil {
				t.Fatal(err)
			}
			return pid
		}
	}
	return 0
}

// killMonitor kills a container's monitor.
func killMonitor(t testing.TB, root, id string) {
	t.Helper()
	pid := monitorOf(t, root, id)
	if pid == 0 {
		t.Fatalf("container %s has no monitor", id)
	}
	killHard(t, pid)
}

// killHard kills a process and waits until it is dead.
func killHard(t testing.TB, pid int) {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err != nil {
		t.Fatal(err)
	}
	if !ends(fd) {
		t.Fatalf("process %d does not die", pid)
	}
}

// ends waits for the end of a process.
func ends(fd int) bool {
	n, err := 0, error(unix.EINTR)
	for err == unix.EINTR { // Go's scheduler sends signals
		n, err = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 30_000)
	}
	return n == 1
}

// pause lets a random part of a duration pass: tests that kill want to do it at any moment.
func pause(t testing.TB, most time.Duration) {
	select {
	case <-time.After(rand.N(most)):
	case <-t.Context().Done():
	}
}

// numbers reads what a container has logged, rotated files included, which must be numbers counting from 1 in each run,
// and returns how many there are and how many are missing.
func numbers(t testing.TB, root, id string) (count, missing int) {
	t.Helper()
	path := filepath.Join(root, "state", id, id+"-json.log")
	files, err := filepath.Glob(path + ".*")
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(files, func(a, b string) int {
		x, _ := strconv.Atoi(strings.TrimPrefix(a, path+"."))
		y, _ := strconv.Atoi(strings.TrimPrefix(b, path+"."))
		return y - x
	})
	last, lastTime := 0, ""
	for _, file := range append(files, path) {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(content)) {
			var record struct{ Log, Time string }
			if err := json.Unmarshal([]byte(line), &record); err != nil {
				t.Fatalf("%s: %q: %v", file, line, err)
			}
			if record.Time <= lastTime {
				t.Fatalf("%s: %q after %s", file, line, lastTime)
			}
			n, err := strconv.Atoi(strings.TrimSuffix(record.Log, "\n"))
			if err != nil || !strings.HasSuffix(record.Log, "\n") {
				t.Fatalf("%s: %q", file, line)
			}
			switch {
			case n == 1: // a run begins
			case n <= last:
				t.Fatalf("%s: %d after %d: doubled", file, n, last)
			default:
				missing += n - last - 1
			}
			last, lastTime = n, record.Time
			count++
		}
	}
	return count, missing
}

// counting is a shell program that writes numbers, about per a hundredth of a second, and ends with a code after so many.
func counting(per, rounds, code int) []string {
	return []string{"sh", "-c", fmt.Sprintf(
		"i=0; r=0; while [ $r -lt %d ]; do j=0; while [ $j -lt %d ]; do i=$((i+1)); j=$((j+1)); echo $i; done; r=$((r+1)); sleep 0.01; done; exit %d", rounds, per, code)}
}

// TestDaemonKilled kills the daemon again and again under containers that write, end, and are restarted: nothing of it shows.
func TestDaemonKilled(t *testing.T) {
	h := newHost(t)
	const containers, kills = 12, 8
	d := startDaemon(t, h.root)
	code := func(i int) int { return []int{0, 3, 42}[i%3] }
	for i := range containers {
		o := order{ID: fmt.Sprint("c", i), Args: counting(3, 50+20*i, code(i)), MaxSize: "20k"}
		if i == 0 {
			o.Args, o.Restart = counting(2, 5, 1), runtime.RestartPolicy{Name: "on-failure", MaximumRetryCount: 5}
		}
		d.order(o)
	}
	d.done(containers)
	var took []time.Duration
	for range kills {
		pause(t, 300*time.Millisecond)
		d.kill()
		pause(t, 300*time.Millisecond)
		d = startDaemon(t, h.root)
		took = append(took, d.adopted.Took)
	}
	t.Logf("adoption took %v", took)
	d.kill() // the rest is this process's
	entries, err := readEntries(h.root)
	if err != nil {
		t.Fatal(err)
	}
	offsets := map[string]int64{}
	h.mu.Lock()
	h.entries = entries
	for id, e := range entries {
		offsets[id] = e[len(e)-1].offset
	}
	h.mu.Unlock()
	if _, err := h.Adopt(t.Context(), offsets); err != nil {
		t.Fatal(err)
	}
	for i := range containers {
		id := fmt.Sprint("c", i)
		entries := h.wait(id, "end", func(entries []entry) bool {
			last := entries[len(entries)-1]
			return last.Kind == runtime.KindExit && !last.Restart
		})
		for n, e := range entries[1:] {
			if e.offset <= entries[n].offset {
				t.Errorf("%s: entry %d is doubled or out of order: %s", id, n, text(entries))
			}
		}
		want := int64(code(i))
		runs := 1
		if i == 0 {
			want, runs = 1, 6
		}
		for _, e := range of(entries, runtime.KindExit) {
			if e.Code != want {
				t.Errorf("%s: code %d, want %d", id, e.Code, want)
			}
		}
		if len(of(entries, runtime.KindStart)) != runs || len(of(entries, runtime.KindExit)) != runs {
			t.Errorf("%s: %d runs wanted: %s", id, runs, text(entries))
		}
		lines := 3 * (50 + 20*i)
		if i == 0 {
			lines = 6 * 2 * 5
		}
		if count, missing := numbers(t, h.root, id); count != lines || missing != 0 {
			t.Errorf("%s: %d lines of %d, %d missing", id, count, lines, missing)
		}
	}
}

// TestKilledWhileStarting kills the daemon at any moment of a start: the container runs and is adopted, or it does not
// run; nothing in between.
func TestKilledWhileStarting(t *testing.T) {
	h := newHost(t)
	for i := range 12 {
		id := fmt.Sprint("s", i)
		d := startDaemon(t, h.root)
		d.order(order{ID: id, Args: []string{"sleep", "1000"}})
		pause(t, 60*time.Millisecond)
		d.kill()
		later := openHost(t, h.root)
		processes, err := later.Adopt(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if p, ok := processes[id]; ok {
			later.until(id, runtime.KindStart, 1)
			if err := p.Signal(t.Context(), unix.SIGKILL, true); err != nil {
				t.Error(err)
			}
			if e := later.until(id, runtime.KindExit, 1); e.Code != 137 {
				t.Errorf("%+v", e)
			}
		} else {
			// Its monitor ends by itself, when it has seen that nobody will ask it to start.
			if pid := monitorOf(t, h.root, id); pid != 0 {
				if fd, err := unix.PidfdOpen(pid, 0); err == nil {
					if !ends(fd) {
						t.Errorf("monitor %d of %s does not end", pid, id)
					}
					unix.Close(fd)
				}
			}
			for _, dir := range groupsOf(t, h, id) {
				if content, _ := os.ReadFile(dir + "/cgroup.procs"); len(content) > 0 {
					t.Errorf("%s: processes are left: %s", dir, content)
				}
			}
		}
		if err := errors.Join(later.Remove(t.Context(), id), later.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestMonitorEndsWhileAdopted: a monitor that nobody asked to start ends while the next daemon asks it what it is: when
// that one has adopted, the container is not among those that run.
func TestMonitorEndsWhileAdopted(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	for i := range 10 {
		id := fmt.Sprint("e", i)
		first := openHost(t, h.root)
		first.open(first.bundle(id, "sleep", "1000"))
		monitor := monitorOf(t, h.root, id)
		if monitor == 0 {
			t.Fatal("no monitor")
		}
		if err := errors.Join(unix.Kill(monitor, unix.SIGSTOP), first.Close()); err != nil {
			t.Fatal(err)
		}
		later := openHost(t, h.root)
		type outcome struct {
			found map[string]*runtime.Process
			err   error
		}
		adopted := make(chan outcome, 1)
		go func() {
			found, err := later.Adopt(t.Context(), nil)
			adopted <- outcome{found, err}
		}()
		pause(t, 20*time.Millisecond) // it has connected, or is about to: both are right
		killHard(t, monitor)
		if o := <-adopted; o.err != nil || len(o.found) != 0 {
			t.Errorf("%v %v", o.found, o.err)
		}
		if err := errors.Join(later.Remove(t.Context(), id), later.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestMonitorKilledWhileStarting: a start under way fails as a whole, or the container runs and is taken over.
func TestMonitorKilledWhileStarting(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	for i := range 15 {
		id := fmt.Sprint("m", i)
		p := h.open(h.bundle(id, "sleep", "1000"))
		monitor := monitorOf(t, h.root, id)
		if monitor == 0 {
			t.Fatal("no monitor")
		}
		started := make(chan error, 1)
		go func() {
			_, err := p.Start(t.Context())
			started <- err
		}()
		pause(t, 60*time.Millisecond)
		killHard(t, monitor)
		if err := <-started; err == nil {
			h.until(id, runtime.KindAdopt, 1)
			if err := p.Signal(t.Context(), unix.SIGKILL, true); err != nil {
				t.Error(err)
			}
			h.until(id, runtime.KindExit, 1)
			continue
		}
		entries := h.wait(id, "outcome", func(entries []entry) bool {
			_, goesOn := h.Process(id) // it does not when the monitor died before it was asked
			return len(of(entries, runtime.KindStartFailed))+len(of(entries, runtime.KindAdopt)) > 0 || !goesOn
		})
		if len(of(entries, runtime.KindAdopt)) > 0 { // it had been started, only nobody could say so
			if err := p.Signal(t.Context(), unix.SIGKILL, true); err != nil {
				t.Error(err)
			}
			h.until(id, runtime.KindExit, 1)
			continue
		}
		for _, dir := range groupsOf(t, h, id) {
			if content, _ := os.ReadFile(dir + "/cgroup.procs"); len(content) > 0 {
				t.Errorf("%s: processes are left: %s", dir, content)
			}
		}
	}
}

// TestMonitorKilled: another monitor takes a running container over, which notices nothing.
func TestMonitorKilled(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	b := h.bundle("writer", counting(5, 150, 7)...)
	p := h.start(b)
	pid := p.Pid()
	_, done, err := p.Exec(t.Context(), command("lost", "sleep", "1000"), nil, nil, runtime.AttachOptions{})
	if err != nil || done != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		pause(t, 200*time.Millisecond)
		killMonitor(t, h.root, "writer")
		h.until("writer", runtime.KindAdopt, n+1)
		if p.Pid() != pid {
			t.Fatalf("command %d, was %d", p.Pid(), pid)
		}
	}
	if e := h.execExit("writer", "lost"); e.Code != 255 {
		t.Errorf("%+v", e)
	}
	if _, _, err := p.Exec(t.Context(), command("again", "true"), nil, nil, runtime.AttachOptions{}); err != nil {
		t.Error(err)
	}
	if e := h.until("writer", runtime.KindExit, 1); e.Code != 7 || e.Run != 1 {
		t.Errorf("%+v", e)
	}
	count, missing := numbers(t, h.root, "writer")
	t.Logf("%d lines, %d missing", count, missing)
	if count+missing != 750 || missing > 5*3 { // at most what was read and not yet written, three times
		t.Errorf("%d lines, %d missing", count, missing)
	}
}

// TestBothKilled: monitor and daemon die; the container runs on and is taken over later, with what its pipe held.
func TestBothKilled(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	d := startDaemon(t, h.root)
	// It counts meanwhile, and ends when it is told to: what is in the pipe of a command that has ended is gone.
	d.order(order{ID: "both", Args: []string{"sh", "-c",
		"trap 'told=1' USR1; i=0; while [ $i -lt 120 ]; do echo $((i+1)); echo $((i+2)); i=$((i+2)); sleep 0.01; done; " +
			"while [ -z \"$told\" ]; do sleep 0.01; done; echo 121; exit 5"}})
	d.order(order{ID: "dead", Args: []string{"sleep", "1000"}})
	d.order(order{ID: "back", Args: []string{"sleep", "1000"}, Restart: runtime.RestartPolicy{Name: "always"}})
	d.done(3)
	h.waitLog("both", "1\n")
	pause(t, 100*time.Millisecond)
	d.kill()
	for _, id := range []string{"both", "dead", "back"} {
		killMonitor(t, h.root, id)
	}
	later := openHost(t, h.root)
	defer later.Close()
	// The commands of two die as well, before anybody looks.
	for _, id := range []string{"dead", "back"} {
		for _, dir := range groupsOf(t, h, id) {
			content, err := os.ReadFile(dir + "/cgroup.procs")
			if err != nil {
				t.Fatal(err)
			}
			for _, pid := range strings.Fields(string(content)) {
				n, _ := strconv.Atoi(pid)
				_ = unix.Kill(n, unix.SIGKILL)
			}
		}
	}
	for _, id := range []string{"dead", "back"} {
		for _, dir := range groupsOf(t, h, id) {
			for content := []byte{1}; len(content) > 0; {
				content, _ = os.ReadFile(dir + "/cgroup.procs")
			}
		}
	}
	processes, err := later.Adopt(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(processes) != 2 || processes["both"] == nil || processes["back"] == nil {
		t.Fatalf("adopted %v", processes)
	}
	if err := processes["both"].Signal(t.Context(), unix.SIGUSR1, false); err != nil {
		t.Fatal(err)
	}
	if e := later.until("both", runtime.KindExit, 1); e.Code != 5 {
		t.Errorf("%+v", e)
	}
	if count, missing := numbers(t, h.root, "both"); count+missing != 121 || missing > 2 {
		t.Errorf("%d lines, %d missing", count, missing)
	}
	// Nobody had a descriptor of the command: the code is not known, unless it is a zombie still.
	if e := later.until("dead", runtime.KindExit, 1); e.Code != 255 && e.Code != 137 || e.Restart {
		t.Errorf("%+v", e)
	}
	if e := later.until("back", runtime.KindExit, 1); !e.Restart {
		t.Errorf("%+v", e)
	}
	if e := later.until("back", runtime.KindStart, 2); e.Run != 2 || e.Count != 1 {
		t.Errorf("%+v", e)
	}
}

// TestEndsWhileAdopted: commands whose monitors are dead end while the next daemon looks: it sees each end, once, whether a new
// monitor has begun or not.
func TestEndsWhileAdopted(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	first := openHost(t, h.root)
	const containers = 12
	commands := map[string]int{}
	for i := range containers {
		id := fmt.Sprint("ends", i)
		commands[id] = first.start(first.bundle(id, "sleep", "1000")).Pid()
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	for id := range commands {
		killMonitor(t, h.root, id)
	}
	later := openHost(t, h.root)
	defer later.Close()
	var killers sync.WaitGroup
	for _, pid := range commands {
		killers.Go(func() {
			pause(t, 60*time.Millisecond)
			_ = unix.Kill(pid, unix.SIGKILL)
		})
	}
	if _, err := later.Adopt(t.Context(), nil); err != nil {
		t.Error(err)
	}
	killers.Wait()
	for id := range commands {
		if e := later.until(id, runtime.KindExit, 1); e.Code != 137 && e.Code != 255 {
			t.Errorf("%s: %+v", id, e)
		}
	}
}

// TestCodeAfterMonitor: monitor and command die one after the other; the daemon had a descriptor of the command.
func TestCodeAfterMonitor(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	p := h.start(h.bundle("code", "sh", "-c", "trap 'exit 77' TERM; echo ready; while :; do sleep 0.01; done"))
	h.waitLog("code", "ready\n")
	killMonitor(t, h.root, "code")
	h.until("code", runtime.KindAdopt, 1)
	if err := p.Signal(t.Context(), unix.SIGTERM, false); err != nil {
		t.Fatal(err)
	}
	if e := h.until("code", runtime.KindExit, 1); e.Code != 77 {
		t.Errorf("%+v", e)
	}
}

// TestTerminalSurvives: the daemon keeps the terminal open when a monitor dies.
func TestTerminalSurvives(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	b := h.bundle("term", "sh")
	b.TTY, b.OpenStdin = true, true
	p := h.start(b)
	client, server := pair(t, "unix")
	done, err := p.Attach(t.Context(), server, nil, all)
	if err != nil {
		t.Fatal(err)
	}
	session := &console{t: t, conn: client}
	session.say("x=before; echo re''ady\n", "ready")
	killMonitor(t, h.root, "term")
	h.until("term", runtime.KindAdopt, 1)
	ended(t, done) // this session is lost
	client, server = pair(t, "unix")
	if _, err := p.Attach(t.Context(), server, nil, all); err != nil {
		t.Fatal(err)
	}
	session = &console{t: t, conn: client}
	session.say("echo $x st''ill\n", "before still")
	if err := p.Resize(t.Context(), 11, 22); err != nil {
		t.Fatal(err)
	}
	session.say("stty size\n", "11 22")
	session.say("exit 6\n", "exit 6")
	if e := h.until("term", runtime.KindExit, 1); e.Code != 6 {
		t.Errorf("%+v", e)
	}
}

// TestSessionsSurvive: the daemon goes, and sessions of attach and exec do not notice.
func TestSessionsSurvive(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	first := openHost(t, h.root)
	b := first.bundle("sessions", "sh", "-c", "while read line; do echo got $line; done; exit 2")
	b.OpenStdin, b.StdinOnce = true, true
	p := first.start(b)
	attached, server := pair(t, "tcp")
	if _, err := p.Attach(t.Context(), server, nil, all); err != nil {
		t.Fatal(err)
	}
	e := command("shell", "sh")
	e.TTY, e.Stdin = true, true
	execed, server := pair(t, "unix")
	if _, _, err := p.Exec(t.Context(), e, server, nil, all); err != nil {
		t.Fatal(err)
	}
	a, x := &console{t: t, conn: attached}, &console{t: t, conn: execed}
	a.say("one\n", "got one")
	x.say("echo o''ne\n", "one")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	a.say("two\n", "got two")
	x.say("echo t''wo\n", "two")
	x.say("exit 3\n", "exit 3")
	processes, err := h.Adopt(t.Context(), nil)
	if err != nil || len(processes) != 1 {
		t.Fatal(processes, err)
	}
	if e := h.execExit("sessions", "shell"); e.Code != 3 {
		t.Errorf("%+v", e)
	}
	a.say("three\n", "got three")
	if err := attached.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if e := h.until("sessions", runtime.KindExit, 1); e.Code != 2 {
		t.Errorf("%+v", e)
	}
}

// TestMonitorKilledBetweenRuns: a restart that was pending comes all the same.
func TestMonitorKilledBetweenRuns(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	b := h.bundle("between", "sh", "-c", "exit 9")
	b.Restart = runtime.RestartPolicy{Name: "on-failure", MaximumRetryCount: 4}
	h.start(b)
	h.until("between", runtime.KindExit, 3) // the next delay is 400 ms
	killMonitor(t, h.root, "between")
	entries := h.wait("between", "end", func(entries []entry) bool {
		last := entries[len(entries)-1]
		return last.Kind == runtime.KindExit && !last.Restart
	})
	for i, e := range of(entries, runtime.KindStart) {
		if e.Run != int64(i+1) || e.Count != int64(i) {
			t.Errorf("start %d: %+v", i, e)
		}
	}
	if n := len(of(entries, runtime.KindExit)); n != 5 {
		t.Errorf("%d runs: %s", n, text(entries))
	}
}

// TestReboot: nothing of another boot is taken for alive.
func TestReboot(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	first := openHost(t, h.root)
	for _, id := range []string{"ran", "pending"} {
		b := first.bundle(id, "sleep", "1000")
		if id == "pending" {
			b = first.bundle(id, "false")
			b.Restart = runtime.RestartPolicy{Name: "always"}
		}
		first.start(b)
	}
	first.until("pending", runtime.KindExit, 4)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"ran", "pending"} {
		killMonitor(t, h.root, id)
		path := filepath.Join(h.root, "state", id, "journal")
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
		if err != nil {
			t.Fatal(err)
		}
		other := strings.ReplaceAll(string(content), "boot="+strings.TrimSpace(string(boot)), "boot=00000000-0000-0000-0000-000000000000")
		if err := os.WriteFile(path, []byte(other+"torn li"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	processes, err := h.Adopt(t.Context(), nil)
	if err != nil || len(processes) != 0 {
		t.Fatal(processes, err)
	}
	if e := h.until("ran", runtime.KindExit, 1); e.Code != 255 || e.Message != "the host was restarted" {
		t.Errorf("%+v", e)
	}
	h.until("pending", runtime.KindStop, 1)
	// And it can be started again, with the next number.
	h.start(h.bundle("pending", "true"))
	entries := h.wait("pending", "end", func(entries []entry) bool {
		return !entries[len(entries)-1].Restart && entries[len(entries)-1].Kind == runtime.KindExit
	})
	if last := entries[len(entries)-1]; last.Run < 5 {
		t.Errorf("%+v", last)
	}
}

// TestSwept: a host that is a container itself is started again with the same boot. What was mounted for a run is gone, so
// the restart policy is the caller's business as after a reboot, and no monitor tries in vain.
func TestSwept(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	first := openHost(t, h.root)
	for id, command := range map[string][]string{"ran": {"sleep", "1000"}, "pending": {"false"}} {
		b := first.bundle(id, command...)
		b.Restart = runtime.RestartPolicy{Name: "always"}
		first.start(b)
	}
	ran := first.until("ran", runtime.KindStart, 1)
	first.until("pending", runtime.KindExit, 4)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"ran", "pending"} {
		killMonitor(t, h.root, id)
		if id == "ran" {
			killHard(t, int(ran.Pid))
		}
		if err := os.RemoveAll(filepath.Join(h.root, "run", id)); err != nil {
			t.Fatal(err)
		}
	}
	processes, err := h.Adopt(t.Context(), nil)
	if err != nil || len(processes) != 0 {
		t.Fatal(processes, err)
	}
	if e := h.until("ran", runtime.KindExit, 1); e.Code != 255 || e.Restart {
		t.Errorf("%+v", e)
	}
	h.until("pending", runtime.KindStop, 1)
}

func TestGC(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	other := newHost(t) // another daemon: its containers are none of our business
	p := other.start(other.bundle("theirs", "sleep", "1000"))
	h.start(h.bundle("known", "sleep", "1000"))
	first := openHost(t, h.root)
	for i := range 5 {
		first.start(first.bundle(fmt.Sprint("gone", i), "sleep", "1000"))
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := h.GC(t.Context(), func(id string) bool { return id == "known" }); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		id := fmt.Sprint("gone", i)
		if left := groupsOf(t, h, id); len(left) > 0 || monitorOf(t, h.root, id) != 0 {
			t.Errorf("%s: %v, monitor %d", id, left, monitorOf(t, h.root, id))
		}
		for _, root := range []string{"state", "run"} {
			if _, err := os.Stat(filepath.Join(h.root, root, id)); err == nil {
				t.Errorf("%s/%s is left", root, id)
			}
		}
	}
	if err := p.Signal(t.Context(), 0, false); err != nil {
		t.Errorf("the other daemon's container: %v", err)
	}
	if known, ok := h.Process("known"); !ok || known.Signal(t.Context(), 0, false) != nil {
		t.Error("the known container is gone")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.Remove(ctx, "nonesuch"); err != nil {
		t.Errorf("remove what does not exist: %v", err)
	}
}

func TestOpenTwice(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	p := h.open(h.bundle("twice", "sleep", "1000"))
	if _, err := h.Open(t.Context(), h.bundle("twice", "true")); err == nil {
		t.Error("opened twice")
	}
	monitor := monitorOf(t, h.root, "twice")
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if fd, err := unix.PidfdOpen(monitor, 0); err == nil { // it ends by itself
		if !ends(fd) {
			t.Error("the monitor does not end")
		}
		unix.Close(fd)
	}
	if _, err := p.Start(t.Context()); err == nil {
		t.Error("a closed process is started")
	}
	h.start(h.bundle("twice", "true"))
	h.until("twice", runtime.KindExit, 1)
}
