package imageconfig

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/sys/signal"

	"github.com/cleat-dev/cleat/daemon/spec"
)

// ErrUnknown is that of an instruction which does more than change a configuration.
var ErrUnknown = errors.New("not an instruction that changes the configuration alone")

// Editor applies instructions to a configuration.
type Editor struct {
	// Config is what the instructions change. Maps and slices it came with are not touched: they are copied first.
	Config dockerspec.DockerOCIImageConfig
	// Lex expands the variables of words.
	Lex *shell.Lex

	cmdSet bool // by an instruction before: ENTRYPOINT leaves it
}

// Apply does an instruction whose single words are expanded, and returns how it is recorded in the history. env are the
// variables of EXPOSE, the one instruction where a variable may hold several words. WORKDIR is recorded as it ends up.
func (e *Editor) Apply(cmd instructions.Command, env shell.EnvGetter) (comment string, err error) {
	switch c := cmd.(type) {
	case *instructions.EnvCommand:
		return e.env(c), nil
	case *instructions.LabelCommand:
		return e.label(c), nil
	case *instructions.CmdCommand:
		e.Config.Cmd = e.Words(c.ShellDependantCmdLine)
		e.cmdSet = e.cmdSet || len(c.CmdLine) != 0
		return fmt.Sprintf("CMD %q", e.Config.Cmd), nil
	case *instructions.EntrypointCommand:
		e.Config.Entrypoint = e.Words(c.ShellDependantCmdLine)
		if !e.cmdSet {
			e.Config.Cmd = nil
		}
		return fmt.Sprintf("ENTRYPOINT %q", e.Config.Entrypoint), nil
	case *instructions.ShellCommand:
		e.Config.Shell = c.Shell
		return fmt.Sprintf("SHELL %v", c.Shell), nil
	case *instructions.ExposeCommand:
		return e.expose(c, env)
	case *instructions.UserCommand:
		e.Config.User = c.User
		return "USER " + c.User, nil
	case *instructions.VolumeCommand:
		return e.volume(c)
	case *instructions.StopSignalCommand:
		if _, err := signal.ParseSignal(c.Signal); err != nil {
			return "", fmt.Errorf("Invalid signal: %s", c.Signal) //nolint:staticcheck // clients know the text
		}
		e.Config.StopSignal = c.Signal
		return "STOPSIGNAL " + c.Signal, nil
	case *instructions.HealthCheckCommand:
		h := c.Health
		e.Config.Healthcheck = h
		return fmt.Sprintf("HEALTHCHECK &{%q %q %q %q %q %s}", h.Test, h.Interval, h.Timeout, h.StartPeriod, h.StartInterval,
			strconv.QuoteRune(rune(h.Retries))), nil
	case *instructions.OnbuildCommand:
		e.Config.OnBuild = append(slices.Clip(e.Config.OnBuild), c.Expression)
		return "ONBUILD " + c.Expression, nil
	case *instructions.WorkdirCommand:
		return e.workdir(c)
	default:
		return "", fmt.Errorf("%s: %w", cmd.Name(), ErrUnknown)
	}
}

func (e *Editor) env(c *instructions.EnvCommand) string {
	var comment strings.Builder
	comment.WriteString("ENV")
	for _, kv := range c.Env {
		comment.WriteString(" " + kv.String())
		e.Config.Env = spec.MergeEnv(e.Config.Env, []string{kv.String()})
	}
	return comment.String()
}

func (e *Editor) label(c *instructions.LabelCommand) string {
	var comment strings.Builder
	comment.WriteString("LABEL")
	e.Config.Labels = own(e.Config.Labels)
	for _, kv := range c.Labels {
		comment.WriteString(" " + kv.String())
		e.Config.Labels[kv.Key] = kv.Value
	}
	return comment.String()
}

func (e *Editor) expose(c *instructions.ExposeCommand, env shell.EnvGetter) (string, error) {
	var words []string
	for _, word := range c.Ports {
		expanded, err := e.Lex.ProcessWords(word, env)
		if err != nil {
			return "", err //nolint:wrapcheck // clients know the text
		}
		words = append(words, expanded...)
	}
	e.Config.ExposedPorts = own(e.Config.ExposedPorts)
	for _, word := range words {
		// What is published where is for docker run to say: only the container's part counts.
		ports, err := network.ParsePortRange(word[strings.LastIndexByte(word, ':')+1:])
		if err != nil {
			return "", fmt.Errorf("Invalid containerPort: %s", word) //nolint:staticcheck // clients know the text
		}
		for port := range ports.All() {
			e.Config.ExposedPorts[port.String()] = struct{}{}
		}
	}
	return "EXPOSE " + strings.Join(words, " "), nil
}

func (e *Editor) volume(c *instructions.VolumeCommand) (string, error) {
	e.Config.Volumes = own(e.Config.Volumes)
	for _, v := range c.Volumes {
		if v == "" {
			return "", errors.New("VOLUME specified can not be an empty string")
		}
		e.Config.Volumes[v] = struct{}{}
	}
	return fmt.Sprintf("VOLUME %v", c.Volumes), nil
}

func (e *Editor) workdir(c *instructions.WorkdirCommand) (string, error) {
	if c.Path == "" {
		return "", errors.New("cannot normalize nothing")
	}
	dir := c.Path
	if !path.IsAbs(dir) {
		dir = path.Join("/", e.Config.WorkingDir, dir)
	}
	e.Config.WorkingDir = dir
	return "WORKDIR " + dir, nil
}

// Words is a command as it is started: the words of the exec form, the shell and its argument of the other.
func (e *Editor) Words(c instructions.ShellDependantCmdLine) []string {
	if !c.PrependShell {
		return c.CmdLine
	}
	return append(e.Shell(), strings.Join(c.CmdLine, " "))
}

// Shell is what runs the shell form of commands, in a slice of the caller's own.
func (e *Editor) Shell() []string {
	if len(e.Config.Shell) > 0 {
		return slices.Clone(e.Config.Shell)
	}
	return []string{"/bin/sh", "-c"}
}

// own is a map to write to, with the entries of m.
func own[V any](m map[string]V) map[string]V {
	if m == nil {
		return map[string]V{}
	}
	return maps.Clone(m)
}
