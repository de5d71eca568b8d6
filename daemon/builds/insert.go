//go:build linux

package builds

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/stream"
)

// Insert makes an image of another one and of a file that is fetched from an address, as clients before 1.12 ask for
// (remote-api-v1.2, "Insert a file in an image"): an ADD. path is the file's, or a folder to put it into. What the
// service tells goes to send as in [Service.Build]; an image that is not here is errs.ErrNotFound before that.
func (s *Service) Insert(ctx context.Context, image, address, path string, send func(stream.Message) error) (id string, err error) {
	base, err := s.Images.Resolve(ctx, image)
	if err != nil {
		return "", err //nolint:wrapcheck // it names the image
	}
	if !isURL(address) {
		return "", invalid("cannot insert %q: want an http or https URL", address)
	}
	if path == "" {
		return "", invalid("cannot insert %s: no path is given", address)
	}
	if err := send(stream.Message{Status: "Inserting..."}); err != nil {
		return "", err
	}
	source, err := insertion(base.ID, address, path)
	if err != nil {
		return "", err
	}
	o := client.ImageBuildOptions{Remove: true, ForceRemove: true}
	return s.make(ctx, source, o, func(m stream.Message) error {
		if m.Detail == nil { // the builder's words about its steps
			return nil
		}
		m.Status, m.ID = "Inserting", ""
		return send(m)
	}, true)
}

// insertion is the context of such a build.
func insertion(base, address, path string) (*bytes.Buffer, error) {
	words, err := json.Marshal([]string{literally(address), literally(path)})
	if err != nil {
		return nil, fmt.Errorf("insert: %w", err)
	}
	dockerfile := fmt.Appendf(nil, "FROM %s\nADD %s\n", strings.TrimPrefix(base, "sha256:"), words)
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	if err := w.WriteHeader(&tar.Header{Name: defaultDockerfile, Mode: 0o600, Size: int64(len(dockerfile))}); err != nil {
		return nil, fmt.Errorf("insert: %w", err)
	}
	if _, err := w.Write(dockerfile); err != nil {
		return nil, fmt.Errorf("insert: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("insert: %w", err)
	}
	return &out, nil
}

// literally keeps a word from being expanded.
func literally(word string) string {
	return strings.NewReplacer(`\`, `\\`, `$`, `\$`, `"`, `\"`, `'`, `\'`).Replace(word)
}
