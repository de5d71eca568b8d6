//go:build linux

package containers

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"

	"github.com/cleat-dev/cleat/daemon/spec"
)

// changeable are the instructions a commit may apply.
var changeable = []string{"cmd", "entrypoint", "env", "expose", "healthcheck", "label", "onbuild", "stopsignal", "user", "volume", "workdir"}

// ApplyChanges applies instructions of a Dockerfile to a configuration, which is changed.
func ApplyChanges(config *container.Config, changes []string) error {
	if len(changes) == 0 {
		return nil
	}
	parsed, err := parser.Parse(strings.NewReader(strings.Join(changes, "\n")))
	if err != nil {
		return invalid("invalid changes: %v", err)
	}
	for _, node := range parsed.AST.Children {
		if !slices.Contains(changeable, strings.ToLower(node.Value)) {
			return invalid("%s is not a valid change command", strings.ToUpper(node.Value))
		}
		command, err := instructions.ParseInstruction(node)
		if err != nil {
			return invalid("invalid change: %v", err)
		}
		if err := applyChange(config, command, shell.NewLex(parsed.EscapeToken)); err != nil {
			return err
		}
	}
	return nil
}

func applyChange(config *container.Config, command any, lex *shell.Lex) error {
	expand := func(word string) (string, error) {
		out, _, err := lex.ProcessWord(word, shell.EnvsFromSlice(config.Env))
		return out, err
	}
	if e, ok := command.(instructions.SupportsSingleWordExpansion); ok {
		if err := e.Expand(expand); err != nil {
			return invalid("invalid change: %v", err)
		}
	}
	switch c := command.(type) {
	case *instructions.CmdCommand:
		config.Cmd = commandWords(config, c.ShellDependantCmdLine)
	case *instructions.EntrypointCommand:
		config.Entrypoint = commandWords(config, c.ShellDependantCmdLine)
	case *instructions.EnvCommand:
		for _, v := range c.Env {
			config.Env = spec.MergeEnv(config.Env, []string{v.String()})
		}
	case *instructions.ExposeCommand:
		return expose(config, c.Ports, lex)
	case *instructions.HealthCheckCommand:
		config.Healthcheck = c.Health
	case *instructions.LabelCommand:
		config.Labels = maps.Clone(config.Labels)
		if config.Labels == nil {
			config.Labels = map[string]string{}
		}
		for _, l := range c.Labels {
			config.Labels[l.Key] = l.Value
		}
	case *instructions.OnbuildCommand:
		config.OnBuild = append(slices.Clone(config.OnBuild), c.Expression)
	case *instructions.StopSignalCommand:
		if _, err := parseSignal(c.Signal); err != nil {
			return err
		}
		config.StopSignal = c.Signal
	case *instructions.UserCommand:
		config.User = c.User
	case *instructions.VolumeCommand:
		config.Volumes = maps.Clone(config.Volumes)
		if config.Volumes == nil {
			config.Volumes = map[string]struct{}{}
		}
		for _, v := range c.Volumes {
			config.Volumes[v] = struct{}{}
		}
	case *instructions.WorkdirCommand:
		if path.IsAbs(c.Path) {
			config.WorkingDir = path.Clean(c.Path)
		} else {
			config.WorkingDir = path.Join("/", config.WorkingDir, c.Path)
		}
	default:
		return fmt.Errorf("change %T is not known", command)
	}
	return nil
}

// commandWords is a command as it is run: the shell form through the shell.
func commandWords(config *container.Config, line instructions.ShellDependantCmdLine) []string {
	words := []string(line.CmdLine)
	if !line.PrependShell {
		return words
	}
	sh := config.Shell
	if len(sh) == 0 {
		sh = []string{"/bin/sh", "-c"}
	}
	return append(slices.Clone(sh), words...)
}

// expose adds ports, where a word may be a variable that stands for several.
func expose(config *container.Config, words []string, lex *shell.Lex) error {
	config.ExposedPorts = maps.Clone(config.ExposedPorts)
	if config.ExposedPorts == nil {
		config.ExposedPorts = network.PortSet{}
	}
	for _, word := range words {
		expanded, err := lex.ProcessWords(word, shell.EnvsFromSlice(config.Env))
		if err != nil {
			return invalid("invalid change: %v", err)
		}
		for _, text := range expanded {
			ports, err := network.ParsePortRange(text)
			if err != nil {
				return invalid("invalid change: EXPOSE %s: %v", text, err)
			}
			for port := range ports.All() {
				config.ExposedPorts[port] = struct{}{}
			}
		}
	}
	return nil
}
