package exec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/container"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/internal/containerexec/exectest"
	"github.com/cleat-dev/cleat/resources/contract"
)

var _ API = (*client.Client)(nil)

var idOne, idTwo = strings.Repeat("1", 64), strings.Repeat("2", 64)

// engine has containers by name; commands write their words, "fail" ends with 4.
type engine struct {
	*exectest.Engine
	names    map[string]string
	inspects int
}

func newEngine() *engine {
	return &engine{Engine: exectest.New(func(r exectest.Run, stdin io.Reader, out io.Writer) int {
		text := ""
		if r.AttachStdin {
			all := make([]byte, 2)
			n, _ := io.ReadFull(stdin, all)
			text = string(all[:n])
		}
		fmt.Fprint(out, strings.Join(r.Cmd, " "), text)
		if r.Cmd[0] == "fail" {
			return 4
		}
		return 0
	}), names: map[string]string{"c": idOne}}
}

func (e *engine) ContainerInspect(_ context.Context, name string, _ moby.ContainerInspectOptions) (moby.ContainerInspectResult, error) {
	e.inspects++
	for n, id := range e.names {
		if n == name || id == name {
			return moby.ContainerInspectResult{Container: container.InspectResponse{ID: id}}, nil
		}
	}
	return moby.ContainerInspectResult{}, fmt.Errorf("no such container: %s: %w", name, errs.ErrNotFound)
}

func list(words ...string) attr.Value {
	var all []attr.Value
	for _, w := range words {
		all = append(all, types.StringValue(w))
	}
	return types.ListValueMust(types.StringType, all)
}

type config map[string]attr.Value

func (c config) with(name string, v attr.Value) config {
	next := maps.Clone(c)
	next[name] = v
	return next
}

var base = config{"container": types.StringValue("c"), "command": list("do", "it"), "destroy_command": list("undo")}

type bench struct {
	*testing.T
	contract.Resource
	e *engine
}

func newBench(t *testing.T) bench {
	t.Helper()
	r, err := contract.Host(t.Context(), Type{})
	if err != nil {
		t.Fatal(err)
	}
	return bench{t, r, newEngine()}
}

func (b bench) object(values config) types.Object {
	b.Helper()
	all := b.Node().Empty()
	maps.Copy(all, values)
	o, err := b.Node().Object(all)
	if err != nil {
		b.Fatal(err)
	}
	return o
}

func (b bench) plan(c config, observed types.Object) contract.Plan {
	b.Helper()
	p, err := b.Plan(b.Context(), b.e, contract.Request{Config: b.object(c), Observed: observed})
	if err != nil {
		b.Fatal(err)
	}
	return p
}

func (b bench) created(c config) types.Object {
	b.Helper()
	o, err := b.Create(b.Context(), b.e, b.plan(c, b.Node().Null()).Planned)
	if err != nil {
		b.Fatal(err)
	}
	return o
}

func text(o types.Object, name string) string {
	switch v := o.Attributes()[name].(type) {
	case types.String:
		return v.ValueString()
	case types.Int64:
		return v.String()
	}
	return ""
}

func TestPlan(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		disturb func(e *engine)
		config  config
		changes string
		calls   string
	}{
		"same":                 {nil, base, "", ""},
		"by id":                {nil, base.with("container", types.StringValue(idOne)), "container update", ""},
		"command":              {nil, base.with("command", list("do", "that")), "command replace", ""},
		"trigger":              {nil, base.with("triggers", types.MapValueMust(types.StringType, map[string]attr.Value{"a": types.StringValue("b")})), "triggers replace", ""},
		"destroy command":      {nil, base.with("destroy_command", list("other")), "destroy_command update", ""},
		"another container":    {func(e *engine) { e.names["d"] = idTwo }, base.with("container", types.StringValue("d")), "container update, container_id update", idTwo + ": do it"},
		"another of the name":  {func(e *engine) { e.names = map[string]string{"old": idOne, "c": idTwo} }, base, "container_id update", idTwo + ": do it"},
		"container to come":    {func(e *engine) { e.names["d"] = idTwo }, base.with("container", types.StringUnknown()), "container update, container_id update", idTwo + ": do it"},
		"the same, known late": {nil, base.with("container", types.StringUnknown()), "container update, container_id update", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			observed := b.created(base)
			if c.disturb != nil {
				c.disturb(b.e)
			}
			observed, err := b.Read(t.Context(), b.e, observed)
			if err != nil {
				t.Fatal(err)
			}
			p := b.plan(c.config, observed)
			var words []string
			for _, change := range p.Changes {
				words = append(words, change.Path+" "+change.Effect.String())
			}
			if diff := cmp.Diff(c.changes, strings.Join(words, ", ")); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
			if len(p.Changes) == 0 || p.Changes.Effect() == contract.Replace {
				return
			}
			planned := p.Planned.Attributes()
			if planned["container"].IsUnknown() {
				planned["container"] = types.StringValue("d")
				if b.e.names["d"] == "" {
					planned["container"] = types.StringValue("c")
				}
			}
			b.e.Taken()
			after := b.object(planned)
			result, err := b.Update(t.Context(), b.e, observed, after, b.Diff(observed, after, ""))
			if err != nil {
				t.Fatal(err)
			}
			if err := b.Check(after, result); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(c.calls, b.e.Taken()); diff != "" {
				t.Errorf("commands (-want +got):\n%s", diff)
			}
			if got := text(result, "stdout"); got != "do it" {
				t.Errorf("stdout %q", got)
			}
		})
	}
}

