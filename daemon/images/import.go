//go:build linux

package images

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/distribution/reference"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/moby/moby/api/types/events"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/api/stream"
	"github.com/cleat-dev/cleat/daemon/imageconfig"
	"github.com/cleat-dev/cleat/daemon/snapshot"
	"github.com/cleat-dev/cleat/internal/registry"
)

// Import is a file system to be made an image (remote-api-v1.18, "Create an image", fromSrc).
type Import = struct {
	// Source is a URL, or "-" for Body.
	Source string
	Body   io.Reader
	// Repo and Tag name the image; an empty Repo leaves it without name.
	Repo, Tag string
	// Message is the comment; empty: "Imported from " and the source.
	Message string
	// Changes are instructions of a Dockerfile for the configuration.
	Changes []string
	// Platform is os[/arch[/variant]]; empty: this host's.
	Platform string
}

// Import makes an image of one layer from an archive, compressed or not, and returns its ID, which is also the last
// message.
func (s *Service) Import(ctx context.Context, i Import, out func(stream.Message) error) (_ string, err error) {
	n := New{Repo: i.Repo, Tag: i.Tag, Comment: i.Message}
	if i.Repo != "" {
		if _, err := ParseName(i.Repo, i.Tag); err != nil {
			return "", err
		}
	}
	if n.Config.Config, err = imageconfig.Change(dockerspec.DockerOCIImageConfig{}, i.Changes); err != nil {
		return "", err
	}
	if n.Config.Platform, err = parsePlatform(i.Platform); err != nil {
		return "", err
	}
	body, total := i.Body, int64(-1)
	if n.Comment == "" {
		n.Comment = "Imported from " + i.Source
	}
	if i.Source != "-" {
		response, err := s.fetch(ctx, i.Source, out)
		if err != nil {
			return "", err
		}
		defer response.Body.Close()
		body, total = response.Body, response.ContentLength
	}
	ctx, end, err := s.work(ctx)
	if err != nil {
		return "", err
	}
	defer end(&err)
	if i.Source != "-" { // who sends the archive knows how far it is: the document's answer is one message
		body = &progress{r: body, every: progressInterval, report: func(read int64) {
			_ = out(stream.Step("", "Importing", stream.Progress{Current: read, Total: max(total, 0)})) // a client that left ends ctx
		}}
	}
	if n.Layer, n.DiffID, err = s.take(ctx, body); err != nil {
		return "", err
	}
	id, err := s.Create(ctx, n)
	if err != nil {
		return "", err
	}
	name := id
	if named, err := ParseName(i.Repo, i.Tag); err == nil {
		name = reference.FamiliarString(named)
	}
	s.publish(ctx, events.ActionImport, id, name)
	return id, out(stream.Message{Status: id})
}

// take stores an archive as a layer, and unpacks it while it comes.
func (s *Service) take(ctx context.Context, r io.Reader) (*ocispec.Descriptor, digest.Digest, error) {
	plain, err := Decompress(r)
	if err != nil {
		return nil, "", err
	}
	defer plain.Close()
	var applied snapshot.Applied
	desc, err := s.Layers.WriteBlob(ctx, ocispec.MediaTypeImageLayer, func(w io.Writer) error {
		applied, err = s.Layers.Apply(ctx, "", "", io.TeeReader(plain, w))
		return err
	})
	if err != nil {
		return nil, "", fmt.Errorf("import: %w", err)
	}
	return &desc, applied.DiffID, nil
}

// fetch opens a URL. One without scheme is http, as engines have it.
func (s *Service) fetch(ctx context.Context, source string, out func(stream.Message) error) (*http.Response, error) {
	if !strings.Contains(source, "://") {
		source = "http://" + source
	}
	u, err := url.Parse(source)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("import: %q is not an http or https URL: %w", source, errs.ErrInvalid)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("import: %w: %w", err, errs.ErrInvalid)
	}
	if err := out(stream.Message{Status: "Downloading from " + u.Redacted()}); err != nil {
		return nil, err
	}
	client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, DisableCompression: true}}
	response, err := registry.Do(client, request, registry.Patience)
	if err != nil {
		return nil, fmt.Errorf("import: %w: %w", err, errs.ErrInternal)
	}
	if response.StatusCode >= http.StatusBadRequest {
		response.Body.Close()
		return nil, fmt.Errorf("import: got HTTP status code >= 400: %s: %w", response.Status, errs.ErrInternal)
	}
	return response, nil
}

// progressInterval is the least time between two messages on one transfer.
const progressInterval = 100 * time.Millisecond

// progress reports what was read, not too often.
type progress struct {
	r      io.Reader
	every  time.Duration
	report func(read int64)
	read   int64
	next   time.Time
	failed error // of r, but for its end
}

func (p *progress) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	if p.read += int64(n); err != nil && !errors.Is(err, io.EOF) {
		p.failed = err
	}
	if now := time.Now(); n > 0 && !now.Before(p.next) {
		p.next = now.Add(p.every)
		p.report(p.read)
	}
	return n, err
}
