package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/cleat-dev/cleat/resources/contract"
)

// UpgradeState reads states of older schema versions. Versions count as in kreuzwerker/docker, whose states are taken
// over (terraform state replace-provider, or a moved block): what changed there on the way to today's is that labels and
// some blocks of one item were maps. Attributes we do not have are passed over, as Terraform's core does for the current version.
func (s *shell) UpgradeState(context.Context) map[int64]resource.StateUpgrader {
	upgraders := map[int64]resource.StateUpgrader{}
	for version := range s.t.Node().Version {
		upgraders[version] = resource.StateUpgrader{StateUpgrader: s.upgrade}
	}
	return upgraders
}

func (s *shell) upgrade(ctx context.Context, req resource.UpgradeStateRequest, resp *resource.UpgradeStateResponse) {
	raw, err := upgraded(ctx, s.t.Node(), req.RawState)
	if err != nil {
		resp.Diagnostics.AddError(s.name+": state of an older version cannot be read",
			err.Error()+"\n\nRemove the object from the state (terraform state rm) and import it again.")
		return
	}
	resp.State.Raw = raw
}

// MoveState takes over an object by a moved block: from a resource of the same type of a provider called docker, such as
// kreuzwerker/docker, whatever it was called there.
func (s *shell) MoveState(context.Context) []resource.StateMover {
	return []resource.StateMover{{StateMover: s.move}}
}

func (s *shell) move(ctx context.Context, req resource.MoveStateRequest, resp *resource.MoveStateResponse) {
	if req.SourceTypeName != s.name || path.Base(req.SourceProviderAddress) != typePrefix[:len(typePrefix)-1] {
		return // not ours to know: the framework says so
	}
	if version := s.t.Node().Version; req.SourceSchemaVersion > version {
		resp.Diagnostics.AddError(s.name+": state cannot be moved", fmt.Sprintf(
			"The state of %s has version %d of the type's schema; this provider knows versions up to %d.", req.SourceProviderAddress, req.SourceSchemaVersion, version))
		return
	}
	raw, err := upgraded(ctx, s.t.Node(), req.SourceRawState)
	if err != nil {
		resp.Diagnostics.AddError(s.name+": state cannot be moved",
			err.Error()+"\n\nRemove the object from the state (terraform state rm) and import it.")
		return
	}
	resp.TargetState.Raw = raw
}

func upgraded(ctx context.Context, n *contract.Node, state *tfprotov6.RawState) (tftypes.Value, error) {
	if state == nil || state.JSON == nil {
		return tftypes.Value{}, errors.New("the state is older than Terraform 0.12")
	}
	var values map[string]any
	if err := json.Unmarshal(state.JSON, &values); err != nil {
		return tftypes.Value{}, fmt.Errorf("state: %w", err)
	}
	mapsToBlocks(n, values)
	current, err := json.Marshal(values)
	if err != nil {
		return tftypes.Value{}, fmt.Errorf("state: %w", err)
	}
	value, err := (&tfprotov6.RawState{JSON: current}).UnmarshalWithOpts(n.Type().TerraformType(ctx), tfprotov6.UnmarshalOpts{
		ValueFromJSONOpts: tftypes.ValueFromJSONOpts{IgnoreUndefinedAttributes: true},
	})
	if err != nil {
		return tftypes.Value{}, fmt.Errorf("state: %w", err)
	}
	return value, nil
}

// mapsToBlocks turns what were maps into blocks: labels into one for each, others into the one they describe.
func mapsToBlocks(n *contract.Node, values map[string]any) {
	for _, b := range n.Blocks {
		switch value := values[b.Name].(type) {
		case map[string]any:
			switch {
			case isLabels(b.Node):
				values[b.Name] = labelBlocks(value)
			case b.Nesting != contract.Single:
				values[b.Name] = []any{value}
				fallthrough
			default:
				mapsToBlocks(b.Node, value)
			}
		case []any:
			for _, item := range value {
				if inside, ok := item.(map[string]any); ok {
					mapsToBlocks(b.Node, inside)
				}
			}
		}
	}
}

func isLabels(n *contract.Node) bool {
	_, label := n.Attribute("label")
	_, value := n.Attribute("value")
	return label && value && len(n.Attributes) == 2
}

func labelBlocks(labels map[string]any) []any {
	blocks := make([]any, 0, len(labels))
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		blocks = append(blocks, map[string]any{"label": label, "value": labels[label]})
	}
	return blocks
}
