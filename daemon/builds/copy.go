//go:build linux

package builds

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
	"golang.org/x/sys/unix"
)

// copying is a COPY or ADD.
type copying struct {
	name  string // of the instruction
	dest  string
	chown string
	chmod string
	// archives are unpacked, as ADD does.
	archives bool
	// owners are kept: files of another image without --chown.
	owners bool
	items  []item
}

// item is one source.
type item struct {
	tree *tree
	path string // in the tree, as it was written: its last part is the name of the copy
	hash string
	// raw: never unpacked, as what is fetched.
	raw bool
}

func (b *build) copyCommand(ctx context.Context, c *instructions.CopyCommand, env shell.EnvGetter) error {
	if err := notClassic(c.Link, c.Parents, c.ExcludePatterns); err != nil {
		return fmt.Errorf("COPY: %w", err)
	}
	cp := &copying{name: "COPY", dest: c.DestPath, chown: c.Chown, chmod: c.Chmod, owners: c.From != "" && c.Chown == ""}
	var from *view
	if c.From != "" {
		image, err := b.stageOrImage(ctx, c.From)
		if err != nil {
			return fmt.Errorf("invalid from flag value %s: %w", c.From, err)
		}
		if from, err = b.view(ctx, image); err != nil {
			return fmt.Errorf("invalid from flag value %s: %w", c.From, err)
		}
	}
	for _, source := range c.SourcePaths {
		if isURL(source) {
			return errors.New("COPY failed: source can't be a URL for COPY")
		}
	}
	if err := b.collect(ctx, cp, &c.SourcesAndDest, from, env); err != nil {
		return err
	}
	return b.perform(ctx, cp)
}

func (b *build) addCommand(ctx context.Context, c *instructions.AddCommand, env shell.EnvGetter) error {
	if err := notClassic(c.Link, c.KeepGitDir != nil || c.Checksum != "" || c.Unpack != nil, c.ExcludePatterns); err != nil {
		return fmt.Errorf("ADD: %w", err)
	}
	cp := &copying{name: "ADD", dest: c.DestPath, chown: c.Chown, chmod: c.Chmod, archives: true}
	if err := b.collect(ctx, cp, &c.SourcesAndDest, nil, env); err != nil {
		return err
	}
	return b.perform(ctx, cp)
}

// notClassic refuses flags that only BuildKit has.
func notClassic(link, other bool, exclude []string) error {
	if link || other || len(exclude) > 0 {
		return errors.New("the flags --link, --parents, --exclude, --checksum, --keep-git-dir and --unpack require BuildKit: " +
			"this engine has the classic builder, whose flags are --from, --chown and --chmod")
	}
	return nil
}

// collect finds the sources and what they contain.
func (b *build) collect(ctx context.Context, cp *copying, c *instructions.SourcesAndDest, from *view, env shell.EnvGetter) error {
	for _, source := range c.SourcePaths {
		items, err := b.find(ctx, cp, source, from)
		if err != nil {
			return fmt.Errorf("%s failed: %w", cp.name, err)
		}
		cp.items = append(cp.items, items...)
	}
	for i, content := range c.SourceContents {
		one, err := b.inline(i, content, env)
		if err != nil {
			return fmt.Errorf("%s failed: %w", cp.name, err)
		}
		cp.items = append(cp.items, one)
	}
	switch {
	case len(cp.items) == 0:
		return fmt.Errorf("%s failed: no source files were specified", cp.name)
	case len(cp.items) > 1 && !strings.HasSuffix(cp.dest, "/"):
		return fmt.Errorf("When using %s with more than one source file, the destination must be a directory and end with a /", cp.name) //nolint:staticcheck // clients know the text
	}
	return nil
}

func (b *build) find(ctx context.Context, cp *copying, source string, from *view) ([]item, error) {
	if isURL(source) {
		one, err := b.download(ctx, source, cp.dest)
		return []item{one}, err
	}
	t, memo := b.context, ""
	if from != nil {
		t, memo = from.tree, from.chain.String()
	}
	if t == nil {
		return nil, errors.New("missing build context")
	}
	source = strings.TrimPrefix(strings.TrimPrefix(source, "/"), "./")
	if !hasWildcards(source) {
		one, err := b.item(t, source, memo)
		if errors.Is(err, fs.ErrNotExist) && from == nil {
			err = fmt.Errorf("file not found in build context or excluded by .dockerignore: %w", err)
		}
		return []item{one}, err
	}
	names, err := glob(t, source)
	if err != nil {
		return nil, err
	}
	items := make([]item, 0, len(names))
	for _, name := range names {
		one, err := b.item(t, name, memo)
		if err != nil {
			return nil, err
		}
		items = append(items, one)
	}
	return items, nil
}

