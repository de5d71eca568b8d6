//go:build linux

package builds

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
	"github.com/moby/moby/api/types/registry"

	"github.com/cleat-dev/cleat/api/errs"
)

// scratch is the name of the image with nothing in it.
const scratch = "scratch"

// defaultPath is PATH where the image has none.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// from begins a stage and runs the triggers of its image.
func (b *build) from(ctx context.Context, c *instructions.Stage) error {
	s := &stage{index: len(b.done), name: c.Name, args: b.args.stage()}
	s.Lex = shell.NewLex(b.ast.EscapeToken)
	b.current = s
	expand := func(word string) (string, error) {
		out, _, err := s.Lex.ProcessWord(word, shell.EnvsFromSlice(b.args.env(b.args.global)))
		return out, err //nolint:wrapcheck // clients know the text
	}
	want := platform(&b.o)
	if c.Platform != "" {
		expanded, err := expand(c.Platform)
		if err != nil {
			return fmt.Errorf("failed to process arguments for platform %s: %w", c.Platform, err)
		}
		parsed, err := platforms.Parse(expanded)
		if err != nil {
			return fmt.Errorf("failed to parse platform %s: %w", expanded, err)
		}
		want = platforms.Format(parsed)
	}
	base, err := expand(c.BaseName)
	if err != nil {
		return err
	}
	if base == "" {
		return fmt.Errorf("base name (%s) should not be blank", c.BaseName)
	}
	image, err := b.base(ctx, base, want)
	if err != nil {
		return err
	}
	b.use(image.ID)
	s.id, s.chain, s.platform, s.baseSteps = image.ID, image.ChainID, platformOf(image), len(image.Config.History)
	if i, ok := b.stages[strings.ToLower(base)]; ok {
		s.baseSteps = b.done[i].baseSteps
	}
	if image.ID == "" && want != "" {
		s.platform = platforms.MustParse(want)
	}
	s.Config = image.Config.Config
	if !slices.ContainsFunc(s.Config.Env, func(v string) bool { return strings.HasPrefix(v, "PATH=") }) {
		s.Config.Env = append(slices.Clip(s.Config.Env), "PATH="+defaultPath)
	}
	if b.keepTriggers {
		return nil
	}
	triggers := s.Config.OnBuild
	s.Config.OnBuild = nil
	return b.triggers(ctx, triggers)
}

// triggers does the ONBUILD instructions of the base image.
func (b *build) triggers(ctx context.Context, lines []string) error {
	switch len(lines) {
	case 0:
		return nil
	case 1:
		b.out.text("# Executing 1 build trigger\n")
	default:
		b.out.text("# Executing %d build triggers\n", len(lines))
	}
	for _, line := range lines {
		ast, err := parser.Parse(strings.NewReader(line))
		if err != nil {
			return err //nolint:wrapcheck // clients know the text
		}
		if len(ast.AST.Children) != 1 {
			return errors.New("onbuild trigger should be a single expression")
		}
		cmd, err := instructions.ParseCommand(ast.AST.Children[0])
		if err != nil {
			return err //nolint:wrapcheck // clients know the text
		}
		if err := b.step(ctx, cmd); err != nil {
			return err
		}
	}
	return nil
}

// base returns the image of a FROM: a stage before, nothing, or an image of the store, pulled if need be.
func (b *build) base(ctx context.Context, name, want string) (Image, error) {
	if i, ok := b.stages[strings.ToLower(name)]; ok {
		return b.stageImage(ctx, i)
	}
	if name == scratch {
		return Image{}, nil
	}
	return b.image(ctx, name, want)
}

func (b *build) stageImage(ctx context.Context, i int) (Image, error) {
	if b.done[i].id == "" {
		return Image{}, nil
	}
	return b.s.Images.Resolve(ctx, b.done[i].id) //nolint:wrapcheck // it names the image
}

// image returns an image of the store. It is pulled when it is not there, or not of the platform, or the client wants the
// newest; at most once in a build.
func (b *build) image(ctx context.Context, ref, want string) (Image, error) {
	key := ref + " " + want
	if known, ok := b.bases[key]; ok {
		return known, nil
	}
	found, err := b.s.Images.Resolve(ctx, ref)
	switch {
	case err == nil && (!b.o.PullParent || isID(ref, found)) && fits(found, want):
	case err != nil && !errors.Is(err, errs.ErrNotFound):
		return Image{}, err //nolint:wrapcheck // it names the image
	default:
		if err := b.s.Images.Pull(ctx, ref, b.auth(ref), want, b.pulled); err != nil {
			return Image{}, err //nolint:wrapcheck // clients know the text
		}
		if found, err = b.s.Images.Resolve(ctx, ref); err != nil {
			return Image{}, err //nolint:wrapcheck // it names the image
		}
		if !fits(found, want) {
			return Image{}, fmt.Errorf("image with reference %s was found but its platform (%s) does not match the specified platform (%s): %w",
				ref, platforms.Format(platformOf(found)), want, errs.ErrNotFound)
		}
	}
	b.use(found.ID)
	if found, err = b.s.Images.Held(ctx, found.ID); err != nil {
		return Image{}, err //nolint:wrapcheck // it names the image
	}
	b.bases[key] = found
	return found, nil
}

// isID reports whether a reference is the image's id, which no registry knows.
func isID(ref string, i Image) bool {
	digits := strings.TrimPrefix(ref, "sha256:")
	return len(digits) >= 12 && strings.HasPrefix(strings.TrimPrefix(i.ID, "sha256:"), digits)
}

func fits(i Image, want string) bool {
	if want == "" {
		return true
	}
	p, err := platforms.Parse(want)
	return err == nil && platforms.Only(p).Match(platforms.Normalize(platformOf(i)))
}

// auth is what X-Registry-Config says about the registry of an image.
func (b *build) auth(ref string) registry.AuthConfig {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return registry.AuthConfig{}
	}
	return registryAuth(b.o.AuthConfigs, reference.Domain(named))
}

// hub is the address under which clients keep the credentials of Docker Hub.
const hub = "https://index.docker.io/v1/"

// registryAuth finds the entry of a registry. Clients have written host names, and URLs.
func registryAuth(all map[string]registry.AuthConfig, host string) registry.AuthConfig {
	if host == "docker.io" {
		if a, ok := all[hub]; ok {
			return a
		}
	}
	if a, ok := all[host]; ok {
		return a
	}
	for key, a := range all {
		_, name, isURL := strings.Cut(key, "://")
		if !isURL {
			name = key
		}
		name, _, _ = strings.Cut(name, "/")
		if name == host || host == "docker.io" && name == "index.docker.io" {
			return a
		}
	}
	return registry.AuthConfig{}
}

// stageOrImage is the source of COPY --from: a stage by name or number, or an image.
func (b *build) stageOrImage(ctx context.Context, ref string) (Image, error) {
	if i, ok := b.stages[strings.ToLower(ref)]; ok {
		return b.stageImage(ctx, i)
	}
	if i, err := strconv.Atoi(ref); err == nil {
		switch {
		case i == len(b.done):
			return Image{}, errors.New("refers to current build stage")
		case i < 0 || i > len(b.done):
			return Image{}, errors.New("index out of bounds")
		}
		return b.stageImage(ctx, i)
	}
	return b.image(ctx, ref, platform(&b.o))
}
