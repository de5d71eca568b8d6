package imageconfig

import (
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/cleat-dev/cleat/api/errs"
)

// changeable are the instructions commit and import may apply.
var changeable = []string{"cmd", "entrypoint", "env", "expose", "healthcheck", "label", "onbuild", "stopsignal", "user", "volume", "workdir"}

// Change returns a configuration with the instructions of commit's and import's parameter changes applied. Errors are
// errs.ErrInvalid.
func Change(config dockerspec.DockerOCIImageConfig, changes []string) (dockerspec.DockerOCIImageConfig, error) {
	if len(changes) == 0 {
		return config, nil
	}
	parsed, err := parser.Parse(strings.NewReader(strings.Join(changes, "\n")))
	if err != nil {
		return config, errs.Errorf(errs.ErrInvalid, "invalid changes: %v", err)
	}
	e := Editor{Config: config, Lex: shell.NewLex(parsed.EscapeToken)}
	for _, node := range parsed.AST.Children {
		if !slices.Contains(changeable, strings.ToLower(node.Value)) {
			return config, errs.Errorf(errs.ErrInvalid, "%s is not a valid change command", strings.ToUpper(node.Value))
		}
		if err := e.change(node); err != nil {
			return config, errs.Errorf(errs.ErrInvalid, "invalid change: %v", err)
		}
	}
	return e.Config, nil
}

func (e *Editor) change(node *parser.Node) error {
	parsed, err := instructions.ParseInstruction(node)
	if err != nil {
		return err
	}
	command, ok := parsed.(instructions.Command)
	if !ok {
		return ErrUnknown
	}
	env := shell.EnvsFromSlice(e.Config.Env)
	if err := Expand(command, e.Lex, env); err != nil {
		return err
	}
	_, err = e.Apply(command, env)
	return err
}

// Expand replaces the variables in the words of an instruction.
func Expand(command instructions.Command, lex *shell.Lex, env shell.EnvGetter) error {
	c, ok := command.(instructions.SupportsSingleWordExpansion)
	if !ok {
		return nil
	}
	return c.Expand(func(word string) (string, error) { //nolint:wrapcheck // clients know the text
		out, _, err := lex.ProcessWord(word, env)
		return out, err //nolint:wrapcheck // clients know the text
	})
}
