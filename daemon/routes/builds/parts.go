package builds

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"

	"github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
)

// maxPart bounds a part that is read into memory: a Dockerfile, or a value of a form.
const maxPart = 16 << 20

// fromParts returns the context of a build. Engines before 1.3 took it as a form, although their document says that it
// is an archive: the fields t and remote, the file Dockerfile, and last the file Context, an archive. A body that is no
// form is the context.
func fromParts(r *http.Request, o *client.ImageBuildOptions) (io.Reader, error) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return r.Body, nil //nolint:nilerr // no form
	}
	var dockerfile []byte
	for form := multipart.NewReader(r.Body, params["boundary"]); ; {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return single(dockerfile)
		}
		if err != nil {
			return nil, fmt.Errorf("read form: %w: %w", err, errs.ErrInvalid)
		}
		name := strings.ToLower(part.FormName())
		if name == "context" {
			return joined(dockerfile, part)
		}
		value, err := io.ReadAll(io.LimitReader(part, maxPart+1))
		switch {
		case err != nil:
			return nil, fmt.Errorf("read form: %w: %w", err, errs.ErrInvalid)
		case len(value) > maxPart:
			return nil, fmt.Errorf("field %q is larger than %d bytes: %w", name, maxPart, errs.ErrInvalid)
		case name == "dockerfile":
			dockerfile = value
		case name == "t" && len(o.Tags) == 0 && len(value) > 0:
			o.Tags = []string{string(value)}
		case name == "remote" && o.RemoteContext == "":
			o.RemoteContext = string(value)
		}
	}
}

// single is an archive with nothing but a Dockerfile.
func single(dockerfile []byte) (io.Reader, error) {
	head, err := entry(dockerfile)
	if err != nil {
		return nil, err
	}
	return io.MultiReader(head, bytes.NewReader(make([]byte, 1024))), nil // the end of an archive
}

// joined is an archive with a Dockerfile before all else.
func joined(dockerfile []byte, context io.Reader) (io.Reader, error) {
	in := bufio.NewReader(context)
	magic, err := in.Peek(3)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read context: %w: %w", err, errs.ErrInvalid)
	}
	if dockerfile == nil {
		return in, nil
	}
	rest := io.Reader(in)
	switch { // the builder tells by the first bytes, which are the Dockerfile's here
	case bytes.HasPrefix(magic, []byte("\x1f\x8b")):
		if rest, err = gzip.NewReader(in); err != nil {
			return nil, fmt.Errorf("read context: %w: %w", err, errs.ErrInvalid)
		}
	case bytes.HasPrefix(magic, []byte("BZh")):
		rest = bzip2.NewReader(in)
	}
	head, err := entry(dockerfile)
	if err != nil {
		return nil, err
	}
	return io.MultiReader(head, rest), nil
}

// entry is the Dockerfile as the first file of an archive that goes on.
func entry(dockerfile []byte) (io.Reader, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	if err := w.WriteHeader(&tar.Header{Name: "Dockerfile", Mode: 0o644, Size: int64(len(dockerfile))}); err != nil {
		return nil, fmt.Errorf("build context: %w", err)
	}
	if _, err := w.Write(dockerfile); err != nil {
		return nil, fmt.Errorf("build context: %w", err)
	}
	if err := w.Flush(); err != nil {
		return nil, fmt.Errorf("build context: %w", err)
	}
	return &out, nil
}
