//go:build linux

package builds

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/sys/signal"

	"github.com/cleat-dev/cleat/api/stream"
)

// dispatch does one instruction.
func (b *build) dispatch(ctx context.Context, cmd instructions.Command) error {
	s := b.current
	env := shell.EnvsFromSlice(slices.Concat(s.config.Env, s.args.beside(s.config.Env)))
	if c, ok := cmd.(instructions.SupportsSingleWordExpansion); ok {
		err := c.Expand(func(word string) (string, error) {
			out, _, err := s.lex.ProcessWord(word, env)
			return out, err //nolint:wrapcheck // clients know the text
		})
		if err != nil {
			return err //nolint:wrapcheck // clients know the text
		}
	}
	switch c := cmd.(type) {
	case *instructions.RunCommand:
		return b.runCommand(ctx, c)
	case *instructions.CopyCommand:
		return b.copyCommand(ctx, c, env)
	case *instructions.AddCommand:
		return b.addCommand(ctx, c, env)
	case *instructions.WorkdirCommand:
		return b.workdir(ctx, c)
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
	case *instructions.EnvCommand:
		return s.env(c), nil
	case *instructions.LabelCommand:
		return s.label(c), nil
	case *instructions.ArgCommand:
		return s.arg(c), nil
	case *instructions.MaintainerCommand:
		s.author = c.Maintainer
		return "MAINTAINER " + c.Maintainer, nil
	case *instructions.CmdCommand:
		s.config.Cmd = s.words(c.ShellDependantCmdLine)
		s.cmdSet = s.cmdSet || len(c.CmdLine) != 0
		return fmt.Sprintf("CMD %q", s.config.Cmd), nil
	case *instructions.EntrypointCommand:
		s.config.Entrypoint = s.words(c.ShellDependantCmdLine)
		if !s.cmdSet {
			s.config.Cmd = nil
		}
		return fmt.Sprintf("ENTRYPOINT %q", s.config.Entrypoint), nil
	case *instructions.ShellCommand:
		s.config.Shell = c.Shell
		return fmt.Sprintf("SHELL %v", c.Shell), nil
	case *instructions.ExposeCommand:
		return s.expose(c, env)
	case *instructions.UserCommand:
		s.config.User = c.User
		return "USER " + c.User, nil
	case *instructions.VolumeCommand:
		return s.volume(c)
	case *instructions.StopSignalCommand:
		if _, err := signal.ParseSignal(c.Signal); err != nil {
			return "", fmt.Errorf("Invalid signal: %s", c.Signal) //nolint:staticcheck // clients know the text
		}
		s.config.StopSignal = c.Signal
		return "STOPSIGNAL " + c.Signal, nil
	case *instructions.HealthCheckCommand:
		if old := s.config.Healthcheck; old != nil && len(old.Test) > 0 && old.Test[0] != "NONE" {
			b.out.text("Note: overriding previous HEALTHCHECK: %v\n", old.Test)
		}
		s.config.Healthcheck = c.Health
		h := c.Health
		return fmt.Sprintf("HEALTHCHECK &{%q %q %q %q %q %s}", h.Test, h.Interval, h.Timeout, h.StartPeriod, h.StartInterval,
			strconv.QuoteRune(rune(h.Retries))), nil
	case *instructions.OnbuildCommand:
		s.config.OnBuild = append(s.config.OnBuild, c.Expression)
		return "ONBUILD " + c.Expression, nil
	default:
		return "", fmt.Errorf("unsupported command type: %T", cmd)
	}
}

func (s *stage) env(c *instructions.EnvCommand) string {
	var comment strings.Builder
	comment.WriteString("ENV")
	for _, kv := range c.Env {
		comment.WriteString(" " + kv.String())
		s.config.Env = setEnv(s.config.Env, kv.Key, kv.String())
	}
	return comment.String()
}

// setEnv replaces a variable in its place, or appends it.
func setEnv(env []string, name, entry string) []string {
	i := slices.IndexFunc(env, func(v string) bool { return strings.HasPrefix(v, name+"=") })
	if i < 0 {
		return append(env, entry)
	}
	env[i] = entry
	return env
}

