//go:build linux

package runtime_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/cleat-dev/cleat/daemon/runtime"
	"github.com/cleat-dev/cleat/internal/acctest"
)

func TestMain(m *testing.M) {
	if os.Getenv(standInEnv) != "" {
		standIn()
		return
	}
	if err := acctest.Isolate(); err != nil {
		fmt.Fprintln(os.Stderr, "no network namespace:", err)
	}
	code := m.Run()
	if err := os.RemoveAll(programs.dir); programs.dir != "" && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// programs are monitor, creator and root file system, made once for all tests.
var programs struct {
	once sync.Once
	dir  string
	err  error
}

func buildAll() error {
	programs.once.Do(func() {
		if programs.dir, programs.err = os.MkdirTemp("", "cleat-runtime-"); programs.err == nil {
			programs.err = build(programs.dir)
		}
	})
	return programs.err
}

func build(dir string) error {
	for _, p := range []struct {
		name, cgo string
		args      []string
	}{
		{"cleat-monitor", "0", []string{"-ldflags", "-s -w"}},
		{"cleat-creator", "1", []string{"-tags", "seccomp netgo osusergo", "-ldflags", "-s -w -linkmode external -extldflags -static"}},
	} {
		args := append([]string{"build", "-trimpath", "-o", filepath.Join(dir, p.name)}, p.args...)
		cmd := exec.Command("go", append(args, "github.com/cleat-dev/cleat/cmd/"+p.name)...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED="+p.cgo)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w: %s", p.name, err, out)
		}
	}
	archive, err := acctest.RootFS(nil)
	if err != nil {
		return err
	}
	return extract(filepath.Join(dir, "rootfs"), archive)
}

func extract(root string, archive []byte) error {
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		path := filepath.Join(root, h.Name)
		switch h.Typeflag {
		case tar.TypeDir:
			err = os.MkdirAll(path, os.FileMode(h.Mode))
			if err == nil {
				err = os.Chmod(path, os.FileMode(h.Mode)|os.ModeSticky&os.FileMode(h.Mode))
			}
		case tar.TypeSymlink:
			err = os.Symlink(h.Linkname, path)
		default:
			var content []byte
			if content, err = io.ReadAll(r); err == nil {
				err = os.WriteFile(path, content, os.FileMode(h.Mode))
			}
		}
		if err != nil {
			return err
		}
	}
}

// An entry is what OnEntry got.
type entry struct {
	runtime.Entry
	offset int64
}

// A host is a runtime with recorded entries.
type host struct {
	*runtime.Runtime
	t       testing.TB
	root    string
	mu      sync.Mutex
	entries map[string][]entry
	ooms    map[string]int
	changed chan struct{} // closed and replaced at every entry
	fail    func(id string, e runtime.Entry) error
}

// newHost opens a runtime in a folder of its own. What is left of its containers goes at the end.
func newHost(t testing.TB) *host {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("containers need root")
	}
	if err := buildAll(); err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	h := openHost(t, root)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 30*time.Second)
		defer cancel()
		last := openHost(t, root)
		if err := last.GC(ctx, func(string) bool { return false }); err != nil {
			t.Error(err)
		}
		if err := last.RemoveGroups(); err != nil {
			t.Error(err)
		}
		if err := last.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

func openHost(t testing.TB, root string) *host {
	t.Helper()
	h := &host{t: t, root: root, entries: map[string][]entry{}, ooms: map[string]int{}, changed: make(chan struct{})}
	level := hclog.Warn
	if testing.Verbose() {
		level = hclog.Debug
	}
	r, err := runtime.New(t.Context(), runtime.Config{
		StateRoot: filepath.Join(root, "state"), ExecRoot: filepath.Join(root, "run"),
		MonitorPath: filepath.Join(programs.dir, "cleat-monitor"), CreatorPath: filepath.Join(programs.dir, "cleat-creator"),
		Log: hclog.New(&hclog.LoggerOptions{Level: level}), OnEntry: h.onEntry, OnOOM: h.onOOM,
	})
	if err != nil {
		t.Fatal(err)
	}
	h.Runtime = r
	return h
}

