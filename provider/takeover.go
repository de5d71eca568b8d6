package provider

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/resources/contract"
)

// inheritedKey is where private state holds the names of the attributes of an object that nobody declared though the
// state has a value: what kreuzwerker/docker recorded of the image's and the engine's own.
const inheritedKey = "inherited"

// inheritance returns the names recorded in private state; nil when nothing is.
func inheritance(ctx context.Context, private privateState) []string {
	record, diags := private.GetKey(ctx, inheritedKey)
	var names []string
	if diags.HasError() || json.Unmarshal(record, &names) != nil {
		return nil
	}
	return names
}

func recordInheritance(ctx context.Context, private privateState, names []string) diag.Diagnostics {
	record, err := json.Marshal(names)
	if err != nil {
		return diag.Diagnostics{diag.NewWarningDiagnostic("Inherited values not recorded", err.Error())}
	}
	return private.SetKey(ctx, inheritedKey, record)
}

// foreign reports whether a state was written by another provider or by an import, so that it may hold values nobody
// declared: there is neither a record of an apply of ours nor one of what is inherited.
func foreign(ctx context.Context, private privateState) bool {
	return lastApplied(ctx, private) == nil && inheritance(ctx, private) == nil
}

// reread reads a foreign state that was not refreshed: it lacks what our plans go by. An object that is gone stays as the
// state has it.
func (c core) reread(ctx context.Context, e any, last types.Object) (types.Object, []string, error) {
	read, err := c.t.Read(ctx, e, last)
	if errors.Is(err, errs.ErrNotFound) {
		return last, nil, nil
	}
	if err != nil {
		return last, nil, err
	}
	return c.inherited(ctx, e, read)
}

// inherited tells what of a foreign state was declared and what the image or the engine gave.
func (c core) inherited(ctx context.Context, e any, read types.Object) (types.Object, []string, error) {
	identity, err := contract.Identity(c.t, read)
	if err != nil {
		return read, nil, err
	}
	plain, err := c.t.Read(ctx, e, identity)
	if err != nil {
		return read, nil, err
	}
	return contract.Inherited(c.t, read, plain)
}
