package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	remoteerrors "github.com/containerd/containerd/v2/core/remotes/errors"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/cleat-dev/cleat/api/errs"
)

const (
	// retries is how often a transfer may fail one after the other without having got anything.
	retries = 5
	// firstPause is before the second try; each following is twice as long.
	firstPause = 250 * time.Millisecond
)

// errStalled is the cause of a context that a watchdog ended.
var errStalled = errors.New("stalled")

// watchdog ends the context of a transfer that does not move.
type watchdog struct {
	after  time.Duration
	timer  *time.Timer
	ctx    context.Context
	cancel context.CancelCauseFunc
}

func (w *watchdog) stop() {
	w.timer.Stop()
	w.cancel(nil)
}

// reader notes what is read from r.
func (w *watchdog) reader(r io.Reader) io.Reader { return &watched{r, w} }

// explain says that the registry stalled where that is behind an error.
func (w *watchdog) explain(err error, who string) error {
	if err != nil && errors.Is(context.Cause(w.ctx), errStalled) {
		return fmt.Errorf("registry of %s sent nothing for %s: %w", who, w.after, errs.ErrInternal)
	}
	return err
}

type watched struct {
	r io.Reader
	w *watchdog
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if n > 0 {
		w.w.timer.Reset(w.w.after)
	}
	return n, err
}

// Blob reads a blob from an offset on. The reader goes on by itself where a transfer was cut; its error is the last of
// several tries. It gives exactly the bytes that are missing to desc.Size, or an error: more is refused, fewer are
// io.ErrUnexpectedEOF. The digest is the reader's user to check, over the whole blob.
func (r *Repository) Blob(ctx context.Context, desc ocispec.Descriptor, offset int64) io.ReadCloser {
	ctx, cancel := context.WithCancel(ctx)
	return &blobReader{ctx: ctx, cancel: cancel, r: r, desc: desc, offset: offset}
}

type blobReader struct {
	ctx    context.Context
	cancel context.CancelFunc
	r      *Repository
	desc   ocispec.Descriptor
	offset int64

	body   io.Reader
	close  func()
	watch  *watchdog
	failed int // tries without progress
}

// Close ends the transfer.
func (b *blobReader) Close() error {
	b.drop()
	b.cancel()
	return nil
}

func (b *blobReader) drop() {
	if b.close != nil {
		b.close()
	}
	b.body, b.close = nil, nil
}

// Read implements io.Reader.
func (b *blobReader) Read(p []byte) (int, error) {
	for {
		if b.offset == b.desc.Size {
			return 0, b.end()
		}
		if b.body == nil {
			if err := b.open(); err != nil {
				if err := b.again(err); err != nil {
					return 0, err
				}
				continue
			}
		}
		if left := b.desc.Size - b.offset; int64(len(p)) > left {
			p = p[:left]
		}
		n, err := b.body.Read(p)
		b.offset += int64(n)
		if n > 0 {
			b.failed = 0
		}
		if n > 0 || err == nil {
			return n, nil
		}
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		err = b.watch.explain(fmt.Errorf("blob %s: %w", b.desc.Digest, err), b.r.name.Name())
		b.drop()
		if err := b.again(err); err != nil {
			return 0, err
		}
	}
}

// end checks that a blob is not longer than it was said to be.
func (b *blobReader) end() error {
	if b.body == nil {
		return io.EOF
	}
	defer b.drop()
	var more [1]byte
	if n, _ := b.body.Read(more[:]); n > 0 {
		return fmt.Errorf("blob %s is longer than the %d bytes its manifest says: %w", b.desc.Digest, b.desc.Size, errs.ErrInternal)
	}
	return io.EOF
}

