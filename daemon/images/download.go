//go:build linux

package images

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	ccontent "github.com/containerd/containerd/v2/core/content"
	"github.com/hashicorp/go-hclog"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/semaphore"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/content"
	"github.com/cleat-dev/cleat/internal/registry"
)

// downloads are the layers being fetched, each once however many pulls want it.
type downloads struct {
	slots *semaphore.Weighted
	log   hclog.Logger

	mu   sync.Mutex
	jobs map[digest.Digest]*job
}

func (d *downloads) init(most int, log hclog.Logger) {
	d.slots, d.log, d.jobs = semaphore.NewWeighted(int64(most)), log, map[digest.Digest]*job{}
}

// job fetches one layer. It goes on as long as somebody wants it.
type job struct {
	desc   ocispec.Descriptor
	cancel context.CancelFunc
	done   chan struct{}
	err    error // readable when done is closed

	mu      sync.Mutex
	viewers map[int]viewer
	next    int
	last    func(viewer) // what newcomers are told
}

// viewer is told how a download goes on.
type viewer struct {
	step   func(status string)
	amount func(status string, current, total int64)
}

// tell tells all viewers, and those that come later.
func (j *job) tell(what func(viewer)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.last = what
	for _, v := range j.viewers {
		what(v)
	}
}

// fetchFunc brings a layer into the store. tell reports to whoever watches.
type fetchFunc func(ctx context.Context, tell func(func(viewer))) error

// get fetches a layer, or waits for somebody else who does. It returns when the layer is in the store.
func (d *downloads) get(ctx context.Context, desc ocispec.Descriptor, v viewer, fetch fetchFunc) error {
	for {
		j, id := d.join(ctx, desc, v, fetch)
		select {
		case <-j.done:
			d.leave(j, id)
			if errors.Is(j.err, context.Canceled) && ctx.Err() == nil {
				continue // the others had just left
			}
			return j.err
		case <-ctx.Done():
			d.leave(j, id)
			return context.Cause(ctx)
		}
	}
}

