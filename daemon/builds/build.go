//go:build linux

package builds

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
	"github.com/moby/moby/client"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/daemon/archive"
	"github.com/cleat-dev/cleat/daemon/imageconfig"
)

// cleanupTime bounds what is done after a build that is over.
const cleanupTime = time.Minute

// build is one build.
type build struct {
	s     *Service
	o     client.ImageBuildOptions
	out   *output
	dir   string // everything of the build's own on the disk
	limit int64  // of bytes in an archive or a download

	keepTriggers bool // the base image's ONBUILD are not done

	contextDir string
	context    *tree // nil without a context
	ast        *parser.Result
	globals    []instructions.ArgCommand
	plan       []instructions.Stage

	args    *buildArgs
	current *stage
	done    []*stage
	stages  map[string]int // name in lower case -> index in done
	bases   map[string]Image
	views   map[string]*view
	trees   []*tree  // of sources that were fetched
	sources []source // of cachefrom

	made    []madeImage
	pinned  map[string]bool
	opened  []string // containers of this step
	removal sync.WaitGroup
}

// madeImage is an image this build made, and its key in the cache.
type madeImage struct{ id, key string }

// stage is the state between two instructions.
type stage struct {
	imageconfig.Editor

	index    int
	name     string
	id       string // of the image so far; "" for scratch
	chain    digest.Digest
	platform ocispec.Platform
	author   string
	// baseSteps is how many steps of the history were made before this build.
	baseSteps int
	busted    bool // a step was not in the cache, so none after it is looked for
	args      *buildArgs
}

// parse reads the instructions: what is wrong with any of them is said before the first is done.
func (b *build) parse() error {
	stages, globals, err := instructions.Parse(b.ast.AST, nil)
	if err != nil {
		return errs.Errorf(errs.ErrInvalid, "%s", err)
	}
	if target := b.o.Target; target != "" {
		last, found := instructions.HasStage(stages, target)
		if !found {
			return invalid("failed to reach build target %s in Dockerfile", target)
		}
		stages = stages[:last+1]
	}
	if len(stages) == 0 {
		return errNothing
	}
	for _, name := range slices.Sorted(maps.Keys(b.o.Labels)) {
		stages[len(stages)-1].AddCommand(instructions.NewLabelCommand(name, b.o.Labels[name], true))
	}
	b.plan, b.globals = stages, globals
	return nil
}

var errNothing = errors.New("No image was generated. Is your Dockerfile empty?") //nolint:staticcheck // clients know the text

// run does the instructions one by one.
func (b *build) run(ctx context.Context) error {
	total := len(b.globals) + len(b.plan)
	for i := range b.plan {
		total += len(b.plan[i].Commands)
	}
	if err := b.openSources(ctx); err != nil {
		return err
	}
	b.args = newArgs(b.o.BuildArgs)
	n := 0
	lex := shell.NewLex(b.ast.EscapeToken)
	for i := range b.globals {
		n++
		b.out.step(n, total, &b.globals[i])
		if err := b.global(&b.globals[i], lex); err != nil {
			return err
		}
	}
	for i := range b.plan {
		s := &b.plan[i]
		if err := b.nameFree(s.Name); err != nil {
			return err
		}
		n++
		b.out.step(n, total, s.SourceCode)
		if err := b.from(ctx, s); err != nil {
			return err
		}
		b.out.image(b.current.id)
		for _, cmd := range s.Commands {
			if err := ctx.Err(); err != nil {
				return err //nolint:wrapcheck // explained by the caller
			}
			n++
			b.out.step(n, total, cmd)
			if err := b.step(ctx, cmd); err != nil {
				return err
			}
			b.out.image(b.current.id)
		}
		if b.current.id != "" {
			b.out.aux(b.current.id)
		}
		if s.Name != "" {
			b.stages[strings.ToLower(s.Name)] = len(b.done)
		}
		b.done = append(b.done, b.current)
	}
	if left := b.args.unused(); len(left) > 0 {
		b.out.text("[Warning] One or more build-args %v were not consumed\n", left)
	}
	if b.current.id == "" {
		return errNothing
	}
	return nil
}

func (b *build) nameFree(name string) error {
	if _, taken := b.stages[strings.ToLower(name)]; taken && name != "" {
		return fmt.Errorf("%s stage name already used", name)
	}
	return nil
}

