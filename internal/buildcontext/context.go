package buildcontext

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"

	"github.com/cleat-dev/cleat/api/errs"
)

const ignoreFile = ".dockerignore"

// leftByTerraform are patterns of what Terraform writes beside the configuration: plugins and modules, its state with copies
// and lock, saved plans. In a context that is the configuration's own directory they would be other content at every run, and
// secrets in the image. The patterns of an ignore file come after them: "!" brings a file back.
var leftByTerraform = []string{"**/.terraform", "**/*.tfstate", "**/*.tfstate.*", "**/tfplan", "**/*.tfplan"}

// Fields an [InputError] is about.
const (
	FieldDirectory  = "context"
	FieldDockerfile = "dockerfile"
	FieldIgnore     = "dockerignore"
)

// InputError says that the context directory or the Dockerfile cannot be used. It is errs.ErrInvalid.
type InputError struct {
	// Field is [FieldDirectory], [FieldDockerfile] or [FieldIgnore].
	Field string
	Err   error
}

func (e *InputError) Error() string { return e.Err.Error() }

// Unwrap gives the class beside the cause.
func (e *InputError) Unwrap() []error { return []error{e.Err, errs.ErrInvalid} }

// Context is a build context on disk. Opening it reads the ignore file and nothing else.
type Context struct {
	dir        string // absolute, links resolved
	dockerfile string // absolute path of the Dockerfile
	name       string // its name in the tar stream
	label      string // its name in a manifest
	outside    bool   // it lies outside dir
	left       string // absolute path of a file that is left out, or ""

	ignore   *patternmatcher.PatternMatcher
	patterns []byte // content of the ignore file in force
	specific bool   // the ignore file in force is the Dockerfile's own
}

// Open looks at a build context: dir, relative to the working directory, and a Dockerfile, relative to dir or
// absolute, which may lie outside. The patterns to ignore are those of <Dockerfile>.dockerignore when it exists, of
// .dockerignore in dir otherwise. Errors are [*InputError].
func Open(dir, dockerfile string) (*Context, error) {
	resolved, err := directory(dir)
	if err != nil {
		return nil, &InputError{Field: FieldDirectory, Err: err}
	}
	c := &Context{dir: resolved}
	if err := c.locate(dockerfile); err != nil {
		return nil, &InputError{Field: FieldDockerfile, Err: err}
	}
	if err := c.readIgnoreFile(); err != nil {
		return nil, &InputError{Field: FieldDirectory, Err: err}
	}
	return c, nil
}

// OpenDirectory looks at a directory as Open does, without asking for a Dockerfile. The patterns to ignore are those of
// ignore, relative to dir or absolute; where it is "", of .dockerignore in dir if there is one.
func OpenDirectory(dir, ignore string) (*Context, error) {
	resolved, err := directory(dir)
	if err != nil {
		return nil, &InputError{Field: FieldDirectory, Err: err}
	}
	c := &Context{dir: resolved}
	at, named := filepath.FromSlash(ignore), ignore != ""
	if !named {
		at = ignoreFile
	}
	if !filepath.IsAbs(at) {
		at = filepath.Join(resolved, at)
	}
	c.patterns, err = os.ReadFile(at)
	if named && errors.Is(err, fs.ErrNotExist) {
		return nil, &InputError{Field: FieldIgnore, Err: fmt.Errorf("there is no file %s", at)}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, &InputError{Field: FieldIgnore, Err: fmt.Errorf("dockerignore %q: %w", ignore, err)}
	}
	if err := c.compile(); err != nil {
		return nil, &InputError{Field: FieldIgnore, Err: err}
	}
	return c, nil
}

func directory(dir string) (string, error) {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("build context %q: %w", dir, err)
	}
	resolved, err := filepath.EvalSymlinks(absolute)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("build context %q: there is no directory %s", dir, absolute)
	}
	if err != nil {
		return "", fmt.Errorf("build context %q: %w", dir, err)
	}
	info, err := os.Stat(resolved)
	if err != nil {
		return "", fmt.Errorf("build context %q: %w", dir, err)
	}
	if !info.IsDir() {
		return "", fmt.Errorf("build context %q: %s is not a directory", dir, absolute)
	}
	return resolved, nil
}

// locate finds the Dockerfile and the name it gets in the stream. A Dockerfile outside the context is sent under a
// name made from its content, so that the same file gets the same name (and the engine's cache is used).
func (c *Context) locate(dockerfile string) error {
	if dockerfile == "" {
		dockerfile = "Dockerfile"
	}
	at := filepath.FromSlash(dockerfile)
	if !filepath.IsAbs(at) {
		at = filepath.Join(c.dir, at)
	}
	if folder, err := filepath.EvalSymlinks(filepath.Dir(at)); err == nil {
		at = filepath.Join(folder, filepath.Base(at))
	}
	info, err := os.Stat(at)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("dockerfile %q: there is no file %s", dockerfile, at)
	}
	if err != nil {
		return fmt.Errorf("dockerfile %q: %w", dockerfile, err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("dockerfile %q: %s is not a file", dockerfile, at)
	}
	c.dockerfile = at
	relative, err := filepath.Rel(c.dir, at)
	if err != nil || relative == ".." || strings.HasPrefix(relative, ".."+string(filepath.Separator)) {
		content, err := os.ReadFile(at)
		if err != nil {
			return fmt.Errorf("dockerfile %q: %w", dockerfile, err)
		}
		sum := sha256.Sum256(content)
		c.outside, c.name, c.label = true, ".dockerfile."+hex.EncodeToString(sum[:6]), path.Clean(filepath.ToSlash(dockerfile))
		if filepath.IsAbs(filepath.FromSlash(dockerfile)) {
			c.label = "../" + path.Base(c.label) // the same on every machine
		}
		return nil
	}
	c.name = filepath.ToSlash(relative)
	c.label = c.name
	return nil
}

func (c *Context) readIgnoreFile() error {
	own := c.dockerfile + ignoreFile
	for _, candidate := range []string{own, filepath.Join(c.dir, ignoreFile)} {
		content, err := os.ReadFile(candidate)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		c.patterns, c.specific = content, candidate == own
		break
	}
	return c.compile()
}

// compile makes a matcher of the patterns in force.
func (c *Context) compile() error {
	patterns, err := ignorefile.ReadAll(bytes.NewReader(c.patterns))
	if err != nil {
		return fmt.Errorf("%s: %w", ignoreFile, err)
	}
	if c.ignore, err = patternmatcher.New(slices.Concat(leftByTerraform, patterns)); err != nil {
		return fmt.Errorf("%s: %w", ignoreFile, err)
	}
	return nil
}

// LeaveOut takes a file out of the context, as if it were ignored: one that is written while the context is read, such as a log.
// The path is relative to the working directory. A file elsewhere, or none, is fine.
func (c *Context) LeaveOut(file string) error {
	at, err := filepath.Abs(file)
	if err != nil {
		return fmt.Errorf("build context: %w", err)
	}
	if folder, err := filepath.EvalSymlinks(filepath.Dir(at)); err == nil {
		at = filepath.Join(folder, filepath.Base(at))
	}
	c.left = at
	return nil
}

// Dockerfile is the name the Dockerfile has in the tar stream; the engine is told it.
func (c *Context) Dockerfile() string { return c.name }
