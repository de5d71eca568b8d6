package acceptance

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/moby/moby/api/types/container"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/acctest"
)

type given = map[string]tftypes.Value

func texts(words ...string) []tftypes.Value {
	all := make([]tftypes.Value, len(words))
	for i, word := range words {
		all[i] = text(word)
	}
	return all
}

func list(words ...string) tftypes.Value {
	return tftypes.NewValue(tftypes.List{ElementType: tftypes.String}, texts(words...))
}

func set(words ...string) tftypes.Value {
	return tftypes.NewValue(tftypes.Set{ElementType: tftypes.String}, texts(words...))
}

// refused is the whole text of the one error there must be, and the attribute it is about.
func (w wire) refused(diags []*tfprotov6.Diagnostic, attribute string) string {
	w.b.t.Helper()
	if len(diags) != 1 || diags[0].Severity != tfprotov6.DiagnosticSeverityError || !strings.Contains(diags[0].Attribute.String(), attribute) {
		w.b.t.Fatalf("got %v, want one error at %s", diags, attribute)
	}
	return diags[0].Summary + ": " + diags[0].Detail
}

// docker_exec shows what a command writes, and says how it ended where it should not have ended so.
func TestExecAction(t *testing.T) {
	each(t, func(b bench) {
		t := b.t
		b.must(func() error {
			_, err := b.docker.ContainerCreate(t.Context(), moby.ContainerCreateOptions{Name: b.prefix, Config: &container.Config{Image: acctest.Busybox,
				Cmd: []string{"sleep", "3600"}}})
			return err
		})()
		t.Cleanup(b.must(func() error {
			_, err := b.docker.ContainerRemove(context.WithoutCancel(t.Context()), b.prefix, moby.ContainerRemoveOptions{Force: true})
			return err
		}))
		w := b.wired()
		run := func(more given, script string) ([]string, []*tfprotov6.Diagnostic) {
			all := given{"container": text(b.prefix), "command": list("sh", "-c", script)}
			maps.Copy(all, more)
			return w.watch("docker_exec", all)
		}
		yes := tftypes.NewValue(tftypes.Bool, true)
		_, diags := run(nil, "true")
		if problem := w.refused(diags, "container"); !strings.Contains(problem, "needs a container that runs") {
			t.Error(problem)
		}
		b.must(func() error {
			_, err := b.docker.ContainerStart(t.Context(), b.prefix, moby.ContainerStartOptions{})
			return err
		})()
		says := func(want []string, more given, script string) {
			t.Helper()
			said, diags := run(more, script)
			w.fine(diags)
			slices.Sort(said) // the two streams come as they like
			if diff := cmp.Diff(want, said); diff != "" {
				t.Errorf("%s (-want +got):\n%s", script, diff)
			}
		}
		says([]string{"one", "three", "two"}, given{"user": text("0:0")}, "echo one; echo two >&2; printf three")
		says([]string{"a terminal"}, given{"tty": yes}, "test -t 1 && echo a terminal")
		says([]string{}, given{"sensitive_output": yes}, "echo hunter2")
		three := tftypes.NewValue(tftypes.Set{ElementType: tftypes.Number}, []tftypes.Value{tftypes.NewValue(tftypes.Number, 3)})
		says([]string{"well"}, given{"expect_exit_codes": three}, "echo well; exit 3")

		said, diags := run(nil, "echo working; echo broken; exit 5")
		if problem := w.refused(diags, "command"); !strings.Contains(problem, "exit code 5, expected 0") || !strings.Contains(problem, "working\nbroken") || len(said) != 2 {
			t.Errorf("%q: %s", said, problem)
		}
		said, diags = run(given{"sensitive_output": yes}, "echo hunter2; exit 5")
		if problem := w.refused(diags, "command"); !strings.Contains(problem, "exit code 5") || strings.Contains(problem, "hunter2") || len(said) > 0 {
			t.Errorf("%q: %s", said, problem)
		}
		said, diags = w.watch("docker_exec", given{"container": text(b.prefix + "-no"), "command": list("true")})
		if problem := w.refused(diags, "container"); !strings.Contains(problem, b.prefix+"-no") {
			t.Errorf("%q: %s", said, problem)
		}
		where := given{"env": set("A=b c"), "working_dir": text("/tmp"), "timeout": tftypes.NewValue(tftypes.Number, 200)}
		if !b.engine.IsOld() {
			says([]string{"/tmp b c"}, where, `echo "$PWD $A"`)
			return
		}
		said, diags = run(where, "true")
		if problem := w.refused(diags, "env"); said != nil || !strings.Contains(problem, "needs engine API 1.25") { // at plan
			t.Errorf("%q: %s", said, problem)
		}
	})
}
