package view

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/cleat-dev/cleat/reconcile/generate"
	"github.com/cleat-dev/cleat/reconcile/graph"
	"github.com/cleat-dev/cleat/reconcile/plan"
)

// uiVersion is the version of the JSON lines. Fields and types are only ever added within 1.
const uiVersion = "1.0"

// fields are those of one JSON line beside the common ones.
type fields map[string]any

// jsonBase writes JSON for programs. It is the view of the commands that only print, with -json.
type jsonBase struct {
	version string
	now     func() time.Time

	mu sync.Mutex
	w  io.Writer
}

func newJSONBase(o Options) *jsonBase {
	return &jsonBase{version: o.Version, now: o.now(), w: o.Terminal.Out}
}

// line writes one line. Events come from several goroutines at once.
func (j *jsonBase) line(level, kind, message string, f fields) {
	all := fields{
		"@level": level, "@message": message, "@module": "cleat.ui",
		"@timestamp": j.now().UTC().Format("2006-01-02T15:04:05.000000Z07:00"), "type": kind,
	}
	for k, v := range f {
		all[k] = v
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	encode(j.w, all, "")
}

// encode writes v as JSON without escaping HTML: addresses and messages stay as they are.
func encode(w io.Writer, v any, indent string) {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	e.Encode(v) //nolint:errcheck // of a writer that went away; everything given here can be encoded
}

// rawLiteral is a number or bool as it stands in JSON.
func rawLiteral(s string) any {
	if json.Valid([]byte(s)) {
		return json.RawMessage(s)
	}
	return s
}

// Diagnostics writes a line for each.
func (j *jsonBase) Diagnostics(diags hcl.Diagnostics, files map[string]*hcl.File) {
	for _, d := range tidy(diags) {
		level, title := "error", "Error: "
		if d.Severity == hcl.DiagWarning {
			level, title = "warn", "Warning: "
		}
		j.line(level, "diagnostic", title+d.Summary, fields{"diagnostic": jsonDiagnostic(d, files)})
	}
}

func jsonDiagnostic(d *hcl.Diagnostic, files map[string]*hcl.File) fields {
	f := fields{"severity": "error", "summary": d.Summary, "detail": d.Detail}
	if d.Severity == hcl.DiagWarning {
		f["severity"] = "warning"
	}
	if d.Subject == nil {
		return f
	}
	f["range"] = fields{"filename": d.Subject.Filename, "start": jsonPos(d.Subject.Start), "end": jsonPos(d.Subject.End)}
	if s, ok := snippetOf(d, files); ok {
		snippet := fields{
			"code": s.before + s.subject + s.after, "start_line": d.Subject.Start.Line,
			"highlight_start_offset": len(s.before), "highlight_end_offset": len(s.before) + len(s.subject),
			"context": nil,
		}
		if s.context != "" {
			snippet["context"] = s.context
		}
		f["snippet"] = snippet
	}
	return f
}

func jsonPos(p hcl.Pos) fields {
	return fields{"line": p.Line, "column": p.Column, "byte": p.Byte}
}

// Result writes one object in the form of terraform validate -json.
func (j *jsonBase) Result(diags hcl.Diagnostics, files map[string]*hcl.File) {
	all := []fields{}
	failed := 0
	for _, d := range tidy(diags) {
		all = append(all, jsonDiagnostic(d, files))
		if d.Severity == hcl.DiagError {
			failed++
		}
	}
	encode(j.w, fields{
		"format_version": uiVersion, "valid": failed == 0,
		"error_count": failed, "warning_count": len(all) - failed, "diagnostics": all,
	}, "  ")
}

// All writes one object with every output, in the form of terraform output -json.
func (j *jsonBase) All(outputs []plan.Output) {
	all := fields{}
	for _, o := range outputs {
		v := recordedCty(o)
		entry := fields{"sensitive": o.Sensitive, "value": fromCty(v).plain()}
		if t, ok := ctyType(v); ok {
			entry["type"] = t
		}
		all[o.Name] = entry
	}
	encode(j.w, all, "  ")
}

// recordedCty is the value of an output read from the ledger or made by an apply.
func recordedCty(o plan.Output) cty.Value {
	if o.After != cty.NilVal && !o.After.IsNull() {
		return o.After
	}
	return o.Before
}

// ctyType is a type in the form Terraform gives it.
func ctyType(v cty.Value) (json.RawMessage, bool) {
	if v == cty.NilVal {
		return nil, false
	}
	t, err := ctyjson.MarshalType(v.Type())
	return t, err == nil
}

// One writes the value of an output.
func (j *jsonBase) One(o plan.Output) { encode(j.w, fromCty(recordedCty(o)).plain(), "") }

// Objects writes a line for each object.
func (j *jsonBase) Objects(steps []*plan.Step) {
	for _, s := range steps {
		f := fields{"resource": jsonAddress(s.Address)}
		if !s.Before.IsNull() {
			f["values"], _ = jsonObject(s, s.Before)
		}
		j.line("info", "object", s.Address.String(), withPlace(f, s))
	}
}

// Explained writes one line.
func (j *jsonBase) Explained(e Explanation) {
	j.line("info", "explanation", e.Step.Address.String()+": an apply "+verdict(e.Step), fields{
		"change": jsonStep(e.Step), "id": e.ID, "engine": e.Engine, "existed": e.Existed,
		"recorded": slices.Sorted(maps.Keys(e.Recorded)),
		"needs":    jsonAddresses(e.Needs), "needed_by": jsonAddresses(e.NeededBy),
	})
}

// Adopted writes one line.
func (j *jsonBase) Adopted(s *plan.Step) {
	j.line("info", "adopted", s.Address.String()+" is adopted: the next apply "+verdict(s), fields{"change": jsonStep(s), "id": s.ID})
}

// Written writes one line for each object and one for the file.
func (j *jsonBase) Written(r *generate.Result, file string) {
	for _, o := range r.Objects {
		f := fields{"address": o.Address.String(), "id": o.ID}
		if len(o.Differs) > 0 {
			f["differs"] = o.Differs
		}
		j.line("info", "written", o.Address.String()+" is written", f)
	}
	for _, s := range r.Skipped {
		j.line("info", "skipped", s.Type+" "+s.Name+" is not written: "+s.Reason, fields{"resource_type": s.Type, "id": s.Name, "reason": s.Reason})
	}
	j.line("info", "configuration", fmt.Sprintf("%s: %d objects", file, len(r.Objects)), fields{"file": file, "objects": len(r.Objects)})
}

func jsonAddresses[A fmt.Stringer](all []A) []string {
	texts := make([]string, len(all))
	for i, a := range all {
		texts[i] = a.String()
	}
	return texts
}

// jsonAddress is an address in the form Terraform gives it.
func jsonAddress(i graph.Instance) fields {
	local := i
	local.Module = graph.ModuleInstance{}
	f := fields{
		"addr": i.String(), "module": i.Module.String(), "resource": local.String(), "implied_provider": "docker",
		"resource_type": i.Type, "resource_name": i.Name, "resource_key": nil,
	}
	if n, ok := i.Key.Int(); ok {
		f["resource_key"] = n
	}
	if s, ok := i.Key.Str(); ok {
		f["resource_key"] = s
	}
	return f
}
