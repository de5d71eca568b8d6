package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/cleat-dev/cleat/api/errs"
)

// Resolve asks what a tag or a digest stands for, without fetching it where the registry lets us. One that is not there is
// errs.ErrNotFound.
func (r *Repository) Resolve(ctx context.Context, tagOrDigest string) (ocispec.Descriptor, error) {
	desc, err := r.head(ctx, tagOrDigest)
	var refused *Error
	if err == nil && desc.Digest != "" || err != nil && (!errors.As(err, &refused) || !unsupported(refused)) {
		return desc, err
	}
	desc, _, err = r.Manifest(ctx, tagOrDigest) // no digest in the header, or no HEAD at all
	return desc, err
}

// head asks for the header of a manifest. The digest is empty when the registry does not say one.
func (r *Repository) head(ctx context.Context, tagOrDigest string) (ocispec.Descriptor, error) {
	ctx, watch := r.client.watch(ctx)
	defer watch.stop()
	response, _, err := r.do(ctx, call{method: http.MethodHead, path: []string{"manifests", tagOrDigest}, header: http.Header{"Accept": manifestTypes}})
	var refused *Error
	if errors.As(err, &refused) && refused.Code == "" { // the answer to a HEAD has no words
		refused.Message = fmt.Sprintf("the registry answers %d %s for %s", refused.Status, http.StatusText(refused.Status), tagOrDigest)
	}
	if err != nil {
		return ocispec.Descriptor{}, watch.explain(err, r.name.Name())
	}
	response.Body.Close()
	desc := ocispec.Descriptor{Size: response.ContentLength}
	desc.MediaType, _, _ = strings.Cut(response.Header.Get("Content-Type"), ";")
	if promised, err := digest.Parse(response.Header.Get("Docker-Content-Digest")); err == nil {
		desc.Digest = promised
	}
	if asked, err := digest.Parse(tagOrDigest); err == nil && desc.Digest != "" && asked != desc.Digest {
		return ocispec.Descriptor{}, fmt.Errorf("manifest verification failed: asked for %s, the registry has %s: %w", asked, desc.Digest, errs.ErrInternal)
	}
	return desc, nil
}

// unsupported reports whether a registry refuses a request as such, whoever makes it.
func unsupported(e *Error) bool {
	switch e.Status {
	case http.StatusBadRequest, http.StatusMethodNotAllowed, http.StatusNotAcceptable, http.StatusConflict, http.StatusPreconditionFailed, http.StatusNotImplemented:
		return true
	}
	return e.Code == "UNSUPPORTED"
}

// Delete removes a manifest and all tags that stand for it. tag is one of them: where a registry takes no manifest while it
// has tags, that one is removed first; empty for none. What is gone already is no error. A registry that deletes nothing at all is
// errs.ErrConflict.
func (r *Repository) Delete(ctx context.Context, manifest digest.Digest, tag string) error {
	err := r.remove(ctx, manifest.String())
	var refused *Error
	if !errors.As(err, &refused) || !unsupported(refused) {
		return err
	}
	if tag != "" {
		if tagErr := r.remove(ctx, tag); tagErr == nil {
			if again := r.remove(ctx, manifest.String()); again != nil && !errors.As(again, &refused) {
				return again
			}
			return nil // other tags may hold the manifest; the one asked for is gone
		}
	}
	return fmt.Errorf("the registry deletes no images by its API (%d %s: %w): %w", refused.Status, http.StatusText(refused.Status), err, errs.ErrConflict)
}

func (r *Repository) remove(ctx context.Context, tagOrDigest string) error {
	ctx, watch := r.client.watch(ctx)
	defer watch.stop()
	response, _, err := r.do(ctx, call{
		method: http.MethodDelete, path: []string{"manifests", tagOrDigest}, remove: true, ok: []int{http.StatusAccepted, http.StatusNoContent}})
	if errors.Is(err, errs.ErrNotFound) {
		return nil
	}
	if err != nil {
		return watch.explain(err, r.name.Name())
	}
	response.Body.Close()
	return nil
}
