//go:build linux

package content

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/leases"
	"github.com/containerd/containerd/v2/core/metadata"
	"github.com/containerd/containerd/v2/core/metadata/boltutil"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/containerd/v2/plugins/content/local"
	"github.com/containerd/containerd/v2/plugins/snapshots/native"
	"github.com/containerd/containerd/v2/plugins/snapshots/overlay"
	"github.com/containerd/containerd/v2/plugins/snapshots/overlay/overlayutils"
	"github.com/hashicorp/go-hclog"
	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/cleat-dev/cleat/api/errs"
	records "github.com/cleat-dev/cleat/daemon/metadata"
)

const (
	// namespace is containerd's word for whose objects these are; all are ours.
	namespace = "cleat"
	// lockWait is how long Open waits for another process to let go of the store.
	lockWait = 5 * time.Second
)

// The two snapshotters, by the names under which the store knows them.
const (
	// Overlay keeps a layer as the folder of its changes and stacks the folders.
	Overlay = "overlay"
	// Native keeps every layer as a whole copy of the file system. It works everywhere and is slow.
	Native = "native"
)

// Store is one open store. Its methods, and those of its parts, may be called from any goroutine.
type Store struct {
	// Content holds the blobs: manifests, configurations, layers as they were received.
	Content content.Store
	// Images holds the records that keep images alive. Package images says what their names mean.
	Images images.Store
	// Leases protect what a pull, a load or a build has made and nothing refers to yet.
	Leases leases.Manager
	// Snapshots holds the layers, unpacked, under their chain ids.
	Snapshots snapshots.Snapshotter
	// Snapshotter says which one Snapshots is: Overlay or Native.
	Snapshotter string

	root    string
	db      *metadata.DB
	bolt    *bbolt.DB
	reserve records.Reserve
	backing snapshots.Snapshotter
	log     hclog.Logger
	holds   holds

	collect sync.Mutex // one collection at a time
	trigger chan struct{}
	stop    context.CancelFunc
	stopped sync.WaitGroup
}

// Option changes how a store is opened.
type Option func(*options)

type options struct{ snapshotter string }

// WithSnapshotter takes the choice between Overlay and Native from [Open].
func WithSnapshotter(name string) Option { return func(o *options) { o.snapshotter = name } }

// Context returns a context with which the parts of a store can be called.
func Context(ctx context.Context) context.Context { return namespaces.WithNamespace(ctx, namespace) }

