//go:build linux

package builds

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/archive"
	"github.com/cleat-dev/cleat/internal/registry"
)

const (
	ignoreFile = ".dockerignore"
	// maxDockerfile bounds a Dockerfile: it is read into memory.
	maxDockerfile = 16 << 20
)

// open gets the context into the build's folder and reads the Dockerfile.
func (b *build) open(ctx context.Context, body io.Reader) error {
	b.limit = b.s.MaxContext
	if b.limit == 0 {
		var st unix.Statfs_t
		if err := unix.Statfs(b.dir, &st); err != nil {
			return fmt.Errorf("build: %w", err)
		}
		b.limit = int64(st.Bavail) * st.Bsize / 2
	}
	dir := filepath.Join(b.dir, "context")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("build: %w", err)
	}
	remote := b.o.RemoteContext
	var err error
	switch {
	case remote == "":
		err = b.fromArchive(ctx, dir, body)
	case remote == "client-session":
		return invalid("experimental session with v1 builder is no longer supported, use builder version v2 (BuildKit) instead")
	case isGit(remote):
		dir, err = clone(ctx, dir, remote)
	case isURL(remote):
		err = b.fromURL(ctx, dir, remote)
	default:
		return fmt.Errorf("remoteURL (%s) could not be recognized as URL", remote)
	}
	// A server notices that its client leaves when the body has been read; it is at its end, or not wanted.
	_, drained := io.Copy(io.Discard, body)
	if err = errors.Join(err, drained); err != nil {
		return err
	}
	if b.ast != nil { // the Dockerfile is all there is
		return nil
	}
	if b.context, err = openTree(dir); err != nil {
		return err
	}
	b.contextDir = dir
	return b.readDockerfile(remote != "")
}

func (b *build) fromArchive(ctx context.Context, dir string, r io.Reader) error {
	err := unpack(ctx, dir, "/", r, b.limit, &archive.Owner{UID: os.Geteuid(), GID: os.Getegid()})
	if err != nil {
		return fmt.Errorf("build context: %w", err)
	}
	return nil
}

// readDockerfile finds and parses the Dockerfile, and takes out of the context what .dockerignore says. Of a context the
// client sent only Dockerfile and .dockerignore are taken: it has left out the rest, and sent these so that they are read.
func (b *build) readDockerfile(remote bool) error {
	name := b.o.Dockerfile
	f, err := b.openDockerfile(name)
	if errors.Is(err, fs.ErrNotExist) && name == defaultDockerfile {
		name = strings.ToLower(name)
		f, err = b.openDockerfile(name)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("Cannot locate specified Dockerfile: %s", b.o.Dockerfile) //nolint:staticcheck // clients know the text
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if err := b.readAST(name, f); err != nil {
		return err
	}
	return b.ignore(remote, name)
}

func (b *build) openDockerfile(name string) (*os.File, error) {
	if clean := filepath.Clean(name); clean == ".." || strings.HasPrefix(clean, "../") {
		return nil, fmt.Errorf("forbidden path outside the build context: %s ()", name)
	}
	info, err := b.context.stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // opening a fifo would wait for ever
		return nil, invalid("the Dockerfile (%s) is not a file", name)
	}
	return b.context.open(name, unix.O_RDONLY)
}

// readAST parses a Dockerfile as far as lines and words.
func (b *build) readAST(name string, r io.Reader) error {
	content, err := io.ReadAll(io.LimitReader(r, maxDockerfile+1))
	switch {
	case err != nil:
		return fmt.Errorf("read Dockerfile: %w", err)
	case len(content) > maxDockerfile:
		return invalid("the Dockerfile (%s) is larger than %d bytes", name, maxDockerfile)
	case len(content) == 0:
		return invalid("the Dockerfile (%s) cannot be empty", name)
	}
	b.ast, err = parser.Parse(bytes.NewReader(content))
	if err != nil {
		return invalid("failed to parse %s: %v", name, err)
	}
	return nil
}

