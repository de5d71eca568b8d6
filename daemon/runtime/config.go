//go:build linux

package runtime

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/hashicorp/go-hclog"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/runtime/wire"
)

// Config is what a [Runtime] is made of. All fields but Log, OnEntry and OnOOM are required.
type Config struct {
	// StateRoot holds a folder per container that has to outlive a reboot.
	StateRoot string
	// ExecRoot holds a folder per container for sockets and the state of what runs; it may be in memory.
	ExecRoot string
	// MonitorPath and CreatorPath are the programs cleat-monitor and cleat-creator.
	MonitorPath, CreatorPath string
	// Log hears of what went wrong and was repaired.
	Log hclog.Logger
	// OnEntry gets every line of a container's journal once, in order, never two of a container at a time. offset is the
	// position behind the line. After an error the same line comes again, a little later. It must not wait for a call of the
	// same container's [Process.Sync], [Process.Close] or of [Runtime.Open]; other calls of the Process are fine.
	OnEntry func(id string, e Entry, offset int64) error
	// OnOOM is told when the kernel kills something in a container for lack of memory while it runs. It may be missed when
	// the container ends at once; the exit entry has it then.
	OnOOM func(id string)
}

// A Runtime runs the containers of one state root.
type Runtime struct {
	config  Config
	group   string // parent of all control groups
	creator func() (*os.File, error)
	ctx     context.Context
	stop    context.CancelFunc
	watch   *watcher
	groups  hierarchies
	buffers sync.Pool // see link

	mu        sync.Mutex
	processes map[string]*Process // with a monitor, or about to get one
	journals  map[string]*journal // of every container seen
	closed    bool
	work      sync.WaitGroup
}

// New makes the folders and returns a runtime that knows no containers yet; see [Runtime.Adopt]. It ends with Close.
func New(ctx context.Context, c Config) (*Runtime, error) {
	if c.Log == nil {
		c.Log = hclog.NewNullLogger()
	}
	if c.OnEntry == nil {
		c.OnEntry = func(string, Entry, int64) error { return nil }
	}
	if c.OnOOM == nil {
		c.OnOOM = func(string) {}
	}
	for _, p := range []*string{&c.StateRoot, &c.ExecRoot} {
		abs, err := filepath.Abs(*p)
		if err != nil {
			return nil, fmt.Errorf("runtime: %w", err)
		}
		if err := os.MkdirAll(abs, 0o711); err != nil {
			return nil, fmt.Errorf("runtime: %w", err)
		}
		if *p, err = filepath.EvalSymlinks(abs); err != nil {
			return nil, fmt.Errorf("runtime: %w", err)
		}
	}
	if err := removeFilters(c.ExecRoot); err != nil {
		return nil, fmt.Errorf("runtime: %w", err)
	}
	sum := sha256.Sum256([]byte(c.StateRoot))
	groups, err := findHierarchies()
	if err != nil {
		return nil, fmt.Errorf("runtime: control groups: %w", err)
	}
	r := &Runtime{config: c, group: "/cleat-" + hex.EncodeToString(sum[:5]), groups: groups, processes: map[string]*Process{}, journals: map[string]*journal{}}
	r.buffers.New = func() any { return new([wire.MaxPacket]byte) }
	r.creator = sync.OnceValues(func() (*os.File, error) { return seal(c.CreatorPath) })
	r.ctx, r.stop = context.WithCancel(context.WithoutCancel(ctx))
	if r.watch, err = newWatcher(c.Log, c.OnOOM); err != nil {
		return nil, fmt.Errorf("runtime: %w", err)
	}
	r.work.Go(func() { _, _ = r.creator() }) // the first start need not wait for it; an error shows there
	return r, nil
}

// Close lets go of all monitors, which go on, and waits until no entry is being delivered any more.
func (r *Runtime) Close() error {
	r.mu.Lock()
	r.closed = true
	processes := r.processes
	r.processes = map[string]*Process{}
	r.mu.Unlock()
	r.stop()
	for _, p := range processes {
		p.detach()
	}
	r.work.Wait()
	err := r.watch.close()
	if f, sealErr := r.creator(); sealErr == nil {
		err = errors.Join(err, f.Close())
	}
	return err
}

// CgroupsPath is where the control groups of a container belong, below each hierarchy's root. It is what a
// specification has to have as linux.cgroupsPath.
func (r *Runtime) CgroupsPath(id string) string { return r.group + "/" + id }

// Process returns the process of a container that has a monitor.
func (r *Runtime) Process(id string) (*Process, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, ok := r.processes[id]
	return p, ok
}

func (r *Runtime) stateDir(id string) string { return filepath.Join(r.config.StateRoot, id) }
func (r *Runtime) runDir(id string) string   { return filepath.Join(r.config.ExecRoot, id) }

// forget takes a process out of the table, unless another has taken its place.
func (r *Runtime) forget(p *Process) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.processes[p.id] == p {
		delete(r.processes, p.id)
	}
}

// checkID keeps ids from being paths.
func checkID(id string) error {
	if id == "" || id == "." || id == ".." || filepath.Base(id) != id {
		return fmt.Errorf("container id %q: %w", id, errs.ErrInvalid)
	}
	return nil
}

// An Entry is a line of a container's journal.
type Entry = wire.Entry

// Kinds of entries; [wire] says which fields each has.
const (
	KindStart       = wire.Start
	KindStartFailed = wire.StartFailed
	KindExit        = wire.Exit
	KindStop        = wire.Stop
	KindAdopt       = wire.Adopt
	KindExecStart   = wire.ExecStart
	KindExecFailed  = wire.ExecFailed
	KindExecExit    = wire.ExecExit
)
