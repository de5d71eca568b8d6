package provider

import (
	"context"
	"encoding/json"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/resources/contract"
)

// appliedKey is where private state holds the [contract.Applied] of an object.
const appliedKey = "applied"

// privateState is the part of the framework's private state the shell uses; its type is internal to the framework.
type privateState interface {
	GetKey(ctx context.Context, key string) ([]byte, diag.Diagnostics)
	SetKey(ctx context.Context, key string, value []byte) diag.Diagnostics
}

// recordApplied writes what was applied beside the state. Terraform tells no provider which values a configuration
// made sensitive; the state beside the record holds them as they are.
func recordApplied(ctx context.Context, private privateState, n *contract.Node, planned types.Object) diag.Diagnostics {
	record, err := json.Marshal(contract.AppliedOf(n, planned, nil))
	if err != nil {
		return diag.Diagnostics{diag.NewWarningDiagnostic("Applied values not recorded", err.Error())}
	}
	return private.SetKey(ctx, appliedKey, record)
}

// lastApplied returns the record of the last apply, nil when there is none. Without one a change still is found; only
// its cause is then not told.
func lastApplied(ctx context.Context, private privateState) contract.Applied {
	record, diags := private.GetKey(ctx, appliedKey)
	if diags.HasError() || len(record) == 0 {
		return nil
	}
	var applied contract.Applied
	if err := json.Unmarshal(record, &applied); err != nil {
		return nil
	}
	return applied
}