// again waits before another try, or returns the error when there is none.
func (b *blobReader) again(err error) error {
	if b.ctx.Err() != nil {
		return context.Cause(b.ctx)
	}
	var refused *Error
	if errors.As(err, &refused) && refused.Status < 500 && refused.Status != http.StatusTooManyRequests {
		return err
	}
	if b.failed++; b.failed > retries {
		return err
	}
	b.r.client.config.Log.Debug("transfer was cut; trying again", "digest", b.desc.Digest, "offset", b.offset, "error", err)
	pause := time.NewTimer(firstPause << (b.failed - 1))
	defer pause.Stop()
	select {
	case <-pause.C:
		return nil
	case <-b.ctx.Done():
		return context.Cause(b.ctx)
	}
}

// open asks for the rest of the blob.
func (b *blobReader) open() error {
	ctx, watch := b.r.client.watch(b.ctx)
	response, err := b.fetch(ctx)
	if err != nil {
		watch.stop()
		var refused *Error
		if b.offset > 0 && errors.As(err, &refused) && refused.Status == http.StatusRequestedRangeNotSatisfiable {
			return fmt.Errorf("blob %s is shorter than the %d bytes its manifest says: %w", b.desc.Digest, b.desc.Size, err)
		}
		return watch.explain(err, b.r.name.Name())
	}
	b.watch, b.body = watch, watch.reader(response.Body)
	b.close = func() { response.Body.Close(); watch.stop() }
	if response.StatusCode == http.StatusOK && b.offset > 0 { // it does not know ranges
		if _, err := io.CopyN(io.Discard, b.body, b.offset); err != nil {
			b.drop()
			return watch.explain(fmt.Errorf("blob %s: %w", b.desc.Digest, err), b.r.name.Name())
		}
	}
	return nil
}

// fetch asks the registry, or for a layer that registries do not distribute the places its manifest names.
func (b *blobReader) fetch(ctx context.Context) (*http.Response, error) {
	header := http.Header{}
	if b.offset > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-%d", b.offset, b.desc.Size-1))
	}
	for _, foreign := range b.desc.URLs {
		response, err := b.r.client.foreign(ctx, foreign, header)
		if err == nil {
			return response, b.checkRange(response)
		}
		b.r.client.config.Log.Debug("foreign layer", "url", foreign, "error", err)
	}
	response, _, err := b.r.do(ctx, call{
		method: http.MethodGet, path: []string{"blobs", b.desc.Digest.String()}, header: header, ok: []int{http.StatusPartialContent}})
	if err != nil {
		return nil, err
	}
	return response, b.checkRange(response)
}

// checkRange makes sure that part of a blob is the part asked for.
func (b *blobReader) checkRange(response *http.Response) error {
	if response.StatusCode != http.StatusPartialContent {
		return nil
	}
	start, ok := strings.CutPrefix(response.Header.Get("Content-Range"), "bytes ")
	start, _, found := strings.Cut(start, "-")
	if at, err := strconv.ParseInt(start, 10, 64); !ok || !found || err != nil || at != b.offset {
		response.Body.Close()
		return fmt.Errorf("blob %s: asked for bytes from %d, got %q: %w", b.desc.Digest, b.offset, response.Header.Get("Content-Range"), errs.ErrInternal)
	}
	return nil
}

// foreign fetches from anywhere, as nobody.
func (c *Client) foreign(ctx context.Context, target string, header http.Header) (*http.Response, error) {
	u, err := url.Parse(target)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return nil, fmt.Errorf("%q is not an http or https URL: %w", target, errs.ErrInvalid)
	}
	client, err := c.client(u.Host, false)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return nil, err
	}
	request.Header = header.Clone()
	request.Header.Set("User-Agent", c.config.UserAgent)
	response, err := client.Do(request)
	if err != nil {
		return nil, unreachable(err)
	}
	if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusPartialContent {
		return nil, refusal(response)
	}
	return response, nil
}

// tokenStatus returns the status a token service answered with, 0 for another error.
func tokenStatus(err error) int {
	var unexpected remoteerrors.ErrUnexpectedStatus
	if errors.As(err, &unexpected) {
		return unexpected.StatusCode
	}
	return 0
}
