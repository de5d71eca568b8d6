//go:build linux

package images

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	ccontent "github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/leases"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/content"
)

// layerPull is a layer on its way.
type layerPull struct {
	desc          ocispec.Descriptor
	diffID, below digest.Digest
	name          string
	fetched       chan struct{} // closed when the blob is in the store
}

// layers fetches layers, several at the same time, and unpacks them in order. The first that is missing is unpacked
// while it comes.
func (p *puller) layers(ctx context.Context, descs []ocispec.Descriptor, diffIDs []digest.Digest) (err error) {
	all := make([]*layerPull, len(descs))
	below := append([]digest.Digest{""}, chains(diffIDs)...)
	for n, desc := range descs {
		all[n] = &layerPull{desc: desc, diffID: diffIDs[n], below: below[n], name: layerName(desc.Digest), fetched: make(chan struct{})}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	b := newBoard(ctx, p.out, func() { cancel(context.Canceled) })
	defer func() {
		if failed := b.close(); failed != nil {
			err = failed
		}
	}()
	missing, err := p.missing(ctx, all, b)
	if err != nil {
		return err
	}
	var unpacking background
	defer unpacking.wait()
	group, ctx := errgroup.WithContext(ctx)
	for n, l := range missing {
		group.Go(func() error { return p.get(ctx, l, b, n == 0, &unpacking) })
	}
	group.Go(func() error { return p.unpack(ctx, missing, b) })
	err = group.Wait()
	cancel(err)
	return err
}

// missing says of each layer whether it is here, and returns those that are not.
func (p *puller) missing(ctx context.Context, all []*layerPull, b *board) ([]*layerPull, error) {
	var missing []*layerPull
	for _, l := range all {
		_, err := p.s.Layers.Applied(ctx, l.below, l.diffID)
		if err != nil && !isNotFound(err) {
			return nil, err
		}
		here := err == nil && len(missing) == 0 && p.s.hold(ctx, l.desc.Digest) == nil
		if err == nil && len(missing) == 0 && !here { // another form of it will do
			if other, err := p.s.findLayer(ctx, l.diffID); err == nil {
				here = p.s.hold(ctx, other.Digest) == nil
			}
		}
		if here {
			b.step(l.name, "Already exists")
			continue
		}
		b.step(l.name, "Pulling fs layer")
		missing = append(missing, l)
	}
	return missing, nil
}

// hold puts a blob under the lease of ctx, also one that is not there yet, which is errs.ErrNotFound.
func (s *Service) hold(ctx context.Context, d digest.Digest) error {
	ctx = content.Context(ctx)
	if id, ok := leases.FromContext(ctx); ok {
		if err := s.Store.Leases.AddResource(ctx, leases.Lease{ID: id}, leases.Resource{ID: d.String(), Type: "content"}); err != nil {
			return fmt.Errorf("blob %s: %w", d, err)
		}
	}
	_, err := s.Store.Content.Info(ctx, d)
	return err
}

// get brings a layer's blob into the store, and with unpack unpacks it at the same time.
func (p *puller) get(ctx context.Context, l *layerPull, b *board, unpack bool, unpacking *background) error {
	fetch := func(job context.Context, tell func(func(viewer))) error {
		if !unpack {
			return p.s.download(job, p.repo, l.desc, l.diffID, nil, tell)
		}
		pipe := newPipe()
		started := unpacking.start(func() {
			defer context.AfterFunc(ctx, func() { _ = pipe.Close() })()
			defer pipe.Close()
			if r, err := Decompress(pipe); err == nil {
				defer r.Close()
				ahead := readAhead(r)
				defer ahead.Close()
				defer pipe.Close() // it may wait for the network
				// What goes wrong here goes wrong again when it is unpacked from the store, and is told then.
				_, _ = p.s.Layers.Apply(ctx, l.below, l.diffID, ahead)
			}
		})
		if !started { // who began this download has left
			return p.s.download(job, p.repo, l.desc, l.diffID, nil, tell)
		}
		err := p.s.download(job, p.repo, l.desc, l.diffID, pipe, tell)
		pipe.end(err)
		return err
	}
	v := viewer{
		step:   func(status string) { b.step(l.name, status) },
		amount: func(status string, current, total int64) { b.amount(l.name, status, current, total) },
	}
	// The lease has it before it is there, so that no collection comes in between.
	err := p.s.hold(ctx, l.desc.Digest)
	if isNotFound(err) {
		err = p.s.downloads.get(ctx, l.desc, v, fetch)
	}
	if err == nil {
		close(l.fetched)
	}
	return err
}

// unpack unpacks layers in order, each when it is there.
func (p *puller) unpack(ctx context.Context, missing []*layerPull, b *board) error {
	for _, l := range missing {
		select {
		case <-l.fetched:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := p.extract(ctx, l, b); err != nil {
			return fmt.Errorf("failed to register layer: %w", err)
		}
		b.step(l.name, "Pull complete")
	}
	return nil
}

func (p *puller) extract(ctx context.Context, l *layerPull, b *board) error {
	b.amount(l.name, "Extracting", 0, l.desc.Size)
	at, err := p.s.Store.Content.ReaderAt(content.Context(ctx), l.desc)
	if err != nil {
		return fmt.Errorf("layer %s: %w", l.desc.Digest, err)
	}
	defer at.Close()
	r, err := Decompress(&progress{r: ccontent.NewReader(at), every: progressInterval, report: func(read int64) {
		b.amount(l.name, "Extracting", read, l.desc.Size)
	}})
	if err != nil {
		return err
	}
	defer r.Close()
	ahead := readAhead(r)
	defer ahead.Close()
	if _, err = p.s.Layers.Apply(ctx, l.below, l.diffID, ahead); err == nil {
		b.amount(l.name, "Extracting", l.desc.Size, l.desc.Size)
	}
	return err
}

// background is work that others start for somebody, who may have left meanwhile.
type background struct {
	mu     sync.Mutex
	closed bool
	group  sync.WaitGroup
}

// start starts fn unless wait was called.
func (b *background) start(fn func()) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.group.Go(fn)
	}
	return !b.closed
}

// wait waits for what was started; from now on nothing is.
func (b *background) wait() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.group.Wait()
}

// readAhead reads in a goroutine of its own, so that decompressing and writing files go side by side. The goroutine
// ends with r or with Close.
func readAhead(r io.Reader) *ahead {
	a := &ahead{pipe: newPipe(), ended: make(chan struct{})}
	go func() {
		defer close(a.ended)
		_, err := io.CopyBuffer(a.pipe, struct{ io.Reader }{r}, make([]byte, pipeChunk))
		if errors.Is(err, io.ErrClosedPipe) {
			err = nil
		}
		a.pipe.end(err)
	}()
	return a
}

type ahead struct {
	*pipe
	ended chan struct{}
}

// Close ends the goroutine and waits for it.
func (a *ahead) Close() error {
	_ = a.pipe.Close() // it never fails
	<-a.ended
	return nil
}

// withoutClass is the text of an error without the words of its class.
func withoutClass(err error) string {
	if class := errs.Class(err); class != nil {
		return strings.TrimSuffix(err.Error(), ": "+class.Error())
	}
	return ""
}