func (h *host) onEntry(id string, e runtime.Entry, offset int64) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.fail != nil {
		if err := h.fail(id, e); err != nil {
			return err
		}
	}
	h.entries[id] = append(h.entries[id], entry{e, offset})
	close(h.changed)
	h.changed = make(chan struct{})
	return nil
}

func (h *host) onOOM(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ooms[id]++
	close(h.changed)
	h.changed = make(chan struct{})
}

// wait waits until the condition on the entries of a container holds.
func (h *host) wait(id, what string, ok func([]entry) bool) []entry {
	h.t.Helper()
	limit := time.After(60 * time.Second)
	for {
		h.mu.Lock()
		entries, changed := append([]entry(nil), h.entries[id]...), h.changed
		h.mu.Unlock()
		if ok(entries) {
			return entries
		}
		select {
		case <-changed:
		case <-limit:
			h.t.Fatalf("container %s: no %s; entries: %s; monitor: %s", id, what, text(entries), h.complaints(id))
		}
	}
}

func (h *host) complaints(id string) string {
	content, _ := os.ReadFile(filepath.Join(h.root, "state", id, "monitor.err"))
	return string(content)
}

// until waits for the nth entry of a kind and returns it.
func (h *host) until(id, kind string, n int) entry {
	h.t.Helper()
	entries := h.wait(id, fmt.Sprintf("%s %d", kind, n), func(entries []entry) bool { return len(of(entries, kind)) >= n })
	return of(entries, kind)[n-1]
}

func of(entries []entry, kind string) (found []entry) {
	for _, e := range entries {
		if e.Kind == kind {
			found = append(found, e)
		}
	}
	return found
}

func text(entries []entry) string {
	var b []byte
	for _, e := range entries {
		b = append(b, '\n')
		b = e.Append(b)
	}
	return string(b)
}

// bundle is a container that runs args in the busybox root file system.
func (h *host) bundle(id string, args ...string) runtime.Bundle {
	dir := filepath.Join(h.root, "state", id)
	return runtime.Bundle{
		ID: id, Spec: busybox(args...),
		Log: runtime.LogConfig{Driver: "json-file", Path: filepath.Join(dir, id+"-json.log")},
	}
}

// busybox is a specification with namespaces of its own for all but the network.
func busybox(args ...string) *specs.Spec {
	caps := []string{"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SYS_CHROOT", "CAP_MKNOD", "CAP_SETPCAP"}
	spec := &specs.Spec{
		Version: specs.Version,
		Root:    &specs.Root{Path: filepath.Join(programs.dir, "rootfs")},
		Process: &specs.Process{
			Args: args, Cwd: "/", Env: []string{"PATH=/bin", "HOME=/root", "TERM=xterm"},
			Capabilities: &specs.LinuxCapabilities{Bounding: caps, Effective: caps, Permitted: caps},
		},
		Hostname: "test",
		Mounts: []specs.Mount{
			{Destination: "/proc", Type: "proc", Source: "proc", Options: []string{"nosuid", "noexec", "nodev"}},
			{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "strictatime", "mode=755", "size=65536k"}},
			{Destination: "/dev/pts", Type: "devpts", Source: "devpts", Options: []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"}},
		},
		Linux: &specs.Linux{
			Namespaces: []specs.LinuxNamespace{
				{Type: specs.PIDNamespace}, {Type: specs.MountNamespace}, {Type: specs.IPCNamespace}, {Type: specs.UTSNamespace},
			},
			Resources: &specs.LinuxResources{Devices: []specs.LinuxDeviceCgroup{{Allow: false, Access: "rwm"}}},
		},
	}
	return spec
}

// open opens a container.
func (h *host) open(b runtime.Bundle) *runtime.Process {
	h.t.Helper()
	p, err := h.Open(h.t.Context(), b)
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

// start opens and starts a container.
func (h *host) start(b runtime.Bundle) *runtime.Process {
	h.t.Helper()
	p := h.open(b)
	if _, err := p.Start(h.t.Context()); err != nil {
		h.t.Fatalf("%v; monitor: %s", err, h.complaints(b.ID))
	}
	return p
}
