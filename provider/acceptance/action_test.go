package acceptance

import (
	"context"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/moby/moby/api/types/container"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// invoke validates, plans and does an action as Terraform 1.14 would, and returns its diagnostics.
func (w wire) invoke(name string, given map[string]tftypes.Value) []*tfprotov6.Diagnostic {
	w.b.t.Helper()
	_, diags := w.watch(name, given)
	return diags
}

// watch is invoke that returns what the action said on its way as well. Without a word of it, and with diagnostics, it
// was refused before anything was done.
func (w wire) watch(name string, given map[string]tftypes.Value) (said []string, diags []*tfprotov6.Diagnostic) {
	w.b.t.Helper()
	server, ok := w.server.(tfprotov6.ActionServer)
	if !ok {
		w.b.t.Fatalf("%T has no actions", w.server)
	}
	config := w.value(w.schemas.ActionSchemas[name].Schema, given)
	valid, err := server.ValidateActionConfig(w.b.t.Context(), &tfprotov6.ValidateActionConfigRequest{ActionType: name, Config: config})
	if err != nil {
		w.b.t.Fatal(err)
	}
	if len(valid.Diagnostics) > 0 {
		return nil, valid.Diagnostics
	}
	planned, err := server.PlanAction(w.b.t.Context(), &tfprotov6.PlanActionRequest{ActionType: name, Config: config})
	if err != nil {
		w.b.t.Fatal(err)
	}
	if len(planned.Diagnostics) > 0 {
		return nil, planned.Diagnostics
	}
	stream, err := server.InvokeAction(w.b.t.Context(), &tfprotov6.InvokeActionRequest{ActionType: name, Config: config})
	if err != nil {
		w.b.t.Fatal(err)
	}
	said = []string{}
	for event := range stream.Events {
		switch e := event.Type.(type) {
		case tfprotov6.ProgressInvokeActionEventType:
			said = append(said, e.Message)
		case tfprotov6.CompletedInvokeActionEventType:
			diags = append(diags, e.Diagnostics...)
		}
	}
	return said, diags
}

// Actions restart a container and send it signals.
func TestContainerActions(t *testing.T) {
	each(t, func(b bench) {
		t := b.t
		made, err := b.docker.ContainerCreate(t.Context(), moby.ContainerCreateOptions{Name: b.prefix, Config: &container.Config{Image: acctest.Busybox,
			Cmd: []string{"sleep", "3600"}}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(b.must(func() error {
			_, err := b.docker.ContainerRemove(context.WithoutCancel(t.Context()), b.prefix, moby.ContainerRemoveOptions{Force: true})
			return err
		}))
		w := b.wired()
		who := map[string]tftypes.Value{"container": text(b.prefix), "grace_seconds": tftypes.NewValue(tftypes.Number, 0)}
		started := func() string {
			found, err := b.docker.ContainerInspect(t.Context(), made.ID, moby.ContainerInspectOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if !found.Container.State.Running {
				t.Error("the container does not run")
			}
			return found.Container.State.StartedAt
		}
		w.fine(w.invoke("docker_container_restart", who)) // starts it
		first := started()
		w.fine(w.invoke("docker_container_restart", who))
		if second := started(); second == first {
			t.Errorf("started at %s, and so it was before", second)
		}
		ended := b.docker.ContainerWait(t.Context(), made.ID, moby.ContainerWaitOptions{Condition: container.WaitConditionNextExit})
		w.fine(w.invoke("docker_container_signal", map[string]tftypes.Value{"container": text(b.prefix), "signal": text("SIGKILL")}))
		select {
		case end := <-ended.Result:
			if end.StatusCode != 137 {
				t.Errorf("ended with %d, want 137", end.StatusCode)
			}
		case err := <-ended.Error:
			t.Error(err)
		}
		for name, given := range map[string]map[string]tftypes.Value{
			"does not exist": {"container": text("no-such-container"), "signal": text("SIGHUP")},
			"bad signal":     {"container": text(b.prefix), "signal": text("SIG HUP")},
		} {
			diags := w.invoke("docker_container_signal", given)
			if len(diags) != 1 || diags[0].Severity != tfprotov6.DiagnosticSeverityError || !strings.Contains(diags[0].Attribute.String(), "AttributeName") {
				t.Errorf("%s: %v", name, diags)
			}
		}
	})
}
