package parity

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// cleat is our program.
type cleat struct{ program string }

func (d cleat) name() string { return "cleat" }
func (d cleat) path() string { return d.program }

func (d cleat) env(w *world) []string { return []string{"CLEAT_PROJECT=" + w.prefix} }

func (d cleat) prepare(context.Context, *world) error { return nil }

func (d cleat) saved(w *world) string { return filepath.Join(w.scratch, "plan") }

func (d cleat) plan(ctx context.Context, w *world, vars, args []string) (planned, error) {
	text, err := w.must(ctx, 0, vars, append([]string{"plan", "-json", "-out=" + d.saved(w)}, args...)...)
	if err != nil {
		return planned{}, err
	}
	return d.read(w, text)
}

func (d cleat) apply(ctx context.Context, w *world, vars []string) error {
	_, err := w.must(ctx, 0, vars, "apply", "-no-color", d.saved(w))
	return err
}

func (d cleat) settled(ctx context.Context, w *world, vars []string) error {
	_, err := w.must(ctx, 0, vars, "plan", "-no-color", "-detailed-exitcode")
	return err
}

func (d cleat) outputs(ctx context.Context, w *world) (map[string]any, error) {
	return readOutputs(ctx, w)
}

func (d cleat) destroy(ctx context.Context, w *world) error {
	_, err := w.must(ctx, 0, nil, "destroy", "-no-color", "-auto-approve")
	return err
}

// line is a line of cleat plan -json.
type line struct {
	Type   string `json:"type"`
	Change struct {
		Resource struct {
			Addr string `json:"addr"`
			Type string `json:"resource_type"`
		} `json:"resource"`
		Previous *struct {
			Addr string `json:"addr"`
		} `json:"previous_resource"`
		Action       string         `json:"action"`
		Reason       string         `json:"reason"`
		Deposed      string         `json:"deposed"`
		Importing    any            `json:"importing"`
		CreateFirst  bool           `json:"create_before_destroy"`
		After        map[string]any `json:"after"`
		AfterUnknown []string       `json:"after_unknown"`
		Changes      []struct {
			Path   string `json:"path"`
			Effect string `json:"effect"`
			After  any    `json:"after"`
		} `json:"changes"`
	} `json:"change"`
	Outputs map[string]struct {
		Action    string `json:"action"`
		Sensitive bool   `json:"sensitive"`
		Value     any    `json:"value"`
	} `json:"outputs"`
}

// read brings cleat plan -json into the common form.
func (d cleat) read(w *world, text string) (planned, error) {
	p := planned{objects: map[string]object{}, outputs: map[string]output{}}
	for raw := range strings.Lines(text) {
		var l line
		if err := json.Unmarshal([]byte(raw), &l); err != nil {
			return planned{}, fmt.Errorf("cleat plan -json: %w: %s", err, raw)
		}
		if l.Type == "planned_change" {
			address := l.Change.Resource.Addr
			if l.Change.Deposed != "" {
				address += " (deposed)"
			}
			p.objects[address] = d.object(w, l)
		}
		for name, o := range l.Outputs {
			if o.Action == "no-op" {
				continue
			}
			p.outputs[name] = output{o.Action, o.Sensitive, w.mask(o.Value)}
		}
	}
	return p, nil
}

func (d cleat) object(w *world, l line) object {
	c := l.Change
	o := object{action: c.Action, createFirst: c.CreateFirst, imports: c.Importing != nil, unknown: c.AfterUnknown, values: map[string]any{}}
	if c.Previous != nil {
		o.from = c.Previous.Addr
	}
	for name, value := range c.After {
		if v, ok := w.nodes.value(c.Resource.Type, name, w.mask(value)); ok {
			o.values[name] = v
		}
	}
	for _, change := range c.Changes {
		if change.Effect == "replace" {
			o.replaces = append(o.replaces, change.Path)
		}
		if !slices.Contains(o.unknown, change.Path) {
			o.changed = append(o.changed, change.Path)
			o.values[change.Path], _ = w.nodes.value(c.Resource.Type, change.Path, w.mask(change.After))
		}
	}
	if o.action == "replace" {
		switch {
		case strings.Contains(c.Reason, "replace_triggered_by"):
			o.because = "triggers"
		case strings.Contains(c.Reason, "-replace"):
			o.because = "request"
		case len(o.replaces) > 0:
			o.because = "attributes"
		}
	}
	return o
}
