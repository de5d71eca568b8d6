package plugin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	mobyplugin "github.com/moby/moby/api/types/plugin"

	"github.com/cleat-dev/cleat/api/errs"
)

func split(entry string) (name, value string) {
	name, value, _ = strings.Cut(entry, "=")
	return name, value
}

// texts are the known elements of a set.
func texts(s types.Set) []string {
	var out []string
	for _, v := range s.Elements() {
		if text, ok := v.(types.String); ok && !text.IsNull() && !text.IsUnknown() {
			out = append(out, text.ValueString())
		}
	}
	return out
}

func byName(entries []string) map[string]string {
	all := map[string]string{}
	for _, entry := range entries {
		name, value := split(entry)
		all[name] = value
	}
	return all
}

// own are the values a plugin gives its variables itself.
func own(p mobyplugin.Plugin) map[string]string {
	values := map[string]string{}
	for _, v := range p.Config.Env {
		if v.Value != nil {
			values[v.Name] = *v.Value
		}
	}
	return values
}

// flattenEnv are the variables that were declared or have another value than the plugin gives them.
func flattenEnv(p mobyplugin.Plugin, last types.Set) types.Set {
	declared, defaults := byName(texts(last)), own(p)
	elements := []attr.Value{}
	for _, entry := range slices.Sorted(slices.Values(p.Settings.Env)) {
		name, value := split(entry)
		_, wanted := declared[name]
		if preset, ok := defaults[name]; wanted || !ok && value != "" || ok && preset != value {
			elements = append(elements, types.StringValue(entry))
		}
	}
	return types.SetValueMust(types.StringType, elements)
}

// settings are the variables that are to get another value: the declared one, or of one that is not declared the
// plugin's own. Nothing is to change when nothing is declared.
func settings(p mobyplugin.Plugin, env types.Set) []string {
	if env.IsNull() || env.IsUnknown() {
		return nil
	}
	have, want := byName(p.Settings.Env), own(p)
	for name, value := range byName(texts(env)) {
		want[name] = value
	}
	var args []string
	for name, value := range want {
		if now, ok := have[name]; !ok || now != value {
			args = append(args, name+"="+value)
		}
	}
	slices.Sort(args)
	return args
}

// settable names the variables of a plugin that can be set.
func settable(p mobyplugin.Plugin) string {
	var names []string
	for _, v := range p.Config.Env {
		if slices.Contains(v.Settable, "value") {
			names = append(names, v.Name)
		}
	}
	if len(names) == 0 {
		return "no variables"
	}
	return strings.Join(names, ", ")
}

// drain reads what an engine says of an installation to its end. What fails after it has begun is told there.
func drain(r io.Reader) error {
	decoder := json.NewDecoder(r)
	for {
		var m struct {
			Error string `json:"error"`
		}
		err := decoder.Decode(&m)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, io.ErrUnexpectedEOF):
			return fmt.Errorf("the engine stopped in the middle of its answer: %w", errs.ErrUnavailable)
		case err != nil:
			return fmt.Errorf("the engine's answer is not a stream of messages: %w: %w", err, errs.ErrInternal)
		case m.Error != "":
			return fmt.Errorf("%s: %w", strings.TrimSpace(m.Error), classOf(m.Error))
		}
	}
}

// classOf tells the class of a failure the engine has only words for.
func classOf(words string) error {
	words = strings.ToLower(words)
	for _, known := range []struct {
		class error
		words []string
	}{
		{errs.ErrConflict, []string{"already exists"}},
		{errs.ErrUnauthorized, []string{"unauthorized", "denied", "authentication required"}},
		{errs.ErrNotFound, []string{"not found", "unknown"}},
	} {
		if slices.ContainsFunc(known.words, func(w string) bool { return strings.Contains(words, w) }) {
			return known.class
		}
	}
	return errs.ErrUnavailable
}
