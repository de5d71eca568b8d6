package parity

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
)

var callsModule = regexp.MustCompile(`(?m)^module "`)

// driver is one of the two programs.
type driver interface {
	name() string
	path() string
	env(w *world) []string
	// prepare makes the directory ready after its files changed.
	prepare(ctx context.Context, w *world) error
	// plan makes a plan, saves it, and returns it.
	plan(ctx context.Context, w *world, vars, args []string) (planned, error)
	// apply applies the plan made last.
	apply(ctx context.Context, w *world, vars []string) error
	// settled plans again and demands that there is nothing to do.
	settled(ctx context.Context, w *world, vars []string) error
	// outputs are those recorded.
	outputs(ctx context.Context, w *world) (map[string]any, error)
	// destroy removes everything, after a failure.
	destroy(ctx context.Context, w *world) error
}

// terraform is the real one, with our provider.
type terraform struct{ program, config string }

func (d terraform) name() string { return "terraform" }
func (d terraform) path() string { return d.program }

func (d terraform) env(*world) []string {
	return []string{"TF_CLI_CONFIG_FILE=" + d.config, "TF_IN_AUTOMATION=1", "TF_INPUT=0", "CHECKPOINT_DISABLE=1"}
}

func (d terraform) prepare(ctx context.Context, w *world) error {
	files, err := filepath.Glob(filepath.Join(w.dir, "*.tf"))
	if err != nil {
		return err
	}
	modules := false
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		modules = modules || callsModule.Match(content)
	}
	if !modules {
		return nil // the provider is given by the CLI configuration; there is nothing to install
	}
	_, err = w.must(ctx, 0, nil, "get", "-no-color")
	return err
}

func (d terraform) saved(w *world) string { return filepath.Join(w.scratch, "plan") }

func (d terraform) plan(ctx context.Context, w *world, vars, args []string) (planned, error) {
	if _, err := w.must(ctx, 0, vars, append([]string{"plan", "-no-color", "-out=" + d.saved(w)}, args...)...); err != nil {
		return planned{}, err
	}
	text, err := w.must(ctx, 0, nil, "show", "-json", d.saved(w))
	if err != nil {
		return planned{}, err
	}
	return d.read(w, []byte(text))
}

func (d terraform) apply(ctx context.Context, w *world, _ []string) error {
	_, err := w.must(ctx, 0, nil, "apply", "-no-color", "-auto-approve", d.saved(w))
	return err
}

func (d terraform) settled(ctx context.Context, w *world, vars []string) error {
	_, err := w.must(ctx, 0, vars, "plan", "-no-color", "-detailed-exitcode")
	return err
}

func (d terraform) outputs(ctx context.Context, w *world) (map[string]any, error) {
	return readOutputs(ctx, w)
}

func (d terraform) destroy(ctx context.Context, w *world) error {
	_, err := w.must(ctx, 0, nil, "destroy", "-no-color", "-auto-approve")
	return err
}

// readOutputs asks either program: the form is the same.
func readOutputs(ctx context.Context, w *world) (map[string]any, error) {
	text, err := w.must(ctx, 0, nil, "output", "-json")
	if err != nil {
		return nil, err
	}
	all := map[string]any{}
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return nil, fmt.Errorf("%s output: %w", w.driver.name(), err)
	}
	return w.mask(all).(map[string]any), nil
}

// change is a change in terraform show -json, of an object or an output.
type change struct {
	Actions         []string `json:"actions"`
	Before          any      `json:"before"`
	After           any      `json:"after"`
	AfterUnknown    any      `json:"after_unknown"`
	BeforeSensitive any      `json:"before_sensitive"`
	AfterSensitive  any      `json:"after_sensitive"`
	ReplacePaths    [][]any  `json:"replace_paths"`
	Importing       *struct {
		ID string `json:"id"`
	} `json:"importing"`
}

