//go:build linux

package snapshot

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/containerd/v2/pkg/archive"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/identity"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/content"
)

// sizeLabel says how many bytes the files of one layer have, archiveLabel how many its uncompressed archive.
const (
	sizeLabel    = "dev.cleat/size"
	archiveLabel = "dev.cleat/archive"
)

// Applied is a layer that became part of a chain.
type Applied struct {
	DiffID, ChainID digest.Digest
	// Size is the bytes of its files, Archive those of the uncompressed archive.
	Size, Archive int64
}

// ChainID returns the chain of a layer on top of another; parent is empty for the first.
func ChainID(parent, diffID digest.Digest) digest.Digest {
	if parent == "" {
		return diffID
	}
	return identity.ChainID([]digest.Digest{parent, diffID})
}

// Apply unpacks a layer, an uncompressed archive, on top of a chain. With want the archive has to have this diff id,
// and a layer that is there already is not read at all. Callers that unpack the same layer at the same time wait for
// the first. An archive that is damaged, or different from what was wanted, leaves nothing behind and is
// errs.ErrInvalid.
//
// The new chain is collected unless the lease of ctx, [content.Store.Hold] or an image keeps it.
func (l *Layers) Apply(ctx context.Context, parent, want digest.Digest, r io.Reader) (Applied, error) {
	if want != "" {
		defer l.chains.lock("apply " + ChainID(parent, want).String())()
		if a, err := l.Applied(ctx, parent, want); err == nil || !errors.Is(err, errs.ErrNotFound) {
			return a, err
		}
	}
	a, err := l.apply(ctx, parent, want, r)
	if err != nil {
		return Applied{}, fmt.Errorf("unpack layer %s: %w", want, err)
	}
	return a, nil
}

// Applied returns a layer that is unpacked on top of a chain, or errs.ErrNotFound. Under the lease of ctx it stays.
func (l *Layers) Applied(ctx context.Context, parent, diffID digest.Digest) (Applied, error) {
	ctx = content.Context(ctx)
	if err := l.lease(ctx, ChainID(parent, diffID)); err != nil {
		return Applied{}, err
	}
	return l.Stat(ctx, parent, diffID)
}

// Stat is Applied without the lease: it writes nothing.
func (l *Layers) Stat(ctx context.Context, parent, diffID digest.Digest) (Applied, error) {
	ctx = content.Context(ctx)
	chain := ChainID(parent, diffID)
	info, err := l.store.Snapshots.Stat(ctx, chain.String())
	if err != nil {
		return Applied{}, fmt.Errorf("layers %s: %w", chain, err)
	}
	size, failed := strconv.ParseInt(info.Labels[sizeLabel], 10, 64)
	archived, err := strconv.ParseInt(info.Labels[archiveLabel], 10, 64)
	if err := errors.Join(failed, err); err != nil {
		return Applied{}, fmt.Errorf("layers %s: size: %w", chain, err)
	}
	return Applied{DiffID: diffID, ChainID: chain, Size: size, Archive: archived}, nil
}

func (l *Layers) apply(ctx context.Context, parent, want digest.Digest, r io.Reader) (a Applied, err error) {
	ctx, done, err := l.store.Leased(ctx) // nothing else keeps a folder that is being filled from being collected
	if err != nil {
		return Applied{}, err
	}
	defer done()
	key := "apply-" + randomName()
	m, err := l.store.Snapshots.Prepare(ctx, key, parent.String())
	if err != nil {
		return Applied{}, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreNotFound(l.store.Snapshots.Remove(context.WithoutCancel(ctx), key)))
			l.store.Collect() // its folder
		}
	}()
	digester := digest.Canonical.Digester()
	count := &counter{w: digester.Hash()}
	tee := io.TeeReader(r, count)
	if a.Size, err = l.extract(ctx, m, tee); err != nil {
		return Applied{}, unusable(err)
	}
	if _, err := io.Copy(io.Discard, tee); err != nil { // padding after the end of the archive counts
		return Applied{}, unusable(err)
	}
	if a.DiffID = digester.Digest(); want != "" && a.DiffID != want {
		return Applied{}, fmt.Errorf("its content is %s: %w", a.DiffID, errs.ErrInvalid)
	}
	a.ChainID, a.Archive = ChainID(parent, a.DiffID), count.n
	labels := snapshots.WithLabels(map[string]string{sizeLabel: strconv.FormatInt(a.Size, 10), archiveLabel: strconv.FormatInt(a.Archive, 10)})
	err = l.store.Snapshots.Commit(ctx, a.ChainID.String(), key, labels)
	if errs.Class(err) == errs.ErrConflict { // somebody who did not know the diff id beforehand was faster
		return a, errors.Join(ignoreNotFound(l.store.Snapshots.Remove(ctx, key)), l.lease(ctx, a.ChainID))
	}
	return a, err
}

