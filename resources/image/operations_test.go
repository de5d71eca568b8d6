package image

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/resources/contract"
)

func TestRead(t *testing.T) {
	t.Parallel()
	e := newEngine()
	e.names["busybox:latest"] = "sha256:old"
	last := Model{Name: types.StringValue("docker.io/library/busybox"), Platform: types.StringValue("linux"), KeepLocally: types.BoolValue(true)}
	m, err := New().Read(t.Context(), e, last)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"sha256:olddocker.io/library/busybox", "docker.io/library/busybox", "sha256:old", "busybox@sha256:" + strings.Repeat("a", 64), "linux"}
	got := []string{m.ID.ValueString(), m.Name.ValueString(), m.ImageID.ValueString(), m.RepoDigest.ValueString(), m.Platform.ValueString()}
	if diff := cmp.Diff(want, got); diff != "" || !m.KeepLocally.ValueBool() {
		t.Errorf("(-want +got):\n%s", diff)
	}
	last.Platform = types.StringValue("linux/arm64")
	if m, err = New().Read(t.Context(), e, last); err != nil || m.Platform.ValueString() != "linux/amd64" {
		t.Errorf("platform %s, err %v", m.Platform, err)
	}
	if _, err = New().Read(t.Context(), e, Model{Name: types.StringValue("gone")}); !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("an image that is gone: %v", err)
	}
}

func TestImport(t *testing.T) {
	t.Parallel()
	id := "sha256:" + strings.Repeat("ab", 32)
	for called, c := range map[string]struct {
		name  string
		class error
	}{
		"busybox":               {name: "busybox"},
		"busybox:1":             {name: "busybox:1"},
		id + "busybox:1":        {name: "busybox:1"},
		id:                      {name: "only:1"},
		"sha256:" + id[9:]:      {class: errs.ErrNotFound}, // a tag of a repository called sha256
		"nothing:1":             {class: errs.ErrNotFound},
		"Not A Name":            {class: errs.ErrInvalid},
		strings.Repeat("0", 64): {class: errs.ErrNotFound},
	} {
		e := newEngine()
		e.images[id] = e.images["sha256:old"]
		e.names = map[string]string{"busybox:latest": "sha256:old", "busybox:1": "sha256:old", "only:1": id}
		m, err := New().Import(t.Context(), e, called)
		if errs.Class(err) != c.class || m.Name.ValueString() != c.name && err == nil {
			t.Errorf("%s: name %s, err %v", called, m.Name, err)
		}
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	yes := types.BoolValue(true)
	tagged := contract.BlocksOf(Build{Tag: list("app:also", "app:v1", "moved:1").(types.List)})
	for name, c := range map[string]struct {
		m     Model
		used  bool
		calls string
		class error
	}{
		"by name":  {Model{}, false, "remove app:v1 force=false", nil},
		"kept":     {Model{KeepLocally: yes}, false, "", nil},
		"in use":   {Model{}, true, "remove app:v1 force=false", errs.ErrConflict},
		"by force": {Model{ForceRemove: yes}, true, "remove app:v1 force=true", nil},
		"built":    {Model{Build: tagged}, false, "inspect app:also; remove app:also force=false; inspect moved:1; remove app:v1 force=false", nil},
		"gone":     {Model{Name: types.StringValue("gone:1")}, false, "remove gone:1 force=false", nil},
	} {
		e := newEngine()
		e.names = map[string]string{"app:v1": "sha256:old", "app:also": "sha256:old", "moved:1": "sha256:new"}
		e.used["sha256:old"] = c.used
		m := c.m
		m.ImageID = types.StringValue("sha256:old")
		if m.Name.IsNull() {
			m.Name = types.StringValue("app:v1")
		}
		err := New().Delete(t.Context(), e, m)
		if errs.Class(err) != c.class || err != nil && !strings.Contains(err.Error(), "keep_locally") {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(c.calls, e.taken()); diff != "" {
			t.Errorf("%s: calls (-want +got):\n%s", name, diff)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	g.e.names["busybox:1"] = "sha256:old"
	observed := g.apply(g.object(map[string]attr.Value{"name": str("busybox:1")}), g.r.Node().Null())
	if p := g.plan(g.object(map[string]attr.Value{"name": str("docker.io/library/busybox:1")}), observed); len(p.Changes) > 0 {
		t.Errorf("another spelling: %s", changes(p.Changes))
	}
	if p := g.plan(g.object(map[string]attr.Value{"name": str("busybox:2")}), observed); changes(p.Changes) != "name replace (configuration)" {
		t.Errorf("another name: %s", changes(p.Changes))
	}
	g.e.names["busybox:1"] = "sha256:new" // somebody pulled
	moved, err := g.r.Read(t.Context(), g.e, observed)
	if err != nil {
		t.Fatal(err)
	}
	if p := g.plan(g.object(map[string]attr.Value{"name": str("busybox:1")}), moved); len(p.Changes) > 0 || value(p.Planned, "image_id") != "sha256:new" {
		t.Errorf("a moved tag: %s, image_id %q", changes(p.Changes), value(p.Planned, "image_id"))
	}
}

func TestClaims(t *testing.T) {
	t.Parallel()
	m := Model{Name: types.StringValue("app"), Build: contract.BlocksOf(Build{Tag: list("app:latest", "x/y").(types.List)})}
	want := []contract.Claim{
		{Kind: contract.ClaimImageName, Value: "app:latest", Path: "name"},
		{Kind: contract.ClaimImageName, Value: "x/y:latest", Path: "build.tag[1]"},
	}
	if diff := cmp.Diff(want, New().Claims(m)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	m.Build = contract.Blocks[Build]{}
	if got := New().Claims(m); got != nil {
		t.Errorf("a pull claims %v", got)
	}
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	m := Model{Timeouts: contract.BlocksOf(Timeouts{Create: types.StringValue("1h")})}
	ctx, cancel := within(t.Context(), m, func(t Timeouts) types.String { return t.Create })
	defer cancel()
	if _, limited := ctx.Deadline(); !limited {
		t.Error("a declared timeout does not limit")
	}
	ctx, cancel = within(t.Context(), m, func(t Timeouts) types.String { return t.Update })
	defer cancel()
	if _, limited := ctx.Deadline(); limited {
		t.Error("a timeout of another operation limits")
	}
}