// global is an ARG before the first FROM.
func (b *build) global(c *instructions.ArgCommand, lex *shell.Lex) error {
	env := shell.EnvsFromSlice(b.args.env(b.args.declared))
	err := c.Expand(func(word string) (string, error) {
		out, _, err := lex.ProcessWord(word, env)
		return out, err //nolint:wrapcheck // clients know the text
	})
	if err != nil {
		return err //nolint:wrapcheck // clients know the text
	}
	for _, arg := range c.Args {
		b.args.declareGlobal(arg.Key, arg.Value)
	}
	return nil
}

// finish tells the result and names it.
func (b *build) finish(ctx context.Context, names []name) error {
	b.out.text("Successfully built %s\n", short(b.current.id))
	for _, n := range names {
		if err := b.s.Images.Tag(ctx, b.current.id, n.repo, n.tag); err != nil {
			return err //nolint:wrapcheck // the images service names the image
		}
		b.out.text("Successfully tagged %s\n", n.familiar)
	}
	return nil
}

// explain says that the build was cancelled, or that the disk is full, where that is why something failed.
func (b *build) explain(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("build cancelled: %w", context.Cause(ctx))
	}
	var large *archive.TooLargeError
	if errors.As(err, &large) && b.s.MaxContext == 0 {
		return fmt.Errorf("%w: %s, half of what is free: %w", unix.ENOSPC, large, errs.ErrInternal)
	}
	return err
}

// step does one instruction and removes its containers as the client wishes.
func (b *build) step(ctx context.Context, cmd instructions.Command) error {
	err := b.dispatch(ctx, cmd)
	if ctx.Err() != nil {
		return err // everything is removed
	}
	if b.o.ForceRemove || b.o.Remove && err == nil {
		for _, id := range b.opened {
			b.out.text("Removing intermediate container %s\n", short(id))
			b.drop(ctx, id)
		}
	} else {
		for _, id := range b.opened {
			b.unmark(id)
		}
	}
	b.opened = nil
	return err
}

// drop removes a container while the build goes on; the build's end waits for it.
func (b *build) drop(ctx context.Context, id string) {
	if !b.marked(id) { // the step needed no container
		return
	}
	b.removal.Go(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
		defer cancel()
		if err := b.s.Containers.Remove(ctx, id); err != nil && !errors.Is(err, errs.ErrNotFound) {
			b.s.Log.Warn("container of a build is left", "container", short(id), "error", err)
			return
		}
		b.unmark(id)
	})
}

// use makes an image the one the build stands on.
func (b *build) use(id string) {
	if id == "" || b.pinned[id] {
		return
	}
	if b.pinned == nil {
		b.pinned = map[string]bool{}
	}
	b.pinned[id] = true
	b.s.pin(id)
}

// close lets go of everything. After a build that was cancelled nothing it made is left.
func (b *build) close(ctx context.Context, failure error) {
	cancelled := failure != nil && ctx.Err() != nil
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	if cancelled {
		for _, id := range b.marks() {
			b.drop(ctx, id)
		}
	}
	b.removal.Wait()
	var failed []error
	for _, v := range b.views {
		failed = append(failed, v.close())
	}
	for _, t := range b.trees {
		t.close()
	}
	if b.context != nil {
		b.context.close()
	}
	free := map[string]bool{}
	for id := range b.pinned {
		free[id] = b.s.unpin(id)
	}
	if cancelled {
		for _, m := range slices.Backward(b.made) {
			if !free[m.id] {
				continue
			}
			if err := b.s.Images.Remove(ctx, m.id); err == nil {
				b.s.cache.put(m.key, "")
			} else if !errors.Is(err, errs.ErrConflict) && !errors.Is(err, errs.ErrNotFound) {
				failed = append(failed, err)
			}
		}
	}
	failed = append(failed, b.s.cache.save())
	if b.dir != "" && len(b.marks()) == 0 { // marks of containers that could not be removed are for the next start
		failed = append(failed, os.RemoveAll(b.dir))
	}
	if err := errors.Join(failed...); err != nil {
		b.s.Log.Warn("a build has left something", "error", err)
	}
}

// platformOf is the platform of an image, the host's for one that does not say.
func platformOf(i Image) ocispec.Platform {
	p := i.Config.Platform
	if p.OS == "" || p.Architecture == "" {
		return platforms.DefaultSpec()
	}
	return p
}