func (s *stage) label(c *instructions.LabelCommand) string {
	var comment strings.Builder
	comment.WriteString("LABEL")
	if s.config.Labels == nil {
		s.config.Labels = map[string]string{}
	}
	for _, kv := range c.Labels {
		comment.WriteString(" " + kv.String())
		s.config.Labels[kv.Key] = kv.Value
	}
	return comment.String()
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

// expose is the one instruction where a variable may hold several words.
func (s *stage) expose(c *instructions.ExposeCommand, env shell.EnvGetter) (string, error) {
	var words []string
	for _, word := range c.Ports {
		expanded, err := s.lex.ProcessWords(word, env)
		if err != nil {
			return "", err //nolint:wrapcheck // clients know the text
		}
		words = append(words, expanded...)
	}
	if s.config.ExposedPorts == nil {
		s.config.ExposedPorts = map[string]struct{}{}
	}
	for _, word := range words {
		// What is published where is for docker run to say: only the container's part counts.
		ports, err := network.ParsePortRange(word[strings.LastIndexByte(word, ':')+1:])
		if err != nil {
			return "", fmt.Errorf("Invalid containerPort: %s", word) //nolint:staticcheck // clients know the text
		}
		for port := range ports.All() {
			s.config.ExposedPorts[port.String()] = struct{}{}
		}
	}
	return "EXPOSE " + strings.Join(words, " "), nil
}

func (s *stage) volume(c *instructions.VolumeCommand) (string, error) {
	if s.config.Volumes == nil {
		s.config.Volumes = map[string]struct{}{}
	}
	for _, v := range c.Volumes {
		if v == "" {
			return "", errors.New("VOLUME specified can not be an empty string")
		}
		s.config.Volumes[v] = struct{}{}
	}
	return fmt.Sprintf("VOLUME %v", c.Volumes), nil
}

// words is a command as it is started: the words of the exec form, the shell and its argument of the other.
func (s *stage) words(c instructions.ShellDependantCmdLine) []string {
	if !c.PrependShell {
		return c.CmdLine
	}
	return append(s.shell(), strings.Join(c.CmdLine, " "))
}

func (s *stage) shell() []string {
	if len(s.config.Shell) > 0 {
		return slices.Clone(s.config.Shell)
	}
	return []string{"/bin/sh", "-c"}
}

// nop is how an instruction that runs nothing is recorded.
func (s *stage) nop(words ...string) []string { return append(s.shell(), words...) }

// workdir changes the working directory, and makes it in the image.
func (b *build) workdir(ctx context.Context, c *instructions.WorkdirCommand) error {
	s := b.current
	if c.Path == "" {
		return errors.New("cannot normalize nothing")
	}
	dir := c.Path
	if !path.IsAbs(dir) {
		dir = path.Join("/", s.config.WorkingDir, dir)
	}
	s.config.WorkingDir = dir
	command := s.nop("#(nop) WORKDIR " + s.config.WorkingDir)
	key, hit, err := b.probe(ctx, command)
	if err != nil || hit {
		return err
	}
	id, err := b.container(ctx, command)
	if err != nil {
		return err
	}
	return b.write(ctx, key, command, id, func(t *tree) error {
		_, err := t.dir(s.config.WorkingDir, nil)
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
	c := &container.Config{
		Image: s.id, User: s.config.User, Env: slices.Clone(s.config.Env), Cmd: s.config.Cmd, Entrypoint: s.config.Entrypoint,
		WorkingDir: s.config.WorkingDir, StopSignal: s.config.StopSignal, Shell: s.config.Shell, Healthcheck: s.config.Healthcheck,
		Volumes: map[string]struct{}{}, Labels: map[string]string{}, ExposedPorts: network.PortSet{},
	}
	for v := range s.config.Volumes {
		c.Volumes[v] = struct{}{}
	}
	for k, v := range s.config.Labels {
		c.Labels[k] = v
	}
	for text := range s.config.ExposedPorts {
		if port, err := network.ParsePort(text); err == nil { // others an image may declare, and nobody can publish
			c.ExposedPorts[port] = struct{}{}
		}
	}
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
