//go:build linux

package snapshot

import (
	"io"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/cleat-dev/cleat/daemon/content"
)

// A blob two make at a time stays for the one when the other's image, which shared it, has gone.
func TestLease(t *testing.T) {
	t.Parallel()
	w := newWorld(t, content.Native)
	ctx := content.Context(t.Context())
	write := func(out io.Writer) error { _, err := io.WriteString(out, "the same"); return err }
	leased, done, err := w.Lease(ctx)
	must(t, err)
	mine, err := w.WriteBlob(leased, ocispec.MediaTypeImageLayer, write)
	must(t, err)
	theirs, err := w.WriteBlob(ctx, ocispec.MediaTypeImageLayer, write)
	must(t, err)
	if mine.Digest != theirs.Digest {
		t.Fatalf("%s and %s", mine.Digest, theirs.Digest)
	}
	must(t, w.store.GC(ctx)) // nothing of theirs keeps it
	if _, err := w.store.Content.Info(ctx, mine.Digest); err != nil {
		t.Errorf("the blob went although it is leased: %v", err)
	}
	done()
	must(t, w.store.GC(ctx))
	if _, err := w.store.Content.Info(ctx, mine.Digest); err == nil {
		t.Error("the blob stays although nobody wants it")
	}
}
