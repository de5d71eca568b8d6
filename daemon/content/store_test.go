//go:build linux

package content

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	ccontent "github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/hashicorp/go-hclog"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/cleat-dev/cleat/api/errs"
)

func open(t *testing.T, root string) *Store {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("snapshots need root")
	}
	s, err := Open(t.Context(), root, hclog.NewNullLogger())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func blob(t *testing.T, ctx context.Context, s *Store, text string, labels map[string]string) ocispec.Descriptor {
	t.Helper()
	desc := ocispec.Descriptor{MediaType: "text/plain", Digest: digest.FromString(text), Size: int64(len(text))}
	if err := ccontent.WriteBlob(ctx, s.Content, text, bytes.NewReader([]byte(text)), desc, ccontent.WithLabels(labels)); err != nil {
		t.Fatal(err)
	}
	return desc
}

func exists(t *testing.T, ctx context.Context, s *Store, desc ocispec.Descriptor) bool {
	t.Helper()
	_, err := s.Content.Info(ctx, desc.Digest)
	if err != nil && !errors.Is(err, errs.ErrNotFound) {
		t.Fatal(err)
	}
	return err == nil
}

// TestCollection: what an image record, a lease or a hold needs stays, everything else goes.
func TestCollection(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	s := open(t, root)
	ctx := Context(t.Context())
	lost := blob(t, ctx, s, "lost", nil)
	child := blob(t, ctx, s, "child", nil)
	named := blob(t, ctx, s, "named", map[string]string{"containerd.io/gc.ref.content.0": child.Digest.String()})
	if _, err := s.Images.Create(ctx, images.Image{Name: "image", Target: named}); err != nil {
		t.Fatal(err)
	}
	leased, done, err := s.Lease(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	pulled := blob(t, leased, s, "pulled", nil)
	for _, name := range []string{"held", "free"} {
		if _, err := s.Snapshots.Prepare(leased, name+"-active", ""); err != nil {
			t.Fatal(err)
		}
		if err := s.Snapshots.Commit(leased, digest.FromString(name).String(), name+"-active", snapshots.WithLabels(nil)); err != nil {
			t.Fatal(err)
		}
	}
	release := s.Hold(digest.FromString("held"))
	check := func(when string, want map[string]bool) {
		t.Helper()
		if err := s.GC(t.Context()); err != nil {
			t.Fatal(err)
		}
		for name, desc := range map[string]ocispec.Descriptor{"lost": lost, "child": child, "named": named, "pulled": pulled} {
			if got := exists(t, ctx, s, desc); got != want[name] {
				t.Errorf("%s: blob %s exists: %v", when, name, got)
			}
		}
		for _, name := range []string{"held", "free"} {
			if _, err := s.Snapshots.Stat(ctx, digest.FromString(name).String()); (err == nil) != want[name] {
				t.Errorf("%s: snapshot %s: %v", when, name, err)
			}
		}
	}
	check("leased", map[string]bool{"child": true, "named": true, "pulled": true, "held": true, "free": true})
	done()
	check("lease ended", map[string]bool{"child": true, "named": true, "held": true})
	release()
	release()
	if err := s.Images.Delete(ctx, "image"); err != nil {
		t.Fatal(err)
	}
	check("nothing needed", nil)
	for _, pattern := range []string{"content/blobs/sha256/*", "overlay/snapshots/*"} {
		if left, _ := filepath.Glob(filepath.Join(root, pattern)); len(left) > 0 {
			t.Errorf("left on the disk: %v", left)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestCrash: a lease of a process that ended protects nothing any more.
func TestCrash(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	s := open(t, root)
	leased, _, err := s.Lease(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	half := blob(t, leased, s, "half", nil)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, root)
	defer s.Close()
	if err := s.GC(t.Context()); err != nil {
		t.Fatal(err)
	}
	if exists(t, Context(t.Context()), s, half) {
		t.Error("content of a dead process stays")
	}
}

// TestUpdate: several changes are one.
func TestUpdate(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	defer s.Close()
	ctx := Context(t.Context())
	target := blob(t, ctx, s, "x", nil)
	failed := errors.New("changed my mind")
	err := s.Update(ctx, func(ctx context.Context) error {
		if _, err := s.Images.Create(ctx, images.Image{Name: "a", Target: target}); err != nil {
			return err
		}
		return failed
	})
	if !errors.Is(err, failed) {
		t.Fatal(err)
	}
	if _, err := s.Images.Get(ctx, "a"); !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("half of a change is there: %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	if _, err := Open(t.Context(), filepath.Join(t.TempDir(), "a,b"), hclog.NewNullLogger()); !errors.Is(err, errs.ErrInvalid) {
		t.Errorf("a path overlay cannot take: %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), file, hclog.NewNullLogger()); err == nil {
		t.Error("a file was opened as a store")
	}
}

// TestKeep: what was fetched for work that was cut short outlives collections and a restart, until somebody drops it.
func TestKeep(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	s := open(t, root)
	write := func(name string) ocispec.Descriptor {
		t.Helper()
		ctx, done, err := s.Lease(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer done()
		desc := blob(t, ctx, s, "fetched "+name, nil)
		if err := s.Keep(ctx, name, time.Hour, desc.Digest, digest.FromString("never fetched")); err != nil {
			t.Fatal(err)
		}
		return desc
	}
	one, other := write("one"), write("other")
	check := func(when string, wantOne, wantOther bool) {
		t.Helper()
		if err := s.GC(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx := Context(t.Context())
		if exists(t, ctx, s, one) != wantOne || exists(t, ctx, s, other) != wantOther {
			t.Errorf("%s: want %v %v", when, wantOne, wantOther)
		}
	}
	check("kept", true, true)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, root)
	defer s.Close()
	check("after a restart", true, true)
	if err := s.Drop(t.Context(), "one"); err != nil {
		t.Fatal(err)
	}
	check("one dropped", false, true)
	if err := errors.Join(s.Drop(t.Context(), "one"), s.Drop(t.Context(), "")); err != nil {
		t.Fatal(err)
	}
	check("all dropped", false, false)
	again := write("short")
	if err := s.Keep(t.Context(), "short", -time.Second, again.Digest); err != nil {
		t.Fatal(err)
	}
	one, other = again, again
	check("its time is over", false, false)
	if left, err := s.Leases.List(Context(t.Context())); err != nil || len(left) > 0 {
		t.Errorf("leases: %v, %v", left, err)
	}
}
