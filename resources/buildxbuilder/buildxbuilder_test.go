package buildxbuilder

import (
	"errors"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/resources/contract"
)

// Every declaration is refused with what takes its place, and what a state has is neither lost nor forgotten in silence.
func TestRefused(t *testing.T) {
	t.Parallel()
	r, err := contract.Host(t.Context(), Type{})
	if err != nil {
		t.Fatal(err)
	}
	object := func(values map[string]attr.Value) types.Object {
		all := r.Node().Empty()
		for name, v := range values {
			all[name] = v
		}
		o, err := r.Node().Object(all)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	declared := object(map[string]attr.Value{"name": types.StringValue("b")})
	d := r.Validate(t.Context(), declared)
	if len(d) != 1 || !strings.Contains(d[0].Detail(), "docker_image with a build block") || !strings.Contains(d[0].Detail(), "terraform state rm") {
		t.Errorf("validate: %v", d)
	}
	known := object(map[string]attr.Value{"name": types.StringValue("b"), "id": types.StringValue("b"), "driver": types.StringValue("docker-container")})
	if got, err := r.Read(t.Context(), 0, known); err != nil || !got.Equal(known) {
		t.Errorf("read: %v, %v", got, err)
	}
	if _, err := r.Read(t.Context(), 0, declared); !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("read of nothing: %v", err)
	}
	_, created := r.Create(t.Context(), 0, declared)
	_, updated := r.Update(t.Context(), 0, known, known, nil)
	_, imported := r.Import(t.Context(), 0, "b")
	for what, err := range map[string]error{"create": created, "update": updated, "import": imported, "delete": r.Delete(t.Context(), 0, known)} {
		if !errors.Is(err, errs.ErrInvalid) || !strings.Contains(err.Error(), `docker buildx rm NAME`) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// The schema has what kreuzwerker/docker's has, and the types its states are written with.
func TestSchema(t *testing.T) {
	t.Parallel()
	r, err := contract.Host(t.Context(), Type{})
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	var walk func(n *contract.Node)
	walk = func(n *contract.Node) {
		count += len(n.Attributes)
		for _, b := range n.Blocks {
			walk(b.Node)
		}
	}
	walk(r.Node())
	if count != 12+13+13+3+3+2+5 {
		t.Errorf("%d attributes", count)
	}
}
