//go:build linux

package snapshot

import "sync"

// reaper removes folders with what is mounted in them, one after the other, in a goroutine that ends with the work.
type reaper struct {
	mu      sync.Mutex
	queue   []reaped
	running bool
	idle    sync.Cond
}

type reaped struct {
	dir    string
	failed func(error)
}

// add has a folder removed; failed is told when that does not work.
func (r *reaper) add(dir string, failed func(error)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue = append(r.queue, reaped{dir, failed})
	if !r.running {
		r.running = true
		go r.run()
	}
}

func (r *reaper) run() {
	for {
		r.mu.Lock()
		if len(r.queue) == 0 {
			r.running = false
			r.cond().Broadcast()
			r.mu.Unlock()
			return
		}
		next := r.queue[0]
		r.queue = r.queue[1:]
		r.mu.Unlock()
		if err := sweep(next.dir); err != nil {
			next.failed(err)
		}
	}
}

// wait returns when there is nothing left to remove.
func (r *reaper) wait() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.running {
		r.cond().Wait()
	}
}

// cond is idle with its lock. mu is held.
func (r *reaper) cond() *sync.Cond {
	if r.idle.L == nil {
		r.idle.L = &r.mu
	}
	return &r.idle
}