// join returns the job for a layer, new or running.
func (d *downloads) join(ctx context.Context, desc ocispec.Descriptor, v viewer, fetch fetchFunc) (*job, int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	j := d.jobs[desc.Digest]
	if j == nil {
		ctx, cancel := context.WithCancel(content.Detach(ctx))
		j = &job{desc: desc, cancel: cancel, done: make(chan struct{}), viewers: map[int]viewer{}}
		d.jobs[desc.Digest] = j
		go d.run(ctx, j, fetch)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.next++
	j.viewers[j.next] = v
	if j.last != nil {
		j.last(v)
	}
	return j, j.next
}

// leave ends a job that nobody wants any more.
func (d *downloads) leave(j *job, id int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	j.mu.Lock()
	delete(j.viewers, id)
	abandoned := len(j.viewers) == 0
	j.mu.Unlock()
	if abandoned {
		j.cancel()
		if d.jobs[j.desc.Digest] == j {
			delete(d.jobs, j.desc.Digest)
		}
	}
}

func (d *downloads) run(ctx context.Context, j *job, fetch fetchFunc) {
	defer func() {
		d.mu.Lock()
		if d.jobs[j.desc.Digest] == j {
			delete(d.jobs, j.desc.Digest)
		}
		d.mu.Unlock()
		close(j.done)
		j.cancel()
	}()
	if !d.slots.TryAcquire(1) {
		j.tell(func(v viewer) { v.step("Waiting") })
		if j.err = d.slots.Acquire(ctx, 1); j.err != nil {
			return
		}
	}
	defer d.slots.Release(1)
	j.err = fetch(ctx, j.tell)
}

// download brings a layer from a registry into the store, from where an earlier try has left off. What is there is
// passed to also as well while it comes, unless the beginning is here already; an error of also does not end the download.
//
// A transfer that was cut leaves the half layer for a day, for the next try: the context has no lease, and containerd keeps
// such for that long. One that the disk did not take leaves nothing.
func (s *Service) download(ctx context.Context, repo *registry.Repository, desc ocispec.Descriptor, diffID digest.Digest, also io.Writer, tell func(func(viewer))) (err error) {
	// Opening waits for a writer whose client has just left.
	ref := "layer-" + desc.Digest.String()
	w, err := ccontent.OpenWriter(ctx, s.Store.Content, ccontent.WithRef(ref), ccontent.WithDescriptor(desc))
	if errs.Class(err) == errs.ErrConflict && s.has(ctx, desc.Digest) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("layer %s: %w", desc.Digest, err)
	}
	defer w.Close()
	status, err := w.Status()
	if err != nil {
		return fmt.Errorf("layer %s: %w", desc.Digest, err)
	}
	if status.Offset > 0 { // to unpack it while it comes, the beginning would have to come again
		also = nil
	}
	if status.Offset > desc.Size {
		if err := w.Truncate(0); err != nil {
			return fmt.Errorf("layer %s: %w", desc.Digest, err)
		}
		status.Offset = 0
	}
	body := repo.Blob(ctx, desc, status.Offset)
	defer body.Close()
	start := status.Offset
	counted := &progress{r: body, every: progressInterval, report: func(read int64) {
		tell(func(v viewer) { v.amount("Downloading", start+read, desc.Size) })
	}}
	flush := &flusher{w: w}
	defer flush.wait() // before the file is closed
	target := io.Writer(flush)
	if also != nil {
		target = io.MultiWriter(flush, &optional{w: also})
	}
	if _, err := io.CopyBuffer(target, struct{ io.Reader }{counted}, make([]byte, 256<<10)); err != nil {
		if counted.failed == nil || start+counted.read == 0 { // what a full disk has taken is in the way of all else
			s.abort(ctx, ref)
		}
		if counted.failed != nil {
			err = &cut{err}
		}
		return fmt.Errorf("layer %s: %w", desc.Digest, err)
	}
	flush.wait()
	tell(func(v viewer) { v.step("Verifying Checksum") })
	err = w.Commit(ctx, desc.Size, desc.Digest, ccontent.WithLabels(map[string]string{labelDiffID: diffID.String()}))
	if err != nil && !(errs.Class(err) == errs.ErrConflict && s.has(ctx, desc.Digest)) {
		// What was received is not what was promised; another try starts over.
		s.abort(ctx, ref)
		return fmt.Errorf("filesystem layer verification failed for digest %s: %w: %w", desc.Digest, err, errs.ErrInternal)
	}
	tell(func(v viewer) { v.step("Download complete") })
	return nil
}

// abort drops what was written under a reference.
func (s *Service) abort(ctx context.Context, ref string) {
	if err := s.Store.Content.Abort(context.WithoutCancel(ctx), ref); err != nil && !isNotFound(err) {
		s.Log.Warn("half a layer stays for a day", "ref", ref, "error", err)
	}
	s.Store.Collect() // its file
}

// cut is an error of the way to the registry, which another try may not meet.
type cut struct{ error }

func (c *cut) Unwrap() error { return c.error }

// optional is a writer whose first error is its end, but nobody else's.
type optional struct {
	w      io.Writer
	failed bool
}

func (o *optional) Write(p []byte) (int, error) {
	if !o.failed {
		if _, err := o.w.Write(p); err != nil {
			o.failed = true
		}
	}
	return len(p), nil
}

// flushStep is how many bytes a layer grows between two flushes.
const flushStep = 16 << 20

// flusher has what it writes brought to the disk while more comes, so that the end has little to wait for.
type flusher struct {
	w       ccontent.Writer
	written int64
	next    int64
	running chan struct{} // closed when the flush under way is done; nil before the first
}

func (f *flusher) Write(p []byte) (int, error) {
	n, err := f.w.Write(p)
	if f.written += int64(n); f.written >= f.next {
		f.flush()
	}
	return n, err
}

func (f *flusher) flush() {
	syncer, ok := f.w.(ccontent.Syncer)
	if !ok {
		return
	}
	if f.running != nil {
		select {
		case <-f.running:
		default: // the disk is slower than the network
			return
		}
	}
	f.next = f.written + flushStep
	done := make(chan struct{})
	f.running = done
	go func() {
		defer close(done)
		_ = syncer.Sync() // the commit does it again, and tells
	}()
}

// wait waits for the flush under way.
func (f *flusher) wait() {
	if f.running != nil {
		<-f.running
	}
}
