//go:build linux

package runtime_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cleat-dev/cleat/daemon/runtime"
)

// BenchmarkStartWait opens, starts and awaits a container that runs true.
func BenchmarkStartWait(b *testing.B) {
	h := newHost(b)
	bundle := h.bundle("true", "true")
	var took []time.Duration
	for b.Loop() {
		began := time.Now()
		h.start(bundle)
		h.until("true", runtime.KindExit, len(took)+1)
		took = append(took, time.Since(began))
	}
	median(b, took)
}

// median reports what a mean hides on a busy host.
func median(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-median")
	b.ReportMetric(float64(took[0].Microseconds())/1000, "ms-least")
}

// BenchmarkExec runs true in a running container.
func BenchmarkExec(b *testing.B) {
	h := newHost(b)
	p := h.start(h.bundle("main", "sleep", "1000"))
	var took []time.Duration
	for b.Loop() {
		began := time.Now()
		id := fmt.Sprint("exec", len(took))
		if _, _, err := p.Exec(b.Context(), command(id, "true"), nil, nil, runtime.AttachOptions{}); err != nil {
			b.Fatal(err)
		}
		h.execExit("main", id)
		took = append(took, time.Since(began))
	}
	median(b, took)
}

// BenchmarkLog writes lines through a monitor, from the container's start to its end.
func BenchmarkLog(b *testing.B) {
	h := newHost(b)
	for _, size := range []int{20, 100, 1000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			const total = 512 << 20
			id := fmt.Sprint("log", size)
			bundle := h.bundle(id, "sh", "-c", fmt.Sprintf("yes %s | head -c %d", strings.Repeat("x", size-1), total))
			bundle.Log.Options = map[string]string{"max-size": "64m", "max-file": "2"}
			b.SetBytes(total)
			run := 0
			for b.Loop() {
				h.start(bundle)
				run++
				h.until(id, runtime.KindExit, run)
			}
		})
	}
}

// TestIdleMemory measures what a container costs while it does nothing.
func TestIdleMemory(t *testing.T) {
	h := newHost(t)
	const containers = 20
	var pss, dirty int
	for i := range containers {
		h.start(h.bundle(fmt.Sprint("idle", i), "sleep", "1000"))
	}
	for i := range containers {
		pid := monitorOf(t, h.root, fmt.Sprint("idle", i))
		pss += field(t, pid, "smaps_rollup", "Pss:")
		dirty += field(t, pid, "smaps_rollup", "Private_Dirty:")
	}
	t.Logf("per monitor: PSS %d kB, private dirty %d kB", pss/containers, dirty/containers)
	// The program's text is shared by 20 here, not by 100; the bound leaves room for that, not for more.
	if pss/containers > 800 {
		t.Errorf("PSS of %d kB", pss/containers)
	}
}

func field(t *testing.T, pid int, file, name string) int {
	t.Helper()
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(content)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			n, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("%s of %d has no %s", file, pid, name)
	return 0
}
