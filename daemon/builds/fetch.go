//go:build linux

package builds

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
	"github.com/opencontainers/go-digest"

	"github.com/cleat-dev/cleat/daemon/archive"
)

// view is an image to copy from.
type view struct {
	tree  *tree
	chain digest.Digest
	done  func() error
}

// view opens an image's file system, once in a build.
func (b *build) view(ctx context.Context, i Image) (*view, error) {
	if v := b.views[i.ID]; v != nil {
		return v, nil
	}
	key := filepath.Base(b.dir) + "-" + strconv.Itoa(len(b.views))
	dir, done, err := b.s.Layers.View(ctx, key, i.ChainID)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the layers
	}
	t, err := openTree(dir)
	if err != nil {
		return nil, errors.Join(err, done())
	}
	v := &view{tree: t, chain: i.ChainID, done: done}
	b.views[i.ID] = v
	return v, nil
}

func (v *view) close() error {
	v.tree.close()
	return v.done()
}

// fresh makes a folder of the build for one source.
func (b *build) fresh() (string, error) {
	dir, err := os.MkdirTemp(b.dir, "source-")
	if err != nil {
		return "", fmt.Errorf("build: %w", err)
	}
	return dir, nil
}

// single makes an item of a folder with one file. The build's end removes the folder; it is opened by its name because
// items do not outlive the instruction.
func (b *build) single(dir, name string) (item, error) {
	t, err := openTree(dir)
	if err != nil {
		return item{}, err
	}
	b.trees = append(b.trees, t)
	sum, err := hashOf(t, name)
	return item{tree: t, path: name, hash: "file:" + sum, raw: true}, err
}

// inline is a here-document as source.
func (b *build) inline(n int, c instructions.SourceContent, env shell.EnvGetter) (item, error) {
	data := c.Data
	if c.Expand {
		lex := shell.NewLex(b.ast.EscapeToken)
		lex.SkipProcessQuotes = true
		var err error
		if data, _, err = lex.ProcessWord(data, env); err != nil {
			return item{}, err //nolint:wrapcheck // clients know the text
		}
	}
	dir, err := b.fresh()
	if err != nil {
		return item{}, err
	}
	name := path.Base("/" + c.Path)
	if name == "/" || strings.ContainsRune(name, 0) {
		name = "heredoc" + strconv.Itoa(n)
	}
	if err := writeNew(filepath.Join(dir, name), strings.NewReader(data), 0o644); err != nil {
		return item{}, err
	}
	return b.single(dir, name)
}

// unnamed is the name of what is fetched from an address that has none, for a destination that is not a folder.
const unnamed = "__unnamed__"

// download fetches a source of ADD.
func (b *build) download(ctx context.Context, address, dest string) (item, error) {
	u, err := url.Parse(address)
	if err != nil {
		return item{}, err //nolint:wrapcheck // clients know the text
	}
	resp, err := b.get(ctx, address)
	if err != nil {
		return item{}, err
	}
	defer resp.Body.Close()
	name := fileName(u.Path, resp)
	if name == "" {
		if strings.HasSuffix(dest, "/") {
			return item{}, fmt.Errorf("cannot determine filename for source %s", address)
		}
		name = unnamed
	}
	dir, err := b.fresh()
	if err != nil {
		return item{}, err
	}
	p := &progress{out: b.out, action: "Downloading", total: resp.ContentLength}
	file := filepath.Join(dir, name)
	body := &limited{ctx: ctx, r: io.TeeReader(resp.Body, p), limit: b.limit}
	if err := writeNew(file, body, 0o600); err != nil {
		return item{}, err
	}
	p.tell()
	b.out.text("\n")
	changed, err := http.ParseTime(resp.Header.Get("Last-Modified"))
	if err != nil { // not told: as if it had always been so
		changed = time.Unix(0, 0)
	}
	if err := os.Chtimes(file, changed, changed); err != nil {
		return item{}, fmt.Errorf("build: %w", err)
	}
	return b.single(dir, name)
}

// fileName is what a fetched file is called: the end of the address, or what the server says.
func fileName(address string, resp *http.Response) string {
	candidates := []string{address}
	if _, params, err := mime.ParseMediaType(resp.Header.Get("Content-Disposition")); err == nil {
		candidates = append(candidates, params["filename"])
	}
	for _, c := range candidates {
		name := path.Base(c)
		if c != "" && !strings.HasSuffix(c, "/") && name != "." && name != ".." && name != "/" && !strings.ContainsRune(name, 0) {
			return name
		}
	}
	return ""
}

// writeNew writes a file of the build's own, with that mode whatever the umask.
func writeNew(name string, content io.Reader, mode os.FileMode) (err error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return fmt.Errorf("build: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := io.Copy(f, content); err != nil {
		return err //nolint:wrapcheck // the source says what is wrong
	}
	return f.Chmod(mode)
}

// limited fails when more is read than allowed, or when the build is over.
type limited struct {
	ctx   context.Context //nolint:containedctx // of one reading
	r     io.Reader
	read  int64
	limit int64
}

func (l *limited) Read(p []byte) (int, error) {
	if err := l.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := l.r.Read(p)
	if l.read += int64(n); l.read > l.limit {
		return n, &archive.TooLargeError{Limit: l.limit}
	}
	return n, err
}
