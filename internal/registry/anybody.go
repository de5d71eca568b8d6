package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/cleat-dev/cleat/api/errs"
)

// Patience is how long any server may send nothing.
const Patience = defaultStall

// Do sends a request to a server that need be no registry, and gives up when nothing comes for so long: before the answer, or in
// the middle of it. Body is the caller's to close.
func Do(client *http.Client, r *http.Request, patience time.Duration) (*http.Response, error) {
	ctx, watch := newWatchdog(r.Context(), patience)
	response, err := client.Do(r.WithContext(ctx))
	if err != nil {
		watch.stop()
		return nil, stalled(watch, r, err)
	}
	watch.timer.Reset(patience)
	response.Body = &watchedBody{Reader: watch.reader(response.Body), Closer: response.Body, watch: watch, request: r}
	return response, nil
}

// watchedBody is the body of an answer, whose end ends the watch.
type watchedBody struct {
	io.Reader
	io.Closer
	watch   *watchdog
	request *http.Request
}

// Read implements io.Reader.
func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = stalled(b.watch, b.request, err)
	}
	return n, err
}

// Close implements io.Closer.
func (b *watchedBody) Close() error {
	b.watch.stop()
	return b.Closer.Close() //nolint:wrapcheck // a body's own
}

// stalled says so where that is behind an error.
func stalled(w *watchdog, r *http.Request, err error) error {
	if errors.Is(context.Cause(w.ctx), errStalled) {
		return fmt.Errorf("%s sent nothing for %s: %w", r.URL.Host, w.after, errs.ErrInternal)
	}
	return err
}
