//go:build linux

package runtime_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/cleat-dev/cleat/daemon/runtime"
	"github.com/cleat-dev/cleat/daemon/runtime/wire"
)

// A stand-in is a daemon in a process of its own, which can be killed: this test program, started again. It adopts what
// is there, does what it reads from stdin, and stores each entry with its offset in one write to a file, which is its
// database.
const standInEnv = "CLEAT_TEST_STAND_IN"

// An order is what a stand-in is to do.
type order struct {
	ID      string
	Args    []string
	Restart runtime.RestartPolicy
	MaxSize string
	TTY     bool
}

// A reply is what came of it.
type reply struct {
	Error   string
	Adopted int
	Took    time.Duration
}

type database struct {
	mu   sync.Mutex
	file *os.File
}

func entriesFile(root string) string { return filepath.Join(root, "entries") }

func (d *database) onEntry(id string, e runtime.Entry, offset int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, err := fmt.Fprintf(d.file, "%s %d %s", id, offset, e.Append(nil))
	return err
}

// readEntries reads a database.
func readEntries(root string) (map[string][]entry, error) {
	content, err := os.ReadFile(entriesFile(root))
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	found := map[string][]entry{}
	for line := range strings.Lines(string(content)) {
		id, rest, _ := strings.Cut(line, " ")
		offset, rest, _ := strings.Cut(rest, " ")
		e, ok := wire.ParseEntry(strings.TrimSuffix(rest, "\n"))
		if !ok || !strings.HasSuffix(rest, "\n") {
			return nil, fmt.Errorf("entry %q", line)
		}
		found[id] = append(found[id], entry{e, wire.Atoi(offset)})
	}
	return found, nil
}

func standIn() {
	if err := standInRun(context.Background(), os.Getenv(standInEnv)); err != nil {
		fmt.Fprintln(os.Stderr, "stand-in:", err)
		os.Exit(1)
	}
}

func standInRun(ctx context.Context, root string) error {
	programs.dir = os.Getenv("CLEAT_TEST_PROGRAMS")
	known, err := readEntries(root)
	if err != nil {
		return err
	}
	offsets := map[string]int64{}
	for id, entries := range known {
		offsets[id] = entries[len(entries)-1].offset
	}
	file, err := os.OpenFile(entriesFile(root), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	db := &database{file: file}
	r, err := runtime.New(ctx, runtime.Config{
		StateRoot: filepath.Join(root, "state"), ExecRoot: filepath.Join(root, "run"),
		MonitorPath: filepath.Join(programs.dir, "cleat-monitor"), CreatorPath: filepath.Join(programs.dir, "cleat-creator"),
		Log: hclog.New(&hclog.LoggerOptions{Level: hclog.Warn, Output: os.Stderr}), OnEntry: db.onEntry,
	})
	if err != nil {
		return err
	}
	began := time.Now()
	adopted, err := r.Adopt(ctx, offsets)
	answers := json.NewEncoder(os.Stdout)
	if err := answers.Encode(reply{Error: fmt.Sprint(err), Adopted: len(adopted), Took: time.Since(began)}); err != nil {
		return err
	}
	h := &host{Runtime: r, root: root}
	var working sync.WaitGroup
	var mu sync.Mutex
	for in := json.NewDecoder(os.Stdin); ; {
		var o order
		if err := in.Decode(&o); err != nil {
			working.Wait()
			return nil
		}
		working.Go(func() {
			b := h.bundle(o.ID, o.Args...)
			b.Restart, b.TTY = o.Restart, o.TTY
			if o.MaxSize != "" {
				b.Log.Options = map[string]string{"max-size": o.MaxSize, "max-file": "1000"}
			}
			p, err := r.Open(ctx, b)
			if err == nil {
				_, err = p.Start(ctx)
			}
			mu.Lock()
			defer mu.Unlock()
			_ = answers.Encode(reply{Error: fmt.Sprint(err)})
		})
	}
}

// A daemon is a stand-in that runs.
type daemon struct {
	t       testing.TB
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *json.Decoder
	adopted reply
}

// startDaemon starts a stand-in and waits until it has adopted what there is.
func startDaemon(t testing.TB, root string) *daemon {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	d := &daemon{t: t, cmd: exec.Command(self)}
	d.cmd.Env = append(os.Environ(), standInEnv+"="+root, "CLEAT_TEST_PROGRAMS="+programs.dir)
	d.cmd.Stderr = os.Stderr
	if d.in, err = d.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	d.out = json.NewDecoder(bufio.NewReader(out))
	if err := d.out.Decode(&d.adopted); err != nil {
		t.Fatal(err)
	}
	if d.adopted.Error != "<nil>" {
		t.Fatalf("adopt: %s", d.adopted.Error)
	}
	return d
}

func (d *daemon) order(o order) {
	d.t.Helper()
	if err := json.NewEncoder(d.in).Encode(o); err != nil {
		d.t.Fatal(err)
	}
}

// done waits for the outcome of n orders.
func (d *daemon) done(n int) {
	d.t.Helper()
	for range n {
		var r reply
		if err := d.out.Decode(&r); err != nil || r.Error != "<nil>" {
			d.t.Fatalf("%v %s", err, r.Error)
		}
	}
}

// kill kills it and waits until it is dead.
func (d *daemon) kill() {
	d.t.Helper()
	if err := d.cmd.Process.Kill(); err != nil {
		d.t.Fatal(err)
	}
	_ = d.cmd.Wait() // killed
}
