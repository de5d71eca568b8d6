//go:build linux

package runtime_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/daemon/runtime"
)

// logged is what a container's log has of a stream.
func (h *host) logged(id, stream string) string {
	h.t.Helper()
	content, err := os.ReadFile(filepath.Join(h.root, "state", id, id+"-json.log"))
	if err != nil {
		h.t.Fatal(err)
	}
	var b strings.Builder
	var last time.Time
	for line := range strings.Lines(string(content)) {
		var record struct {
			Log, Stream string
			Time        time.Time
		}
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			h.t.Fatalf("log line %q: %v", line, err)
		}
		if !record.Time.After(last) {
			h.t.Fatalf("time of %q is not after %v", line, last)
		}
		last = record.Time
		if record.Stream == stream {
			b.WriteString(record.Log)
		}
	}
	return b.String()
}

func TestRun(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	for name, test := range map[string]struct {
		args   []string
		code   int64
		stdout string
		stderr string
	}{
		"true":   {args: []string{"true"}},
		"false":  {args: []string{"false"}, code: 1},
		"output": {args: []string{"sh", "-c", "echo out; echo err >&2; printf 'no \\033 \"end\"'; exit 7"}, code: 7, stdout: "out\nno \x1b \"end\"", stderr: "err\n"},
		"signal": {args: []string{"sh", "-c", "sh -c 'kill -9 $$'; exit $?"}, code: 137, stderr: "Killed\n"},
		"env":    {args: []string{"env"}, stdout: "HOME=/root\nPATH=/bin\nTERM=xterm\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := h.bundle(name, test.args...)
			started := time.Now()
			p := h.open(b)
			s, err := p.Start(t.Context())
			if err != nil {
				t.Fatalf("%v; monitor: %s", err, h.complaints(name))
			}
			if s.Pid <= 1 || s.At.Before(started.Add(-time.Second)) {
				t.Errorf("started %+v", s)
			}
			start, exit := h.until(name, runtime.KindStart, 1), h.until(name, runtime.KindExit, 1)
			if start.Pid != int64(s.Pid) || start.Run != 1 || start.Boot == "" || start.StartTime == 0 || start.Time != s.At.UnixNano() {
				t.Errorf("start entry %+v, started %+v", start, s)
			}
			if exit.Code != test.code || exit.Run != 1 || exit.Restart || exit.OOM || exit.Time <= start.Time || exit.offset <= start.offset {
				t.Errorf("exit entry %+v, want code %d", exit, test.code)
			}
			got := []string{sortedLines(h.logged(name, "stdout"), name), h.logged(name, "stderr")}
			if diff := cmp.Diff([]string{test.stdout, test.stderr}, got); diff != "" {
				t.Errorf("output (-want +got):\n%s", diff)
			}
			if _, ok := h.Process(name); ok {
				t.Error("it is over, but still has a process")
			}
			for _, dir := range groupsOf(t, h, name) {
				if _, err := os.Stat(dir); err == nil {
					t.Errorf("%s is left", dir)
				}
			}
		})
	}
}

// sortedLines sorts the output of env, whose order is not ours.
func sortedLines(s, name string) string {
	if name != "env" {
		return s
	}
	lines := strings.SplitAfter(s, "\n")
	for i := range lines {
		for j := i + 1; j < len(lines); j++ {
			if lines[j] != "" && lines[j] < lines[i] {
				lines[i], lines[j] = lines[j], lines[i]
			}
		}
	}
	var kept []string
	for _, line := range lines {
		for _, want := range []string{"HOME=", "PATH=", "TERM="} {
			if strings.HasPrefix(line, want) {
				kept = append(kept, line)
			}
		}
	}
	return strings.Join(kept, "")
}

func groupsOf(t *testing.T, h *host, id string) []string {
	t.Helper()
	dirs, err := filepath.Glob("/sys/fs/cgroup/*" + h.CgroupsPath(id))
	if err != nil {
		t.Fatal(err)
	}
	return dirs
}

