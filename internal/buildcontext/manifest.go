package buildcontext

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"runtime"
	"strings"

	"golang.org/x/sync/errgroup"
)

// usualDir is the mode of a directory that says nothing: a manifest leaves it out unless it is empty.
const usualDir = fs.ModeDir | 0o755

// Entry is one file, directory or symbolic link of a context.
type Entry struct {
	// Path is its name in the tar stream, with slashes.
	Path string
	// Label is its name in the manifest; it differs from Path for a Dockerfile outside the context.
	Label string
	Mode  fs.FileMode
	// Link is the target of a symbolic link.
	Link string
	// Hash covers content, mode and target, in hexadecimal. It is "" for a directory that says nothing.
	Hash string

	file    string
	info    fs.FileInfo
	content [sha256.Size]byte
}

// Manifest is what a context holds, in the order of names in each directory.
type Manifest struct{ Entries []Entry }

// Manifest reads the context. h remembers hashes of files that have not changed; it may be nil.
func (c *Context) Manifest(ctx context.Context, h *Hasher) (Manifest, error) {
	entries, err := c.walk(ctx)
	if err != nil {
		return Manifest{}, err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(2, runtime.NumCPU()))
	for i := range entries {
		if !entries[i].Mode.IsRegular() {
			continue
		}
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			var err error
			entries[i].content, err = h.sum(entries[i].file, entries[i].info)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return Manifest{}, fmt.Errorf("build context: %w", err)
	}
	for i := range entries {
		empty := i+1 == len(entries) || !strings.HasPrefix(entries[i+1].Path, entries[i].Path+"/")
		entries[i].Hash = entries[i].sum(empty)
	}
	return Manifest{Entries: entries}, nil
}

// sum is the hash of an entry; empty says that a directory holds nothing.
func (e Entry) sum(empty bool) string {
	switch {
	case e.Mode.IsDir() && !empty && e.Mode == usualDir:
		return ""
	case e.Mode.IsDir():
		return digest("directory", modeText(e.Mode))
	case e.Mode&fs.ModeSymlink != 0:
		return digest("link", e.Link)
	default:
		return digest("file", modeText(e.Mode), hex.EncodeToString(e.content[:]))
	}
}

func modeText(m fs.FileMode) string { return fmt.Sprintf("%o", uint32(tarMode(m))) }

// digest hashes words so that no two lists of words hash alike.
func digest(words ...string) string {
	h := sha256.New()
	for _, word := range words {
		fmt.Fprintf(h, "%d:%s,", len(word), word)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Digest is one hash over the whole manifest, in hexadecimal.
func (m Manifest) Digest() string {
	var words []string
	for _, e := range m.Entries {
		if e.Hash != "" {
			words = append(words, e.name(), e.Hash)
		}
	}
	return digest(words...)
}

// name is the key of an entry in a folded manifest.
func (e Entry) name() string {
	if e.Mode.IsDir() {
		return e.Label + "/"
	}
	return e.Label
}