// item looks at one source without wildcards. memo names the content of its tree where that never changes.
func (b *build) item(t *tree, name, memo string) (item, error) {
	one := item{tree: t, path: name}
	if clean := path.Clean(name); clean == ".." || strings.HasPrefix(clean, "../") {
		return one, fmt.Errorf("forbidden path outside the build context: %s ()", name)
	}
	if memo != "" {
		if one.hash = b.s.hashes.get(memo + name); one.hash != "" {
			return one, nil
		}
	}
	info, err := t.stat(name)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
			return one, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
		}
		return one, err
	}
	sum, err := hashOf(t, name)
	if err != nil {
		return one, err
	}
	one.hash = "file:" + sum
	if info.IsDir() {
		one.hash = "dir:" + sum
	}
	if memo != "" {
		b.s.hashes.put(memo+name, one.hash)
	}
	return one, nil
}

// hasWildcards reports whether a source is a pattern; a backslash takes the meaning from what follows.
func hasWildcards(name string) bool {
	for i := 0; i < len(name); i++ {
		switch name[i] {
		case '\\':
			i++
		case '*', '?', '[':
			return true
		}
	}
	return false
}

// glob lists what matches a pattern, in the order of names. Links to folders are not looked into.
func glob(t *tree, pattern string) ([]string, error) {
	if _, err := filepath.Match(pattern, ""); err != nil {
		return nil, nil //nolint:nilerr // such a pattern matches nothing
	}
	found := []string{""}
	parts := strings.Split(path.Clean(pattern), "/")
	for i, part := range parts {
		var next []string
		for _, dir := range found {
			entries, err := t.readDir(dir)
			if err != nil {
				return nil, err
			}
			for _, e := range entries {
				if ok, err := filepath.Match(part, e.Name()); err == nil && ok && (e.IsDir() || i == len(parts)-1) {
					next = append(next, path.Join(dir, e.Name()))
				}
			}
		}
		found = next
	}
	return found, nil
}

// hash is that of all sources: of the one, or of all together.
func (cp *copying) hash() string {
	if len(cp.items) == 1 {
		return cp.items[0].hash
	}
	all := make([]string, len(cp.items))
	for i := range cp.items {
		all[i] = cp.items[i].hash
	}
	sum := sha256.Sum256([]byte(strings.Join(all, ",")))
	return "multi:" + hex.EncodeToString(sum[:])
}

// perform copies, or finds that it was done before.
func (b *build) perform(ctx context.Context, cp *copying) error {
	flags := ""
	if cp.chown != "" {
		flags += "--chown=" + cp.chown + " "
	}
	if cp.chmod != "" {
		flags += "--chmod=" + cp.chmod + " "
	}
	mode, err := parseMode(cp.chmod)
	if err != nil {
		return err
	}
	command := b.current.nop(fmt.Sprintf("#(nop) %s %s%s in %s ", cp.name, flags, cp.hash(), cp.dest))
	// The name of a copy follows from that of its source when the destination is a folder.
	compared := command
	for i := range cp.items {
		compared = append(compared, path.Base(cp.items[i].path))
	}
	key, hit, err := b.probe(ctx, compared)
	if err != nil || hit {
		return err
	}
	return b.write(ctx, key, command, "", func(t *tree) error {
		c := copier{ctx: ctx, to: t, mode: mode, limit: b.limit, owner: &owner{}}
		var err error
		if cp.chown != "" {
			if c.owner, err = lookupOwner(t, cp.chown); err != nil {
				return fmt.Errorf("unable to convert uid/gid chown string to host mapping: %w", err)
			}
		}
		if cp.owners {
			c.owner = nil
		}
		dest := cp.dest
		if !path.IsAbs(dest) {
			dest = path.Join("/", b.current.Config.WorkingDir, dest) + trailing(dest)
		}
		for i := range cp.items {
			if err := c.copy(&cp.items[i], dest, cp.archives); err != nil {
				return fmt.Errorf("failed to copy files: %w", err)
			}
		}
		return nil
	})
}

// trailing is the slash a destination ends with: "." is a folder too.
func trailing(dest string) string {
	if strings.HasSuffix(dest, "/") {
		return "/"
	}
	return ""
}

// parseMode reads --chmod: an octal number.
func parseMode(text string) (*uint32, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // nothing is to be changed
	}
	n, err := strconv.ParseUint(text, 8, 32)
	if err != nil || n > 0o7777 {
		return nil, fmt.Errorf("invalid chmod parameter: '%v'. it should be octal string and between 0 and 07777", text)
	}
	mode := uint32(n)
	return &mode, nil
}
