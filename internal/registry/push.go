package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/cleat-dev/cleat/api/errs"
)

// How a blob came to be in the repository.
const (
	// Exists: it was there.
	Exists = "exists"
	// Mounted: the registry took it from another repository of its own.
	Mounted = "mounted"
	// Pushed: it was sent.
	Pushed = "pushed"
)

// PushBlob puts a blob into the repository, unless it is there. from names another repository of the same registry
// that may have it; empty for none. open returns the blob from its beginning, once for each try.
func (r *Repository) PushBlob(ctx context.Context, desc ocispec.Descriptor, from string, open func() (io.ReadCloser, error)) (how string, err error) {
	exists, err := r.hasBlob(ctx, desc.Digest)
	if err != nil || exists {
		return Exists, err
	}
	for failed := 0; ; failed++ {
		if how, err = r.upload(ctx, desc, from, open); err == nil {
			return how, nil
		}
		var refused *Error
		if ctx.Err() != nil || failed == retries || errors.As(err, &refused) && refused.Status < 500 || errors.Is(err, errSource) {
			return "", err
		}
		r.client.config.Log.Debug("upload was cut; trying again", "digest", desc.Digest, "error", err)
		pause := time.NewTimer(firstPause << failed)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return "", context.Cause(ctx)
		}
	}
}

// errSource marks an error of our own side of an upload: trying again would not help.
var errSource = errors.New("cannot read")

func (r *Repository) hasBlob(ctx context.Context, d digest.Digest) (bool, error) {
	ctx, watch := r.client.watch(ctx)
	defer watch.stop()
	response, _, err := r.do(ctx, call{method: http.MethodHead, path: []string{"blobs", d.String()}, push: true})
	if errors.Is(err, errs.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, watch.explain(err, r.name.Name())
	}
	response.Body.Close()
	return true, nil
}

// upload sends a blob once.
func (r *Repository) upload(ctx context.Context, desc ocispec.Descriptor, from string, open func() (io.ReadCloser, error)) (string, error) {
	ctx, watch := r.client.watch(ctx)
	defer watch.stop()
	location, err := r.begin(ctx, desc.Digest, from)
	if err != nil || location == "" {
		return Mounted, watch.explain(err, r.name.Name())
	}
	var opened []io.Closer
	defer func() {
		for _, c := range opened {
			c.Close()
		}
	}()
	response, _, err := r.do(ctx, call{
		method: http.MethodPut, url: location, push: true, ok: []int{http.StatusCreated, http.StatusNoContent, http.StatusAccepted},
		header: http.Header{"Content-Type": {"application/octet-stream"}},
		body: func() (io.Reader, int64, error) {
			f, err := open()
			if err != nil {
				return nil, 0, fmt.Errorf("%w blob %s: %w", errSource, desc.Digest, err)
			}
			opened = append(opened, f)
			return watch.reader(f), desc.Size, nil
		},
	})
	if err != nil {
		return "", watch.explain(fmt.Errorf("blob %s: %w", desc.Digest, err), r.name.Name())
	}
	defer response.Body.Close()
	if got := response.Header.Get("Docker-Content-Digest"); got != "" && got != desc.Digest.String() {
		return "", fmt.Errorf("registry stored blob %s as %s: %w", desc.Digest, got, errs.ErrInternal)
	}
	return Pushed, nil
}

// begin starts an upload and returns where to send the blob; "" when the registry mounted it.
func (r *Repository) begin(ctx context.Context, d digest.Digest, from string) (string, error) {
	c := call{method: http.MethodPost, path: []string{"blobs", "uploads/"}, push: true,
		ok: []int{http.StatusAccepted, http.StatusCreated}, body: func() (io.Reader, int64, error) { return http.NoBody, 0, nil }}
	if from != "" {
		c.query = url.Values{"mount": {d.String()}, "from": {from}}
	}
	response, _, err := r.do(ctx, c)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusCreated {
		return "", nil
	}
	location, err := response.Location()
	if err != nil {
		return "", fmt.Errorf("upload to %s: %w: %w", r.name.Name(), err, errs.ErrInternal)
	}
	query := location.Query()
	query.Set("digest", d.String())
	location.RawQuery = query.Encode()
	return location.String(), nil
}

// PushManifest puts a manifest under a tag, or under its digest.
func (r *Repository) PushManifest(ctx context.Context, tagOrDigest string, desc ocispec.Descriptor, raw []byte) error {
	ctx, watch := r.client.watch(ctx)
	defer watch.stop()
	response, _, err := r.do(ctx, call{
		method: http.MethodPut, path: []string{"manifests", tagOrDigest}, push: true, ok: []int{http.StatusCreated, http.StatusAccepted, http.StatusNoContent},
		header: http.Header{"Content-Type": {desc.MediaType}},
		body:   func() (io.Reader, int64, error) { return bytes.NewReader(raw), int64(len(raw)), nil },
	})
	if err != nil {
		return watch.explain(fmt.Errorf("manifest %s: %w", tagOrDigest, err), r.name.Name())
	}
	response.Body.Close()
	return nil
}