// Open opens the store below root and makes it when it is missing. It holds a lock until Close; a store that another
// process has open is errs.ErrUnavailable after 5 s. Leases of an earlier process are removed: the work they protected
// ended with it. The collection of what was left of that work starts with the first [Store.Collect] or [Store.GC], so
// that the caller can name what it holds before.
func Open(ctx context.Context, root string, log hclog.Logger, opts ...Option) (_ *Store, err error) {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	if strings.ContainsAny(root, `,:\`) { // they separate the options of overlay mounts
		return nil, fmt.Errorf("content: the path %q must not have a comma, colon or backslash: %w", root, errs.ErrInvalid)
	}
	if err := os.MkdirAll(root, 0o710); err != nil {
		return nil, fmt.Errorf("content: %w", err)
	}
	s := &Store{root: root, log: log, trigger: make(chan struct{}, 1)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.closeParts())
		}
	}()
	file := filepath.Join(root, "meta.db")
	if err := records.Check(file); err != nil {
		return nil, fmt.Errorf("content: %w", err)
	}
	s.bolt, err = bbolt.Open(file, 0o600, &bbolt.Options{Timeout: lockWait, FreelistType: bbolt.FreelistMapType, NoFreelistSync: true})
	if errors.Is(err, berrors.ErrTimeout) {
		return nil, fmt.Errorf("content: %s is in use by another process: %w", root, errs.ErrUnavailable)
	}
	if err != nil {
		return nil, fmt.Errorf("content: open %s: %w", root, err)
	}
	blobs, err := local.NewStore(filepath.Join(root, "content"))
	if err != nil {
		return nil, fmt.Errorf("content: %w", err)
	}
	if s.Snapshotter = o.snapshotter; s.Snapshotter == "" {
		s.Snapshotter = choose(root, log)
	}
	if s.backing, err = openSnapshotter(filepath.Join(root, s.Snapshotter), s.Snapshotter); err != nil {
		return nil, fmt.Errorf("content: snapshotter %s: %w", s.Snapshotter, err)
	}
	s.db = metadata.NewDB(s.bolt, blobs, map[string]snapshots.Snapshotter{s.Snapshotter: s.backing})
	if err := s.db.Init(ctx); err != nil {
		return nil, fmt.Errorf("content: %s: %w", root, err)
	}
	s.db.RegisterCollectibleResource(resourceHold, &s.holds)
	s.holds.snapshotter = s.Snapshotter
	s.Content, s.Images, s.Leases = s.db.ContentStore(), metadata.NewImageStore(s.db), metadata.NewLeaseManager(s.db)
	s.Snapshots = s.db.Snapshotter(s.Snapshotter)
	// One that cannot be removed, on a full disk, protects nothing that anybody needs.
	if _, err := s.dropLeases(Context(ctx), func(id string) bool { return !strings.HasPrefix(id, keptPrefix) }); err != nil {
		log.Warn("leases of an earlier daemon stay", "error", err)
	}
	s.start(ctx)
	return s, nil
}

// choose returns the snapshotter of a store: overlay where it works.
func choose(root string, log hclog.Logger) string {
	if err := overlayutils.Supported(root); err != nil {
		log.Warn("no overlay file system: every layer and container is a full copy", "root", root, "error", err)
		return Native
	}
	return Overlay
}

func openSnapshotter(root, name string) (snapshots.Snapshotter, error) {
	switch name {
	case Overlay:
		// Removed snapshots' folders go in the collection, after its transaction, not inside it.
		return overlay.NewSnapshotter(root, overlay.AsynchronousRemove, overlay.WithUpperdirLabel)
	case Native:
		return native.NewSnapshotter(root)
	}
	return nil, fmt.Errorf("%q is unknown: %w", name, errs.ErrInvalid)
}

// Update runs fn in one transaction: what it does through Content, Images and Leases with the context it is given is
// done as a whole or not at all. Snapshots may be read in it. fn must not wait for anything.
func (s *Store) Update(ctx context.Context, fn func(ctx context.Context) error) error {
	return s.db.Update(func(tx *bbolt.Tx) error { return fn(boltutil.WithTransaction(Context(ctx), tx)) })
}

// Lease returns a context under which whatever is written stays until done is called. A daemon that dies loses its
// leases.
func (s *Store) Lease(ctx context.Context) (_ context.Context, done func(), err error) {
	ctx = Context(ctx)
	if err := s.bolt.View(func(tx *bbolt.Tx) error { s.reserve.Keep(s.bolt.Path(), tx); return nil }); err != nil {
		return nil, nil, fmt.Errorf("content: %w", err)
	}
	lease, err := s.Leases.Create(ctx, leases.WithRandomID())
	if err != nil {
		return nil, nil, fmt.Errorf("content: lease: %w", err)
	}
	return leases.WithLease(ctx, lease.ID), func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		if err := s.Leases.Delete(ctx, lease); err != nil && !errors.Is(err, errs.ErrNotFound) {
			s.log.Warn("a lease stays until the next start", "lease", lease.ID, "error", err)
		}
	}, nil
}

// Leased is [Store.Lease] for a context that may have a lease already; then that is what keeps things.
func (s *Store) Leased(ctx context.Context) (_ context.Context, done func(), err error) {
	if _, leased := leases.FromContext(ctx); leased {
		return Context(ctx), func() {}, nil
	}
	return s.Lease(ctx)
}

// Close waits for a running collection and releases the store. Nothing may be called afterwards.
func (s *Store) Close() error {
	s.stop()
	s.stopped.Wait()
	return s.closeParts()
}

func (s *Store) closeParts() error {
	var failed []error
	if s.backing != nil {
		failed = append(failed, s.backing.Close())
	}
	if s.bolt != nil {
		failed = append(failed, s.bolt.Close())
	}
	if err := errors.Join(failed...); err != nil {
		return fmt.Errorf("content: close: %w", err)
	}
	return nil
}

// Detach returns a context for work that others wait for too: it does not end with ctx, and has none of its values, so
// no lease that may end before the work.
func Detach(ctx context.Context) context.Context {
	return Context(valueless{context.WithoutCancel(ctx)})
}

type valueless struct{ context.Context }

func (valueless) Value(any) any { return nil }
