//go:build linux

package daemon

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/nftables"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// leakCycles is how many containers live and go between two countings.
const leakCycles = 1000

// TestNothingIsLeft: after a thousand containers with networks, ports, volumes and execs were made, started, stopped
// and removed, the host and the daemon are what they were.
func TestNothingIsLeft(t *testing.T) {
	if testing.Short() {
		t.Skip("takes minutes")
	}
	port := acctest.FreePort(t)
	b := newBench(t, "--metrics-addr", "127.0.0.1:"+strconv.Itoa(port))
	if _, err := b.docker.NetworkCreate(t.Context(), "names", client.NetworkCreateOptions{}); err != nil {
		t.Fatal(err)
	}
	b.cycles(t, 40) // what is made once and kept is not a leak
	b.monitorsEnd(t)
	before := b.count(t, port)
	b.cycles(t, leakCycles)
	b.monitorsEnd(t)
	after := b.count(t, port)
	// Connections come and go with the clients' pool, the collector's goroutines with the load.
	for _, loose := range []string{"file descriptors", "goroutines"} {
		if after[loose] > before[loose]+12 {
			t.Errorf("%s: %d before, %d after", loose, before[loose], after[loose])
		}
		delete(before, loose)
		delete(after, loose)
	}
	// Databases grow by pages and keep them.
	if grown := after["disk, KiB"] - before["disk, KiB"]; grown > 4096 {
		t.Errorf("disk use grew by %d KiB", grown)
	}
	delete(before, "disk, KiB")
	delete(after, "disk, KiB")
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("left behind (-before +after):\n%s", diff)
	}
}

func (b *bench) cycles(t *testing.T, n int) {
	t.Helper()
	group, ctx := errgroup.WithContext(t.Context())
	group.SetLimit(8)
	for i := range n {
		group.Go(func() error {
			if err := b.cycle(ctx, i); err != nil {
				return fmt.Errorf("cycle %d: %w", i, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}

// cycle is the life of one container. What it has differs from cycle to cycle.
func (b *bench) cycle(ctx context.Context, i int) error {
	host := &container.HostConfig{NetworkMode: "none"}
	config := &container.Config{Image: acctest.Busybox, Cmd: []string{"sleep", "3600"}, StopSignal: "SIGKILL"}
	switch i % 4 {
	case 1:
		host.NetworkMode = "bridge"
		http := network.MustParsePort("80/tcp")
		config.ExposedPorts = network.PortSet{http: {}}
		host.PortBindings = network.PortMap{http: {{HostIP: netip.IPv4Unspecified()}}}
	case 2:
		config.Volumes = map[string]struct{}{"/data": {}}
	case 3:
		host.NetworkMode = "names"
	}
	made, err := b.docker.ContainerCreate(ctx, client.ContainerCreateOptions{Config: config, HostConfig: host})
	if err != nil {
		return err
	}
	if _, err := b.docker.ContainerStart(ctx, made.ID, client.ContainerStartOptions{}); err != nil {
		return err
	}
	if i%4 == 3 {
		exec, err := b.docker.ExecCreate(ctx, made.ID, client.ExecCreateOptions{Cmd: []string{"true"}})
		if err != nil {
			return err
		}
		if _, err := b.docker.ExecStart(ctx, exec.ID, client.ExecStartOptions{Detach: true}); err != nil {
			return err
		}
	}
	if _, err := b.docker.ContainerStop(ctx, made.ID, client.ContainerStopOptions{}); err != nil {
		return err
	}
	_, err = b.docker.ContainerRemove(ctx, made.ID, client.ContainerRemoveOptions{RemoveVolumes: true})
	return err
}

// count is what there is of everything a container uses.
func (b *bench) count(t *testing.T, metrics int) map[string]int {
	t.Helper()
	pid, err := b.DaemonPID()
	if err != nil {
		t.Fatal(err)
	}
	proc := fmt.Sprintf("/proc/%d", pid)
	links, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{
		"links": len(links), "mounts": lines(t, filepath.Join(proc, "mountinfo")), "file descriptors": entries(t, filepath.Join(proc, "fd")),
		"goroutines": metric(t, metrics, "go_goroutines"), "processes": b.processes(t), "nftables": ruleset(t),
	}
	counts["disk, KiB"], counts["files"] = usage(t, b.Root())
	if counts["control groups"], err = b.ControlGroups(); err != nil {
		t.Fatal(err)
	}
	return counts
}

func lines(t *testing.T, path string) int {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(raw), "\n")
}

func entries(t *testing.T, dir string) int {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// processes counts those of the engine's namespace: the daemon and monitors.
func (b *bench) processes(t *testing.T) int { return len(b.pids(t)) }

// pids are the processes of the engine's namespace.
func (b *bench) pids(t *testing.T) (pids []int) {
	t.Helper()
	own, err := b.PIDNamespace()
	if err != nil {
		t.Fatal(err)
	}
	all, err := filepath.Glob("/proc/[0-9]*/ns/pid")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range all {
		if ns, err := os.Readlink(path); err == nil && ns == own {
			pid, err := strconv.Atoi(strings.Split(path, "/")[2])
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, pid)
		}
	}
	return pids
}

// monitorsEnd waits for the monitors of containers that have ended: they reap what they have started a moment later.
func (b *bench) monitorsEnd(t *testing.T) {
	t.Helper()
	for _, pid := range b.pids(t) {
		if name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)); err != nil || string(name) != "cleat-monitor\n" {
			continue
		}
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			continue // gone
		}
		n, err := 0, error(unix.EINTR)
		for err == unix.EINTR {
			n, err = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(callTimeout.Milliseconds()))
		}
		if n != 1 {
			t.Errorf("monitor %d does not end: %v", pid, err)
		}
		_ = unix.Close(fd)
	}
}

// ruleset counts the rules and set elements of this network namespace.
func ruleset(t *testing.T) int {
	t.Helper()
	c, err := nftables.New()
	if err != nil {
		t.Fatal(err)
	}
	tables, err := c.ListTables()
	if err != nil {
		t.Fatal(err)
	}
	n := len(tables)
	chains, err := c.ListChains()
	if err != nil {
		t.Fatal(err)
	}
	for _, chain := range chains {
		rules, err := c.GetRules(chain.Table, chain)
		if err != nil {
			t.Fatal(err)
		}
		n += 1 + len(rules)
	}
	for _, table := range tables {
		sets, err := c.GetSets(table)
		if err != nil {
			t.Fatal(err)
		}
		for _, set := range sets {
			elements, err := c.GetSetElements(set)
			if err != nil {
				t.Fatal(err)
			}
			n += 1 + len(elements)
		}
	}
	return n
}

// metric reads one number of the daemon's metrics.
func metric(t *testing.T, port int, name string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/metrics", port), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for scanner := bufio.NewScanner(resp.Body); scanner.Scan(); {
		if value, ok := strings.CutPrefix(scanner.Text(), name+" "); ok {
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				t.Fatal(err)
			}
			return int(n)
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

// usage is what a tree takes on disk, in KiB, and how many files it has. Mounts inside belong to the daemon's
// namespace and are not seen.
func usage(t *testing.T, root string) (kib, files int) {
	t.Helper()
	var bytes int64
	err := filepath.WalkDir(root, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		files++
		bytes += info.Size()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return int(bytes >> 10), files
}