// roomStep is how many bytes of files are unpacked between two looks at the disk.
const roomStep = 64 << 20

// unusable says that an archive cannot be unpacked: it is at fault, unless the disk is.
func unusable(err error) error {
	for _, disk := range []error{unix.ENOSPC, unix.EDQUOT, unix.EIO, unix.EROFS} {
		if errors.Is(err, disk) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", err, errs.ErrInvalid)
}

func ignoreNotFound(err error) error {
	if errors.Is(err, errs.ErrNotFound) {
		return nil
	}
	return err
}

// extract unpacks into the folder behind a snapshot's mounts, without mounting them.
func (l *Layers) extract(ctx context.Context, mounts []mount.Mount, r io.Reader) (int64, error) {
	root, options, err := target(mounts)
	if err != nil {
		return 0, err
	}
	var links int64 // engines count a link as the bytes of what it says
	room := int64(0)
	options = append(options, archive.WithFilter(func(h *tar.Header) (bool, error) {
		if h.Typeflag == tar.TypeSymlink {
			links += int64(len(h.Linkname))
		}
		if room -= h.Size; room < 0 {
			if err := l.store.Room(h.Size + roomStep); err != nil {
				return false, fmt.Errorf("%s: %w", h.Name, err)
			}
			room = roomStep
		}
		return clean(h)
	}))
	size, err := archive.Apply(ctx, root, r, options...)
	return size + links, err
}

// target returns the folder a layer is unpacked into: an upper folder, where deletions are whiteouts of overlay, or a
// copy, where they are carried out.
func target(mounts []mount.Mount) (string, []archive.ApplyOpt, error) {
	if len(mounts) != 1 {
		return "", nil, fmt.Errorf("%d mounts make a snapshot: %w", len(mounts), errs.ErrInternal)
	}
	m := mounts[0]
	if m.Type != "overlay" {
		if strings.HasSuffix(m.Source, "/fs") { // the first layer of an overlay is one folder
			return m.Source, []archive.ApplyOpt{archive.WithConvertWhiteout(archive.OverlayConvertWhiteout)}, nil
		}
		return m.Source, nil, nil
	}
	var upper string
	var lower []string
	for _, option := range m.Options {
		if dir, ok := strings.CutPrefix(option, "upperdir="); ok {
			upper = dir
		}
		if dirs, ok := strings.CutPrefix(option, "lowerdir="); ok {
			lower = strings.Split(dirs, ":")
		}
	}
	if !filepath.IsAbs(upper) {
		return "", nil, fmt.Errorf("no folder for a layer in %v: %w", m.Options, errs.ErrInternal)
	}
	return upper, []archive.ApplyOpt{archive.WithConvertWhiteout(archive.OverlayConvertWhiteout), archive.WithParents(lower)}, nil
}

// clean takes from an archive's entry what is not an image's to say: attributes that steer overlay would have it
// follow paths of the archive's choice.
func clean(h *tar.Header) (bool, error) {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, paxXattr+"trusted.") || strings.HasPrefix(key, paxXattr+"user.overlay.") {
			delete(h.PAXRecords, key)
		}
	}
	return true, nil
}