// ignore applies .dockerignore.
func (b *build) ignore(all bool, dockerfile string) error {
	info, err := b.context.stat(ignoreFile)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return nil
	}
	if err != nil {
		return err
	}
	f, err := b.context.open(ignoreFile, unix.O_RDONLY)
	if err != nil {
		return err
	}
	defer f.Close()
	patterns, err := ignorefile.ReadAll(io.LimitReader(f, maxDockerfile))
	if err != nil {
		return invalid("error reading .dockerignore: %v", err)
	}
	matcher, err := patternmatcher.New(patterns)
	if err != nil {
		return invalid("error reading .dockerignore: %v", err)
	}
	root, err := os.OpenRoot(b.contextDir)
	if err != nil {
		return fmt.Errorf("build context: %w", err)
	}
	defer root.Close()
	if all {
		return excludeAll(root, matcher)
	}
	for _, name := range []string{ignoreFile, filepath.Clean(dockerfile)} {
		if excluded, err := matcher.MatchesOrParentMatches(name); err == nil && excluded {
			if err := root.Remove(strings.TrimPrefix(name, "/")); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("build context: %w", err)
			}
		}
	}
	return nil
}

// excludeAll removes what matches. A folder goes only when nothing in it is to stay.
func excludeAll(root *os.Root, matcher *patternmatcher.PatternMatcher) error {
	var folders []string
	err := fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		excluded, err := matcher.MatchesOrParentMatches(name)
		if err != nil || !excluded {
			return err
		}
		if !d.IsDir() {
			return root.Remove(name)
		}
		if !matcher.Exclusions() {
			if err := root.RemoveAll(name); err != nil {
				return err
			}
			return fs.SkipDir
		}
		folders = append(folders, name)
		return nil
	})
	if err != nil {
		return fmt.Errorf("build context: .dockerignore: %w", err)
	}
	for i := len(folders) - 1; i >= 0; i-- {
		_ = root.Remove(folders[i]) // one that is not empty has what was not excluded
	}
	return nil
}

// isURL reports whether a source is fetched.
func isURL(s string) bool { return strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://") }

// get fetches a URL. A status of failure is an error of its class with the beginning of what the server said.
func (b *build) get(ctx context.Context, address string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, invalid("%v", err)
	}
	resp, err := registry.Do(b.s.HTTP, r, registry.Patience)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, errs.ErrInternal) // the daemon is there, what it was sent to is not
	}
	if resp.StatusCode < http.StatusBadRequest {
		return resp, nil
	}
	defer resp.Body.Close()
	words, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10)) // what came of it
	text := fmt.Sprintf("failed to GET %s with status %s: %s", address, resp.Status, bytes.TrimSpace(words))
	switch resp.StatusCode {
	case http.StatusNotFound:
		return nil, errs.Errorf(errs.ErrNotFound, "%s", text)
	case http.StatusBadRequest:
		return nil, errs.Errorf(errs.ErrInvalid, "%s", text)
	case http.StatusUnauthorized, http.StatusForbidden:
		return nil, errs.Errorf(errs.ErrUnauthorized, "%s", text)
	default:
		return nil, errors.New(text)
	}
}

// fromURL fetches a context: an archive, or a text that is the Dockerfile.
func (b *build) fromURL(ctx context.Context, dir, address string) error {
	resp, err := b.get(ctx, address)
	if err != nil {
		return fmt.Errorf("error downloading remote context %s: %w", address, err)
	}
	defer resp.Body.Close()
	p := &progress{out: b.out, id: address, action: "Downloading context", total: resp.ContentLength}
	body := bufio.NewReaderSize(io.TeeReader(io.LimitReader(resp.Body, b.limit), p), 64<<10)
	head, err := body.Peek(512)
	if len(head) == 0 {
		return fmt.Errorf("error detecting content type for remote %s: empty response: %w", address, errors.Join(err, errs.ErrInvalid))
	}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")) // a type that is none is found out
	if kind == "" || kind == "application/octet-stream" {
		kind, _, _ = mime.ParseMediaType(http.DetectContentType(head))
	}
	switch kind {
	case "text/plain":
		return b.readAST(defaultDockerfile, body)
	case "application/tar", "application/x-tar", "application/octet-stream", "application/gzip", "application/x-gzip", "application/bzip",
		"application/bzip2", "application/x-bzip", "application/x-bzip2", "application/xz", "application/x-xz", "application/zstd":
		return b.fromArchive(ctx, dir, body)
	}
	return fmt.Errorf("error detecting content type for remote %s: unsupported Content-Type %q", address, resp.Header.Get("Content-Type"))
}
