//go:build linux

package builds

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/moby/moby/api/types/container"

	"github.com/cleat-dev/cleat/api/stream"
	"github.com/cleat-dev/cleat/daemon/imageconfig"
)

// dispatch does one instruction.
func (b *build) dispatch(ctx context.Context, cmd instructions.Command) error {
	s := b.current
	env := shell.EnvsFromSlice(slices.Concat(s.Config.Env, s.args.beside(s.Config.Env)))
	if err := imageconfig.Expand(cmd, s.Lex, env); err != nil {
		return err //nolint:wrapcheck // clients know the text
	}
	switch c := cmd.(type) {
	case *instructions.RunCommand:
		return b.runCommand(ctx, c)
	case *instructions.CopyCommand:
		return b.copyCommand(ctx, c, env)
	case *instructions.AddCommand:
		return b.addCommand(ctx, c, env)
	case *instructions.WorkdirCommand:
		return b.workdir(ctx, c, env)
	}
	comment, err := b.configure(cmd, env)
	if err != nil {
		return err
	}
	return b.commit(ctx, s.nop("#(nop) ", comment))
}

// configure does the instructions that change the configuration alone, and returns how they are recorded.
func (b *build) configure(cmd instructions.Command, env shell.EnvGetter) (comment string, err error) {
	s := b.current
	switch c := cmd.(type) {
	case *instructions.ArgCommand:
		return s.arg(c), nil
	case *instructions.MaintainerCommand:
		s.author = c.Maintainer
		return "MAINTAINER " + c.Maintainer, nil
	case *instructions.HealthCheckCommand:
		if old := s.Config.Healthcheck; old != nil && len(old.Test) > 0 && old.Test[0] != "NONE" {
			b.out.text("Note: overriding previous HEALTHCHECK: %v\n", old.Test)
		}
	}
	return s.Apply(cmd, env) //nolint:wrapcheck // clients know the text
}

func (s *stage) arg(c *instructions.ArgCommand) string {
	var comment strings.Builder
	comment.WriteString("ARG")
	for _, arg := range c.Args {
		comment.WriteString(" " + arg.Key)
		if arg.Value != nil {
			comment.WriteString("=" + *arg.Value)
		}
		s.args.declare(arg.Key, arg.Value)
	}
	return comment.String()
}

// nop is how an instruction that runs nothing is recorded.
func (s *stage) nop(words ...string) []string { return append(s.Shell(), words...) }

// workdir changes the working directory, and makes it in the image.
func (b *build) workdir(ctx context.Context, c *instructions.WorkdirCommand, env shell.EnvGetter) error {
	s := b.current
	comment, err := s.Apply(c, env)
	if err != nil {
		return err //nolint:wrapcheck // clients know the text
	}
	command := s.nop("#(nop) " + comment)
	key, hit, err := b.probe(ctx, command)
	if err != nil || hit {
		return err
	}
	id, err := b.container(ctx, command)
	if err != nil {
		return err
	}
	return b.write(ctx, key, command, id, func(t *tree) error {
		_, err := t.dir(s.Config.WorkingDir, nil)
		return err
	})
}

// commit makes the image of an instruction that changes the configuration alone.
func (b *build) commit(ctx context.Context, command []string) error {
	key, hit, err := b.probe(ctx, command)
	if err != nil || hit {
		return err
	}
	id, err := b.container(ctx, command)
	if err != nil {
		return err
	}
	return b.make(ctx, key, NewImage{CreatedBy: strings.Join(command, " "), Container: id})
}

// container announces the container of an instruction that runs nothing. Only where containers are kept there is one.
func (b *build) container(ctx context.Context, command []string) (id string, err error) {
	if b.o.Remove {
		id = randomID()
		b.opened = append(b.opened, id)
		b.out.text(" ---> Running in %s\n", short(id))
		return id, nil
	}
	config := b.current.container()
	config.Cmd = command
	return b.create(ctx, config, hostConfig(&b.o))
}

// create makes a container for the step.
func (b *build) create(ctx context.Context, config *container.Config, host *container.HostConfig) (string, error) {
	made, err := b.s.Containers.Create(ctx, config, host)
	if err != nil {
		return "", err //nolint:wrapcheck // clients know the text
	}
	b.opened = append(b.opened, made.ID)
	if err := b.mark(made.ID); err != nil {
		return "", err
	}
	for _, w := range made.Warnings {
		b.out.text(" ---> [Warning] %s\n", w)
	}
	b.out.text(" ---> Running in %s\n", short(made.ID))
	return made.ID, nil
}

// container is the configuration of a container on the stage's image.
func (s *stage) container() *container.Config {
	c := imageconfig.ToContainer(s.Config)
	c.Image, c.OnBuild = s.id, nil
	c.Env, c.Volumes, c.Labels = slices.Clone(c.Env), maps.Clone(c.Volumes), maps.Clone(c.Labels)
	return c
}

func randomID() string {
	var id [32]byte
	_, _ = rand.Read(id[:]) // it does not fail
	return hex.EncodeToString(id[:])
}

// pulled passes on what a pull tells.
func (b *build) pulled(m stream.Message) error {
	b.out.message(m)
	return nil
}

// noHealthcheck keeps the image's check from running during a build.
func noHealthcheck() *dockerspec.HealthcheckConfig {
	return &dockerspec.HealthcheckConfig{Test: []string{"NONE"}}
}
