package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/cleat-dev/cleat/api/errs"
)

const (
	// MaxManifest bounds a manifest in bytes, as registries do.
	MaxManifest = 4 << 20
	// maxTags bounds a list of tags in bytes and maxTagPages in pages: no repository is that large, only a liar.
	maxTags     = 32 << 20
	maxTagPages = 10_000
)

// manifestTypes are what we can read, the preferred first.
var manifestTypes = []string{
	ocispec.MediaTypeImageIndex, images.MediaTypeDockerSchema2ManifestList,
	ocispec.MediaTypeImageManifest, images.MediaTypeDockerSchema2Manifest,
}

// Manifest fetches a manifest by tag or digest, with its verified descriptor. One that is not there is
// errs.ErrNotFound, one that is something else than it says errs.ErrInternal.
func (r *Repository) Manifest(ctx context.Context, tagOrDigest string) (ocispec.Descriptor, []byte, error) {
	ctx, watch := r.client.watch(ctx)
	defer watch.stop()
	response, p, err := r.do(ctx, call{method: http.MethodGet, path: []string{"manifests", tagOrDigest}, header: http.Header{"Accept": manifestTypes}})
	if err != nil {
		return ocispec.Descriptor{}, nil, watch.explain(err, r.name.Name())
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(watch.reader(response.Body), MaxManifest+1))
	if err != nil {
		return ocispec.Descriptor{}, nil, watch.explain(unreachable(fmt.Errorf("manifest %s: %w", tagOrDigest, err)), p.base.Host)
	}
	if len(raw) > MaxManifest {
		return ocispec.Descriptor{}, nil, fmt.Errorf("manifest %s is larger than %d bytes: %w", tagOrDigest, MaxManifest, errs.ErrInternal)
	}
	desc := ocispec.Descriptor{Digest: digest.FromBytes(raw), Size: int64(len(raw))}
	for _, promised := range []string{tagOrDigest, response.Header.Get("Docker-Content-Digest")} {
		if want, err := digest.Parse(promised); err == nil && want != want.Algorithm().FromBytes(raw) {
			return ocispec.Descriptor{}, nil, fmt.Errorf("manifest verification failed for digest %s: %w", want, errs.ErrInternal)
		}
	}
	if desc.MediaType, err = mediaType(response.Header.Get("Content-Type"), raw); err != nil {
		return ocispec.Descriptor{}, nil, fmt.Errorf("manifest %s: %w", tagOrDigest, err)
	}
	return desc, raw, nil
}

// mediaType returns what kind of manifest it is. The header and the manifest itself must agree, or one document could
// be read as two things.
func mediaType(header string, raw []byte) (string, error) {
	kind, _, err := mime.ParseMediaType(header)
	if err != nil {
		kind = ""
	}
	var body struct {
		SchemaVersion int             `json:"schemaVersion"`
		MediaType     string          `json:"mediaType"`
		Manifests     json.RawMessage `json:"manifests"`
		Layers        json.RawMessage `json:"layers"`
		Config        json.RawMessage `json:"config"`
	}
	if err := json.Unmarshal(raw, &body); err != nil {
		return "", fmt.Errorf("%w: %w", err, errs.ErrInternal)
	}
	if body.MediaType != "" && kind != body.MediaType && (images.IsIndexType(kind) || images.IsManifestType(kind)) {
		return "", fmt.Errorf("the registry says %q, the manifest itself %q: %w", kind, body.MediaType, errs.ErrInternal)
	}
	if body.MediaType != "" {
		kind = body.MediaType
	}
	index, manifest := images.IsIndexType(kind), images.IsManifestType(kind)
	switch {
	case !index && !manifest && body.SchemaVersion == 1:
		return "", fmt.Errorf("image manifest schema 1 is not supported: push the image again with a current client: %w", errs.ErrInternal)
	case !index && !manifest:
		return "", fmt.Errorf("unsupported manifest media type %q: %w", kind, errs.ErrInternal)
	case index && (len(body.Layers) > 0 || len(body.Config) > 0), manifest && len(body.Manifests) > 0:
		return "", fmt.Errorf("the manifest is an image and a list of images at once: %w", errs.ErrInternal)
	}
	return kind, nil
}

// Tags lists the tags of the repository.
func (r *Repository) Tags(ctx context.Context) ([]string, error) {
	var all []string
	next := call{method: http.MethodGet, path: []string{"tags", "list"}}
	for range maxTagPages {
		page, link, err := r.tagPage(ctx, next)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if link == "" {
			return all, nil
		}
		next = call{method: http.MethodGet, url: link}
	}
	return nil, fmt.Errorf("%s: the list of tags does not end: %w", r.name.Name(), errs.ErrInternal)
}

func (r *Repository) tagPage(ctx context.Context, c call) (tags []string, next string, err error) {
	ctx, watch := r.client.watch(ctx)
	defer watch.stop()
	response, _, err := r.do(ctx, c)
	if err != nil {
		return nil, "", watch.explain(err, r.name.Name())
	}
	defer response.Body.Close()
	var body struct {
		Tags []string `json:"tags"`
	}
	if err := json.NewDecoder(io.LimitReader(watch.reader(response.Body), maxTags)).Decode(&body); err != nil {
		return nil, "", watch.explain(fmt.Errorf("tags of %s: %w: %w", r.name.Name(), err, errs.ErrInternal), r.name.Name())
	}
	return body.Tags, nextLink(response), nil
}

// nextLink returns the next page of an answer, at the same host.
func nextLink(response *http.Response) string {
	for _, header := range response.Header.Values("Link") {
		target, parameters, ok := strings.Cut(header, ";")
		if !ok || !strings.Contains(parameters, `rel="next"`) {
			continue
		}
		u, err := url.Parse(strings.Trim(strings.TrimSpace(target), "<>"))
		if err != nil {
			continue
		}
		if u = response.Request.URL.ResolveReference(u); u.Host == response.Request.URL.Host {
			return u.String()
		}
	}
	return ""
}

// watch is a context that ends when nothing has come for the stall timeout.
func (c *Client) watch(ctx context.Context) (context.Context, *watchdog) {
	return newWatchdog(ctx, c.config.StallTimeout)
}

func newWatchdog(ctx context.Context, after time.Duration) (context.Context, *watchdog) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &watchdog{after: after, cancel: cancel, ctx: ctx}
	w.timer = time.AfterFunc(w.after, func() { cancel(errStalled) })
	return ctx, w
}