// read brings terraform show -json into the common form.
func (d terraform) read(w *world, content []byte) (planned, error) {
	var all struct {
		Changes []struct {
			Address  string `json:"address"`
			Type     string `json:"type"`
			Previous string `json:"previous_address"`
			Deposed  string `json:"deposed"`
			Reason   string `json:"action_reason"`
			Change   change `json:"change"`
		} `json:"resource_changes"`
		Outputs map[string]change `json:"output_changes"`
	}
	if err := json.Unmarshal(content, &all); err != nil {
		return planned{}, fmt.Errorf("terraform show: %w", err)
	}
	p := planned{objects: map[string]object{}, outputs: map[string]output{}}
	for _, c := range all.Changes {
		o := object{from: c.Previous, imports: c.Change.Importing != nil}
		switch fmt.Sprint(c.Change.Actions) {
		case "[delete create]":
			o.action = "replace"
		case "[create delete]":
			o.action, o.createFirst = "replace", true
		default:
			o.action = c.Change.Actions[0]
		}
		if o.action == "no-op" && o.from == "" && !o.imports {
			continue
		}
		address := c.Address
		if c.Deposed != "" {
			address += " (deposed)"
		}
		if o.action == "replace" {
			o.because = map[string]string{
				"replace_because_cannot_update": "attributes", "replace_by_request": "request", "replace_by_triggers": "triggers", "replace_because_tainted": "tainted",
			}[c.Reason]
		}
		d.attributes(w, c.Type, &o, c.Change)
		p.objects[address] = o
	}
	for name, c := range all.Outputs {
		o := output{action: c.Actions[0], sensitive: c.AfterSensitive == true || c.BeforeSensitive == true}
		if o.action == "no-op" {
			continue
		}
		if !anyTrue(c.AfterUnknown) && c.After != nil {
			o.value = w.mask(masked(c.After, c.AfterSensitive))
		}
		p.outputs[name] = o
	}
	return p, nil
}

// attributes fills in what of an object changes.
func (d terraform) attributes(w *world, typ string, o *object, c change) {
	if o.action != "create" && o.action != "update" && o.action != "replace" {
		return
	}
	before, _ := c.Before.(map[string]any)
	after, _ := c.After.(map[string]any)
	unknown, _ := c.AfterUnknown.(map[string]any)
	hidden, _ := c.AfterSensitive.(map[string]any)
	o.values = map[string]any{}
	for name := range unknown {
		if unknown[name] == true {
			o.unknown = append(o.unknown, name)
		}
	}
	for name, value := range after {
		if unknown[name] == true {
			continue
		}
		if o.action == "create" && value == nil || o.action != "create" && reflect.DeepEqual(before[name], value) && !anyTrue(unknown[name]) {
			continue
		}
		if o.action != "create" {
			o.changed = append(o.changed, name)
		}
		o.values[name], _ = w.nodes.value(typ, name, w.mask(masked(value, hidden[name])))
	}
	for _, path := range c.ReplacePaths {
		if name, ok := path[0].(string); ok && !slices.Contains(o.replaces, name) {
			o.replaces = append(o.replaces, name)
		}
	}
}

// anyTrue reports whether something inside a tree of marks is marked.
func anyTrue(marks any) bool {
	switch m := marks.(type) {
	case bool:
		return m
	case []any:
		return slices.ContainsFunc(m, anyTrue)
	case map[string]any:
		for _, e := range m {
			if anyTrue(e) {
				return true
			}
		}
	}
	return false
}

// masked hides what is marked sensitive.
func masked(v, marks any) any {
	if marks == true && v != nil {
		return secret
	}
	switch v := v.(type) {
	case []any:
		m, _ := marks.([]any)
		out := slices.Clone(v)
		for i := range min(len(m), len(out)) {
			out[i] = masked(out[i], m[i])
		}
		return out
	case map[string]any:
		m, _ := marks.(map[string]any)
		out := map[string]any{}
		for name, e := range v {
			out[name] = masked(e, m[name])
		}
		return out
	}
	return v
}