func TestCreate(t *testing.T) {
	t.Parallel()
	codes := func(n ...int64) attr.Value {
		var all []attr.Value
		for _, c := range n {
			all = append(all, types.Int64Value(c))
		}
		return types.SetValueMust(types.Int64Type, all)
	}
	yes := types.BoolValue(true)
	for name, c := range map[string]struct {
		config config
		refuse error
		fails  string
		path   string
		want   map[string]string
	}{
		"plain":        {base, nil, "", "", map[string]string{"stdout": "do it", "exit_code": "0", "container_id": idOne, "id": "exec1"}},
		"input":        {base.with("stdin", types.StringValue("in")), nil, "", "", map[string]string{"stdout": "do itin"}},
		"secret":       {base.with("sensitive_output", yes), nil, "", "", map[string]string{"stdout": "", "secret_stdout": "do it"}},
		"expected":     {base.with("command", list("fail")).with("expect_exit_codes", codes(4, 0)), nil, "", "", map[string]string{"exit_code": "4"}},
		"fails":        {base.with("command", list("fail", "why")), nil, "the command ended with exit code 4, expected 0; its last output:\nfail why", "command", nil},
		"fails hidden": {base.with("command", list("fail", "why")).with("sensitive_output", yes), nil, "expected 0 (its output is sensitive)", "command", nil},
		"not expected": {base.with("expect_exit_codes", codes(7, 3)), nil, "exit code 0, expected 3 or 7", "command", nil},
		"not running":  {base, errs.ErrConflict, "needs a container that runs", "container", nil},
		"no container": {base.with("container", types.StringValue("x")), nil, "no such container: x", "container", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.e.Refuse[idOne] = c.refuse
			o, err := b.Create(t.Context(), b.e, b.plan(c.config, b.Node().Null()).Planned)
			if (err != nil) != (c.fails != "") || err != nil && !strings.HasSuffix(err.Error(), c.fails) && !strings.Contains(err.Error(), c.fails) {
				t.Fatalf("error %v, want %q", err, c.fails)
			}
			if path, _ := contract.PathOf(err); err != nil && path != c.path {
				t.Errorf("error at %q", path)
			}
			if name == "fails hidden" && strings.Contains(err.Error(), "why") {
				t.Errorf("the secret is in the error: %v", err)
			}
			for attribute, want := range c.want {
				if got := text(o, attribute); got != want {
					t.Errorf("%s = %q, want %q", attribute, got, want)
				}
			}
		})
	}
}

// TestCalls: a container named by its id costs no look at it, and a plan one.
func TestCalls(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := base.with("container", types.StringValue(idOne))
	o := b.created(c)
	if b.e.inspects != 0 {
		t.Errorf("create made %d inspects", b.e.inspects)
	}
	o, err := b.Read(t.Context(), b.e, o)
	if err != nil {
		t.Fatal(err)
	}
	if p := b.plan(c, o); len(p.Changes) != 0 || b.e.inspects != 1 {
		t.Errorf("changes %v, %d inspects", p.Changes, b.e.inspects)
	}
}

func TestReadGone(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	o := b.created(base)
	b.e.names["c"] = idTwo
	if _, err := b.Read(t.Context(), b.e, o); !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("container gone: %v", err)
	}
	if _, err := b.Read(t.Context(), b.e, b.object(base)); !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("never run: %v", err)
	}
	if _, err := b.Import(t.Context(), b.e, "c"); !errors.Is(err, errs.ErrInvalid) {
		t.Errorf("import: %v", err)
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		undo   attr.Value
		refuse error
		calls  string
		fails  string
	}{
		"undone":      {list("undo", "it"), nil, idOne + ": undo it", ""},
		"none":        {types.ListNull(types.StringType), nil, "", ""},
		"gone":        {list("undo"), errs.ErrNotFound, "", ""},
		"not running": {list("undo"), errs.ErrConflict, "", "start the container, or remove destroy_command"},
		"fails":       {list("fail"), nil, idOne + ": fail", "exit code 4, expected 0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			o := b.created(base.with("destroy_command", c.undo))
			b.e.Taken()
			b.e.Refuse[idOne] = c.refuse
			err := b.Delete(t.Context(), b.e, o)
			if (err != nil) != (c.fails != "") || err != nil && !strings.Contains(err.Error(), c.fails) {
				t.Errorf("error %v, want %q", err, c.fails)
			}
			if diff := cmp.Diff(c.calls, b.e.Taken()); diff != "" {
				t.Errorf("commands (-want +got):\n%s", diff)
			}
		})
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	set := types.SetValueMust(types.StringType, []attr.Value{types.StringValue("no equals sign")})
	for name, c := range map[string]struct {
		config config
		good   bool
	}{
		"base":         {base, true},
		"tty and text": {base.with("tty", types.BoolValue(true)).with("stdin", types.StringValue("x")), false},
		"env":          {base.with("env", set), false},
		"no words":     {base.with("command", list()), false},
		"no time":      {base.with("timeout", types.Int64Value(0)), false},
		"name":         {base.with("container", types.StringValue("a b")), false},
	} {
		if d := b.Validate(t.Context(), b.object(c.config)); d.HasError() == c.good {
			t.Errorf("%s: %v", name, d)
		}
	}
	_, err := b.Plan(t.Context(), b.e, contract.Request{Config: b.object(base.with("working_dir", types.StringValue("/"))), Observed: b.Node().Null(), APIVersion: "1.34"})
	if path, _ := contract.PathOf(err); path != "working_dir" {
		t.Errorf("working_dir on 1.34: %v", err)
	}
}