func TestStartAgain(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	for run := range 3 {
		h.start(h.bundle("again", "sh", "-c", "echo hello"))
		if e := h.until("again", runtime.KindExit, run+1); e.Run != int64(run+1) {
			t.Fatalf("run %d: exit %+v", run+1, e)
		}
	}
	if got := h.logged("again", "stdout"); got != "hello\nhello\nhello\n" {
		t.Errorf("log %q", got)
	}
}

func TestStartErrors(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	for name, test := range map[string]struct {
		args []string
		cwd  string
		kind runtime.Kind
		code int
		text string
	}{
		"missing":    {[]string{"nonesuch"}, "/", runtime.NotFound, 127, `exec: "nonesuch": executable file not found in $PATH`},
		"path":       {[]string{"/bin/nonesuch"}, "/", runtime.NotFound, 127, `exec: "/bin/nonesuch": stat /bin/nonesuch: no such file or directory`},
		"permission": {[]string{"/etc/passwd"}, "/", runtime.NotExecutable, 126, `exec: "/etc/passwd": permission denied`},
		"folder":     {[]string{"/etc"}, "/", runtime.NotExecutable, 126, `exec: "/etc": is a directory`},
		"cwd":        {[]string{"true"}, "/etc/passwd", runtime.BadDirectory, 126, "mkdir /etc/passwd: not a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := h.bundle(name, test.args...)
			b.Spec.Process.Cwd = test.cwd
			p := h.open(b)
			_, err := p.Start(t.Context())
			var failed *runtime.StartError
			if !errors.As(err, &failed) {
				t.Fatalf("error %v", err)
			}
			if failed.Kind != test.kind || failed.Code != test.code || !strings.Contains(failed.Message, test.text) {
				t.Errorf("got %q %d %q", failed.Kind, failed.Code, failed.Message)
			}
			e := h.until(name, runtime.KindStartFailed, 1)
			if e.Code != int64(test.code) || e.Class != string(test.kind) || e.Message != failed.Message {
				t.Errorf("entry %+v", e)
			}
			if _, ok := h.Process(name); ok {
				t.Error("it still has a process")
			}
		})
	}
}

func TestSignals(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	p := h.start(h.bundle("sig", "sh", "-c", "trap 'echo usr1; exit 5' USR1; echo ready; while :; do sleep 0.02; done"))
	h.waitLog("sig", "ready\n")
	if err := p.Signal(t.Context(), unix.SIGUSR1, false); err != nil {
		t.Fatal(err)
	}
	if e := h.until("sig", runtime.KindExit, 1); e.Code != 5 {
		t.Errorf("exit %+v", e)
	}
	if err := p.Signal(t.Context(), unix.SIGTERM, false); !errors.Is(err, runtime.ErrNotRunning) {
		t.Errorf("signal after the end: %v", err)
	}
	p = h.start(h.bundle("sig", "sleep", "1000"))
	if err := p.Signal(t.Context(), unix.SIGKILL, true); err != nil {
		t.Fatal(err)
	}
	if e := h.until("sig", runtime.KindExit, 2); e.Code != 137 {
		t.Errorf("exit %+v", e)
	}
}

// waitLog waits until a container's log has a text.
func (h *host) waitLog(id, text string) {
	h.t.Helper()
	path := filepath.Join(h.root, "state", id, id+"-json.log")
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		h.t.Fatal(err)
	}
	defer unix.Close(fd)
	if _, err := unix.InotifyAddWatch(fd, path, unix.IN_MODIFY); err != nil {
		h.t.Fatal(err)
	}
	limit := time.Now().Add(60 * time.Second)
	for !strings.Contains(h.logged(id, "stdout"), text) {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(time.Until(limit).Milliseconds()))
		if err == nil && n == 0 || time.Now().After(limit) {
			h.t.Fatalf("log of %s has no %q: %q", id, text, h.logged(id, "stdout"))
		}
		var events [4096]byte
		if n > 0 {
			_, _ = unix.Read(fd, events[:])
		}
	}
}
